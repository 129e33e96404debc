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
const Messages = imports.overrides.MpMessage;
const Options = imports.overrides.MpOptions;
const Processes = imports.overrides.MpProcess;
const Values = imports.overrides.MpValues;

// As many chunks per worker share a map's items if no size is given.
const CHUNKS_PER_WORKER = 4;

// Milliseconds between two looks at workers that are about to end.
const LONGEST_PAUSE = 20;

let Mp = null;
let realInit = null;

const encoder = new TextEncoder();

// ── Results ─────────────────────────────────────────────────────────────────────────────────────

// Where a task was given: its text is made only if the task fails.
function localStack() {
    return new Error();
}

function stackOf(result) {
    const stack = result._stack?.stack ?? '';
    return stack.replace(/^.*\/overrides\/Mp\w+\.js:.*\n/gm, '').trimEnd();
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
        return Errors.rebuild(JSON.parse(new TextDecoder().decode(bytes)), stackOf(result));
    }
    return Errors.rebuild({
        name: textOf(details, 'type')?.replace(/^.*\./, ''),
        message: textOf(details, 'message') ?? 'The task failed',
        stack: textOf(details, 'traceback'),
        domain: textOf(details, 'domain'),
        code: textOf(details, 'code'),
    }, stackOf(result));
}

// The value of a result that is ready, if it is more than a text; throws what its task threw.
function readRich(result) {
    const [status, encoding, data] = result.get_data(Mp.Encoding.JSON);
    try {
        if (status === Mp.Status.OK && encoding === Mp.Encoding.JSON)
            return Values.decodeMessage(data);
    } finally {
        result.is_ready();      // a use: until here the result holds what its value refers to
    }
    if (status === Mp.Status.FAILED)
        throw failureOf(result) ?? Errors.failure(Mp.Error.TASK_FAILED, 'The task failed');
    if (status === Mp.Status.NOT_PLAIN || status === Mp.Status.INVALID_DATA)
        result.get_payload(0, null).convert(Mp.Encoding.JSON); // throws, saying why
    return Errors.check(status);
}

/** The value of a result that is ready; throws what its task threw. */
const read = (() => {
    const [values, rich] = [Values, readRich];

    return result => {
        const [status, text] = result.get_text();
        // What refers to objects is read while the result, which is used behind that, holds them.
        return status === 0 && text !== null && !text.includes('"$mp"')
            ? values.decode(text) : rich(result);
    };
})();

function waitResult(options) {
    const status = Errors.waitFor(usec => this.wait_raw(usec), Errors.timeoutOf(options));
    if (status === Mp.Status.TIMED_OUT)
        return false;
    if (status !== Mp.Status.FAILED)
        Errors.check(status);
    return true;
}

