// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The few words a GJS test is written in. A test program names its cases with test() and ends with
// `await run()`, which prints TAP. After each case it looks for what the case left behind: child
// processes and open files. A case that never ends is stopped by tests/watchdog.c.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

import Mp from 'gi://Mp?version=1';

const GRACE = 3; // seconds until what is left behind counts

const cases = [];

/** Adds a case. */
export function test(name, func) {
    cases.push({name, func});
}

// ── Assertions ──────────────────────────────────────────────────────────────────────────────────

function describeObject(value) {
    if (Array.isArray(value))
        return `[${value.map(describe).join(', ')}]`;
    if (value instanceof Map)
        return `Map ${describe([...value])}`;
    if (value instanceof Set)
        return `Set ${describe([...value])}`;
    if (value instanceof Date)
        return `Date ${value.getTime()}`;
    if (ArrayBuffer.isView(value))
        return `${value.constructor.name} [${Array.from(value).join(', ')}]`;
    const parts = Object.keys(value).map(key => `${JSON.stringify(key)}: ${describe(value[key])}`);
    return `{${parts.join(', ')}}`;
}

/** A text that is equal for equal values only. */
export function describe(value) {
    if (typeof value === 'string')
        return JSON.stringify(value);
    if (typeof value === 'bigint')
        return `${value}n`;
    if (Object.is(value, -0))
        return '-0';
    if (typeof value === 'object' && value !== null)
        return describeObject(value);
    return String(value);
}

/** Fails unless the condition holds. */
export function ok(condition, message = 'the condition does not hold') {
    if (!condition)
        throw new Error(message);
}

/** Fails unless both values are of the same types and content. */
export function same(value, expected) {
    ok(describe(value) === describe(expected),
        `expected ${describe(expected)}, got ${describe(value)}`);
}

/** Fails unless the text matches. */
export function match(text, pattern) {
    ok(pattern.test(text), `${describe(text)} does not match ${pattern}`);
}

/** Fails unless the error matches a domain and code. */
export function isError(error, domain, code) {
    ok(error?.matches?.(domain, code),
        `another error was expected: ${error?.domain} ${error?.code} ${error?.message}`);
}

/** What the function throws; fails if it does not. */
export function thrown(func) {
    try {
        func();
    } catch (error) {
        return error;
    }
    throw new Error('nothing was thrown');
}

/** What the promise is broken with; fails if it is kept. */
export async function rejected(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    throw new Error('the promise was kept');
}

// ── Leaks ───────────────────────────────────────────────────────────────────────────────────────

function list(path) {
    const dir = Gio.File.new_for_path(path).enumerate_children('standard::name',
        Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);
    const names = [];
    for (let info = dir.next_file(null); info !== null; info = dir.next_file(null))
        names.push(info.get_name());
    dir.close(null);
    return names;
}

function read(path) {
    try {
        return new TextDecoder().decode(GLib.file_get_contents(path)[1]);
    } catch {
        return '';
    }
}

const ownPid = Number(read('/proc/self/stat').split(' ')[0]);

/** The process ids of all children, zombies included. */
export function children() {
    return list('/proc').filter(name => /^\d+$/.test(name)).filter(pid => {
        const [, , parent] = /\) (.) (\d+) /.exec(read(`/proc/${pid}/stat`)) ?? [];
        return Number(parent) === ownPid;
    }).map(Number);
}

/** Whether a process is there and no zombie. */
export function isRunning(pid) {
    return /\) [^ZX] /.test(read(`/proc/${pid}/stat`));
}

function openFiles() {
    const files = [];
    for (const fd of list('/proc/self/fd')) {
        try {
            files.push(`${fd} ${GLib.file_read_link(`/proc/self/fd/${fd}`)}`);
        } catch {
            // The one that listed the others.
        }
    }
    return files;
}

/** A promise that is kept after some seconds. */
export function sleep(seconds) {
    return new Promise(resolve => {
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, seconds * 1000, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

/** Waits until the function returns something true, or fails after some seconds. */
export async function eventually(func, seconds = 10) {
    const deadline = GLib.get_monotonic_time() + seconds * 1e6;
    for (;;) {
        const result = func();
        if (result)
            return result;
        ok(GLib.get_monotonic_time() < deadline, `not so within ${seconds} seconds: ${func}`);
        await sleep(0.01);
    }
}

// Threads other than those that gjs and GLib start for themselves.
function strangeThreads() {
    return list('/proc/self/task').map(id => read(`/proc/self/task/${id}/comm`).trim())
        .filter(name => !/^(gjs|JS |Gjs|gmain|gdbus|pool-|dconf|$)/.test(name));
}

function leftBehind(before) {
    const files = openFiles().filter(file => !before.includes(file));
    const pids = children();
    return [
        ...pids.map(pid => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replace(/\0/g, ' ')}`),
        ...files.map(file => `file ${file}`),
        ...strangeThreads().map(name => `thread ${name}`),
    ];
}

async function checkLeaks(before) {
    const deadline = GLib.get_monotonic_time() + GRACE * 1e6;
    for (;;) {
        System.gc();
        await sleep(0.005);
        const left = leftBehind(before);
        if (left.length === 0)
            return;
        ok(GLib.get_monotonic_time() < deadline, `left behind: ${left.join('; ')}`);
    }
}

// ── Running ─────────────────────────────────────────────────────────────────────────────────────

async function runCase({func}) {
    const before = openFiles();
    await func();
    await checkLeaks(before);
}

function comment(text) {
    print(text.trimEnd().replace(/^/gm, '# '));
}

// Files that the library and GLib open when they are first needed, and keep: for processes, for
// waking who waits in a main loop, and for subprocesses.
async function warmUp() {
    const process = Mp.Process.run(() => {});
    same(await process.joinAsync({timeout: 60}), 0);
    const queue = new Mp.Queue();
    const promise = queue.getAsync({timeout: 60});
    await sleep(0.02);
    queue.put('awake');
    same(await promise, 'awake');
    Gio.Subprocess.new(['true'], 0).wait(null);
    System.gc();
    await sleep(0.001);
}

/** Runs the cases, or those whose names contain the program's first argument. */
export async function run() {
    const wanted = cases.filter(({name}) => name.includes(ARGV[0] ?? ''));
    let failed = 0;

    await warmUp();
    print(`1..${wanted.length}`);
    for (const [i, each] of wanted.entries()) {
        try {
            await runCase(each);
            print(`ok ${i + 1} - ${each.name}`);
        } catch (error) {
            failed++;
            print(`not ok ${i + 1} - ${each.name}`);
            comment(`${error}\n${error?.stack ?? ''}`);
        }
    }
    System.exit(failed > 0 ? 1 : 0);
}
