// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Locks and conditions with the manners of JavaScript: options objects and functions that run under
// a lock. Every wait without `Async` in its name stops this process, promises and all; it belongs
// into workers and small programs.

/* exported acquire, install, run */

'use strict';

const {GLib} = imports.gi;
const Errors = imports.overrides.MpErrors;

let Mp = null;

// ── Shared objects ──────────────────────────────────────────────────────────────────────────────

function installShared(prototype) {
    prototype.toString = function () {
        return this.to_string();
    };
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
        locked() {
            return this.is_locked();
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
    installLock(Mp.Lock.prototype);
    installCondition(Mp.Condition.prototype);

    // A constructor that can fail says why; only classes derived in JavaScript go without it.
    makeByConstructor(Mp.Lock);
    makeByConstructor(Mp.RLock);
    makeByConstructor(Mp.Condition, (lock = null) => [lock]);
}