function getResult(options) {
    if (options === undefined && this.wait_raw(-1) === Mp.Status.OK)
        return read(this);
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
    if (!this.is_ready() && !Errors.briefly(usec => this.wait_raw(usec) === Mp.Status.OK)) {
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

/** A function for a task: by name, for workers of any language, or one of this language. */
function describe(func) {
    return typeof func === 'string'
        ? [Mp.FunctionKind.NAMED, func]
        : [Mp.FunctionKind.LANGUAGE, Functions.describe(func)];
}

// One that is given by name has one argument, whatever its language.
function oneArgument(values) {
    return values.length === 1 ? values[0] : values;
}

// What a text alone cannot carry.
function submitRich(pool, [kind, description], flags, text, found, options) {
    Messages.attach(found.objects);
    try {
        return pool.submit_data_with(kind, encoder.encode(description), flags, Mp.Encoding.JSON,
            Values.joinMessage(text, found), options);
    } finally {
        if (found.objects.length > 0)
            Mp.Shared.detach_all();
    }
}

// This file's names are slow to look up.
function makeSubmitTask() {
    const [values, rich, one] = [Values, submitRich, oneArgument];
    const {NAMED} = Mp.FunctionKind;
    const {MAP} = Mp.TaskFlags;

    return (pool, description, flags, given, stack, options = null) => {
        const found = {objects: [], pieces: [], size: 0};
        const [kind, func] = description;
        const text = values.encode(kind === NAMED && !(flags & MAP) ? one(given) : given, found);
        const result = found.objects.length === 0 && found.pieces.length === 0
            ? pool.submit_text(kind, func, flags, text, options)
            : rich(pool, description, flags, text, found, options);
        result._stack = stack;
        return result;
    };
}

let submitTask = null;

/**
 * Gives the pool one call of a function. Never waits: in a pool that is bounded and full it throws
 * Mp.Error.FULL.
 *
 * @param {Function|{module: string, name: string}|string} func - the function, or its name
 * @param {...*} args - its arguments
 * @returns {Mp.Result} the result, which can be awaited
 */
function submit(func, ...args) {
    return submitTask(this, describe(func), Mp.TaskFlags.DEFAULT, args, localStack());
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
 * Gives the pool one call of a function, with options. Never waits: in a pool that is bounded and
 * full it throws Mp.Error.FULL.
 *
 * @param {Function|{module: string, name: string}|string} func - the function, or its name
 * @param {Array} [args] - its arguments
 * @param {object} [options] - options of the task, and:
 * @param {Gio.Cancellable} [options.cancellable] - cancels the task
 * @param {number} [options.timeLimit] - seconds it may run; then its worker is killed
 * @param {number} [options.softTimeLimit] - seconds after which Mp.task_should_stop() tells it
 * @param {number} [options.retries] - how often it is run again if its worker dies
 * @param {boolean} [options.retryErrors] - whether also if it throws
 * @param {number} [options.priority] - an Mp.TaskPriority
 * @param {string} [options.name] - what timelines call it
 * @returns {Mp.Result} the result, which can be awaited
 */
function run(func, args = [], options = {}) {
    Errors.checkNames(options ?? {}, ['cancellable', ...Options.TASK_NAMES]);
    const {cancellable} = Errors.asyncOptions({cancellable: options?.cancellable});
    const description = describe(func);
    checkArguments(args);
    let made = Options.taskOptions(options);
    if (cancellable !== null) {
        made ??= new Mp.TaskOptions();
        made.cancellable = cancellable;
    }
    return submitTask(this, description, Mp.TaskFlags.DEFAULT, args, localStack(), made);
}

function checkArguments(args) {
    if (!Array.isArray(args))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'args is an array of arguments');
    return args;
}

// What is not there after a moment, or did not go well.
function getRest(result, timeout) {
    result._stack = localStack();
    return result.get(timeout);
}

// Waits for room and for the result, both together as long as the options say.
function applySlowly(pool, func, args, options) {
    const {cancellable, timeout} = Errors.asyncOptions(options, Options.TASK_NAMES);
    const left = Errors.countdown(timeout);

    if (pool.max_pending > 0) {
        const wait = usec => cancellable?.is_cancelled()
            ? Mp.Status.CANCELLED : pool.wait_room_raw(usec);
        Errors.check(Errors.waitFor(wait, timeout));
    }
    const {timeout: _, ...more} = typeof options === 'object' ? options ?? {} : {};
    return getRest(pool.run(func, args, more), left());
}

function makeApply() {
    const [values, functions, check] = [Values, Functions, checkArguments];
    const [slowly, rest] = [applySlowly, getRest];
    const {LANGUAGE} = Mp.FunctionKind;

    /**
     * Calls a function in a worker, and waits for what it returns; in a pool that is bounded first
     * for room. Stops the main loop meanwhile; await what run() gives instead where that matters.
     *
     * @param {Function|{module: string, name: string}|string} func - the function, or its name
     * @param {Array} [args] - its arguments
     * @param {object} [options] - options as for run(), and:
     * @param {number} [options.timeout] - seconds after which the waiting ends, but not the task;
     *   if there was no room until then, the task is not given
     * @returns {*} what the function returned
     */
    return function apply(func, args = [], options = undefined) {
        check(args);
        if (options !== undefined || typeof func === 'string')
            return slowly(this, func, args, options);

        const found = {objects: [], pieces: [], size: 0};
        const text = values.encode(args, found);
        if (found.objects.length > 0 || found.pieces.length > 0)
            return slowly(this, func, args);

        const [value, result] = this.apply_text(LANGUAGE, functions.describe(func), text);
        return result === null ? values.decode(value) : rest(result);
    };
}

// Where a pool is bounded, whoever gives tasks lets the main loop run until there is room. The
// result is in an array, and nothing else runs between the room and the task.
async function submitIntoRoom(pool, submitChunk, cancellable, left = () => undefined) {
    for (let wait = 1; pool.max_pending > 0; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
        const status = pool.wait_room_raw(0);
        if (status === Mp.Status.OK)
            break;
        if (status !== Mp.Status.TIMED_OUT && status !== Mp.Status.INTERRUPTED)
            Errors.check(status);
        if (cancellable?.is_cancelled())
            Errors.check(Mp.Status.CANCELLED);
        if (left() === 0)
            Errors.check(Mp.Status.TIMED_OUT);
        await Errors.pause(wait);
    }
    return [submitChunk()];
}

// What the caller has turned away from: it was cancelled, or the first error ends it.
function abandon(results, stopOnError, cancellable) {
    if (!stopOnError && !cancellable?.is_cancelled())
        return;
    for (const result of results)
        result.cancel();
}

/**
 * Calls a function with each of many items.
 *
 * @param {Function|{module: string, name: string}|string} func - the function, or its name
 * @param {Iterable} items - the items
 * @param {object} [options] - options
 * @param {number} [options.chunkSize] - how many items go to a worker at once
 * @param {boolean} [options.stopOnError] - whether the first error cancels what is not done
 * @param {Gio.Cancellable} [options.cancellable] - cancels all that is not done
 * @param {number} [options.timeout] - seconds after which the waiting ends, but no task that was
 *   given; in a pool that is bounded the waiting for room counts, too
 * @returns {Promise<Array>} the results in the order of the items; more options as for run()
 */
async function map(func, items, options = {}) {
    const {chunkSize, stopOnError = false} = options ?? {};
    const {cancellable, timeout} = Errors.asyncOptions(options,
        ['chunkSize', 'stopOnError', ...Options.TASK_NAMES]);
    const made = Options.taskOptions(options);
    const stack = localStack();
    const left = Errors.countdown(timeout);
    const description = describe(func);
    const list = Array.from(Errors.checkIterable(items, 'items'));
    const share = Math.ceil(list.length / (this.get_n_workers() * CHUNKS_PER_WORKER));
    const size = checkSize(chunkSize ?? Math.max(1, share), 'chunkSize');
    const gathered = Mp.ResultIterator.new(false);
    const starts = new Map();
    const values = new Array(list.length);
    let canBeGiven = true;

    try {
        for (let start = 0; start < list.length; start += size) {
            const chunk = list.slice(start, start + size);
            const give = () => {
                canBeGiven = false;     // until it has been
                const task = submitTask(this, description, Mp.TaskFlags.MAP, chunk, stack, made);
                canBeGiven = true;
                return task;
            };
            const [result] = this.max_pending > 0
                ? await submitIntoRoom(this, give, cancellable, left) : [give()];
            gathered.add(result);
            starts.set(result, start);
        }
        for (let n = starts.size; n > 0; n--) {
            const [result] = await nextResult(gathered, {cancellable, timeout: left()});
            const start = starts.get(result);
            read(result).forEach((value, i) => (values[start + i] = value));
        }
    } catch (error) {
        // A list that cannot be given as a whole is not done in part.
        abandon(starts.keys(), stopOnError || !canBeGiven, cancellable);
        throw error;
    }
    return values;
}

// What the input gives next, whether that was the last, and in an array what it threw, if it did.
async function takeChunk(source, size) {
    const chunk = [];
    try {
        while (chunk.length < size) {
            const {done, value} = await source.next();
            if (done)
                return {chunk, last: true, thrown: null};
            chunk.push(value);
        }
    } catch (error) {
        return {chunk, last: true, thrown: [error]};
    }
    return {chunk, last: false, thrown: null};
}

// A promise that may be left alone.
function quietly(promise) {
    promise.catch(() => {});
    return promise;
}

// The outcome of a promise, unless the waiting is cancelled.
function unlessCancelled(promise, cancellable) {
    if (cancellable === null)
        return promise;
    let id = 0;
    const cancelled = new Promise(resolve => {
        id = cancellable.connect(() => resolve());
    }).then(() => Errors.check(Mp.Status.CANCELLED));
    return Promise.race([promise, cancelled]).finally(() => {
        if (id !== 0)
            cancellable.disconnect(id);
    });
}

// An input that is slow, or that waits for results, must not keep those back that are there.
function comesFirst(one, other) {
    return Promise.race([other.then(() => false), one.then(() => true)]);
}

/**
 * Calls a function with each item and gives results as they come. Items are taken from their
 * iterable only a little ahead of the results, so it may be endless. What the iterable throws comes
 * behind the results of the items before.
 *
 * @param {Function|{module: string, name: string}|string} func - the function, or its name
 * @param {Iterable|AsyncIterable} items - the items
 * @param {object} [options] - options
 * @param {number} [options.chunkSize] - how many items go to a worker at once, by default 1
 * @param {boolean} [options.ordered] - whether results have the order of the items, as by default
 * @param {number} [options.lookAhead] - how many chunks may be out, by default 3 per worker
 * @param {Gio.Cancellable} [options.cancellable] - cancels what is out, and ends the waiting, also
 *   that for an item or for room; more options as for run()
 * @yields {*} results
 */
async function* imap(func, items,
    {chunkSize = 1, ordered = true, lookAhead, cancellable: token, ...more} = {}) {
    const {cancellable} = Errors.asyncOptions({cancellable: token});
    const made = Options.taskOptions(Errors.checkNames(more, Options.TASK_NAMES));
    const out = new Set();
    const stack = localStack();
    const description = describe(func);
    const size = checkSize(chunkSize, 'chunkSize');
    const ahead = checkSize(lookAhead ?? 3 * this.get_n_workers(), 'lookAhead');
    const gathered = Mp.ResultIterator.new(ordered);
    const isSlow = typeof items?.[Symbol.asyncIterator] === 'function';
    const source = isSlow ? items[Symbol.asyncIterator]()
        : Errors.checkIterable(items, 'items')[Symbol.iterator]();
    let reading = null;         // promises: of a chunk of the input,
    let arriving = null;        // and of a result
    let exhausted = false;
    let failure = null;         // of the input, in an array

    const give = async ({chunk, last, thrown}) => {
        reading = null;
        exhausted = last;
        failure = thrown;
        if (chunk.length === 0)
            return;
        const submitChunk = () =>
            submitTask(this, description, Mp.TaskFlags.MAP, chunk, stack, made);
        const [result] = this.max_pending > 0
            ? await submitIntoRoom(this, submitChunk, cancellable) : [submitChunk()];
        out.add(result);
        gathered.add(result);
    };

    try {
        for (;;) {
            while (!exhausted && out.size < ahead) {
                reading ??= quietly(takeChunk(source, size));
                if (isSlow && out.size > 0) {
                    arriving ??= quietly(nextResult(gathered, {cancellable}));
                    if (await comesFirst(arriving, reading))
                        break;
                }
                await give(await unlessCancelled(reading, isSlow ? cancellable : null));
            }
            if (out.size === 0 && failure !== null)
                throw failure[0];
            if (out.size === 0)
                return;
            const [result] = await (arriving ?? nextResult(gathered, {cancellable}));
            arriving = null;
            out.delete(result);
            yield* read(result);
        }
    } finally {
        abandon(out, false, cancellable);
        if (reading !== null)       // it may be long in coming, and nobody waits for it
            quietly(Promise.resolve(source.return?.()));
        else if (!exhausted)
            await source.return?.();
    }
}

// ── Pool ────────────────────────────────────────────────────────────────────────────────────────

// What workers run first: by the part of their handles that is their pool's, the function and its
// arguments; and that of the pool that is being made, whose handles nobody has seen yet.
const beginnings = new Map();
const gone = new FinalizationRegistry(key => beginnings.delete(key));
let beginning = null;

function beginningOf({initializer, initArgs = []}) {
    if (initializer === undefined || initializer === null)
        return null;
    if (!Array.isArray(initArgs))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'initArgs is an array of arguments');
    const message = [Functions.describe(initializer), initArgs];
    Values.encodeMessage(message, Values.collect());    // throws if it cannot travel
    return {message, key: null};
}

// Each worker has the arguments in a queue of its own, which its process holds.
function makeWorker(handle) {
    const key = handle.split(',').slice(0, -2).join(',');
    if (beginning !== null) {
        beginning.key = key;
        beginnings.set(key, beginning.message);
    }
    const message = beginnings.get(key);
    if (message === undefined)
        return Mp.Process.new_command(null, Processes.command('worker', handle));

    const boot = Mp.Queue.new(2);
    boot.put(handle);
    boot.put(message);
    Mp.Process.set_worker_command('gjs', Processes.gjsWords());
    return Mp.Process.new_worker(null, 'gjs', 'begin', boot);
}

/**
 * Makes a pool and starts its workers.
 *
 * @param {number|object} [options] - how many workers, or an object of that and rules, named as
 *   the properties are, and:
 * @param {number} [options.nWorkers] - how many workers; 0 for one for each CPU
 * @param {Function|{module: string, name: string}} [options.initializer] - what each worker calls
 *   first; if it throws, all tasks of that worker fail
 * @param {Array} [options.initArgs] - its arguments
 * @returns {Mp.Pool} the pool
 */
function initPool(options = {}) {
    const given = Options.poolOptions(options, this.constructor !== Mp.Pool);
    const n = given.nWorkers ?? 0;
    if (!Number.isInteger(n) || n < 0)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'nWorkers is a whole number, or 0');

    try {
        beginning = beginningOf(given);
        const made = startPool.call(this, n, Options.poolRules(given));
        if (beginning !== null) {
            const pool = made ?? this;
            pool._beginning = beginning;    // as long as it has this, it is the same object
            gone.register(pool, beginning.key);
        }
        return made;
    } finally {
        beginning = null;
    }
}

