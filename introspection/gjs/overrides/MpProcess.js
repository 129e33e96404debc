// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Processes. gjs does not survive fork(): the helper threads of its engine are gone in the child,
// and the next garbage collection waits for them for ever. So every child is a gjs of its own,
// running worker.js beside this library's data. What it shall do travels through a queue made for
// it, whose handle is on its command line; a start by fork() fails with Mp.Error.NOT_SUPPORTED.
// A function of another language is called by a worker of that language.

/* exported install, command */

'use strict';

const {GLib} = imports.gi;
const Errors = imports.overrides.MpErrors;
const Functions = imports.overrides.MpFunctions;

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

function gjsWords() {
    words ??= [findGjs(), '-I', GLib.path_get_dirname(overridesDir()), '-m', findWorker()];
    return words;
}

/** The command line of a worker of a kind, "process" or "worker", that serves a handle. */
function command(kind, handle) {
    return [...gjsWords(), kind, handle];
}

// ── Process ─────────────────────────────────────────────────────────────────────────────────────

const STREAMS = {inherit: 'INHERIT', null: 'NULL', pipe: 'PIPE'};

function streamOf(kind) {
    if (!Object.hasOwn(STREAMS, kind)) {
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT,
            `A standard stream is “inherit”, “null” or “pipe”, not “${kind}”`);
    }
    return Mp.Stream[STREAMS[kind]];
}

function setLimit(process, key, value) {
    const limit = Mp.Limit[key.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()];
    if (limit === undefined)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, `There is no limit “${key}”`);
    const [soft, hard] = Array.isArray(value) ? value : [value, value];
    process.set_limit(limit, soft ?? -1, hard ?? -1);
}

const OPTIONS = ['name', 'daemon', 'env', 'addEnv', 'cwd', 'stdin', 'stdout', 'stderr', 'limits',
    'affinity', 'nice'];

// What the child starts with, beside its work.
function setUp(process, options) {
    const {
        daemon, env, addEnv, cwd, stdin = 'null', stdout = 'inherit', stderr = 'inherit', limits,
        affinity, nice,
    } = options;

    if (daemon !== undefined)
        process.set_daemon(daemon);
    if (env !== undefined)
        process.set_environment(Object.entries(env).map(([key, value]) => `${key}=${value}`));
    for (const [key, value] of Object.entries(addEnv ?? {}))
        process.set_variable(key, value === null ? null : `${value}`);
    if (cwd !== undefined)
        process.set_working_directory(cwd);
    if (stdin !== 'null' || stdout !== 'inherit' || stderr !== 'inherit')
        process.set_streams(streamOf(stdin), streamOf(stdout), streamOf(stderr));
    for (const [key, value] of Object.entries(limits ?? {}))
        setLimit(process, key, value);
    if (affinity !== undefined)
        process.set_affinity(affinity);
    if (nice !== undefined)
        process.set_nice(nice);
}

// What the worker is told lies in a queue; the process holds that one, this holds what is in it.
function makeWorker(language, kind, message, options) {
    const boot = Mp.Queue.new(1);
    boot.put(message);

    if (language === 'gjs')
        Mp.Process.set_worker_command('gjs', gjsWords());
    const process = Mp.Process.new_worker(options.name ?? null, language, kind, boot);
    setUp(process, options);
    return process;
}

function makeProcess(target, options = {}) {
    const {args = []} = Errors.checkNames(options, ['args', ...OPTIONS]);

    if (!Array.isArray(args))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'args is an array of arguments');

    return makeWorker('gjs', 'process', [Functions.describe(target), args], options);
}

/**
 * Makes a process that calls a function of any language, by name.
 *
 * @param {string} language - "python", "native" (a library of C or Vala) or "gjs"
 * @param {string} module - where the function is; "" if the worker's program registers it
 * @param {string} name - the name under which it is registered or exported
 * @param {*} [argument] - its argument
 * @param {object} [options] - as for new Mp.Process()
 * @returns {Mp.Process} the process, not started yet
 */
function makeCall(language, module, name, argument = null, options = {}) {
    Errors.checkNames(options, OPTIONS);
    return makeWorker(language, 'call', {module, function: name, argument}, options);
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
    Mp.Process.call = makeCall;
    Mp.Process.set_fork_func(() => NOT_SUPPORTED);
}
