// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Queues, locks and conditions with the manners of JavaScript: natural values, options objects,
// promises and iteration. Every wait without `Async` in its name stops this process, promises and
// all; it belongs into workers and small programs.

/* exported install */

'use strict';

const {GLib} = imports.gi;
const Errors = imports.overrides.MpErrors;
const Values = imports.overrides.MpValues;

// Values that an iteration takes in a row before the main loop has its turn.
const ROW = 64;

let Mp = null;
let realInit = null;

function readPayload(payload) {
    const bytes = payload.convert(Mp.Encoding.JSON).get_bytes();
    return Values.decode(new TextDecoder().decode(bytes.toArray()));
}

// ── Shared objects ──────────────────────────────────────────────────────────────────────────────

function installShared(prototype) {
    prototype.toString = function () {
        return this.to_string();
    };
}

// ── Queue ───────────────────────────────────────────────────────────────────────────────────────

// What get_text() gave with a status that is not about waiting.
function readText(status, text) {
    if (status === Mp.Status.OK)
        return Values.decode(text);
    if (status === Mp.Status.NOT_PLAIN && text !== null)
        throw Errors.failure(Mp.Error.NOT_PLAIN, text);
    return Errors.check(status);
}

/**
 * Puts a value at the end.
 *
 * @param {*} value - the value
 * @param {{timeout: number}} [options] - how long to wait for room
 */
function put(value, options) {
    const text = Values.encode(value);
    if (this.put_text(text, 0) === Mp.Status.OK)
        return;

    const timeout = Errors.timeoutOf(options);
    const status = Errors.waitFor(usec => this.put_text(text, usec), timeout);
    Errors.check(status, timeout === 0 ? Mp.Error.FULL : Mp.Error.TIMED_OUT,
        'The queue is full');
}

/**
 * Puts a value if there is room now.
 *
 * @param {*} value - the value
 * @returns {boolean} whether it was put
 */
function tryPut(value) {
    const text = Values.encode(value);
    let status = this.put_text(text, 0);
    if (status !== Mp.Status.OK && status !== Mp.Status.TIMED_OUT)
        status = Errors.waitFor(usec => this.put_text(text, usec), 0);
    if (status === Mp.Status.TIMED_OUT)
        return false;
    Errors.check(status);
    return true;
}

/**
 * Takes the first value, waiting for one.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {*} the value
 */
function get(options) {
    const timeout = Errors.timeoutOf(options);
    const first = this.get_text(0);
    const mayWait = first[0] === Mp.Status.TIMED_OUT || first[0] === Mp.Status.INTERRUPTED;
    const [status, text] = mayWait
        ? Errors.waitFor(usec => this.get_text(usec), timeout) : first;
    if (status === Mp.Status.TIMED_OUT) {
        throw Errors.failure(timeout === 0 ? Mp.Error.EMPTY : Mp.Error.TIMED_OUT,
            'The queue is empty');
    }
    return readText(status, text);
}

/**
 * Takes the first value if there is one now.
 *
 * @returns {*} the value, or undefined, which no value in a queue is
 */
function tryGet() {
    const result = this.get_text(0);
    const [status, text] = result[0] === Mp.Status.INTERRUPTED
        ? Errors.waitFor(usec => this.get_text(usec), 0) : result;
    return status === Mp.Status.TIMED_OUT ? undefined : readText(status, text);
}

/**
 * Takes the first value, without stopping the main loop until there is one.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise} the value
 */
async function getAsync(options = {}) {
    const value = options.cancellable?.is_cancelled() ? undefined : this.tryGet();
    if (value !== undefined)
        return value;

    return readPayload(await Errors.promise(
        (cancellable, callback) => this.get_async(cancellable, callback),
        result => this.get_finish(result), options));
}

function* iterate() {
    for (;;) {
        const [status, text] = Errors.waitFor(usec => this.get_text(usec));
        if (status === Mp.Status.CLOSED)
            return;
        yield readText(status, text);
    }
}

async function* iterateAsync() {
    try {
        for (let n = 1; ; n++) {
            yield await this.getAsync();
            if (n % ROW === 0)
                await Errors.tick();
        }
    } catch (error) {
        if (!error.matches?.(Mp.Error, Mp.Error.CLOSED))
            throw error;
    }
}

