// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Managers: lists with the manners of Array and dicts with those of Map, whose content is in the
// manager's server process. Every call asks the server and waits for its answer, which is short.
// What is read is a copy: change it and set it, or use modify().

/* exported install */

'use strict';

const Errors = imports.overrides.MpErrors;
const Values = imports.overrides.MpValues;

// Beyond the last index of any list.
const END = Number.MAX_SAFE_INTEGER;

let Mp = null;

// ── Calls ───────────────────────────────────────────────────────────────────────────────────────

// Little-endian as the machine is, or not.
const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// Messages as the library frames them: how many; of each its encoding, its size and its bytes.
function makeFrame(messages) {
    const frame = new Uint8Array(messages.reduce((sum, {length}) => sum + 12 + length, 4));
    const view = new DataView(frame.buffer);
    let at = 4;
    view.setUint32(0, messages.length, LITTLE);
    for (const message of messages) {
        view.setUint32(at, Mp.Encoding.JSON, LITTLE);
        view.setBigUint64(at + 4, BigInt(message.length), LITTLE);
        frame.set(message, at + 12);
        at += 12 + message.length;
    }
    return frame;
}

// The values of a frame whose messages all are JSON.
function readFrame(frame) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const values = [];
    for (let at = 4; at < frame.length;) {
        const size = Number(view.getBigUint64(at + 4, LITTLE));
        values.push(Values.decodeMessage(frame.subarray(at + 12, at + 12 + size)));
        at += 12 + size;
    }
    return values;
}

// The texts of values, or whole messages if many bytes are in one of them.
function encodeAll(values) {
    const found = values.map(() => Values.collect());
    const texts = values.map((value, i) => Values.encode(value, found[i]));
    const objects = found.flatMap(each => each.objects);
    if (found.every(each => each.pieces.length === 0))
        return {texts, objects};
    return {messages: texts.map((text, i) => Values.joinMessage(text, found[i])), objects};
}

function call(proxy, method, values = [], start = 0, end = 0, version = 0) {
    // The server opens the shared objects in what it keeps before it answers; until then they live
    // here.
    const {texts, messages, objects} = encodeAll(values);
    const [, reply, number, newVersion] = messages !== undefined
        ? proxy.call_data(method, start, end, version, makeFrame(messages), Mp.Encoding.JSON)
        : proxy.call_text(method, start, end, version, texts);
    objects.splice(0);
    return {
        values: messages !== undefined ? readFrame(reply) : Values.decode(reply),
        number: Number(number),
        version: Number(newVersion),
    };
}

function callOne(proxy, method, values, start) {
    return call(proxy, method, values, start).values[0];
}

// undefined, as Array and Map have it, instead of an error for what is not there.
function orUndefined(func) {
    try {
        return func();
    } catch (error) {
        if (error.matches?.(Mp.Error, Mp.Error.NO_SUCH_KEY))
            return undefined;
        throw error;
    }
}

// Like Array and Map, false instead of an error when there is nothing to remove.
function whether(func) {
    try {
        func();
        return true;
    } catch (error) {
        if (error.matches?.(Mp.Error, Mp.Error.NO_SUCH_KEY))
            return false;
        throw error;
    }
}

/**
 * Changes the whole content as one step that no other process gets between.
 *
 * @param {Mp.Proxy} proxy - the list or dict
 * @param {function(Array): Array} func - makes a new flat list of values of the present one; may
 *   be called again when another process was faster
 */
function modifyFlat(proxy, func) {
    for (;;) {
        const {values, version} = call(proxy, 'get_all');
        if (call(proxy, 'replace_if_version', func(values), 0, 0, version).number === 1)
            return;
    }
}

function defineGetter(prototype, name, get) {
    Object.defineProperty(prototype, name, {get, configurable: true});
}

// NaN, 1.5 and '2' are no places in a list, though GJS would make integers of them.
function checkIndex(index) {
    if (!Number.isSafeInteger(index))
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT, 'An index is a whole number');
    return index;
}

// A key is compared by its content, so it must be something that cannot change. Arrays are only
// looked up: they are equal to the tuples of Python, and Python can have no others.
function checkKey(key, {mayBeArray = false} = {}) {
    const plain = key === null || ['string', 'number', 'boolean', 'bigint'].includes(typeof key) ||
        key instanceof Date || key instanceof Uint8Array;
    if (!plain && !(mayBeArray && Array.isArray(key))) {
        throw Errors.failure(Mp.Error.INVALID_ARGUMENT,
            'A key is a string, number, boolean, BigInt, Date, Uint8Array or null');
    }
    return key;
}

const LOOK_UP = {mayBeArray: true};

// ── Lists ───────────────────────────────────────────────────────────────────────────────────────

