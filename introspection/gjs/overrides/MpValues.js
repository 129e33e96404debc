// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// JavaScript values as JSON text and back, with the forms {"$mp": [tag, …]} for what JSON lacks:
//
//   ["bytes", base64]       Uint8Array, ArrayBuffer, DataView, GLib.Bytes
//   ["int", decimal]        BigInt, and integers beyond 2^53 of other languages
//   ["float", name]         "nan", "inf" and "-inf"
//   ["map", [[k, v], …]]    Map
//   ["set", [v, …]]         Set
//   ["date", milliseconds]  Date
//   ["object", [[k, v], …]] an object that itself has the key "$mp"
//   ["object", handle]      a queue, lock or any other shared object
//   ["proxy", handle]       a list or dict of a manager, among the arguments of a process or task
//
// The built-in JSON.stringify is by far the fastest way to text, so the forms come out of toJSON
// methods on the prototypes of the types concerned. They sleep unless encode() is running: other
// users of JSON.stringify see no difference, and plain values pay nothing. Three things they
// cannot catch: a number that is not finite and a symbol among items, which become null, and a
// "$mp" of the user's own. Text that shows signs of one takes a slower walk that is exact. A
// property whose value is undefined or a symbol is left out without a sign, as JSON.stringify
// does.

/* exported encode, decode, decodeForms, install, notPlain */

'use strict';

const {GLib, GObject} = imports.gi;

const MARK = '$mp';
const MARK_TEXT = '"$mp"';

let Mp = null;
let awake = false;      // encode() is inside JSON.stringify
let nForms = 0;         // forms made so far
let lastForm = null;    // the latest of them
let found = null;       // what encode() was given to collect objects in

function notPlain(message) {
    return new Mp.Error({code: Mp.Error.NOT_PLAIN, message});
}

function form(...content) {
    nForms++;
    lastForm = {[MARK]: content};
    return lastForm;
}

function bytesForm(bytes) {
    return form('bytes', bytes.length === 0 ? '' : GLib.base64_encode(bytes));
}

