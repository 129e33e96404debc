// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// JavaScript values as JSON text and back, with the forms {"$mp": [tag, …]} for what JSON lacks:
//
//   ["bytes", …] and others bytes and typed arrays: see MpPieces.js
//   ["int", decimal]        BigInt, and integers beyond 2^53 of other languages
//   ["float", name]         "nan", "inf" and "-inf"
//   ["map", [[k, v], …]]    Map
//   ["set", [v, …]]         Set
//   ["date", milliseconds]  Date
//   ["object", [[k, v], …]] an object that itself has the key "$mp"
//   ["object", handle]      a queue, lock or any other shared object, or a proxy of a manager
//   ["date", ISO 8601]      GLib.DateTime
//   ["variant", as bytes]   GLib.Variant, and what implements Mp.Serializable
//
// The built-in JSON.stringify is by far the fastest way to text, so the forms come out of toJSON
// methods on the prototypes of the types concerned. They sleep unless encode() is running: other
// users of JSON.stringify see no difference, and plain values pay nothing. What they cannot catch
// leaves signs in the text: a number that is not finite and a symbol among items become null, an
// object of which nothing would be left {}, and there is a "$mp" of the user's own. Such text
// takes a slower walk that is exact.
//
// Three things leave no sign, and a look for them would cost every object of every value a call: a
// property whose value is undefined or a symbol is left out, -0 is 0, and an instance of a class of
// the program's own becomes an object with its properties. All as JSON.stringify has it.

/* exported collect, decode, decodeForms, decodeMessage, encode, encodeMessage, install,
  joinMessage, notPlain */

'use strict';

const {GLib, GObject} = imports.gi;
const Pieces = imports.overrides.MpPieces;

const MARK = '$mp';
const MARK_TEXT = '"$mp"';

let Mp = null;

// Names of this file are slow to look up. What runs for each value has its own, in a closure, and
// shares these.
const state = {
    awake: false,       // encode() is inside JSON.stringify
    nForms: 0,          // forms made so far
    lastForm: null,     // the latest of them
    found: null,        // what encode() was given to collect objects and pieces in
    pieces: null,       // what decode() has besides the text
};

var {collect} = Pieces;
var joinMessage = Pieces.join;

function notPlain(message) {
    return new Mp.Error({code: Mp.Error.NOT_PLAIN, message});
}

function form(...content) {
    state.nForms++;
    state.lastForm = {[MARK]: content};
    return state.lastForm;
}

function invalid(message) {
    return new Mp.Error({code: Mp.Error.INVALID_DATA, message: `JSON: ${message}`});
}

function bytesForm(kind, bytes) {
    return form(kind, Pieces.contentOf(bytes, state.found));
}

function viewForm(kind, {buffer, byteOffset, byteLength}) {
    return bytesForm(kind, new Uint8Array(buffer, byteOffset, byteLength));
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
    if (!isProxy && object instanceof Mp.Serializable)
        return variantForm(object.to_variant());
    if (!isProxy && !(object instanceof Mp.Shared))
        throw notPlain(`A ${name} cannot leave the process`);

    if (!state.found?.objects)
        throw notPlain(`A ${name} travels only in queues, to tasks and back, and to processes`);
    const handle = object.get_handle();
    if (handle === null)
        throw notPlain(`A ${name} that cannot be used here cannot leave the process`);
    // What the message holds: of a proxy, what keeps the object in the server meanwhile.
    const holder = isProxy ? object.get_ticket() : object;
    state.found.objects.push(holder);
    return form('object', isProxy ? `${handle}/${holder.get_handle()}` : handle);
}

function variantForm(variant) {
    const payload = Mp.Payload.new_variant(variant);
    const objects = payload.get_objects();
    if (objects?.length > 0) {
        if (!state.found?.objects)
            throw notPlain('Shared objects travel only in queues, to tasks and back');
        state.found.objects.push(...objects);
    }
    return bytesForm('variant', payload.get_bytes().toArray());
}

