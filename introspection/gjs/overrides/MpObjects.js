// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Objects of the program's own classes in values, and messages that are not for JavaScript.
//
// A class that implements Mp.Serializable has vfunc_get_state(), which gives a GLib.Variant, and
// vfunc_set_state(state), which a new object gets. Such objects may stand anywhere in a value. Who
// reads them has said Mp.Serializable.allow(TheClass) before.
//
// A value that only another language can have is an error that names it. Who wants to hand such a
// message on takes it with getPayload(), which does not read it.

/* exported install */

'use strict';

const Errors = imports.overrides.MpErrors;
const Values = imports.overrides.MpValues;

let Mp = null;

// ── Payloads ────────────────────────────────────────────────────────────────────────────────────

/** The value of a message. Throws Mp.Error.NOT_PLAIN if JavaScript cannot have it. */
function getValue() {
    if (this.get_encoding() === Mp.Encoding.BYTES)
        return this.get_bytes().toArray().slice();

    const converted = this.convert(Mp.Encoding.JSON);
    try {
        return Values.decodeMessage(converted.get_bytes().toArray());
    } finally {
        // A use behind the decoding: until here the payload keeps alive what it refers to.
        this.get_encoding();
    }
}

/**
 * Puts a message as it is, such as one that was taken with getPayload().
 *
 * @param {Mp.Payload} payload - the message
 * @param {{timeout: number}} [options] - how long to wait for room
 */
function putPayload(payload, options) {
    const timeout = Errors.timeoutOf(options);
    if (!(payload instanceof Mp.Payload))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'putPayload() needs an Mp.Payload');
    const status = Errors.waitFor(usec => this.put_payload_raw(payload, usec), timeout);
    Errors.check(status, timeout === 0 ? Mp.Error.FULL : Mp.Error.TIMED_OUT, 'The queue is full');
}

/**
 * Takes the first message without reading it.
 *
 * @param {{timeout: number}} [options] - how long to wait
 * @returns {Mp.Payload} the message, whose getValue() reads it
 */
function getPayload(options) {
    const timeout = Errors.timeoutOf(options);
    const [status, payload] = Errors.waitFor(usec => this.get_payload_raw(usec), timeout);
    Errors.check(status, timeout === 0 ? Mp.Error.EMPTY : Mp.Error.TIMED_OUT, 'The queue is empty');
    return payload;
}

/**
 * Puts a message as it is, without stopping the main loop until there is room.
 *
 * @param {Mp.Payload} payload - the message
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 */
async function putPayloadAsync(payload, options) {
    await Errors.promise((token, callback) => this.put_async(payload, token, callback),
        result => this.put_finish(result), options);
}

/**
 * Takes the first message without reading it, and without stopping the main loop until there is
 * one.
 *
 * @param {{cancellable: Gio.Cancellable, timeout: number}} [options] - what ends the wait
 * @returns {Promise} the message, an Mp.Payload
 */
function getPayloadAsync(options) {
    return Errors.promise((token, callback) => this.get_async(token, callback),
        result => this.get_finish(result), options);
}

// ── Installation ────────────────────────────────────────────────────────────────────────────────

function install(namespace) {
    Mp = namespace;
    Mp.Payload.prototype.getValue = getValue;
    Object.assign(Mp.Queue.prototype, {putPayload, getPayload, putPayloadAsync, getPayloadAsync});

    const {allow, allow_with_func} = Mp.Serializable;
    /**
     * Lets objects of a class come in values.
     *
     * @param {Function} type - the class
     * @param {function(GLib.Variant): object} [make] - makes one that has the state given; without
     *   it a new object gets it by vfunc_set_state()
     */
    Mp.Serializable.allow = (type, make) => {
        if (make === undefined)
            allow(type);
        else
            allow_with_func(type, state => make(state));
    };
}
