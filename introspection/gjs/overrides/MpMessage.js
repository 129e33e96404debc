// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A value on its way out of JavaScript: its text, the bytes that are attached to that, and the
// shared objects that it refers to. The library attaches objects to the next message that is put,
// so that is said again before each try.

/* exported Message, attach, install */

'use strict';

const {GLib} = imports.gi;
const Pieces = imports.overrides.MpPieces;

const LARGE = 64 * 1024;    // bytes from which on a message is laid out in shared memory

let Mp = null;

const encoder = new TextEncoder();

/**
 * Has the next message that this process puts hold references on objects. Another try to put the
 * same message needs another call.
 *
 * @param {Array<Mp.Shared>} objects - what the message refers to
 */
function attach(objects) {
    if (objects.length === 0)
        return;
    Mp.Shared.detach_all();
    for (const object of objects)
        object.attach();
}

// A value that is on its way into a queue: a text, or a whole message if bytes are attached to it.
// A large one is laid out in a block at once, which holds the objects that it refers to.
var Message = class {
    constructor(text, found) {
        this._text = text;
        this._objects = found.objects;
        this._data = null;
        this._block = null;
        if (found.pieces.length === 0)
            return;
        if (found.size < LARGE)
            this._data = Pieces.join(text, found);
        else
            Pieces.join(text, found, size => this._allocate(size));
    }

    _allocate(size) {
        attach(this._objects);
        this._block = Mp.Block.new_attached(size);
        return this._block.toArray();
    }

    // One try. Returns a status.
    put(queue, usec) {
        if (this._block !== null)
            return queue.put_block_data(Mp.Encoding.JSON, this._block, usec);
        attach(this._objects);
        if (this._data !== null)
            return queue.put_data(Mp.Encoding.JSON, this._data, usec);
        return queue.put_text(this._text, usec);
    }

    // The same to be put by the library; keep the message until that is done. What refers to
    // objects lies in a block, which holds them.
    toPayload() {
        const {JSON: encoding} = Mp.Encoding;
        if (this._block !== null)
            return this._block.to_payload(encoding);

        const data = this._data ?? encoder.encode(this._text);
        if (this._objects.length === 0)
            return Mp.Payload.new(encoding, new GLib.Bytes(data));
        this._allocate(data.length).set(data);
        return this._block.to_payload(encoding);
    }

    release() {
        this._block?.release();
    }
};

function install(namespace) {
    Mp = namespace;
}
