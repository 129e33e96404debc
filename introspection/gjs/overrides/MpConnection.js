// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Connections and listeners with the manners of JavaScript: natural values, options objects,
// promises and iteration.
//
// An end of a pipe in shared memory sends and receives by its two queues, and so shared objects
// travel in its values. Over a socket values travel as JSON, or bytes as they are. What waits
// without `Async` in its name stops this process, promises and all.

/* exported install */

'use strict';

const {GLib} = imports.gi;
const Errors = imports.overrides.MpErrors;
const Queues = imports.overrides.MpQueue;
const Values = imports.overrides.MpValues;

const ROW = 64;             // values that an iteration takes before the main loop has its turn

let Mp = null;
let realConnect = null;
let realListen = null;

const encoder = new TextEncoder();

function closedError(connection, way) {
    const message = connection.is_closed() ? 'The connection is closed'
        : `The connection is not for ${way}`;
    return Errors.failure(Mp.Error.INVALID_STATE, message);
}

// The queue that an end in shared memory writes to, or null if it is a socket.
function outputOf(connection) {
    if (connection.is_closed() || !connection.get_writable())
        throw closedError(connection, 'sending');
    return connection.get_output();
}

function inputOf(connection) {
    if (connection.is_closed() || !connection.get_readable())
        throw closedError(connection, 'receiving');
    return connection.get_input();
}

function check(connection, status, message) {
    if (status === Mp.Status.CLOSED)
        throw Errors.failure(Mp.Error.CLOSED, 'The other end is closed');
    if (status === Mp.Status.FAILED || status === Mp.Status.NOT_OWNER)
        connection.check();
    Errors.check(status, Mp.Error.TIMED_OUT, message);
}

// ── Sending ─────────────────────────────────────────────────────────────────────────────────────

// What is begun is sent to its end.
function sendData(connection, encoding, data, timeout) {
    let begun = false;
    const status = Errors.waitFor(usec => {
        if (begun)
            return connection.flush_raw(usec);
        const [result, more] = connection.send_data(encoding, data, usec);
        begun = more;
        return result;
    }, timeout);
    check(connection, status, 'The other end did not take it in time');
}

/**
 * Sends a value.
 *
 * @param {*} value - the value
 * @param {{timeout: number}} [options] - how long to wait
 */
function send(value, options) {
    const output = outputOf(this);
    if (output !== null)
        output.put(value, options);
    else if (value instanceof Uint8Array && !this.get_plain())
        sendData(this, Mp.Encoding.BYTES, value, Errors.timeoutOf(options));
    else
        sendText(this, value, Errors.timeoutOf(options));
}

function sendText(connection, value, timeout) {
    sendData(connection, Mp.Encoding.JSON, Values.encodeMessage(value, Values.collect()), timeout);
}

/**
 * Sends bytes, as one message.
 *
 * @param {Uint8Array|ArrayBuffer|DataView|GLib.Bytes} data - the bytes
 * @param {{timeout: number}} [options] - how long to wait
 */
function sendBytes(data, options) {
    const output = outputOf(this);
    if (output !== null)
        output.putBytes(data, options);
    else
        sendData(this, Mp.Encoding.BYTES, Queues.bytesOf(data), Errors.timeoutOf(options));
}

/**
 * Sends a value without stopping the main loop until it is out. Values are sent in the order of the
 * calls.
 *
 * @param {*} value - the value, as it is now
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 */
async function sendAsync(value, options) {
    const output = outputOf(this);
    if (output !== null) {
        await output.putAsync(value, options);
        return;
    }
    const data = Values.encodeMessage(value, Values.collect());
    const payload = Mp.Payload.new(Mp.Encoding.JSON, new GLib.Bytes(data));
    await Errors.promise((token, callback) => this.send_async(payload, token, callback),
        result => this.send_finish(result), options);
}

// ── Receiving ───────────────────────────────────────────────────────────────────────────────────

function lateError() {
    return Errors.failure(Mp.Error.TIMED_OUT, 'Nothing came in time');
}

// Status, and the value of what came from a socket.
function take(connection, timeout) {
    const [status, encoding, data] = Errors.waitFor(
        usec => connection.take_data(Mp.Encoding.JSON, 0, usec), timeout);
    if (status === Mp.Status.OK && encoding === Mp.Encoding.JSON)
        return [status, Values.decodeMessage(data ?? new Uint8Array(0))];
    if (status === Mp.Status.OK)
        return [status, new Uint8Array(data ?? [])];
    if (status === Mp.Status.NOT_PLAIN)     // throws, saying why
        Mp.Payload.new(encoding, new GLib.Bytes(data ?? [])).convert(Mp.Encoding.JSON);
    if (status === Mp.Status.INVALID)
        throw Errors.failure(Mp.Error.INVALID_STATE, 'What comes next is not a message');
    if (status !== Mp.Status.TIMED_OUT)
        check(connection, status);
    return [status, undefined];
}

