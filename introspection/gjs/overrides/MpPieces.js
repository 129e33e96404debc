// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Bytes and typed arrays in values. Each kind has a form of its own, so that it comes back as what
// it was; other languages see bytes, or numbers of that type.
//
//   ["bytes", …]    Uint8Array, GLib.Bytes        ["int8", …], ["float64", …]  and so on:
//   ["clamped", …]  Uint8ClampedArray                                          the typed arrays
//   ["buffer", …]   ArrayBuffer                   ["view", …]                  DataView
//
// Few bytes stand in the text, as base64. Many are attached to it: the text ends with a NUL, behind
// which the pieces lie, each at a multiple of 8 from the start of the message, in the order in
// which the text names them. [offset, length], counted from the first, is then what is in the
// form. That costs one copy on either side and nothing else; what is read has memory of its own.

/* exported Reader, collect, contentOf, install, join, kindOf, make, reset, split, valueOf */

'use strict';

const {GLib} = imports.gi;

const ATTACH = 1024;        // bytes from which on base64 costs more than a piece

const TYPES = {
    bytes: Uint8Array,
    clamped: Uint8ClampedArray,
    int8: Int8Array,
    int16: Int16Array,
    int32: Int32Array,
    int64: BigInt64Array,
    uint16: Uint16Array,
    uint32: Uint32Array,
    uint64: BigUint64Array,
    float32: Float32Array,
    float64: Float64Array,
};

const KINDS = new Map(Object.entries(TYPES).map(([kind, type]) => [type.name, kind]));

let Mp = null;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const align = offset => Math.ceil(offset / 8) * 8;

function invalid(message) {
    return new Mp.Error({code: Mp.Error.INVALID_DATA, message: `JSON: ${message}`});
}

// ── To text ─────────────────────────────────────────────────────────────────────────────────────

/** What encode() fills for a message: the objects it refers to, and the pieces of its bytes. */
function collect() {
    return {objects: [], pieces: [], size: 0};
}

/** Empties what encode() filled. */
function reset(found) {
    found?.objects?.splice(0);
    if (found?.pieces) {
        found.pieces.length = 0;
        found.size = 0;
    }
}

/** The kind of a typed array, by what it is and not by what its class is called. */
function kindOf(array) {
    return KINDS.get(array[Symbol.toStringTag]);
}

/**
 * What stands in a form for bytes: base64, or where they will be attached.
 *
 * @param {Uint8Array} bytes - the bytes
 * @param {{pieces: Array, size: number}} [found] - collects pieces if the message can have them
 * @returns {string|Array<number>} the content
 */
function contentOf(bytes, found) {
    const {length} = bytes;
    if (length < ATTACH || !found?.pieces)
        return length === 0 ? '' : GLib.base64_encode(bytes);

    const offset = align(found.size);
    found.pieces.push(bytes);
    found.size = offset + length;
    return [offset, length];
}

/**
 * A message of a text and pieces.
 *
 * @param {string} text - the text
 * @param {{pieces: Array, size: number}} found - what encode() collected
 * @param {function(number): Uint8Array} [allocate] - makes room for so many bytes
 * @returns {Uint8Array} the message, in that room
 */
function join(text, found, allocate = size => new Uint8Array(size)) {
    const encoded = encoder.encode(text);
    if (found.pieces.length === 0)
        return encoded;

    const start = align(encoded.length + 1);
    const message = allocate(start + found.size);
    message.set(encoded);
    message.fill(0, encoded.length, start);
    let at = start;
    for (const piece of found.pieces) {
        const next = start + align(at - start);
        message.fill(0, at, next);
        message.set(piece, next);
        at = next + piece.length;
    }
    return message;
}

// ── From text ───────────────────────────────────────────────────────────────────────────────────

