// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Processes. gjs does not survive fork(): the helper threads of its engine are gone in the child,
// and the next garbage collection waits for them for ever. So every child is a gjs of its own,
// running worker.js beside this library's data. What it shall do travels through a queue made for
// it, whose handle is on its command line; a start by fork() fails with Mp.Error.NOT_SUPPORTED.

/* exported install, command */

'use strict';

const {Gio, GLib, GObject} = imports.gi;
const Errors = imports.overrides.MpErrors;
const Functions = imports.overrides.MpFunctions;
const Queues = imports.overrides.MpQueue;
const Values = imports.overrides.MpValues;

// errno, negated, as a fork function returns it: the operation is not supported.
const NOT_SUPPORTED = -95;

let Mp = null;
let realInit = null;
let realStart = null;

// ── The command of a worker ─────────────────────────────────────────────────────────────────────

function overridesDir() {
    return GLib.path_get_dirname(imports.overrides.MpProcess.__file__);
}

// MPROC_PKGDATADIR, or beside the overrides in a source folder, or where they are installed:
// these are in DATADIR/gjs-1.0/overrides, the worker in DATADIR/mproc-1.
function findWorker() {
    const named = GLib.getenv('MPROC_PKGDATADIR');
    const parent = GLib.path_get_dirname(overridesDir());
    const folders = named ? [named] : [
        parent,
        GLib.build_filenamev([GLib.path_get_dirname(parent), 'mproc-1']),
    ];

    for (const folder of folders) {
        const path = GLib.build_filenamev([folder, 'worker.js']);
        if (GLib.file_test(path, GLib.FileTest.EXISTS))
            return path;
    }
    throw Errors.failure(Mp.Error.NOT_SUPPORTED,
        `worker.js is not in ${folders.join(' or ')}; set MPROC_PKGDATADIR to where it is`);
}

function findGjs() {
    let running = null;
    try {
        running = GLib.file_read_link('/proc/self/exe');
    } catch {
        // Without /proc the one in PATH has to do.
    }
    if (running !== null && GLib.path_get_basename(running).startsWith('gjs'))
        return running;
    return GLib.find_program_in_path('gjs') ?? 'gjs';
}

let words = null;

/** The command line of a worker of a kind, "process" or "worker", that serves a handle. */
function command(kind, handle) {
    words ??= [findGjs(), '-I', GLib.path_get_dirname(overridesDir()), '-m', findWorker()];
    return [...words, kind, handle];
}

// Holds objects until told otherwise, also after the end of this program's JavaScript, when the
// library still waits for children: a list that holds itself has no last reference to lose.
function holdForLong(objects) {
    const list = new Gio.ListStore({item_type: GObject.Object.$gtype});
    for (const object of [list, ...objects])
        list.append(object);
    return list;
}

// ── Process ─────────────────────────────────────────────────────────────────────────────────────

function makeProcess(target, {args = [], name = null, daemon} = {}) {
    if (!Array.isArray(args))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'args is an array of arguments');

    const found = {objects: [], proxies: []};
    const boot = Mp.Queue.new(1);
    const text = JSON.stringify({
        func: Functions.describe(target),
        args: Values.encode(args, found),
    });
    Errors.check(Errors.waitFor(usec => {
        Queues.attach(found.objects);
        return boot.put_text(text, usec);
    }));

    const process = Mp.Process.new_command(name, command('process', boot.get_handle()));
    if (daemon !== undefined)
        process.set_daemon(daemon);
    const held = holdForLong([boot, ...found.proxies]);
    process.connect('exited', () => held.remove_all());
    return process;
}

function initProcess(target, options) {
    if (Functions.isTask(target) && !(typeof target === 'object' && 'daemon' in target))
        return makeProcess(target, options);
    return realInit.call(this, target ?? {});
}

/** Starts the child. */
function start() {
    try {
        realStart.call(this);
    } catch (error) {
        if (!error.matches?.(Mp.Error, Mp.Error.NOT_SUPPORTED))
            throw error;
        throw Errors.failure(Mp.Error.NOT_SUPPORTED, 'gjs does not survive fork(): give the ' +
            'function to new Mp.Process(), which starts a gjs of its own for it');
    }
}

/**
 * Waits until the child has ended. Stops the main loop meanwhile.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {boolean} whether it has ended
 */
function join(options) {
    const status = Errors.waitFor(usec => this.join_raw(usec), Errors.timeoutOf(options));
    if (status === Mp.Status.TIMED_OUT)
        return false;
    if (status === Mp.Status.INVALID) {
        throw Errors.failure(Mp.Error.INVALID_STATE,
            `Process ${this.get_name()} was not started, or not by this process`);
    }
    Errors.check(status);
    return true;
}

/**
 * Waits until the child has ended.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise<number>} the exit code
 */
async function joinAsync(options) {
    await Errors.promise(
        (cancellable, callback) => this.join_async(cancellable, callback),
        result => this.join_finish(result), options);
    return this.exitCode;
}

function exitCode() {
    const code = this.get_exit_code();
    return code === Mp.EXIT_CODE_NONE ? null : code;
}

function install(namespace) {
    Mp = namespace;

    const prototype = Mp.Process.prototype;
    realInit = prototype._init;
    realStart = prototype.start;
    Object.assign(prototype, {
        _init: initProcess,
        start,
        join,
        joinAsync,
        isAlive() {
            return this.is_alive();
        },
    });
    for (const key of ['exitCode', 'exit_code'])
        Object.defineProperty(prototype, key, {get: exitCode, configurable: true});

    Mp.Process.run = (target, options) => {
        const process = makeProcess(target, options);
        process.start();
        return process;
    };
    Mp.Process.set_fork_func(() => NOT_SUPPORTED);
}