/**
 * Receives a value.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {*} the value
 */
function recv(options) {
    const input = inputOf(this);
    const timeout = Errors.timeoutOf(options);
    if (input === null) {
        const [status, value] = take(this, timeout);
        if (status === Mp.Status.OK)
            return value;
        throw lateError();
    }
    try {
        return input.get(options);
    } catch (error) {
        if (error.matches?.(Mp.Error, Mp.Error.EMPTY) ||
            error.matches?.(Mp.Error, Mp.Error.TIMED_OUT))
            throw lateError();
        throw error;
    }
}

/**
 * Receives a value if there is one now.
 *
 * @returns {*} the value, or undefined, which no value is that was sent
 */
function tryRecv() {
    const input = inputOf(this);
    return input !== null ? input.tryGet() : take(this, 0)[1];
}

/**
 * Receives a value, without stopping the main loop until there is one.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise} the value
 */
async function recvAsync(options) {
    const {cancellable, timeout} = Errors.asyncOptions(options);
    const value = cancellable?.is_cancelled() ? undefined : this.tryRecv();
    if (value !== undefined)
        return value;

    const payload = await Errors.promise((token, callback) => this.recv_async(token, callback),
        result => this.recv_finish(result), {cancellable, timeout});
    return payload.getValue();
}

/**
 * Receives the bytes of a message.
 *
 * @param {{timeout: number, maxSize: number}} [options] - how long to wait; how many are allowed
 * @returns {Uint8Array} a copy of them
 */
function recvBytes(options) {
    inputOf(this);
    const maxSize = options?.maxSize ?? 0;
    const timeout = Errors.timeoutOf(options, ['maxSize']);
    const [status,, data, block] = Errors.waitFor(
        usec => this.take_data(0, maxSize, usec), timeout);
    try {
        if (status === Mp.Status.INVALID && !this.is_closed()) {
            throw Errors.failure(maxSize > 0 ? Mp.Error.TOO_SHORT : Mp.Error.INVALID_STATE,
                'The message is larger, or none');
        }
        check(this, status, 'Nothing came in time');
        return block !== null && !data?.length ? block.toArray().slice() : new Uint8Array(data);
    } finally {
        block?.release();
    }
}

/**
 * Waits until there is something to receive, or nothing will come any more.
 *
 * @param {{timeout: number}} [options] - how long to wait; if nothing is said, not at all
 * @returns {boolean} whether it is so
 */
function poll(options = 0) {
    inputOf(this);
    const status = Errors.waitFor(usec => this.poll_raw(usec), Errors.timeoutOf(options));
    if (status === Mp.Status.TIMED_OUT)
        return false;
    check(this, status);
    return true;
}

function* iterate() {
    try {
        for (;;)
            yield this.recv();
    } catch (error) {
        if (!error.matches?.(Mp.Error, Mp.Error.CLOSED))
            throw error;
    }
}

async function* iterateAsync() {
    try {
        for (let n = 1; ; n++) {
            yield await this.recvAsync();
            if (n % ROW === 0)
                await Errors.tick();
        }
    } catch (error) {
        if (!error.matches?.(Mp.Error, Mp.Error.CLOSED))
            throw error;
    }
}

// ── Descriptors ─────────────────────────────────────────────────────────────────────────────────

/**
 * Sends a duplicate of a descriptor.
 *
 * @param {number} fd - the descriptor
 * @param {{timeout: number}} [options] - how long to wait
 */
function sendFd(fd, options) {
    const status = Errors.waitFor(usec => this.send_fd_raw(fd, usec), Errors.timeoutOf(options));
    check(this, status, 'Nobody wants a descriptor in time');
}

/**
 * Receives a descriptor, which is the caller's.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {number} the descriptor
 */
function recvFd(options) {
    const [status, fd] = Errors.waitFor(usec => this.recv_fd_raw(usec), Errors.timeoutOf(options));
    check(this, status, 'Nothing came in time');
    return fd;
}

// ── Pipes, clients, listeners ───────────────────────────────────────────────────────────────────

/**
 * Makes a pipe between processes.
 *
 * @param {{duplex: boolean, sockets: boolean}} [options] - whether both ends send and receive; else
 *   the first receives and the second sends. Whether the ends are sockets; else in shared memory
 * @returns {Mp.Connection[]} the two ends
 */
function pipe({duplex = true, sockets = false} = {}) {
    const [, one, other] = sockets ? Mp.pipe_new_sockets(duplex) : Mp.pipe_new(duplex);
    return [one, other];
}