/** The pieces of one message. Each is to be taken once, and all of them. */
var Reader = class {
    /** @param {Uint8Array} bytes - all of them, from the first on */
    constructor(bytes) {
        this._bytes = bytes;
        this._taken = new Map();
    }

    /**
     * Gives one piece.
     *
     * @param {Array<number>} place - offset and length
     * @returns {Uint8Array} a copy
     */
    take([offset, length]) {
        const bytes = this._bytes;
        if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length))
            throw invalid('a place of bytes that is not [offset, length]');
        if (offset < 0 || offset % 8 !== 0 || length < 1 || length > bytes.length - offset)
            throw invalid('bytes that are not there');
        if (this._taken.has(offset))
            throw invalid('bytes that are named twice');
        this._taken.set(offset, length);
        return bytes.slice(offset, offset + length);
    }

    /** Looks whether the pieces that were taken are all that there is. */
    finish() {
        let end = 0;
        for (const offset of [...this._taken.keys()].sort((a, b) => a - b)) {
            if (offset !== align(end))
                throw invalid('bytes that overlap, or that nothing names');
            end = offset + this._taken.get(offset);
        }
        if (end !== this._bytes.length)
            throw invalid('bytes that nothing names behind the text');
    }
};

/**
 * What is behind the text of a message.
 *
 * A block may also be there because the message holds shared objects, and have been written by
 * another language: then what it begins with is something else than the text.
 *
 * @param {string} text - the text
 * @param {Uint8Array} [pieces] - the pieces, if they came apart from the text
 * @param {Mp.Block} [block] - the block that the message came in, if the pieces lie in it
 * @returns {Reader} the pieces, or null
 */
function split(text, pieces, block) {
    if (pieces?.length > 0)
        return new Reader(pieces);
    if (!block)
        return null;

    const bytes = block.toArray();
    const nul = bytes.indexOf(0);
    if (nul < 0 || decoder.decode(bytes.subarray(0, nul)) !== text)
        return null;
    return new Reader(bytes.subarray(align(nul + 1)));
}

/**
 * The text and the pieces of a message.
 *
 * @param {Uint8Array} message - the message
 * @returns {Array} the text, and a Reader or null
 */
function valueOf(message) {
    const nul = message.indexOf(0);
    if (nul < 0)
        return [decoder.decode(message), null];
    return [decoder.decode(message.subarray(0, nul)), new Reader(message.subarray(align(nul + 1)))];
}

function fromBase64(text) {
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    const bytes = text === '' ? new Uint8Array(0) : GLib.base64_decode(text);
    if (text.length % 4 !== 0 || bytes.length !== text.length / 4 * 3 - padding)
        throw invalid('bytes that are not base64');
    return bytes;
}

/**
 * The bytes that a form has.
 *
 * @param {string|Array<number>} content - base64, or a place among the pieces
 * @param {Reader} [reader] - the pieces
 * @returns {Uint8Array} the bytes, with memory of their own
 */
function bytesOf(content, reader) {
    if (typeof content === 'string')
        return fromBase64(content);
    if (!Array.isArray(content) || content.length !== 2)
        throw invalid('bytes that are neither base64 nor a place');
    if (!reader)
        throw invalid('bytes that are not there');
    return reader.take(content);
}

/** What a form of that kind stands for; see bytesOf(). */
function make(kind, content, reader) {
    const bytes = bytesOf(content, reader);
    const {buffer, byteOffset, length} = bytes;
    if (kind === 'bytes' || kind === 'variant')
        return bytes;
    if (kind === 'buffer')
        return length === buffer.byteLength ? buffer : bytes.slice().buffer;
    if (kind === 'view')
        return new DataView(buffer, byteOffset, length);

    const type = TYPES[kind];
    const size = type.BYTES_PER_ELEMENT;
    if (length % size !== 0)
        throw invalid('a vector that ends within a number');
    if (byteOffset % size !== 0)
        return new type(bytes.slice().buffer);
    return new type(buffer, byteOffset, length / size);
}

function install(namespace) {
    Mp = namespace;
}
