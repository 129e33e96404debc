// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Errors and waiting: what a status of the library's raw calls means in JavaScript, how a task's
// failure travels, and the one loop that waits in pieces.
//
// Errors of mproc are Mp.Error objects, as any GError in GJS: `error.matches(Mp.Error,
// Mp.Error.CLOSED)`. An exception of a task arrives as an Error of its own class and name, which
// has `remoteStack` and matches Mp.Error.TASK_FAILED too.

/* exported asyncOptions, briefly, calmly, check, checkIterable, checkNames, checkRead, countdown,
  describe, failure, init, microseconds, pause, promise, rebuild, tick, timeoutOf, waitFor */

'use strict';

const {GLib} = imports.gi;
const System = imports.system;
const Values = imports.overrides.MpValues;

const SECOND = 1000000;
const LOWEST_PRIORITY = 2 * GLib.PRIORITY_LOW;

let Mp = null;

// Not every process that waits needs Gio, which takes its time to load.
const gio = () => imports.gi.Gio;

function init(namespace) {
    Mp = namespace;
}

// ── Statuses ────────────────────────────────────────────────────────────────────────────────────

function failure(code, message) {
    return new Mp.Error({code, message});
}

const MESSAGES = {
    TIMED_OUT: [() => Mp.Error.TIMED_OUT, 'The operation timed out'],
    CLOSED: [() => Mp.Error.CLOSED, 'The object is closed'],
    NO_SPACE: [() => Mp.Error.NO_SPACE, 'The shared memory has reached its limit'],
    NOT_PLAIN: [() => Mp.Error.NOT_PLAIN,
        'The value can only be read by the language that wrote it'],
    NOT_OWNER: [() => Mp.Error.NOT_OWNER, 'The lock is not held by the caller'],
    INVALID: [() => Mp.Error.INVALID_STATE, 'The object cannot be used here'],
    BROKEN: [() => Mp.Error.BROKEN, 'The barrier is broken'],
    INVALID_DATA: [() => Mp.Error.INVALID_DATA, 'The value does not decode'],
};

/**
 * Throws what a status says, unless it is OK.
 *
 * @param {number} status - an Mp.Status
 * @param {number} [timedOut] - the Mp.Error that a time over means here
 * @param {string} [message] - its message
 */
function check(status, timedOut, message) {
    if (status === Mp.Status.OK)
        return;
    if (status === Mp.Status.TIMED_OUT && timedOut !== undefined)
        throw failure(timedOut, message);
    if (status === Mp.Status.CANCELLED) {
        const {IOErrorEnum} = gio();
        throw new IOErrorEnum({
            code: IOErrorEnum.CANCELLED,
            message: 'Operation was cancelled',
        });
    }

    for (const [name, [code, text]] of Object.entries(MESSAGES)) {
        if (Mp.Status[name] === status)
            throw failure(code(), text);
    }
    throw failure(Mp.Error.FAILED, 'The operation failed');
}

/**
 * Throws what was wrong with a value that was taken, unless it could be read.
 *
 * @param {number} status - an Mp.Status
 * @param {string} [reason] - why it cannot be read
 */
function checkRead(status, reason) {
    if (reason && status === Mp.Status.NOT_PLAIN)
        throw failure(Mp.Error.NOT_PLAIN, reason);
    if (reason && status === Mp.Status.INVALID_DATA)
        throw failure(Mp.Error.INVALID_DATA, reason);
    check(status);
}

// ── Waiting ─────────────────────────────────────────────────────────────────────────────────────

/**
 * Microseconds of a timeout: undefined, null, Infinity and what is negative wait without limit.
 *
 * @param {number} [timeout] - seconds
 * @returns {number} microseconds, or -1
 */
function microseconds(timeout) {
    if (timeout === undefined || timeout === null)
        return -1;
    if (typeof timeout !== 'number' || Number.isNaN(timeout))
        throw failure(Mp.Error.INVALID_ARGUMENT, 'A timeout is a number of seconds');
    if (timeout < 0 || timeout > 1e9)
        return -1;
    return Math.round(timeout * SECOND);
}