function initQueue(options = {}) {
    const maxItems = typeof options === 'number'
        ? options : options.maxItems ?? options.max_items ?? 0;
    if (!Number.isInteger(maxItems) || maxItems < 0)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'maxItems is a whole number, or 0');
    return this.constructor === Mp.Queue
        ? Mp.Queue.new(maxItems) : realInit.call(this, {max_items: maxItems});
}

function installQueue(prototype) {
    realInit = prototype._init;
    Object.assign(prototype, {
        _init: initQueue,
        put,
        tryPut,
        try_put: tryPut,
        get,
        tryGet,
        try_get: tryGet,
        getAsync,
    });
    prototype[Symbol.iterator] = iterate;
    prototype[Symbol.asyncIterator] = iterateAsync;
}

// ── Locks ───────────────────────────────────────────────────────────────────────────────────────

/**
 * Takes the lock.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {boolean} whether it was taken; without a timeout it always is
 */
function acquire(options) {
    const timeout = Errors.timeoutOf(options);
    const status = Errors.waitFor(usec => this.acquire_raw(usec), timeout);
    if (status === Mp.Status.TIMED_OUT)
        return false;
    Errors.check(status);
    return true;
}

function release() {
    Errors.check(this.release_raw());
}

/**
 * Runs a function under the lock. A promise that it returns is waited for.
 *
 * @param {function(): *} func - the function
 * @returns {*} what it returns
 */
function run(func) {
    let promised = false;
    this.acquire();
    try {
        const result = func();
        promised = typeof result?.then === 'function';
        return promised ? Promise.resolve(result).finally(() => this.release()) : result;
    } finally {
        if (!promised)
            this.release();
    }
}

function installLock(prototype) {
    Object.assign(prototype, {
        acquire,
        tryAcquire() {
            return this.acquire(0);
        },
        release,
        run,
    });
}

// ── Condition ───────────────────────────────────────────────────────────────────────────────────

/**
 * Releases the lock, waits for a notification and takes the lock again.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {boolean} whether there was one
 */
function wait(options) {
    const [began, ticket] = this.wait_begin();
    Errors.check(began);

    let status = Mp.Status.FAILED;
    try {
        status = Errors.waitFor(usec => this.wait_raw(ticket, usec), Errors.timeoutOf(options));
    } finally {
        const ended = Errors.waitFor(() => this.wait_end(ticket));
        if (ended !== Mp.Status.OK)
            status = ended;
    }
    if (status === Mp.Status.TIMED_OUT)
        return false;
    Errors.check(status);
    return true;
}

/**
 * Waits until a predicate holds, looking at each notification.
 *
 * @param {function(): *} predicate - called with the lock held
 * @param {{timeout: number}} [options] - how long to wait in all
 * @returns {*} what the predicate returned last
 */
function waitUntil(predicate, options) {
    const usec = Errors.microseconds(Errors.timeoutOf(options));
    const deadline = usec < 0 ? Infinity : GLib.get_monotonic_time() + usec;

    for (;;) {
        const result = predicate();
        const left = deadline - GLib.get_monotonic_time();
        if (result || left <= 0)
            return result;
        this.wait({timeout: left / 1e6});
    }
}

function installCondition(prototype) {
    const {notify_all: notifyAll, notify} = prototype;

    Object.assign(prototype, {
        acquire(options) {
            return this.get_lock().acquire(options);
        },
        release() {
            this.get_lock().release();
        },
        run,
        wait,
        waitUntil,
        notify(n = 1) {
            notify.call(this, n);
        },
        notifyAll() {
            notifyAll.call(this);
        },
        notify_all() {
            notifyAll.call(this);
        },
    });
}

function makeByConstructor(type, toArguments = () => []) {
    const init = type.prototype._init;
    type.prototype._init = function (...args) {
        return this.constructor === type
            ? type.new(...toArguments(...args)) : init.apply(this, args);
    };
}

function install(namespace) {
    Mp = namespace;
    installShared(Mp.Shared.prototype);
    installQueue(Mp.Queue.prototype);
    installLock(Mp.Lock.prototype);
    installCondition(Mp.Condition.prototype);

    // A constructor that can fail says why; only classes derived in JavaScript go without it.
    makeByConstructor(Mp.Lock);
    makeByConstructor(Mp.RLock);
    makeByConstructor(Mp.Condition, (lock = null) => [lock]);
}
