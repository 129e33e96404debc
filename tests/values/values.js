// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The side of GJS in the table of values (cases*.toml): values.c says what it does, and this does
// the same. The text of a value is what one would write for it in a program, or nearly so.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';

import Mp from 'gi://Mp?version=1';

const SECONDS = 60;
const LONGEST = 2000;
const MANY = 100000;
const MIB = 1 << 20;

// The case of no name ends everything.
const END = '';

const ValuesPoint = GObject.registerClass({
    GTypeName: 'ValuesPoint',
    Implements: [Mp.Serializable],
}, class extends GObject.Object {
    static at(x, y) {
        return Object.assign(new ValuesPoint(), {x, y});
    }

    vfunc_get_state() {
        return new GLib.Variant('(ii)', [this.x, this.y]);
    }

    vfunc_set_state(state) {
        [this.x, this.y] = state.deepUnpack();
        return true;
    }
});

const inner = new Mp.Queue();

function nest(innermost, wrap, depth) {
    let value = innermost;
    for (let i = 1; i < depth; i++)
        value = wrap(value);
    return value;
}

function cycle() {
    const value = [1];
    value.push(value);
    return value;
}

function hidden(object) {
    Object.defineProperty(object, '__proto__', {
        value: 1,
        configurable: true,
        enumerable: true,
        writable: true,
    });
    object.a = 2;
    return object;
}

class Thing {
    constructor() {
        this.a = 1;
    }
}

const twice = [1];

const CASES = {
    'null': null,
    'true': true,
    'false': false,
    'int 0': 0,
    'int 1': 1,
    'int -1': -1,
    'int 2^31-1': 2 ** 31 - 1,
    'int 2^31': 2 ** 31,
    'int -2^31': -(2 ** 31),
    'int -2^31-1': -(2 ** 31) - 1,
    'int 2^53-1': Number.MAX_SAFE_INTEGER,
    'int 2^53': 2n ** 53n,
    'int 2^53+1': 2n ** 53n + 1n,
    'int -2^53+1': Number.MIN_SAFE_INTEGER,
    'int -2^53-1': -(2n ** 53n) - 1n,
    'int 2^63-1': 2n ** 63n - 1n,
    'int -2^63': -(2n ** 63n),
    'int 2^63': 2n ** 63n,
    'int 2^64-1': 2n ** 64n - 1n,
    'int 2^64': 2n ** 64n,
    'int -2^63-1': -(2n ** 63n) - 1n,
    'int 10^100': 10n ** 100n,
    'int of 10000 digits': 10n ** 9999n,
    'int of 10001 digits': 10n ** 10000n,
    'float 0.5': 0.5,
    'float 0.1': 0.1,
    'float 1.0': 1.0,
    'float -0.0': -0,
    'float 1e22': 1e22,
    'float smallest': 5e-324,
    'float largest': Number.MAX_VALUE,
    'float inf': Infinity,
    'float -inf': -Infinity,
    'float nan': NaN,
    'str empty': '',
    'str ASCII': 'Hello, world',
    'str escapes': 'a"b\\c\n\t',
    'str null': 'null',
    'str $mp': '"$mp"',
    'str beyond the BMP': 'hé 日 😀',
    'str with U+0000': 'a\0b',
    'str with a lone surrogate': 'a\ud800',
    'bytes empty': new Uint8Array(0),
    'bytes': new Uint8Array([0, 1, 0x7f, 0xff]),
    'list empty': [],
    'list of bools': [true, false],
    'list of ints': [1, -2, 2n ** 53n + 1n],
    'list of floats': [0.5, -1.5],
    'list of strs': ['a', '', 'b'],
    'list of bytes': [new Uint8Array([1]), new Uint8Array(0)],
    'list of dicts': [{a: 1}, {}],
    'list mixed': [1, 'a', null, true],
    'list of int and float': [1, 2.5],
    'list of int and uint64': [1, 2n ** 63n],
    'list of lists': [[1, 2], []],
    'list of nulls': [null, null],
    'dict empty': {},
    'dict': {b: 1, a: [null]},
    'dict integer-like': {2: 'two', 1: 'one', x: 'ex'},
    'dict $mp': {$mp: 1},
    'dict __proto__': hidden({}),
    'dict of int': new Map([[1, 'a'], [-5, 'b']]),
    'dict of bytes': new Map([[new Uint8Array([0x6b]), 1]]),
    'dict mixed': new Map([['a', 1], [2.5, 'b'], [null, 'c'], [[1, 2], 'd']]),
    'dict key with U+0000': {'a\0': 1},
    'set': new Set([1, 2, 3]),
    'set empty': new Set(),
    'set of tuple': new Set([[1, 'a']]),
    'set of frozenset': new Set([new Set([1])]),
    'moment in UTC': new Date('2020-02-29T23:59:58.125Z'),
    'shared twice': [twice, twice],
    '40 lists': nest([], value => [value], 40),
    '41 lists': nest([], value => [value], 41),
    '40 dicts': nest({}, value => ({k: value}), 40),
    '41 dicts': nest({}, value => ({k: value}), 41),
    'bytes of 1 MiB': new Uint8Array(MIB).map((_, i) => i % 4),
    'str of 1 MiB': 'x'.repeat(MIB),
    'list of 100000': Array.from({length: MANY}, (_, i) => i),
    'queue': inner,
    'queue inside': {inside: [inner, 'x']},
    'object': ValuesPoint.at(1, -2),
    'object inside': [ValuesPoint.at(3, 4), 'x'],

    'GLib.Variant': new GLib.Variant('a{si}', {a: 1}),
    'GLib.Bytes': new GLib.Bytes([1, 2]),
    'GLib.DateTime': GLib.DateTime.new_from_iso8601('2020-02-29T23:59:58.123456+05:30', null),

    // What only JavaScript has.
    'undefined': undefined,
    'undefined inside': [undefined, {a: undefined}],
    'int 2^53 as a Number': 2 ** 53,
    'BigInt 5': 5n,
    'Map by strings': new Map([['b', 1], ['a', 2]]),
    'Map with 1 and true': new Map([[1, 'a'], [true, 'b']]),
    'Map with 1 twice': new Map([[1, 'a'], [1n, 'b']]),
    'Map by an object': new Map([[{}, 1]]),
    'Float64Array': new Float64Array([1.5, -2]),
    'Int32Array': new Int32Array([1, -2]),
    'ArrayBuffer': new Uint8Array([1, 2]).buffer,
    'Date of another time': new Date(-1),
    'Date out of range': new Date(8.64e15),
    'Date invalid': new Date(NaN),
    'function': function f() {},
    'Symbol': Symbol('s'),
    'Symbol as a property': {s: Symbol('s'), b: 1},
    'instance of a class': new Thing(),
    'RegExp': /x/,
    'Promise': Promise.resolve(1),
    'cycle': cycle(),
};

