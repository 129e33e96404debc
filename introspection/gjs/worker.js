// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The program of every child of a gjs process:
//
//   gjs -m worker.js process HANDLE   runs one function, for Mp.Process
//   gjs -m worker.js call HANDLE      calls a function by name, for programs of any language
//   gjs -m worker.js worker HANDLE    runs tasks until there are no more, for Mp.Pool
//   gjs -m worker.js begin HANDLE     the same, for one with an initializer
//
// Everything runs at the top level of this module, in async functions: only there do System.exit(),
// dynamic import and promises all work as they do in a program. Between tasks a worker sleeps
// inside the library, at most a tenth of a second at a time; then the main loop has its turn.

import GLib from 'gi://GLib';
import System from 'system';

const {MpFunctions} = imports.overrides;

MpFunctions.setWorker();    // comes before the library's import, which is therefore no declaration
const {default: Mp} = await import('gi://Mp?version=1');

const {MpErrors, MpMessage, MpValues} = imports.overrides;
const {decode, encode} = MpValues;
const {INTERRUPTED, OK, TIMED_OUT} = Mp.Status;
const {MAP} = Mp.TaskFlags;

const SIGINT = 2;

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const context = GLib.MainContext.default();

/** What a function returned, or the promise of it. */
function wait(value) {
    return typeof value?.then === 'function' ? MpErrors.calmly(Promise.resolve(value)) : value;
}

// ── One function ────────────────────────────────────────────────────────────────────────────────

// What was thrown may be anything, and the cause of itself; a description is not.
function report(error) {
    const name = Mp.Process.get_current()?.get_name() ?? 'Process';
    let {name: kind, message, stack, cause} = MpErrors.describe(error);
    printerr(`${name}: ${error instanceof Error ? `${kind}: ` : ''}${message}\n${stack}`.trimEnd());
    while (cause !== undefined) {
        ({name: kind, message, stack, cause} = cause);
        printerr(`Caused by: ${kind}: ${message}\n${stack}`.trimEnd());
    }
}

// Tells the parent's check() too.
function giveUp(boot, error) {
    report(error);
    boot.put_text(JSON.stringify(MpErrors.describe(error).message), 0);
    System.exit(1);
}

/**
 * Exit codes: 0 when the function returned or its promise was kept, 1 when it threw or its promise
 * was broken, N after System.exit(N).
 *
 * @param {string} handle - of the queue that has the function and its arguments
 */
async function runProcess(handle) {
    const boot = Mp.Shared.open(handle);
    let text = '';
    try {
        let args;
        [text, args] = boot.tryGet();
        const func = await MpFunctions.resolve(text);
        await wait(func(...args));
    } catch (error) {
        giveUp(boot, text === '' ? error : MpFunctions.rewrite(error, text));
    }
}

/**
 * The argument came from a language that knows nothing of functions that travel.
 *
 * @param {string} handle - of the queue that has module, function and argument
 */
async function runCall(handle) {
    const boot = Mp.Shared.open(handle);
    try {
        const {module, function: name, argument} = boot.tryGet();
        const func = await MpFunctions.resolveNamed(module, name);
        await wait(func(argument));
    } catch (error) {
        giveUp(boot, error);
    }
}

// ── Tasks ───────────────────────────────────────────────────────────────────────────────────────

function isPromise(value) {
    return typeof value?.then === 'function';
}

async function mapWithPromises(func, results, left) {
    for (const item of left)
        results.push(await wait(func(item)));
    return results;
}

/** What the function returned, or the promise of it: most tasks need none, which takes its time. */
function call(func, flags, values) {
    if (!(flags & MAP))
        return wait(func(...values));

    const results = [];
    for (let i = 0; i < values.length; i++) {
        const value = func(values[i]);
        if (isPromise(value)) {
            return wait(value).then(first =>
                mapWithPromises(func, [...results, first], values.slice(i + 1)));
        }
        results.push(value);
    }
    return results;
}

function foreign() {
    return new Mp.Error({code: Mp.Error.NOT_SUPPORTED, message: 'The workers of this pool run ' +
        'functions of JavaScript: give the name of one, as in “file:///…/module.js#name”'});
}

// What workers of all languages call it.
function commonName(error) {
    const names = [
        [Mp.Error.NO_SUCH_FUNCTION, 'NoSuchFunctionError'],
        [Mp.Error.NOT_PLAIN, 'NotPlainError'],
        [Mp.Error.NOT_SUPPORTED, 'NotSupportedError'],
    ];
    return names.find(([code]) => error instanceof Mp.Error && error.matches(Mp.Error, code))?.[1];
}

function fail(worker, error) {
    const {name, message, stack, ...more} = MpErrors.describe(error);
    const all = encoder.encode(JSON.stringify({name, message, stack, ...more}));
    return worker.fail('javascript', commonName(error) ?? name, message, stack, all);
}

