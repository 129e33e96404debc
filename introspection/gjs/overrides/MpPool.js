// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Pools: functions and items out to the workers, results and errors back, as promises.
//
// A task's data is a JSON array: the arguments of one call, or, with Mp.TaskFlags.MAP, the items
// of a chunk, whose result is the array of results. Results are gathered through an
// Mp.ResultIterator, one wait for all of them.

/* exported install */

'use strict';

const Errors = imports.overrides.MpErrors;
const Functions = imports.overrides.MpFunctions;
const Processes = imports.overrides.MpProcess;
const Queues = imports.overrides.MpQueue;
const Values = imports.overrides.MpValues;

// As many chunks per worker share a map's items if no size is given.
const CHUNKS_PER_WORKER = 4;

// Milliseconds between two looks at workers that are about to end.
const LONGEST_PAUSE = 20;

// Held results from which on those that are done are looked for.
const SWEEP_AT = 16;

let Mp = null;
let realInit = null;

const encoder = new TextEncoder();
const held = new Map();     // results of tasks that were given proxies → these proxies
let sweepAt = SWEEP_AT;

// ── Results ─────────────────────────────────────────────────────────────────────────────────────

function localStack() {
    return new Error().stack.replace(/^.*\/overrides\/Mp\w+\.js:.*\n/gm, '').trimEnd();
}

function textOf(variant, key) {
    return variant.lookup_value(key, null)?.deepUnpack();
}

// What JavaScript workers say of an exception is in its bytes; others give type and traceback.
function failureOf(result) {
    const details = result.get_error_details();
    if (details === null)
        return null;

    if (textOf(details, 'language') === 'javascript') {
        const bytes = details.lookup_value('exception', null).deepUnpack();
        return Errors.rebuild(JSON.parse(new TextDecoder().decode(bytes)), result._stack);
    }
    return Errors.rebuild({
        name: textOf(details, 'type')?.replace(/^.*\./, ''),
        message: textOf(details, 'message') ?? 'The task failed',
        stack: textOf(details, 'traceback'),
        domain: textOf(details, 'domain'),
        code: textOf(details, 'code'),
    }, result._stack);
}

/** The value of a result that is ready; throws what its task threw. */
function read(result) {
    const [status, text] = result.get_text();
    try {
        if (status === Mp.Status.OK)
            return Values.decode(text);
    } finally {
        held.delete(result);    // until here the result holds what its value refers to
    }
    if (status === Mp.Status.FAILED)
        throw failureOf(result) ?? Errors.failure(Mp.Error.TASK_FAILED, 'The task failed');
    if (status === Mp.Status.NOT_PLAIN)
        result.get_payload(0, null).convert(Mp.Encoding.JSON); // throws, naming the type
    return Errors.check(status);
}

function waitResult(options) {
    const status = Errors.waitFor(usec => this.wait_raw(usec), Errors.timeoutOf(options));
    if (status === Mp.Status.TIMED_OUT)
        return false;
    if (status !== Mp.Status.FAILED)
        Errors.check(status);
    return true;
}

function getResult(options) {
    if (!this.wait(options))
        throw Errors.failure(Mp.Error.TIMED_OUT, 'The task is not done yet');
    return read(this);
}

/**
 * Waits for the result without stopping the main loop.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise} the value
 */
async function getResultAsync(options) {
    if (!this.is_ready()) {
        await Errors.promise(
            (cancellable, callback) => this.get_async(cancellable, callback),
            result => {
                try {
                    this.get_finish(result);
                } catch (error) {
                    // The task's own failure is told better by read().
                    if (!this.is_ready())
                        throw error;
                }
            }, options);
    }
    return read(this);
}

function installResult(prototype) {
    Object.assign(prototype, {
        wait: waitResult,
        get: getResult,
        getAsync: getResultAsync,
        isReady() {
            return this.is_ready();
        },
        isSuccessful() {
            return this.is_successful();
        },
        then(resolve, reject) {
            this._promise ??= this.getAsync();
            return this._promise.then(resolve, reject);
        },
        catch(reject) {
            return this.then(undefined, reject);
        },
        finally(func) {
            return Promise.resolve(this).finally(func);
        },
    });
}

