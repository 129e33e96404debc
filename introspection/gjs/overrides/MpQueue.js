// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Queues with the manners of JavaScript: natural values, options objects, promises and iteration.
//
// Values travel as JSON text, with bytes behind it if they have many. What they refer to, shared
// objects, is attached to the message right before each try to put it; a message that was taken is
// held until its objects have been opened. Bytes travel as they are, and large ones in blocks,
// which the garbage collector does not count: so they are copied and released here, unless a view
// is asked for.

/* exported attach, bytesOf, install */

'use strict';

const {GLib} = imports.gi;
const System = imports.system;
const Errors = imports.overrides.MpErrors;
const Messages = imports.overrides.MpMessage;
const Pieces = imports.overrides.MpPieces;
const Values = imports.overrides.MpValues;

const ROW = 64;             // values that an iteration takes before the main loop has its turn
const BATCH = 256;          // values that are put or taken by one call of the library
const LARGE = 64 * 1024;    // bytes from which on a block is filled in place
const MAX_ITEMS = 4294967295;

let Mp = null;
let realInit = null;
let realBlock = null;

const encoder = new TextEncoder();
const {Message} = Messages;

var {attach} = Messages;

// ── Values out of messages ──────────────────────────────────────────────────────────────────────

/* What take_text() gave with a status that is not about waiting. */
function read(status, text, pieces, block) {
    try {
        if (status === Mp.Status.OK)
            return Values.decode(text, Pieces.split(text, pieces, block));
        return Errors.checkRead(status, text);
    } finally {
        block?.release();
    }
}

// ── Putting ─────────────────────────────────────────────────────────────────────────────────────

function checkPut(status, timeout) {
    Errors.check(status, timeout === 0 ? Mp.Error.FULL : Mp.Error.TIMED_OUT, 'The queue is full');
}

// Returns the last status.
function putMessage(queue, text, found, timeout) {
    const message = new Message(text, found);
    try {
        return Errors.waitFor(usec => message.put(queue, usec), timeout);
    } finally {
        message.release();
    }
}

/**
 * Puts a value at the end.
 *
 * @param {*} value - the value
 * @param {{timeout: number}} [options] - how long to wait for room
 */
function put(value, options) {
    const timeout = options === undefined ? undefined : Errors.timeoutOf(options);
    const found = {objects: [], pieces: [], size: 0};
    const text = Values.encode(value, found);
    // Names of this file are slow to look up, so what happens nearly always uses few of them.
    if (found.objects.length > 0 || found.pieces.length > 0 ||
        this.put_text(text, 0) !== Mp.Status.OK)
        checkPut(putMessage(this, text, found, timeout), timeout);
}

/**
 * Puts a value if there is room now.
 *
 * @param {*} value - the value
 * @returns {boolean} whether it was put
 */
function tryPut(value) {
    const found = Values.collect();
    const status = putMessage(this, Values.encode(value, found), found, 0);
    if (status === Mp.Status.TIMED_OUT)
        return false;
    Errors.check(status);
    return true;
}

/**
 * Puts a value as soon as there is room, without stopping the main loop until then. Calls do not
 * wait for one another: await each if the order matters.
 *
 * @param {*} value - the value, as it is now
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 */
async function putAsync(value, options) {
    const {cancellable, timeout} = Errors.asyncOptions(options);
    const found = Values.collect();
    const text = Values.encode(value, found);
    if (cancellable?.is_cancelled())
        Errors.check(Mp.Status.CANCELLED);

    const message = new Message(text, found);
    try {
        if (message.put(this, 0) === Mp.Status.OK)
            return;
        const payload = message.toPayload();
        await Errors.promise((token, callback) => this.put_async(payload, token, callback),
            result => this.put_finish(result), {cancellable, timeout});
    } finally {
        message.release();
    }
}

const padded = size => Math.ceil(size / 8) * 8;