// Ends the task with what its function returned.
function finish(worker, value) {
    const found = {objects: [], pieces: [], size: 0};
    const text = encode(value, found);
    if (found.objects.length === 0 && found.pieces.length === 0)
        return worker.finish_text(text);
    const message = MpValues.joinMessage(text, found);
    MpMessage.attach(found.objects);
    return worker.finish(Mp.Encoding.JSON, message);
}

// A function that was given by name has one argument, which other languages can give, too.
function runTask(worker, text, flags, data, named, number) {
    const failed = error => fail(worker, named ? error : MpFunctions.rewrite(error, text));
    const run = func => {
        if (!named && number !== 0)
            functions[number] = {func, text};
        const given = MpValues.decodeMessage(data);
        const whole = named && !(flags & Mp.TaskFlags.MAP);
        return call(func, flags, whole ? [given] : given);
    };
    try {
        const func = named ? MpFunctions.findNamed(text) : MpFunctions.resolve(text);
        const value = isPromise(func) ? func.then(run) : run(func);
        return isPromise(value)
            ? value.then(result => finish(worker, result)).catch(failed) : finish(worker, value);
    } catch (error) {
        return failed(error);
    }
}

// The functions of this language that have a number, with their descriptions, since they were first
// called. All that is done for each task of one is here.
const functions = [];

function runKnown(worker, {func, text}, flags, given) {
    const failed = error => fail(worker, MpFunctions.rewrite(error, text));
    try {
        const value = call(func, flags, decode(given));
        return isPromise(value)
            ? value.then(result => finish(worker, result)).catch(failed) : finish(worker, value);
    } catch (error) {
        return failed(error);
    }
}

// The main loop has its turn this often, milliseconds, even if one task follows the other.
const TURN = 10;

let turned = Date.now();

async function turn() {
    if (context.pending())
        await MpErrors.tick();
    turned = Date.now();
}

// What every task fails with, if the initializer did.
let broken = null;

// The task that was taken, of which there is more to know.
function serveAny(worker, number) {
    const [status, kind, flags, func, , data] = worker.get_task(Mp.Encoding.JSON);
    if (status === INTERRUPTED)
        return OK;      // it failed
    if (status !== OK || broken !== null)
        return status === OK ? fail(worker, broken) : status;

    if (kind > Mp.FunctionKind.LANGUAGE)
        return fail(worker, foreign());
    const text = decoder.decode(func);
    const named = kind === Mp.FunctionKind.NAMED && MpFunctions.knowsNamed(text);
    return kind < Mp.FunctionKind.LANGUAGE && !named
        ? worker.run_native() : runTask(worker, text, flags, data, named, number);
}

// One task or one rest. Returns, or promises, false when there will be no more.
function serve(worker) {
    const [status, flags, number, text] = worker.next_text(-1);
    if (status === INTERRUPTED || status === TIMED_OUT)
        return MpErrors.tick().then(() => true);
    if (status !== OK)
        return false;

    const known = functions[number];
    const ended = text !== null && known !== undefined
        ? runKnown(worker, known, flags, text) : serveAny(worker, number);
    return isPromise(ended) ? ended.then(end => end === OK) : ended === OK;
}

// Ctrl-C is for the program that owns the pool; the workers end with it.
function ignoreInterrupts() {
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, SIGINT, () => GLib.SOURCE_CONTINUE);
}

/**
 * Nothing that the initializer throws ends the worker: its tasks tell of it.
 *
 * @param {string} handle - of the queue that has the worker's own handle, then the initializer and
 *   its arguments
 */
async function runBegin(handle) {
    ignoreInterrupts();
    const boot = Mp.Shared.open(handle);
    const own = boot.tryGet();
    let text = '';
    try {
        let args;
        [text, args] = boot.tryGet();
        const func = await MpFunctions.resolve(text);
        await wait(func(...args));
    } catch (error) {
        const cause = text === '' ? error : MpFunctions.rewrite(error, text);
        const {message, stack} = MpErrors.describe(cause);
        broken = new Error(`The initializer of the worker failed: ${message}`);
        broken.stack = stack;
    }
    await runWorker(own);
}

async function runWorker(handle) {
    ignoreInterrupts();
    const worker = Mp.Worker.new(handle);
    for (let more = true; more;) {
        more = serve(worker);
        if (isPromise(more)) {
            more = await more;
            await turn();
        } else if (Date.now() - turned >= TURN) {
            await turn();
        }
    }
}

// ── Entry ───────────────────────────────────────────────────────────────────────────────────────

const KINDS = {process: runProcess, call: runCall, worker: runWorker, begin: runBegin};

const [kind, handle] = ARGV;
if (!Object.hasOwn(KINDS, kind) || handle === undefined) {
    printerr('This program is started by the library: worker.js process|call|worker|begin HANDLE');
    System.exit(2);
}

if (kind !== 'worker')
    MpFunctions.needClasses();  // for the queue that the work is in
await KINDS[kind](handle);