// ── Tasks ───────────────────────────────────────────────────────────────────────────────────────

// A message holds the shared objects in it, but a proxy's handle holds nothing; so proxies are held
// here until the task is done. Results that nobody reads are looked for when the map has doubled.
function hold(result, proxies) {
    if (proxies.length === 0)
        return;
    held.set(result, proxies);
    if (held.size < sweepAt)
        return;

    for (const other of held.keys()) {
        if (other.is_ready())
            held.delete(other);
    }
    sweepAt = Math.max(SWEEP_AT, 2 * held.size);
}

function submitData(pool, description, flags, values, stack) {
    const found = {objects: [], proxies: []};
    const data = encoder.encode(Values.encode(values, found));
    let result;
    Queues.attach(found.objects);
    try {
        result = pool.submit_data(Mp.FunctionKind.LANGUAGE, description, flags,
            Mp.Encoding.JSON, data);
    } finally {
        if (found.objects.length > 0)
            Mp.Shared.detach_all();
    }
    result._stack = stack;
    hold(result, found.proxies);
    return result;
}

/**
 * Gives the pool one call of a function.
 *
 * @param {Function|{module: string, name: string}} func - the function
 * @param {...*} args - its arguments
 * @returns {Mp.Result} the result, which can be awaited
 */
function submit(func, ...args) {
    const description = encoder.encode(Functions.describe(func));
    return submitData(this, description, Mp.TaskFlags.DEFAULT, args, localStack());
}

// Results have a then() of their own, which would be followed if a promise were given one; so
// they pass through promises inside an array.
async function nextResult(iterator, options) {
    const [status, result] = iterator.next_raw(0);
    if (status === Mp.Status.OK || status === Mp.Status.FAILED)
        return [result];
    if (status !== Mp.Status.TIMED_OUT && status !== Mp.Status.INTERRUPTED)
        Errors.check(status);
    return Errors.promise(
        (token, callback) => iterator.next_async(token, callback),
        outcome => [iterator.next_finish(outcome)], options);
}

function checkSize(size, name) {
    if (!Number.isInteger(size) || size < 1)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, `${name} is a whole number above 0`);
    return size;
}

/**
 * Calls a function with each of many items.
 *
 * @param {Function|{module: string, name: string}} func - the function
 * @param {Iterable} items - the items
 * @param {object} [options] - options
 * @param {number} [options.chunkSize] - how many items go to a worker at once
 * @param {Gio.Cancellable} [options.cancellable] - stops the waiting, not the tasks
 * @param {number} [options.timeout] - seconds after which the waiting ends
 * @returns {Promise<Array>} the results in the order of the items
 */
async function map(func, items, options = {}) {
    const {chunkSize} = options ?? {};
    const {cancellable, timeout} = Errors.asyncOptions(options);
    const stack = localStack();
    const left = Errors.countdown(timeout);
    const description = encoder.encode(Functions.describe(func));
    const list = Array.from(Errors.checkIterable(items, 'items'));
    const share = Math.ceil(list.length / (this.get_n_workers() * CHUNKS_PER_WORKER));
    const size = checkSize(chunkSize ?? Math.max(1, share), 'chunkSize');
    const gathered = Mp.ResultIterator.new(false);
    const starts = new Map();

    for (let start = 0; start < list.length; start += size) {
        const chunk = list.slice(start, start + size);
        const result = submitData(this, description, Mp.TaskFlags.MAP, chunk, stack);
        gathered.add(result);
        starts.set(result, start);
    }

    const values = new Array(list.length);
    for (let n = starts.size; n > 0; n--) {
        const [result] = await nextResult(gathered, {cancellable, timeout: left()});
        const start = starts.get(result);
        read(result).forEach((value, i) => (values[start + i] = value));
    }
    return values;
}

async function takeChunk(source, size) {
    const chunk = [];
    while (chunk.length < size) {
        const {done, value} = await source.next();
        if (done)
            return [chunk, true];
        chunk.push(value);
    }
    return [chunk, false];
}