// Values as the library takes many of them: size, encoding and text of each, padded to 8 bytes.
// One call encodes all texts, none of which has a line's end in it.
function makeFrames(texts) {
    const encoded = encoder.encode(`${texts.join('\n')}\n`);
    const frames = new Uint8Array(encoded.length + 16 * texts.length);
    const words = new Uint32Array(frames.buffer, 0, Math.floor(frames.length / 4));
    const json = Mp.Encoding.JSON;
    let at = 0;
    let start = 0;
    for (let i = 0; i < texts.length; i++) {
        const end = encoded.indexOf(10, start);
        words[at / 4] = end - start;
        words[at / 4 + 1] = json;
        frames.set(encoded.subarray(start, end), at + 8);
        at += 8 + Math.ceil((end - start) / 8) * 8;
        start = end + 1;
    }
    return frames.subarray(0, at);
}

const isText = found => found.objects.length === 0 && found.pieces.length === 0;

// Puts the values from a place on that one call can take. Returns status and number.
function putSome(queue, items, at, usec) {
    const [text, found] = items[at];
    if (!isText(found)) {
        const message = new Message(text, found);
        const status = message.put(queue, usec);
        message.release();
        return [status, status === Mp.Status.OK ? 1 : 0];
    }

    const texts = [];
    for (let i = at; i < items.length && texts.length < BATCH && isText(items[i][1]); i++)
        texts.push(items[i][0]);
    return queue.put_frames(makeFrames(texts), usec);
}

// Texts of all values, and what belongs to them. If one of them cannot travel, none has been put.
function encodeAll(values) {
    try {
        return Array.from(values, value => {
            const found = Values.collect();
            return [Values.encode(value, found), found];
        });
    } catch (error) {
        if (error instanceof Error || error instanceof GLib.Error)
            error.count = 0;
        throw error;
    }
}

/**
 * Puts many values, in order, with fewer calls and wake-ups than one by one. All are encoded
 * first: if one of them cannot travel, none is put.
 *
 * @param {Iterable} values - the values
 * @param {{timeout: number}} [options] - how long to wait for room, in all
 * @returns {number} how many; an error has the number of those that were put as its `count`
 */
function putMany(values, options) {
    const timeout = Errors.timeoutOf(options);
    const left = Errors.countdown(timeout);
    const items = encodeAll(Errors.checkIterable(values, 'values'));
    let at = 0;

    const put = usec => {
        const [result, count] = putSome(this, items, at, usec);
        at += Number(count);
        return at < items.length || result !== Mp.Status.INTERRUPTED ? result : Mp.Status.OK;
    };
    try {
        while (at < items.length)
            checkPut(Errors.waitFor(put, left()), timeout);
    } catch (error) {
        error.count = at;
        throw error;
    }
    return at;
}

// ── Taking ──────────────────────────────────────────────────────────────────────────────────────

function emptyError(timeout) {
    return Errors.failure(timeout === 0 ? Mp.Error.EMPTY : Mp.Error.TIMED_OUT,
        'The queue is empty');
}

const hasToWait = status => status === Mp.Status.TIMED_OUT || status === Mp.Status.INTERRUPTED;

/**
 * Takes the first value, waiting for one.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {*} the value
 */
function get(options) {
    const timeout = options === undefined ? undefined : Errors.timeoutOf(options);
    const [status, text, pieces, block] = this.take_text(0);
    if (status === Mp.Status.OK && block === null && !(pieces?.length > 0))
        return Values.decode(text);
    if (!hasToWait(status))
        return read(status, text, pieces, block);

    const result = Errors.waitFor(usec => this.take_text(usec), timeout);
    if (result[0] === Mp.Status.TIMED_OUT)
        throw emptyError(timeout);
    return read(...result);
}

/**
 * Takes the first value if there is one now.
 *
 * @returns {*} the value, or undefined, which no value in a queue is
 */
