// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Semaphores, events and barriers with the manners of JavaScript: constructors that say what is
// wrong, options objects, promises. Every wait without `Async` in its name stops this process,
// promises and all; it belongs into workers and small programs.

/* exported install */

'use strict';

const {GLib} = imports.gi;
const Errors = imports.overrides.MpErrors;
const Sync = imports.overrides.MpSync;

const MAX_VALUE = 2147483647;

let Mp = null;

function checkWhole(number, least, most, message) {
    if (!Number.isInteger(number) || number < least || number > most)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, message);
    return number;
}

// ── Locks and semaphores ────────────────────────────────────────────────────────────────────────

/**
 * Takes a lock, or a permit, without stopping the main loop until there is one.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise<boolean>} true
 */
function acquireAsync(options = {}) {
    return Errors.promise(
        (cancellable, callback) => this.acquire_async(cancellable, callback),
        result => this.acquire_finish(result), options);
}

// `new Mp.Semaphore(3)`, `new Mp.Semaphore(3, {recoverable: true})`, or options alone.
function semaphoreOptions(first = {}, second = {}) {
    const given = first !== null && typeof first === 'object' ? first : {...second, value: first};
    const {value = 1, recoverable = false} = Errors.checkNames(given, ['value', 'recoverable']);
    checkWhole(value, 0, MAX_VALUE,
        `The value of a semaphore is a whole number up to ${MAX_VALUE}`);
    return {value, recoverable: Boolean(recoverable)};
}

function makeSemaphores(type) {
    const init = type.prototype._init;
    type.prototype._init = function (...args) {
        if (this.constructor !== type && args[0]?.handle !== undefined)
            return init.apply(this, args);
        const {value, recoverable} = semaphoreOptions(...args);
        if (this.constructor !== type)
            return init.call(this, {value, recoverable});
        return recoverable ? type.new_recoverable(value) : type.new(value);
    };
}

function releasePermit() {
    const status = this.release_raw();
    if (status === Mp.Status.NOT_OWNER) {
        throw Errors.failure(Mp.Error.NOT_OWNER, this.recoverable
            ? 'The caller holds no permit of the recoverable semaphore'
            : 'The semaphore was released too many times');
    }
    Errors.check(status);
}

function installSemaphore(prototype) {
    Object.assign(prototype, {
        acquire: Sync.acquire,
        tryAcquire() {
            return this.acquire(0);
        },
        acquireAsync,
        release: releasePermit,
        run: Sync.run,
    });
}

// ── Event ───────────────────────────────────────────────────────────────────────────────────────

/**
 * Waits until the event is set.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {boolean} whether it is, or was since the call
 */
function waitForEvent(options) {
    const ticket = this.wait_begin();
    const status = Errors.waitFor(usec => this.wait_raw(ticket, usec), Errors.timeoutOf(options));
    if (status === Mp.Status.TIMED_OUT)
        return false;
    Errors.check(status);
    return true;
}

function installEvent(prototype) {
    Object.assign(prototype, {
        isSet() {
            return this.is_set();
        },
        wait: waitForEvent,

        /**
         * Waits until the event is set, without stopping the main loop.
         *
         * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
         * @returns {Promise<boolean>} true
         */
        waitAsync(options = {}) {
            return Errors.promise(
                (cancellable, callback) => this.wait_async(cancellable, callback),
                result => this.wait_finish(result), options);
        },
    });
}

// ── Barrier ─────────────────────────────────────────────────────────────────────────────────────

// What a barrier's action is, and what it threw last. The library holds this, and not the barrier,
// which could never be freed then.
const ACTION = Symbol('action');

function setAction(barrier, action) {
    if (typeof action !== 'function')
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'The action of a barrier is a function');
    const state = {
        thrown: undefined,
        run() {
            try {
                action();
                return true;
            } catch (error) {
                state.thrown = {error};
                return false;
            }
        },
    };
    barrier[ACTION] = state;
    barrier.set_action(() => state.run());
}

// Throws what the action did, if it was that, and else the error.
function rethrow(barrier, error) {
    const thrown = barrier[ACTION]?.thrown;
    if (thrown === undefined)
        throw error;
    barrier[ACTION].thrown = undefined;
    throw thrown.error;
}

function initBarrier(init, type, barrier, parties, options = {}) {
    if (parties !== null && typeof parties === 'object')
        [parties, options] = [parties.parties, parties];
    const {action, timeout} = Errors.checkNames(options, ['parties', 'action', 'timeout']);
    const seconds = Errors.microseconds(timeout) < 0 ? -1 : timeout;
    checkWhole(parties, 1, 8192, 'The parties of a barrier are a whole number from 1 to 8192');

    const made = barrier.constructor === type
        ? type.new(parties, seconds)
        : init.call(barrier, {parties, timeout: seconds}) ?? barrier;
    if (action !== undefined && action !== null)
        setAction(made, action);
    return made;
}

/**
 * Arrives, and waits until all others have.
 *
 * @param {{timeout: number}} [options] - how long to wait; else as the barrier was made
 * @returns {number} how many were there before
 */
function waitAtBarrier(options) {
    const timeout = Errors.timeoutOf(options) ?? this.timeout;
    const usec = Errors.microseconds(timeout);
    const deadline = usec < 0 ? Infinity : GLib.get_monotonic_time() + usec;
    const [status, ticket, index] = Errors.waitFor(left => this.wait_begin(left), timeout);
    Errors.check(status, Mp.Error.TIMED_OUT, 'The barrier was busy');

    if (index + 1 < this.parties) {
        const left = deadline - GLib.get_monotonic_time();
        const seconds = left === Infinity ? undefined : Math.max(0, left) / 1e6;
        Errors.check(Errors.waitFor(part => this.wait_raw(ticket, part), seconds),
            Mp.Error.TIMED_OUT, 'The others did not come in time');
        return index;
    }
    const acted = this[ACTION]?.run() ?? true;
    const ended = this.wait_end(ticket, acted);
    if (!acted)
        rethrow(this, Errors.failure(Mp.Error.BROKEN, 'The action of the barrier failed'));
    Errors.check(ended);
    return index;
}

function installBarrier(type) {
    const init = type.prototype._init;

    Object.assign(type.prototype, {
        _init(...args) {
            return args[0]?.handle !== undefined
                ? init.apply(this, args) : initBarrier(init, type, this, ...args);
        },
        wait: waitAtBarrier,

        /**
         * Arrives, and waits until all others have, without stopping the main loop.
         *
         * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait,
         *   and so breaks the barrier
         * @returns {Promise<number>} how many were there before
         */
        waitAsync(options = {}) {
            return Errors.promise(
                (cancellable, callback) => this.wait_async(cancellable, callback),
                result => {
                    try {
                        return this.wait_finish(result);
                    } catch (error) {
                        return rethrow(this, error);
                    }
                }, options);
        },
    });
}

function install(namespace) {
    Mp = namespace;
    Object.assign(Mp.Lock.prototype, {acquireAsync});
    makeSemaphores(Mp.Semaphore);
    makeSemaphores(Mp.BoundedSemaphore);
    installSemaphore(Mp.Semaphore.prototype);
    installEvent(Mp.Event.prototype);
    installBarrier(Mp.Barrier);

    const init = Mp.Event.prototype._init;
    Mp.Event.prototype._init = function (...args) {
        return this.constructor === Mp.Event && args[0]?.handle === undefined
            ? Mp.Event.new() : init.apply(this, args);
    };
}