const list = {
    get(index) {
        return callOne(this, 'get', [], checkIndex(index));
    },
    at(index) {
        return orUndefined(() => this.get(index));
    },
    set(index, value) {
        call(this, 'set', [value], checkIndex(index));
    },
    append(value) {
        call(this, 'extend', [value]);
    },
    push(...values) {
        call(this, 'extend', values);
    },
    extend(values) {
        call(this, 'extend', Array.from(Errors.checkIterable(values, 'values')));
    },
    insert(index, ...values) {
        call(this, 'insert', values, checkIndex(index));
    },
    pop(index = -1) {
        return callOne(this, 'pop', [], checkIndex(index));
    },
    remove(value) {
        return whether(() => call(this, 'remove', [value]));
    },
    removeAt(index) {
        call(this, 'remove_at', [], checkIndex(index));
    },
    slice(start = 0, end = END) {
        return call(this, 'get_slice', [], checkIndex(start), checkIndex(end)).values;
    },
    indexOf(value) {
        return call(this, 'index_of', [value], 0, END).number;
    },
    count(value) {
        return call(this, 'count', [value]).number;
    },
    includes(value) {
        return call(this, 'contains', [value]).number === 1;
    },
    reverse() {
        call(this, 'reverse');
    },
    toArray() {
        return call(this, 'get_all').values;
    },
    replace(values) {
        call(this, 'replace', Array.from(Errors.checkIterable(values, 'values')));
    },
    modify(func) {
        modifyFlat(this, values => Array.from(Errors.checkIterable(func(values), 'the result')));
    },
    [Symbol.iterator]() {
        return this.toArray()[Symbol.iterator]();
    },
};

function installList(prototype) {
    Object.assign(prototype, list);
    defineGetter(prototype, 'length', function () {
        return call(this, 'length').number;
    });
}

// ── Dicts ───────────────────────────────────────────────────────────────────────────────────────

function pairsOf(content) {
    if (content === undefined || content === null)
        return [];
    return typeof content[Symbol.iterator] === 'function'
        ? [...content] : Object.entries(content);
}

/* Keys and values by turns, as the server takes them. A key that was there stays as it is. */
function flatten(content, known = new Map()) {
    const flat = [];
    for (const pair of pairsOf(content)) {
        if (!Array.isArray(pair) || pair.length !== 2) {
            throw Errors.failure(Mp.Error.INVALID_ARGUMENT,
                'The content of a dict is a Map, an object, or pairs of key and value');
        }
        flat.push(known.has(pair[0]) ? pair[0] : checkKey(pair[0]), pair[1]);
    }
    return flat;
}

function pairUp(flat) {
    const pairs = [];
    for (let i = 0; i < flat.length; i += 2)
        pairs.push([flat[i], flat[i + 1]]);
    return pairs;
}

const dict = {
    get(key) {
        return orUndefined(() => callOne(this, 'get', [checkKey(key, LOOK_UP)]));
    },
    set(key, value) {
        call(this, 'set', [checkKey(key), value]);
        return this;
    },
    setDefault(key, value) {
        return callOne(this, 'set_default', [checkKey(key), value]);
    },
    has(key) {
        return call(this, 'contains', [checkKey(key, LOOK_UP)]).number === 1;
    },
    delete(key) {
        return whether(() => call(this, 'remove', [checkKey(key, LOOK_UP)]));
    },
    pop(key) {
        return callOne(this, 'pop', [checkKey(key, LOOK_UP)]);
    },
    popItem() {
        return call(this, 'pop_item').values;
    },
    update(content) {
        call(this, 'update', flatten(content));
    },
    replace(content) {
        call(this, 'replace', flatten(content));
    },
    modify(func) {
        modifyFlat(this, values => {
            const known = new Map(pairUp(values));
            return flatten(func(new Map(known)), known);
        });
    },
    keys() {
        return call(this, 'get_keys').values;
    },
    values() {
        return call(this, 'get_values').values;
    },
    entries() {
        return pairUp(call(this, 'get_all').values);
    },
    toMap() {
        return new Map(this.entries());
    },
    toObject() {
        return Object.fromEntries(this.entries());
    },
    [Symbol.iterator]() {
        return this.entries()[Symbol.iterator]();
    },
};

function installDict(prototype) {
    Object.assign(prototype, dict);
    for (const name of ['size', 'length']) {
        defineGetter(prototype, name, function () {
            return call(this, 'length').number;
        });
    }
}

// ── Manager ─────────────────────────────────────────────────────────────────────────────────────

/**
 * Makes a list in the manager's server.
 *
 * @param {Iterable} [content] - its first values
 * @returns {Mp.ListProxy} the list
 */
function makeList(content = []) {
    const proxy = this.create_list(null);
    const values = Array.from(Errors.checkIterable(content, 'content'));
    if (values.length > 0)
        proxy.extend(values);
    return proxy;
}

/**
 * Makes a dict in the manager's server.
 *
 * @param {Map|object|Iterable} [content] - its first content: a map, an object, or pairs
 * @returns {Mp.DictProxy} the dict
 */
function makeDict(content) {
    const proxy = this.create_dict(null);
    const pairs = pairsOf(content);
    if (pairs.length > 0)
        proxy.update(pairs);
    return proxy;
}

function install(namespace) {
    Mp = namespace;
    const realInit = Mp.Manager.prototype._init;
    Object.assign(Mp.Manager.prototype, {
        _init(...args) {
            return this.constructor === Mp.Manager ? Mp.Manager.new() : realInit.apply(this, args);
        },
        list: makeList,
        dict: makeDict,
    });
    installList(Mp.ListProxy.prototype);
    installDict(Mp.DictProxy.prototype);
    Mp.Proxy.prototype.toString = function () {
        return this.to_string();
    };
}