function tryGet() {
    const [status, text, pieces, block] = this.take_text(0);
    if (status === Mp.Status.OK && block === null && !(pieces?.length > 0))
        return Values.decode(text);
    if (status === Mp.Status.TIMED_OUT)
        return undefined;
    if (status !== Mp.Status.INTERRUPTED)
        return read(status, text, pieces, block);

    const result = Errors.waitFor(usec => this.take_text(usec), 0);
    return result[0] === Mp.Status.TIMED_OUT ? undefined : read(...result);
}

/**
 * Takes the first value, without stopping the main loop until there is one.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise} the value
 */
async function getAsync(options) {
    const {cancellable, timeout} = Errors.asyncOptions(options);
    const value = cancellable?.is_cancelled() ? undefined : this.tryGet();
    if (value !== undefined)
        return value;

    const payload = await Errors.promise((token, callback) => this.get_async(token, callback),
        result => this.get_finish(result), {cancellable, timeout});
    return payload.getValue();
}

// What is in one frame. One that the library could not convert is an error that names the type.
function readFrame(encoding, bytes) {
    if (encoding === Mp.Encoding.JSON)
        return Values.decodeMessage(bytes);
    if (encoding === Mp.Encoding.BYTES)
        return bytes.slice();
    return Mp.Payload.new(encoding, new GLib.Bytes(bytes)).getValue();
}

// The values of frames that all are texts, read as one array, or null.
function readTogether(frames, words) {
    const json = Mp.Encoding.JSON;
    const joined = new Uint8Array(frames.length + 2);
    let used = 0;
    let n = 0;
    for (let at = 0; at < frames.length; at += 8 + Math.ceil(words[at / 4] / 8) * 8) {
        const size = words[at / 4];
        if (words[at / 4 + 1] !== json)
            return null;
        joined[used] = used === 0 ? 91 : 44;    // [ or ,
        joined.set(frames.subarray(at + 8, at + 8 + size), used + 1);
        used += 1 + size;
        n++;
    }
    joined[used] = 93;                          // ]
    try {
        const values = Values.decodeMessage(joined.subarray(0, used + 1));
        return values.length === n ? values : null;
    } catch {
        return null;
    }
}

// Adds the values to a list. Returns how many messages there were, and the error of the first that
// could not be read.
function readFrames(frames, values) {
    const words = new Uint32Array(frames.buffer, frames.byteOffset, frames.byteLength / 4);
    const together = readTogether(frames, words);
    if (together !== null) {
        values.push(...together);
        return [together.length, null];
    }

    let failure = null;
    let n = 0;
    for (let at = 0; at < frames.length; at += 8 + padded(words[at / 4])) {
        n++;
        try {
            values.push(readFrame(words[at / 4 + 1],
                frames.subarray(at + 8, at + 8 + words[at / 4])));
        } catch (error) {
            failure ??= error;
        }
    }
    return [n, failure];
}

// Takes what lies together, or one large value. Returns status, how many, and the first error.
function takeSome(queue, max, timeout, values) {
    const [status, frames] = Errors.waitFor(
        usec => queue.get_frames(Mp.Encoding.JSON, Math.min(max, BATCH), usec), timeout);
    if (status === Mp.Status.OK)
        return [status, ...readFrames(frames, values)];
    if (status !== Mp.Status.INVALID)
        return [status, 0, null];

    const result = Errors.waitFor(usec => queue.take_text(usec), 0);
    if (![Mp.Status.OK, Mp.Status.NOT_PLAIN, Mp.Status.INVALID_DATA].includes(result[0]))
        return [result[0], 0, null];
    try {
        values.push(read(...result));
        return [Mp.Status.OK, 1, null];
    } catch (error) {
        return [Mp.Status.OK, 1, error];
    }
}

/**
 * Takes all values that are there, up to a number; waits only for the first.
 *
 * @param {number} max - how many at most
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {Array} the values, at least one. If one of them cannot be read here, the error has
 *   the others as its `values`
 */