function bufferForm(view) {
    return bytesForm(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

function arrayForm(array) {
    if (array instanceof Uint8Array || array instanceof Uint8ClampedArray)
        return bufferForm(array);
    return Array.from(array);
}

function dateForm(date) {
    const time = date.getTime();
    if (Number.isNaN(time))
        throw notPlain('An invalid Date cannot leave the process');
    return form('date', time);
}

function objectForm(object) {
    const name = object.constructor.$gtype.name;
    const isProxy = object instanceof Mp.Proxy;
    if (!isProxy && !(object instanceof Mp.Shared))
        throw notPlain(`A ${name} cannot leave the process`);

    const list = isProxy ? found?.proxies : found?.objects;
    if (!list) {
        throw notPlain(isProxy ? `A ${name} travels only as an argument of a process or of a task`
            : `A ${name} travels only in queues, to tasks and back, and to processes`);
    }
    const handle = object.get_handle();
    if (handle === null)
        throw notPlain(`A ${name} that cannot be used here cannot leave the process`);
    list.push(object);
    return form(isProxy ? 'proxy' : 'object', handle);
}

function functionForm(func) {
    throw notPlain(`The function ${func.name || '(anonymous)'} cannot travel as a value; ` +
        'see Mp.task() for functions');
}

// Refuses what JSON.stringify would make {} of.
function refusal(name) {
    return () => {
        throw notPlain(`A ${name} cannot leave the process`);
    };
}

// What a type becomes. The prototype's own toJSON, if it has one, serves everybody else.
function conversions() {
    return [
        [Map.prototype, map => form('map', [...map])],
        [Set.prototype, set => form('set', [...set])],
        [Date.prototype, dateForm],
        [BigInt.prototype, number => form('int', number.toString())],
        [Object.getPrototypeOf(Uint8Array.prototype), arrayForm],
        [ArrayBuffer.prototype, buffer => bytesForm(new Uint8Array(buffer))],
        [DataView.prototype, bufferForm],
        [Function.prototype, functionForm],
        ...[Promise, RegExp, Symbol, WeakMap, WeakRef, WeakSet].map(
            type => [type.prototype, refusal(type.name)]),
        [GLib.Bytes.prototype, bytes => bytesForm(bytes.toArray())],
        [GLib.Variant.prototype, variant => variant.recursiveUnpack()],
        [GObject.Object.prototype, objectForm],
    ];
}

function addSleeper(prototype, convert) {
    const before = prototype.toJSON;

    function toJSON(key) {
        if (awake)
            return convert(this);
        return before ? before.call(this, key) : this;
    }

    Object.defineProperty(prototype, 'toJSON', {
        value: toJSON,
        configurable: true,
        enumerable: false,
        writable: true,
    });
}

function install(namespace) {
    Mp = namespace;
    for (const [prototype, convert] of conversions())
        addSleeper(prototype, convert);
}

// ── To text ─────────────────────────────────────────────────────────────────────────────────────

function countMarks(text) {
    let n = 0;
    for (let at = text.indexOf(MARK_TEXT); at >= 0; at = text.indexOf(MARK_TEXT, at + 1))
        n++;
    return n;
}

function exactObject(object) {
    const entries = [];
    for (const key of Object.keys(object)) {
        const value = object[key];
        if (value !== undefined && typeof value !== 'symbol')
            entries.push([key, exact(value, key)]);
    }

    if (Object.hasOwn(object, MARK))
        return form('object', entries);
    return Object.fromEntries(entries);
}

// A form's tag and texts are right as they are; what it holds may need a look.
function exactForm(made) {
    made[MARK] = made[MARK].map(part => typeof part === 'object' ? exact(part, '') : part);
    return made;
}

// What JSON.stringify sees of a value, with everything it would lose made explicit.
function exact(value, key) {
    switch (typeof value) {
    case 'number':
        if (Number.isFinite(value))
            return value;
        return form('float', Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf');
    case 'undefined':
        return null;
    case 'symbol':
        return refusal('Symbol')();
    case 'string':
    case 'boolean':
        return value;
    }

    if (value === null)
        return null;
    if (typeof value.toJSON === 'function') {
        const made = value.toJSON(key);
        if (made !== value)
            return made === lastForm ? exactForm(made) : exact(made, key);
    }
    if (Array.isArray(value))
        return Array.from(value, (item, index) => exact(item, String(index)));
    if (value instanceof Number || value instanceof String || value instanceof Boolean)
        return exact(value.valueOf(), key);
    return exactObject(value);
}

// Whether JSON.stringify may lose something of a value that makes no form. Without allocation,
// since "null" in a text is common and nearly always means null.
function mayLose(value) {
    if (typeof value === 'number')
        return !Number.isFinite(value);
    if (typeof value !== 'object' || value === null)
        return typeof value === 'symbol';

    if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
            if (mayLose(value[i]))
                return true;
        }
        return false;
    }
    if (value.toJSON !== undefined || value instanceof Number)
        return true;
    for (const key in value) {
        if (mayLose(value[key]))
            return true;
    }
    return false;
}

// What is left to do when the built-in way showed signs of loss, or made no text.
function slowText(value, text, made) {
    if (text !== undefined && countMarks(text) === made && !mayLose(value))
        return text;

    found?.objects.splice(0);
    found?.proxies?.splice(0);
    const tree = exact(value, '');
    awake = false;
    return JSON.stringify(tree);
}

function explain(error) {
    if (error instanceof TypeError && /cyclic|circular/.test(error.message))
        return notPlain('A value that contains itself cannot leave the process');
    if (error instanceof Error && error.message === 'too much recursion')
        return notPlain('The value is nested too deep, or contains itself');
    return error;
}

/**
 * The JSON text of a value.
 *
 * @param {*} value - what is to travel
 * @param {{objects: Array, proxies: Array}} [toFill] - collects what is in it in empty arrays:
 *   shared objects, which the caller has to attach to the message, and proxies, which it has to
 *   keep until the text was read; without an array they are refused
 * @returns {string} the text
 */
function encode(value, toFill = null) {
    const outerAwake = awake;
    const outerFound = found;
    const before = nForms;
    awake = true;
    found = toFill;
    try {
        const text = JSON.stringify(value);
        const made = nForms - before;
        if (text !== undefined && !text.includes('null') &&
            (made === 0 ? !text.includes(MARK_TEXT) : countMarks(text) === made))
            return text;
        return slowText(value, text, made);
    } catch (error) {
        throw explain(error);
    } finally {
        awake = outerAwake;
        found = outerFound;
    }
}

// ── From text ───────────────────────────────────────────────────────────────────────────────────

function setOwn(object, key, value) {
    if (key === '__proto__') {
        Object.defineProperty(object, key,
            {value, configurable: true, enumerable: true, writable: true});
    } else {
        object[key] = value;
    }
}

function readPairs(pairs) {
    return pairs.map(([key, value]) => [decodeForms(key), decodeForms(value)]);
}

function readObject(pairs) {
    const object = {};
    for (const [key, value] of readPairs(pairs))
        setOwn(object, key, value);
    return object;
}

function readInt(decimal) {
    const number = Number(decimal);
    return Number.isSafeInteger(number) ? number : BigInt(decimal);
}

const FLOATS = {'nan': NaN, 'inf': Infinity, '-inf': -Infinity};

const readers = {
    bytes: text => text === '' ? new Uint8Array(0) : GLib.base64_decode(text),
    int: readInt,
    float: name => FLOATS[name],
    map: pairs => new Map(readPairs(pairs)),
    set: items => new Set(items.map(decodeForms)),
    date: time => new Date(time),
    object: content => typeof content === 'string' ? Mp.Shared.open(content) : readObject(content),
    proxy: handle => Mp.Proxy.open(handle),
};

function readForm(content) {
    const [tag, argument] = content;
    if (!Object.hasOwn(readers, tag)) {
        throw new Mp.Error({
            code: Mp.Error.INVALID_DATA,
            message: `Unknown form of value “${tag}”`,
        });
    }
    return readers[tag](argument);
}

/**
 * Replaces the forms in a tree that JSON.parse made by what they stand for, in place.
 *
 * @param {*} value - the tree
 * @returns {*} the value
 */
function decodeForms(value) {
    if (typeof value !== 'object' || value === null)
        return value;

    if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++)
            value[i] = decodeForms(value[i]);
        return value;
    }

    const keys = Object.keys(value);
    if (keys.length === 1 && keys[0] === MARK && Array.isArray(value[MARK]))
        return readForm(value[MARK]);

    for (const key of keys) {
        const child = value[key];
        const read = decodeForms(child);
        if (read !== child)
            setOwn(value, key, read);
    }
    return value;
}

/**
 * The value of a JSON text.
 *
 * @param {string} text - the text
 * @returns {*} the value
 */
function decode(text) {
    const value = JSON.parse(text);
    return text.includes(MARK_TEXT) ? decodeForms(value) : value;
}