// ── Values as texts ─────────────────────────────────────────────────────────────────────────────

function describeObject(value) {
    if (value instanceof Mp.Shared)
        return `<${value.constructor.name.replace('Mp_', '')} ${value.qsize()}>`;
    if (value instanceof Mp.Proxy)
        return `<${value.constructor.name.replace('Mp_', '')} ${value.length}>`;
    if (value instanceof ValuesPoint)
        return `<ValuesPoint ${value.x} ${value.y}>`;
    if (value instanceof GLib.Variant)
        return `Variant ${value.print(true)}`;
    if (value instanceof GLib.Bytes)
        return `Bytes [${value.toArray().join(', ')}]`;
    if (value instanceof GLib.DateTime)
        return `DateTime ${value.format('%Y-%m-%dT%H:%M:%S.%f%:z')}`;
    if (Array.isArray(value))
        return `[${Array.from(value, describe).join(', ')}]`;
    if (value instanceof Map)
        return `Map ${describe([...value])}`;
    if (value instanceof Set)
        return `Set ${describe([...value])}`;
    if (value instanceof Date)
        return `Date ${value.getTime()}`;
    if (ArrayBuffer.isView(value))
        return `${value.constructor.name} [${value.join(', ')}]`;
    if (value.constructor !== Object)
        return value.constructor.name;
    const parts = Object.keys(value).map(key => `${JSON.stringify(key)}: ${describe(value[key])}`);
    return `{${parts.join(', ')}}`;
}

function describe(value) {
    if (typeof value === 'string')
        return JSON.stringify(value);
    if (typeof value === 'bigint')
        return `${value}n`;
    if (Object.is(value, -0))
        return '-0';
    if (typeof value === 'object' && value !== null)
        return describeObject(value);
    return String(value);
}

function shortened(text) {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length <= LONGEST)
        return text;
    const sum = GLib.compute_checksum_for_data(GLib.ChecksumType.SHA256, bytes);
    return `${bytes.length} bytes ${sum}`;
}

function say(what, name, text) {
    print(`${what}\t${name}\t${text}`);
}

function sayError(what, name, error) {
    const code = error instanceof Mp.Error
        ? Object.keys(Mp.Error).find(key => Mp.Error[key] === error.code) : error.name;
    say(what, name, `error ${code} ${error.message}`);
}

// ── The three programs ──────────────────────────────────────────────────────────────────────────

// Puts the value and the name behind it.
function put(queue, name, value) {
    try {
        queue.put(value, {timeout: SECONDS});
    } catch (error) {
        sayError('refused', name, error);
        return;
    }
    queue.put(name, {timeout: SECONDS});
}

function writeAll(queue, proxy) {
    inner.put(7);
    const all = {...CASES, 'proxy': proxy, 'proxy inside': [proxy, 'x']};
    for (const [name, value] of Object.entries(all)) {
        say('wrote', name, name === 'cycle' ? 'cycle' : shortened(describe(value)));
        put(queue, name, value);
    }
    put(queue, END, END);
}

function readOne(queue) {
    try {
        return {value: queue.get({timeout: SECONDS})};
    } catch (error) {
        return {error};
    }
}

function readAll(queue, other) {
    for (;;) {
        const {value, error} = readOne(queue);
        const name = queue.get({timeout: SECONDS});
        if (name === END)
            break;
        if (error !== undefined) {
            sayError('read', name, error);
            continue;
        }
        say('read', name, shortened(describe(value)));
        if (other !== undefined)
            put(other, name, value);
    }
    if (other !== undefined)
        put(other, END, END);
}

const [what, ...handles] = ARGV;
Mp.Serializable.allow(ValuesPoint);
const queue = Mp.Shared.open(handles[0]);
if (what === 'write')
    writeAll(queue, Mp.Proxy.open(handles[1]));
else
    readAll(queue, what === 'pass' ? Mp.Shared.open(handles[1]) : undefined);