function getMany(max, options) {
    const timeout = Errors.timeoutOf(options);
    const left = Errors.countdown(timeout);
    if (!Number.isInteger(max) || max < 1)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'max is a whole number above 0');

    const values = [];
    let failure = null;
    let taken = 0;
    while (taken < max) {
        const [status, n, error] = takeSome(this, max - taken, taken > 0 ? 0 : left(), values);
        failure ??= error;
        taken += n;
        if (status === Mp.Status.OK)
            continue;
        if (taken > 0)
            break;
        if (status !== Mp.Status.TIMED_OUT)
            Errors.check(status);
        else if (left() === 0)
            throw emptyError(timeout);
    }
    if (failure !== null) {
        failure.values = values;
        throw failure;
    }
    return values;
}

function* iterate() {
    for (;;) {
        const result = Errors.waitFor(usec => this.take_text(usec));
        if (result[0] === Mp.Status.CLOSED)
            return;
        yield read(...result);
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

// ── Bytes and blocks ────────────────────────────────────────────────────────────────────────────

function bytesOf(data) {
    if (data instanceof Uint8Array)
        return data;
    if (data instanceof ArrayBuffer)
        return new Uint8Array(data);
    if (ArrayBuffer.isView(data))
        return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof GLib.Bytes)
        return data.toArray();
    throw Errors.failure(Mp.Error.INVALID_ARGUMENT,
        'Bytes are a Uint8Array, an ArrayBuffer, another view of one, or a GLib.Bytes');
}

/**
 * Puts bytes: a Uint8Array to JavaScript, `bytes` to Python, `ay` to C and Vala.
 *
 * @param {Uint8Array|ArrayBuffer|DataView|GLib.Bytes} data - the bytes
 * @param {{timeout: number}} [options] - how long to wait for room
 */
function putBytes(data, options) {
    const timeout = Errors.timeoutOf(options);
    const bytes = bytesOf(data);
    if (bytes.length < LARGE) {
        checkPut(Errors.waitFor(
            usec => this.put_data(Mp.Encoding.BYTES, bytes, usec), timeout), timeout);
        return;
    }

    const block = Mp.Block.new(bytes.length);
    try {
        block.toArray().set(bytes);
        this.putBlock(block, {timeout});
    } finally {
        block.release();
    }
}

/**
 * Puts a block that was filled in place, whatever its size without a copy. It must not be changed
 * any more, and may be released.
 *
 * @param {Mp.Block} block - the block
 * @param {{timeout: number}} [options] - how long to wait for room
 */
function putBlock(block, options) {
    const timeout = Errors.timeoutOf(options);
    if (!(block instanceof Mp.Block))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'putBlock() needs an Mp.Block');
    const status = Errors.waitFor(
        usec => this.put_block_data(Mp.Encoding.BYTES, block, usec), timeout);
    checkPut(status, timeout);
}

function takeBytes(queue, options) {
    const timeout = Errors.timeoutOf(options);
    const [status, , data, block] = Errors.waitFor(
        usec => queue.take_data(Mp.Encoding.BYTES, usec), timeout);
    if (status === Mp.Status.OK)
        return [data, block];

    block?.release();
    if (status === Mp.Status.TIMED_OUT)
        throw emptyError(timeout);
    if (status === Mp.Status.NOT_PLAIN)
        throw Errors.failure(Mp.Error.INVALID_DATA, 'The value is no bytes');
    return Errors.check(status);
}

const inBlock = (data, block) => block !== null && (data === null || data.length === 0);

/**
 * Takes the first value, which was put as bytes.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {Uint8Array} a copy of its own
 */
function getBytes(options) {
    const [data, block] = takeBytes(this, options);
    try {
        return inBlock(data, block) ? block.toArray().slice() : data ?? new Uint8Array(0);
    } finally {
        block?.release();
    }
}