function startPool(n, rules) {
    if (this.constructor === Mp.Pool && Object.keys(rules).length === 0)
        return Mp.Pool.new(n);
    const made = realInit.call(this, {n_workers: n, ...rules});
    (made ?? this).get_pids();  // starts them
    return made;
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
    await Errors.promise(
        (cancellable, callback) => this.join_async(cancellable, callback),
        result => this.join_finish(result), options);
}

// JavaScript runs in one thread.
class ThreadPool {
    constructor() {
        throw Errors.failure(Mp.Error.NOT_SUPPORTED,
            'JavaScript has no threads here: use Mp.Pool, whose workers are processes');
    }
}

function installPool(prototype) {
    realInit = prototype._init;
    submitTask = makeSubmitTask();
    Object.assign(prototype, {
        _init: initPool,
        apply: makeApply(),
        submit,
        run,
        map,
        imap,
        join,
        joinAsync,
    });
    Object.defineProperty(prototype, 'nWorkers', {
        get() {
            return this.get_n_workers();
        },
        set(n) {
            this.set_n_workers(n);
        },
        configurable: true,
    });
}

function install(namespace) {
    Mp = namespace;
    Options.init(namespace);
    installResult(Mp.Result.prototype);
    installPool(Mp.Pool.prototype);
    Mp.ThreadPool = ThreadPool;
    Mp.Pool.set_worker_func(makeWorker);
}