/**
 * Calls a function with each item and gives results as they come. Items are taken from their
 * iterable only a little ahead of the results, so it may be endless.
 *
 * @param {Function|{module: string, name: string}} func - the function
 * @param {Iterable|AsyncIterable} items - the items
 * @param {object} [options] - options
 * @param {number} [options.chunkSize] - how many items go to a worker at once, by default 1
 * @param {boolean} [options.ordered] - whether results have the order of the items, as by default
 * @param {number} [options.lookAhead] - how many chunks may be out, by default 3 per worker
 * @param {Gio.Cancellable} [options.cancellable] - stops the waiting, not the tasks
 * @yields {*} results
 */
async function* imap(func, items,
    {chunkSize = 1, ordered = true, lookAhead, cancellable = null} = {}) {
    const stack = localStack();
    const description = encoder.encode(Functions.describe(func));
    const size = checkSize(chunkSize, 'chunkSize');
    const ahead = checkSize(lookAhead ?? 3 * this.get_n_workers(), 'lookAhead');
    const gathered = Mp.ResultIterator.new(ordered);
    const source = items?.[Symbol.asyncIterator]?.() ??
        Errors.checkIterable(items, 'items')[Symbol.iterator]();
    let pending = 0;
    let exhausted = false;

    try {
        for (;;) {
            while (!exhausted && pending < ahead) {
                const [chunk, last] = await takeChunk(source, size);
                exhausted = last;
                if (chunk.length > 0) {
                    gathered.add(submitData(this, description, Mp.TaskFlags.MAP, chunk, stack));
                    pending++;
                }
            }
            if (pending === 0)
                return;
            const [result] = await nextResult(gathered, {cancellable});
            pending--;
            yield* read(result);
        }
    } finally {
        if (!exhausted)
            await source.return?.();
    }
}

// ── Pool ────────────────────────────────────────────────────────────────────────────────────────

function initPool(options = {}) {
    const n = typeof options === 'number' ? options : options.nWorkers ?? options.n_workers ?? 0;
    if (!Number.isInteger(n) || n < 0)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'nWorkers is a whole number, or 0');
    return this.constructor === Mp.Pool ? Mp.Pool.new(n) : realInit.call(this, {n_workers: n});
}

// Whether the pool has ended; throws if it never will.
function hasEnded(status) {
    if (status === Mp.Status.TIMED_OUT || status === Mp.Status.INTERRUPTED)
        return false;
    if (status === Mp.Status.INVALID)
        throw Errors.failure(Mp.Error.INVALID_STATE, 'The pool was not closed or terminated');
    Errors.check(status);
    return true;
}

/**
 * Waits until all tasks are done and the workers have ended. Stops the main loop meanwhile.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {boolean} whether they have
 */
function join(options) {
    return hasEnded(Errors.waitFor(usec => this.join_raw(usec), Errors.timeoutOf(options)));
}

/**
 * Waits until all tasks are done and the workers have ended.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 */
async function joinAsync(options) {
    const {cancellable, timeout} = Errors.asyncOptions(options);
    const left = Errors.countdown(timeout);
    for (let wait = 1; !hasEnded(this.join_raw(0)); wait = Math.min(2 * wait, LONGEST_PAUSE)) {
        if (cancellable?.is_cancelled())
            Errors.check(Mp.Status.CANCELLED);
        if (left() === 0)
            Errors.check(Mp.Status.TIMED_OUT);
        await Errors.pause(wait);
    }
}

function installPool(prototype) {
    realInit = prototype._init;
    Object.assign(prototype, {
        _init: initPool,
        submit,
        map,
        imap,
        join,
        joinAsync,
    });
    Object.defineProperty(prototype, 'nWorkers', {
        get() {
            return this.get_n_workers();
        },
        configurable: true,
    });
}

function install(namespace) {
    Mp = namespace;
    installResult(Mp.Result.prototype);
    installPool(Mp.Pool.prototype);
    Mp.Pool.set_worker_func(
        handle => Mp.Process.new_command(null, Processes.command('worker', handle)));
}