/**
 * Takes the first value, which was put as bytes, without a copy if it is large. The garbage
 * collector does not know how large blocks are: release() it when you are done.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {Mp.Block} a block, whose toArray() is a view of it
 */
function getBlock(options) {
    const [data, block] = takeBytes(this, options);
    if (inBlock(data, block))
        return block;

    block?.release();
    const copy = Mp.Block.new(data?.length ?? 0);
    if (data?.length > 0)
        copy.toArray().set(data);
    return copy;
}

// What the blocks of lost wrappers take is given back by the garbage collector only.
function makeBlock(size) {
    if (!Number.isSafeInteger(size) || size < 0)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'The size of a block is a whole number');
    try {
        return realBlock(size);
    } catch (error) {
        if (!error.matches?.(Mp.Error, Mp.Error.NO_SPACE))
            throw error;
        System.gc();
        return realBlock(size);
    }
}

function installBlock(type) {
    realBlock = type.new.bind(type);
    type.new = makeBlock;
    type.prototype.toArray = function () {
        return this.get_bytes().toArray();
    };
}

// ── Joining ─────────────────────────────────────────────────────────────────────────────────────

/** Says that the work on a value that was taken is done. */
function taskDone() {
    const status = this.task_done_raw();
    if (status === Mp.Status.INVALID) {
        throw Errors.failure(Mp.Error.INVALID_STATE, this.is_joinable()
            ? 'taskDone() was called too many times' : 'The queue is not joinable');
    }
    Errors.check(status);
}

function checkJoinable(queue) {
    if (!queue.is_joinable())
        throw Errors.failure(Mp.Error.INVALID_STATE, 'The queue is not joinable');
}

/**
 * Waits until the queue is empty and the work on all that was taken from it is done. Stops the main
 * loop meanwhile.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {boolean} whether it is
 */
function join(options) {
    const timeout = Errors.timeoutOf(options);
    checkJoinable(this);
    const status = Errors.waitFor(usec => this.join_raw(usec), timeout);
    if (status === Mp.Status.TIMED_OUT)
        return false;
    Errors.check(status);
    return true;
}

/**
 * Waits until the queue is empty and the work on all that was taken from it is done.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 */
async function joinAsync(options) {
    checkJoinable(this);
    await Errors.promise((token, callback) => this.join_async(token, callback),
        result => this.join_finish(result), options);
}

// ── Installation ────────────────────────────────────────────────────────────────────────────────

function queueOptions(options) {
    if (typeof options === 'number')
        return {maxItems: options, joinable: false};

    const {joinable = false} = Errors.checkNames(options, ['maxItems', 'max_items', 'joinable']);
    if (typeof joinable !== 'boolean')
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'joinable is true or false');
    return {maxItems: options.maxItems ?? options.max_items ?? 0, joinable};
}

function initQueue(options = {}) {
    const {maxItems, joinable} = queueOptions(options);
    if (!Number.isInteger(maxItems) || maxItems < 0 || maxItems > MAX_ITEMS)
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'maxItems is a whole number, or 0');
    if (this.constructor !== Mp.Queue)
        return realInit.call(this, {max_items: maxItems, joinable});
    return joinable ? Mp.Queue.new_joinable(maxItems) : Mp.Queue.new(maxItems);
}

function install(namespace) {
    Mp = namespace;
    const prototype = Mp.Queue.prototype;
    realInit = prototype._init;
    Object.assign(prototype, {
        _init: initQueue,
        put,
        tryPut,
        try_put: tryPut,
        putAsync,
        putMany,
        putBytes,
        putBlock,
        get,
        tryGet,
        try_get: tryGet,
        getAsync,
        getMany,
        getBytes,
        getBlock,
        taskDone,
        join,
        joinAsync,
    });
    prototype[Symbol.iterator] = iterate;
    prototype[Symbol.asyncIterator] = iterateAsync;
    installBlock(Mp.Block);
}