function keyOf(authkey) {
    if (authkey === undefined || authkey === null || authkey instanceof GLib.Bytes)
        return authkey ?? null;
    return new GLib.Bytes(typeof authkey === 'string' ? encoder.encode(authkey)
        : Queues.bytesOf(authkey));
}

/**
 * Connects to a listener.
 *
 * @param {string} address - "/path", "@name" or "host:port"
 * @param {{authkey: (string|Uint8Array), timeout: number}} [options] - the key, and how long it may
 *   take
 * @returns {Mp.Connection} the connection
 */
function connect(address, options) {
    const timeout = Errors.timeoutOf(options, ['authkey']);
    const connection = Mp.Connection.begin(address, keyOf(options?.authkey));
    try {
        check(connection, Errors.waitFor(usec => connection.open_raw(usec), timeout),
            'Could not connect in time');
    } catch (error) {
        connection.close();
        throw error;
    }
    return connection;
}

/**
 * The same without stopping the main loop.
 *
 * @param {string} address - "/path", "@name" or "host:port"
 * @param {{authkey: (string|Uint8Array), cancellable: Gio.Cancellable, timeout: number}} [options]
 *   the key, and what ends the wait
 * @returns {Promise<Mp.Connection>} the connection
 */
function connectAsync(address, options) {
    return Errors.promise(
        (token, callback) => realConnect(address, keyOf(options?.authkey), token, callback),
        result => Mp.Connection.connect_finish(result), options, ['authkey']);
}

/**
 * Waits for somebody who connects.
 *
 * @param {{timeout: number}} [options] - how long
 * @returns {Mp.Connection} the connection
 */
function accept(options) {
    const [status, connection] = Errors.waitFor(usec => this.accept_raw(usec),
        Errors.timeoutOf(options));
    if (status === Mp.Status.NOT_OWNER) {
        throw Errors.failure(Mp.Error.AUTHENTICATION,
            'Somebody who does not have the key has tried to connect');
    }
    if (status === Mp.Status.INVALID)
        throw Errors.failure(Mp.Error.INVALID_STATE, 'The listener is closed');
    Errors.check(status, Mp.Error.TIMED_OUT, 'Nobody has connected in time');
    return connection;
}

/**
 * Waits for somebody who connects, without stopping the main loop.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise<Mp.Connection>} the connection
 */
function acceptAsync(options) {
    return Errors.promise((token, callback) => this.accept_async(token, callback),
        result => this.accept_finish(result), options);
}

// Everybody who has the key, until the listener is closed.
async function* acceptAll() {
    for (;;) {
        try {
            yield await this.acceptAsync();
        } catch (error) {
            if (error.matches?.(Mp.Error, Mp.Error.INVALID_STATE))
                return;
            if (!error.matches?.(Mp.Error, Mp.Error.AUTHENTICATION))
                throw error;
        }
    }
}

function initListener(options = {}) {
    const {address = null, backlog = 0, authkey = null} =
        Errors.checkNames(options, ['address', 'backlog', 'authkey']);
    return realListen(address, backlog, keyOf(authkey));
}

/**
 * Waits for any of many: connections, queues, listeners, processes.
 *
 * @param {Iterable<GObject.Object>} objects - what to wait for
 * @param {{timeout: number}} [options] - how long
 * @returns {GObject.Object[]} those that are ready; none if the time is over
 */
function wait(objects, options) {
    const all = [...Errors.checkIterable(objects, 'objects')];
    const [status, ready] = Errors.waitFor(usec => Mp.Connection.wait_raw(all, [], usec),
        Errors.timeoutOf(options));
    if (status === Mp.Status.INVALID) {
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT,
            'One of the objects is nothing that can be waited for');
    }
    return all.filter((_object, i) => ready[i]);
}

function install(namespace) {
    Mp = namespace;
    Object.assign(Mp.Connection.prototype, {
        send,
        sendBytes,
        sendAsync,
        sendFd,
        recv,
        tryRecv,
        recvAsync,
        recvBytes,
        recvFd,
        poll,
    });
    Mp.Connection.prototype[Symbol.iterator] = iterate;
    Mp.Connection.prototype[Symbol.asyncIterator] = iterateAsync;
    realConnect = Mp.Connection.connect_async.bind(Mp.Connection);
    Object.assign(Mp.Connection, {connect, connectAsync});

    realListen = Mp.Listener.new.bind(Mp.Listener);
    Object.assign(Mp.Listener.prototype, {_init: initListener, accept, acceptAsync});
    Mp.Listener.prototype[Symbol.asyncIterator] = acceptAll;
    Object.assign(namespace, {pipe, wait});
}