// What ends a wait.
const WAITING = ['timeout', 'cancellable'];

/**
 * Refuses options of other names than these: a misspelt one would be left aside.
 *
 * @param {object} options - the options
 * @param {string[]} known - their names
 * @returns {object} the same options
 */
function checkNames(options, known) {
    if (typeof options !== 'object' || options === null || Array.isArray(options))
        throw failure(Mp.Error.INVALID_ARGUMENT, `Options are an object of ${known.join(', ')}`);
    for (const name of Object.keys(options)) {
        if (!known.includes(name)) {
            throw failure(Mp.Error.INVALID_ARGUMENT,
                `There is no option “${name}” here; there can be ${known.join(', ')}`);
        }
    }
    return options;
}

/**
 * The timeout among options, which may also be nothing but a number of seconds.
 *
 * @param {number|object} [options] - seconds, or an object
 * @param {string[]} [more] - what else may be in it
 * @returns {number|undefined} seconds
 */
function timeoutOf(options, more = []) {
    if (options === undefined || options === null)
        return undefined;
    const timeout = typeof options === 'number'
        ? options
        : checkNames(options, more.length === 0 ? WAITING : [...WAITING, ...more]).timeout;
    microseconds(timeout);
    return timeout;
}

/**
 * The options of an asynchronous call, checked.
 *
 * @param {number|object} [options] - seconds, or an object
 * @param {string[]} [more] - what else may be in it
 * @returns {{cancellable: Gio.Cancellable, timeout: number}} the options
 */
function asyncOptions(options, more = []) {
    const timeout = timeoutOf(options, more);
    const cancellable = options?.cancellable ?? null;
    if (cancellable !== null && !(cancellable instanceof gio().Cancellable))
        throw failure(Mp.Error.INVALID_ARGUMENT, 'cancellable is a Gio.Cancellable');
    return {cancellable, timeout};
}

/** What is left of a timeout, in seconds, at each call; undefined without one. */
function countdown(timeout) {
    const usec = microseconds(timeout);
    const deadline = GLib.get_monotonic_time() + usec;
    return () => usec < 0 ? undefined : Math.max(0, deadline - GLib.get_monotonic_time()) / 1e6;
}

function checkIterable(value, name) {
    if (typeof value?.[Symbol.iterator] !== 'function')
        throw new TypeError(`${name} cannot be iterated over`);
    return value;
}

/**
 * Calls a raw function until it has an outcome other than "interrupted" or the time is over. When
 * the shared memory is full the garbage of this process is collected once, because what it holds
 * there goes with it.
 *
 * @param {function(number): (number|Array)} call - gets microseconds; returns a status, or an
 *   array that begins with one
 * @param {number} [timeout] - seconds
 * @returns {number|Array} what the last call returned
 */
function waitFor(call, timeout) {
    const usec = microseconds(timeout);
    const deadline = usec < 0 ? -1 : GLib.get_monotonic_time() + usec;
    let collected = false;
    let left = usec;

    for (;;) {
        const result = call(left);
        const status = typeof result === 'number' ? result : result[0];

        if (status === Mp.Status.NO_SPACE && !collected) {
            collected = true;
            System.gc();
        } else if (status !== Mp.Status.INTERRUPTED) {
            return result;
        }
        if (deadline >= 0)
            left = Math.max(0, deadline - GLib.get_monotonic_time());
    }
}

// While a module awaits something at its top level, gjs runs the main loop without ever sleeping in
// it. So as long as promises of ours are pending, an idle source of lowest priority does the
// sleeping: it runs one round of the main loop that waits until something happens. In a program
// with a main loop of its own this makes no difference.

let nPending = 0;
let sleeper = 0;

function sleepOnce() {
    if (nPending > 0)
        GLib.MainContext.default().iteration(true);
    if (nPending > 0)
        return GLib.SOURCE_CONTINUE;
    sleeper = 0;
    return GLib.SOURCE_REMOVE;
}