function dateTimeForm(moment) {
    const value = Mp.date_time_to_variant(moment).get_maybe();
    return form('date', value.get_child_value(1).get_variant().get_string()[0]);
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

function errorForm(error) {
    throw notPlain(`An error (${error.constructor.name}) cannot travel as a value; ` +
        'a task may throw it');
}

// What a type becomes. The prototype's own toJSON, if it has one, serves everybody else.
function conversions() {
    return [
        [Map.prototype, map => form('map', [...map])],
        [Set.prototype, set => form('set', [...set])],
        [Date.prototype, dateForm],
        [BigInt.prototype, number => form('int', number.toString())],
        [Object.getPrototypeOf(Uint8Array.prototype),
            array => viewForm(Pieces.kindOf(array), array)],
        [ArrayBuffer.prototype, buffer => bytesForm('buffer', new Uint8Array(buffer))],
        [DataView.prototype, view => viewForm('view', view)],
        [Function.prototype, functionForm],
        [Error.prototype, errorForm],
        [GLib.Error.prototype, errorForm],
        ...[FinalizationRegistry, Promise, RegExp, Symbol, WeakMap, WeakRef, WeakSet].map(
            type => [type.prototype, refusal(type.name)]),
        [GLib.Bytes.prototype, bytes => bytesForm('bytes', bytes.toArray())],
        [GLib.Variant.prototype, variantForm],
        [GLib.DateTime.prototype, dateTimeForm],
        [GObject.Object.prototype, objectForm],
    ];
}

function addSleeper(prototype, convert) {
    const before = prototype.toJSON;

    function toJSON(key) {
        if (state.awake)
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
    Pieces.install(namespace);
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

function isPlain(object) {
    const prototype = Object.getPrototypeOf(object);
    return prototype === Object.prototype || prototype === null;
}

function nameOf(object) {
    const {constructor} = object;
    if (constructor === Object || typeof constructor !== 'function')
        return object[Symbol.toStringTag] ?? 'value without properties';
    return Object.hasOwn(constructor, '$gtype') ? constructor.$gtype.name : constructor.name;
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
    if (entries.length === 0 && !isPlain(object))
        refusal(nameOf(object))();
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
            return made === state.lastForm ? exactForm(made) : exact(made, key);
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
    if (value.toJSON !== undefined || !isPlain(value))
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

    Pieces.reset(state.found);
    const tree = exact(value, '');
    state.awake = false;
    return JSON.stringify(tree);
}

// ── Errors ──────────────────────────────────────────────────────────────────────────────────────

function* children(value) {
    if (value instanceof Map) {
        for (const [key, item] of value) {
            yield ['.keys()', key];
            yield [`.get(${typeof key === 'string' ? JSON.stringify(key) : String(key)})`, item];
        }
    } else if (value instanceof Set) {
        for (const item of value)
            yield ['.values()', item];
    } else {
        for (const key of Object.keys(value)) {
            const step = /^\d+$/.test(key) ? `[${key}]`
                : /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
            yield [step, value[key]];
        }
    }
}

// Where a value contains itself, or null. The deepest first, on a stack of its own: values nest
// deeper than functions can call one another.
function findCycle(root) {
    const around = new Map([[root, 'value']]);
    const done = new Set();
    const stack = [[root, 'value', children(root)]];
    while (stack.length > 0) {
        const [object, path, rest] = stack[stack.length - 1];
        const {value, done: isLast} = rest.next();
        if (isLast) {
            around.delete(object);
            done.add(object);
            stack.pop();
            continue;
        }
        const [step, child] = value;
        if (typeof child !== 'object' || child === null || ArrayBuffer.isView(child) ||
            done.has(child))
            continue;
        if (around.has(child))
            return `${path}${step} is ${around.get(child)}`;
        around.set(child, `${path}${step}`);
        stack.push([child, `${path}${step}`, children(child)]);
    }
    return null;
}

function explain(error, value) {
    const isCyclic = error instanceof TypeError && /cyclic|circular/.test(error.message);
    const isDeep = error instanceof Error && error.message === 'too much recursion';
    if (!isCyclic && !isDeep)
        return error;

    const cycle = findCycle(value);
    if (cycle !== null)
        return notPlain(`A value that contains itself cannot leave the process: ${cycle}`);
    return notPlain('The value is nested too deep to leave the process');
}

/**
 * The JSON text of a value.
 *
 * @param {*} value - what is to travel
 * @param {{objects: Array, pieces: Array}} [toFill] - collects in empty arrays the shared objects
 *   that the message has to hold, without which they are refused, and the bytes that are to be
 *   attached to the text, without which all are in it: see collect()
 * @returns {string} the text
 */
var encode = (() => {
    const {stringify} = JSON;
    const [shared, markText, count, slow, why] =
        [state, MARK_TEXT, countMarks, slowText, explain];

    return (value, toFill = null) => {
        const {awake, found, nForms} = shared;
        shared.awake = true;
        shared.found = toFill;
        try {
            const text = stringify(value);
            const made = shared.nForms - nForms;
            if (text !== undefined && !text.includes('null') && !text.includes('{}') &&
                (made === 0 ? !text.includes(markText) : count(text) === made))
                return text;
            return slow(value, text, made);
        } catch (error) {
            throw why(error, value);
        } finally {
            shared.awake = awake;
            shared.found = found;
        }
    };
})();

/**
 * A value as a message: its text, and the bytes attached to it.
 *
 * @param {*} value - what is to travel
 * @param {{objects: Array, pieces: Array}} toFill - of collect()
 * @returns {Uint8Array} the message
 */
function encodeMessage(value, toFill) {
    return Pieces.join(encode(value, toFill), toFill);
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

function readItems(items) {
    if (!Array.isArray(items))
        throw invalid('a set that is no array');
    return decodeForms(items);
}

function readPairs(pairs) {
    if (!Array.isArray(pairs) || !pairs.every(pair => Array.isArray(pair) && pair.length === 2))
        throw invalid('a map that is no array of pairs');
    return decodeForms(pairs);
}

function readObject(pairs) {
    const object = {};
    for (const [key, value] of readPairs(pairs)) {
        if (typeof key !== 'string')
            throw invalid('an object with a key that is no string');
        setOwn(object, key, value);
    }
    return object;
}

function readInt(decimal) {
    if (typeof decimal !== 'string' || !/^-?\d+$/.test(decimal))
        throw invalid('an integer that is no decimal');
    return BigInt(decimal);
}

function readFloat(name) {
    if (typeof name !== 'string' || !Object.hasOwn(FLOATS, name))
        throw invalid('a float that is none of nan, inf and -inf');
    return FLOATS[name];
}

function readDate(time) {
    if (typeof time === 'string')
        return readDateTime(time);
    if (!Number.isInteger(time) || Number.isNaN(new Date(time).getTime()))
        throw invalid('a date that is no number of milliseconds');
    return new Date(time);
}

function readDateTime(text) {
    return Mp.date_time_from_variant(
        new GLib.Variant('m(sv)', ['mp.datetime', new GLib.Variant('s', text)]));
}

function readVariant(content) {
    imports.overrides.MpFunctions.needClasses();
    const bytes = Pieces.make('variant', content, state.pieces);
    const payload = Mp.Payload.new(Mp.Encoding.VARIANT, new GLib.Bytes(bytes));
    payload.get_objects();      // what it names is held by the GVariant, too
    const variant = payload.get_variant(null);
    if (variant.get_type_string() !== 'm(sv)')
        return variant;
    const isObject = variant.get_maybe()?.get_child_value(0).get_string()[0] === 'mp.gobject';
    return isObject ? Mp.Serializable.from_variant(variant) : variant;
}

function openObject(handle) {
    imports.overrides.MpFunctions.needClasses();
    return handle.startsWith('mproc-manager:') ? Mp.Proxy.open(handle) : Mp.Shared.open(handle);
}

const FLOATS = {'nan': NaN, 'inf': Infinity, '-inf': -Infinity};

const readers = {
    int: readInt,
    float: readFloat,
    map: pairs => new Map(readPairs(pairs)),
    set: items => new Set(readItems(items)),
    date: readDate,
    object: content => typeof content === 'string' ? openObject(content) : readObject(content),
    variant: readVariant,
};

for (const kind of ['bytes', 'clamped', 'buffer', 'view', 'int8', 'int16', 'int32', 'int64',
    'uint16', 'uint32', 'uint64', 'float32', 'float64'])
    readers[kind] = content => Pieces.make(kind, content, state.pieces);

function readForm(content) {
    if (!Array.isArray(content) || content.length !== 2)
        throw invalid('a malformed "$mp" object');

    const [tag, argument] = content;
    if (typeof tag !== 'string' || !Object.hasOwn(readers, tag))
        throw invalid(`an unknown form of value “${tag}”`);
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
    if (Object.hasOwn(value, MARK)) {
        if (keys.length > 1)
            throw invalid('the key "$mp" in an object with others');
        return readForm(value[MARK]);
    }

    for (const key of keys) {
        const child = value[key];
        const read = decodeForms(child);
        if (read !== child)
            setOwn(value, key, read);
    }
    return value;
}

function explainText(error) {
    if (error instanceof SyntaxError)
        return invalid(error.message);
    if (error instanceof Error && error.message === 'too much recursion')
        return invalid('the value is nested too deep');
    return error;
}

/**
 * The value of a JSON text.
 *
 * @param {string} text - the text
 * @param {Reader} [attached] - what is attached to it: of MpPieces
 * @returns {*} the value
 */
var decode = (() => {
    const {parse} = JSON;
    const [shared, replaceForms, why] = [state, decodeForms, explainText];

    return (text, attached = null) => {
        const {pieces} = shared;
        try {
            // A hand may have written the mark with escapes, which begin like those of control
            // characters.
            if (attached === null && !text.includes('"$mp"') && !text.includes('\\u00'))
                return parse(text);

            shared.pieces = attached;
            const value = replaceForms(parse(text));
            attached?.finish();
            return value;
        } catch (error) {
            throw why(error);
        } finally {
            shared.pieces = pieces;
        }
    };
})();


/**
 * The value of a message: of a text, and what is attached to it.
 *
 * @param {Uint8Array} message - the message
 * @returns {*} the value
 */
function decodeMessage(message) {
    return decode(...Pieces.valueOf(message));
}