/**
 * Lets the process sleep while a promise is pending.
 *
 * @param {Promise} awaited - the promise
 * @returns {Promise} the same, for the caller to wait for
 */
function calmly(awaited) {
    nPending++;
    sleeper ||= GLib.idle_add(LOWEST_PRIORITY, sleepOnce);
    return awaited.finally(() => {
        nPending--;
    });
}

// What comes at once comes sooner than the main loop could bring it. But that has to have its turn:
// so many milliseconds may pass in which answers are waited for like this, one after the other.
const AT_ONCE = 20;         // microseconds; the library looks a little longer than it would sleep
const LONGEST_BURST = 5;
let burst = 0;

/**
 * Waits for what may be there at once, before a promise is made.
 *
 * @param {function(number): boolean} wait - waits for so many microseconds
 * @returns {boolean} whether it is there
 */
function briefly(wait) {
    const now = Date.now();
    if (now - burst > LONGEST_BURST) {
        burst = now;
        return false;
    }
    return wait(AT_ONCE);
}

/** A promise that is kept by the next round of the main loop. */
function tick() {
    return new Promise(resolve => {
        GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

/** A promise that is kept after some milliseconds. */
function pause(milliseconds) {
    return calmly(new Promise(resolve => {
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, milliseconds, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    }));
}

// What a timer of GLib can wait, in milliseconds.
const LONGEST_TIMER = 2 ** 31 - 1;

// A cancellable that also follows another one and a clock.
function makeCancellable(cancellable, usec) {
    const own = new (gio().Cancellable)();
    const state = {own, timedOut: false};
    const follow = cancellable?.connect(() => own.cancel()) ?? 0;
    let timer = 0;

    const wait = left => {
        const part = Math.min(left, LONGEST_TIMER);
        timer = GLib.timeout_add(GLib.PRIORITY_DEFAULT, part, () => {
            timer = 0;
            if (left > part) {
                wait(left - part);
            } else {
                state.timedOut = true;
                own.cancel();
            }
            return GLib.SOURCE_REMOVE;
        });
    };

    if (usec >= 0)
        wait(Math.ceil(usec / 1000));

    state.release = () => {
        if (timer)
            GLib.source_remove(timer);
        if (follow)
            cancellable.disconnect(follow);
    };
    return state;
}

/**
 * The promise of an asynchronous call.
 *
 * @param {function} begin - gets a Gio.Cancellable or null and a callback
 * @param {function} finish - gets the Gio.AsyncResult, returns the value
 * @param {object} [options] - options
 * @param {Gio.Cancellable} [options.cancellable] - stops the waiting
 * @param {number} [options.timeout] - seconds after which it fails with Mp.Error.TIMED_OUT
 * @param {string[]} [more] - what else may be in the options
 * @returns {Promise} the promise
 */
function promise(begin, finish, options, more = []) {
    const {cancellable, timeout} = asyncOptions(options, more);
    const usec = microseconds(timeout);
    const state = usec >= 0 ? makeCancellable(cancellable, usec) : null;

    const settle = (result, resolve, reject) => {
        state?.release();
        try {
            resolve(finish(result));
        } catch (error) {
            const {IOErrorEnum} = gio();
            const late = state?.timedOut && error.matches?.(IOErrorEnum, IOErrorEnum.CANCELLED);
            reject(late ? failure(Mp.Error.TIMED_OUT, 'The operation timed out') : error);
        }
    };
    return calmly(new Promise((resolve, reject) => {
        try {
            begin(state?.own ?? cancellable, (_source, result) => settle(result, resolve, reject));
        } catch (error) {
            state?.release();
            throw error;
        }
    }));
}

// ── Failures of tasks ───────────────────────────────────────────────────────────────────────────

// What is thrown may be anything: a property of it may throw when it is read, and it may have no
// text. That is no reason for a worker to end.
function textOf(read, otherwise = '') {
    try {
        return String(read());
    } catch {
        return otherwise;
    }
}

function plainOrNothing(read) {
    let value;
    try {
        value = read();
        return value === undefined ? undefined : JSON.parse(Values.encode(value));
    } catch {
        return textOf(() => value);
    }
}

const OWN_KEYS = ['stack', 'name', 'message', 'cause', 'errors', 'fileName', 'lineNumber',
    'columnNumber'];

function describeExtras(error) {
    const extras = {};
    try {
        for (const key of Object.keys(error)) {
            if (!OWN_KEYS.includes(key))
                extras[key] = plainOrNothing(() => error[key]);
        }
    } catch {
        // A proxy may refuse to say what it has.
    }
    return extras;
}

// What is a cause of itself is told once, and a long row of causes not to its end.
const DEEPEST_CAUSE = 50;

function describeCause(error, path) {
    let cause;
    try {
        ({cause} = error);
    } catch {
        return undefined;
    }
    return cause === undefined || path.includes(cause) ? undefined : describeWithin(cause, path);
}

function describeErrors(error, path) {
    const errors = Array.from(error.errors ?? []);
    return errors.filter(each => !path.includes(each)).map(each => describeWithin(each, path));
}

function describeWithin(thrown, around) {
    if (thrown instanceof GLib.Error) {
        return {
            name: thrown.constructor.name,
            message: thrown.message,
            stack: thrown.stack ?? '',
            domain: GLib.quark_to_string(thrown.domain),
            code: thrown.code,
        };
    }
    if (!(thrown instanceof Error)) {
        const message = textOf(() => thrown, 'Something without a text was thrown');
        return {name: 'Error', message, stack: '', value: plainOrNothing(() => thrown)};
    }

    const path = [...around, thrown];
    const description = {
        name: textOf(() => thrown.name),
        message: textOf(() => thrown.message),
        stack: textOf(() => thrown.stack),
        extras: describeExtras(thrown),
    };
    if (around.length < DEEPEST_CAUSE) {
        description.cause = describeCause(thrown, path);
        if (thrown instanceof AggregateError)
            description.errors = describeErrors(thrown, path);
    }
    return description;
}

/**
 * What was thrown, as plain data for the way to another process.
 *
 * @param {*} thrown - what was thrown
 * @returns {object} name, message, stack, and what else there is
 */
function describe(thrown) {
    return describeWithin(thrown, []);
}

const ERROR_CLASSES = {
    AggregateError, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
};

function hide(error, properties) {
    for (const [key, value] of Object.entries(properties)) {
        Object.defineProperty(error, key,
            {value, configurable: true, enumerable: false, writable: true});
    }
}

function makeError({name = 'Error', message, extras = {}, errors = []}) {
    if (!Object.hasOwn(ERROR_CLASSES, name)) {
        const error = new Error(message);
        hide(error, {name});
        return Object.assign(error, Values.decodeForms(extras));
    }
    const error = name === 'AggregateError'
        ? new AggregateError(errors.map(each => rebuild(each)), message)
        : new ERROR_CLASSES[name](message);
    return Object.assign(error, Values.decodeForms(extras));
}

/**
 * The error that a description stands for.
 *
 * @param {object} description - what describe() returned elsewhere
 * @param {string} [localStack] - where it is of interest here
 * @returns {Error|GLib.Error} the error
 */
function rebuild(description, localStack = '') {
    const {stack = '', domain, code, message} = description;
    const remote = stack.trimEnd();

    if (domain !== undefined) {
        const error = new GLib.Error(GLib.quark_from_string(domain), code, message);
        const made = domain === 'mp-error-quark' ? failure(code, message) : error;
        made.remoteStack = remote;
        return made;
    }

    const error = makeError(description);
    hide(error, {
        stack: [remote, localStack].filter(text => text !== '').join('\n'),
        remoteStack: remote,
        matches: (wanted, wantedCode) => wanted === Mp.Error && wantedCode === Mp.Error.TASK_FAILED,
    });
    if (description.cause !== undefined)
        hide(error, {cause: rebuild(description.cause)});
    else if (Object.hasOwn(description, 'value'))
        hide(error, {cause: Values.decodeForms(description.value)});
    return error;
}
