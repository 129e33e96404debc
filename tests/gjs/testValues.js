// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// JavaScript values as they come out of a queue, and what the other languages see of them.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

import {
    isError, match, ok, rejected, run, same, sleep, test, thrown,
} from './tap.js';

const queue = new Mp.Queue();

function back(value) {
    queue.put(value);
    return queue.get();
}

function asVariant(value) {
    queue.put(value);
    return queue.get_payload(0, null).get_variant(null);
}

test('plain values come back as they were', () => {
    const values = [
        null, true, false, 0, 1, -1, 1.5, 1e300, 2 ** 53, '', 'text', 'ünïcödé 🎉', 'null', '"$mp"',
        [], {}, [1, [2, [3]]], {a: {b: {c: null}}}, [null, 'null', {null: null}],
        {'$': 1, 'mp': 2, 'a"$mp"b': 3}, ['$mp', {x: '\\"$mp"'}],
    ];
    for (const value of values)
        same(back(value), value);
});

test('what JSON lacks comes back too', () => {
    const values = [
        NaN, Infinity, -Infinity, [NaN, null, {a: -Infinity}],
        2n ** 70n, -(2n ** 63n), new Map(), new Map([[1, 'a'], ['b', NaN], [true, new Map()]]),
        new Set(), new Set([1, 'x', null]), new Date(0), new Date(1234567890123),
        new Uint8Array(0), new Uint8Array([0, 1, 255]),
        {deep: [new Map([['k', new Set([new Date(5)])]]), null]},
    ];
    for (const value of values)
        same(back(value), value);
});

test('strings keep NUL and lone surrogates', () => {
    for (const text of ['a\0b', '\0', '\ud800', 'x\udfffy'])
        ok(back(text) === text);
});

test('an object may have the key "$mp"', () => {
    const values = [
        {$mp: 1}, {$mp: null}, {$mp: ['int', '5']}, {$mp: ['x'], more: NaN},
        [{$mp: {$mp: {$mp: new Map([[1, {$mp: 2}]])}}}],
    ];
    for (const value of values)
        same(back(value), value);
});

test('a key "__proto__" is a key', () => {
    const value = JSON.parse('{"__proto__": {"x": 1}, "n": 5}');
    value.n = 2n ** 60n;
    const read = back([value, NaN])[0];
    ok(Object.getPrototypeOf(read) === Object.prototype);
    same(Object.keys(read), ['__proto__', 'n']);
    ok(read.x === undefined);
    same(Object.getOwnPropertyDescriptor(read, '__proto__').value, {x: 1});

    const marked = JSON.parse('{"__proto__": {"$mp": 3}, "$mp": 1}');
    same(Object.keys(back(marked)), ['__proto__', '$mp']);
});

test('documented changes on the way', () => {
    same(back(undefined), null);
    same(back([undefined, 1]), [null, 1]);
    same(back({a: undefined, b: 1}), {b: 1});
    same(back(-0), 0);
    same(back(5n), 5);
    same(back(2n ** 53n), 2n ** 53n);
    same(back(new Uint8ClampedArray([1, 2])), new Uint8Array([1, 2]));
    same(back(new Uint8Array([1, 2]).buffer), new Uint8Array([1, 2]));
    same(back(new DataView(new Uint8Array([7]).buffer)), new Uint8Array([7]));
    same(back(new Float64Array([1.5, NaN])), [1.5, NaN]);
    same(back(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)), new Uint8Array([2, 3]));
    same(back({toJSON: () => ({a: NaN})}), {a: NaN});
    same(back([new Number(3), new String('x'), new Boolean(true)]), [3, 'x', true]);
    same(back(new GLib.Variant('a{sv}', {x: new GLib.Variant('i', 3)})), {x: 3});
    same(back(new GLib.Bytes([1, 2])), new Uint8Array([1, 2]));
});

test('what cannot leave the process says so', () => {
    const cyclic = {};
    cyclic.self = [cyclic];
    let deep = [];
    for (let i = 0; i < 100000; i++)
        deep = [deep];

    for (const [value, pattern] of [
        [cyclic, /itself/],
        [deep, /deep/],
        [{a: () => 1}, /function a .*Mp\.task/],
        [new Map([[function f() {}, 1]]), /function f/],
        [[Gio.File.new_for_path('/')], /GLocalFile/],
        [new Date(NaN), /invalid Date/],
        [Symbol('s'), /Symbol/],
        [[Symbol('s')], /Symbol/],
        [{a: [1, {b: [Symbol.iterator]}]}, /Symbol/],
        [new Map([['k', Symbol('s')]]), /Symbol/],
        [new Set([Symbol('s')]), /Symbol/],
        [{a: Object(Symbol('s'))}, /Symbol/],
        [{toJSON: () => Symbol('s')}, /Symbol/],
        [Promise.resolve(1), /Promise/],
        [{a: [Promise.resolve(1)]}, /Promise/],
        [new WeakMap(), /WeakMap/],
        [[new WeakSet()], /WeakSet/],
        [{a: new WeakRef({})}, /WeakRef/],
        [new Map([['k', /x/]]), /RegExp/],
        [/x/g, /RegExp/],
        [() => 1, /function/],
        [[1, function named() {}], /function named/],
        [class Some {}, /function Some/],
        [[Mp.ResultIterator.new(false)], /MpResultIterator cannot leave/],
    ]) {
        for (const put of [() => queue.put(value), () => queue.tryPut(value)]) {
            const error = thrown(put);
            isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
            match(error.message, pattern);
        }
    }
    same(queue.qsize(), 0);
});

test('properties that JSON leaves out are left out', () => {
    for (const rest of [{}, {n: null}, {n: NaN}, {$mp: 1}, {d: new Date(0)}])
        same(back({s: Symbol('s'), u: undefined, ...rest}), rest);
});

test('JSON.stringify of others is left alone', () => {
    const value = {
        map: new Map([[1, 2]]), set: new Set([1]), date: new Date(0),
        bytes: new Uint8Array([1]), func() {}, file: Gio.File.new_for_path('/').get_path(),
        regexp: /x/, promise: Promise.resolve(), weak: [new WeakMap(), new WeakSet()],
        symbol: Symbol('s'),
    };
    thrown(() => queue.put(value));
    same(JSON.stringify(value),
        '{"map":{},"set":{},"date":"1970-01-01T00:00:00.000Z","bytes":{"0":1},"file":"/",' +
        '"regexp":{},"promise":{},"weak":[{},{}]}');
    match(thrown(() => JSON.stringify(1n)).message, /BigInt/);
    const keys = [];
    for (const key in new Map())
        keys.push(key);
    same(keys, []);
});

test('other languages see plain values', () => {
    for (const [value, type, text] of [
        [null, 'mv', '@mv nothing'],
        [true, 'b', 'true'],
        [5, 'x', 'int64 5'],
        [1.5, 'd', '1.5'],
        ['text', 's', "'text'"],
        [new Uint8Array([1, 255]), 'ay', '[byte 0x01, 0xff]'],
        [[1, 2], 'ax', '[int64 1, 2]'],
        [[], 'av', '@av []'],
        [[1, 'a'], 'av', "[<int64 1>, <'a'>]"],
        [{a: 1}, 'a{sv}', "{'a': <int64 1>}"],
        [new Map([[1, 'a']]), 'a{xv}', "{int64 1: <'a'>}"],
        [2n ** 63n, 't', 'uint64 9223372036854775808'],
    ]) {
        const variant = asVariant(value);
        same([variant.get_type_string(), variant.print(true)], [type, text]);
    }
});

test('what other languages wrote arrives natural', () => {
    const put = variant => queue.put_payload(Mp.Payload.new_variant(variant), 0, null);
    for (const [variant, value] of [
        [new GLib.Variant('i', -5), -5],
        [GLib.Variant.new_int64(3), 3],
        [GLib.Variant.parse(null, 'int64 9007199254740993', null, null), 9007199254740993n],
        [new GLib.Variant('d', Infinity), Infinity],
        [new GLib.Variant('ay', [1, 2]), new Uint8Array([1, 2])],
        [new GLib.Variant('(sb)', ['x', true]), ['x', true]],
        [new GLib.Variant('a{sv}', {k: new GLib.Variant('as', ['v'])}), {k: ['v']}],
        [GLib.Variant.parse(null, "{int64 1: <'a'>}", null, null), new Map([[1, 'a']])],
        [GLib.Variant.parse(null, '@mv nothing', null, null), null],
    ]) {
        put(variant);
        same(queue.get(), value);
    }

    queue.put_data(Mp.Encoding.BYTES, new Uint8Array([9, 8]), 0);
    same(queue.get(), new Uint8Array([9, 8]));
});

test('what only another language can hold says so', async () => {
    const pickle = new TextEncoder().encode('cfoo\nBar\n(tR.'); // foo.Bar()
    for (let i = 0; i < 3; i++)
        queue.put_data(Mp.Encoding.PICKLE, pickle, 0);
    isError(thrown(() => queue.get()), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(thrown(() => queue.tryGet()), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(await rejected(queue.getAsync()), Mp.Error, Mp.Error.NOT_PLAIN);
    const waiting = queue.getAsync();
    await sleep(0.01);
    queue.put_data(Mp.Encoding.PICKLE, pickle, 0);
    const error = await rejected(waiting);
    isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
    match(error.message, /foo\.Bar/);
    same(queue.qsize(), 0);
});

test('ten thousand rows', () => {
    const rows = Array.from({length: 10000}, (_, i) => ({
        id: i, name: `row ${i}`, values: [i, i / 2], none: null,
    }));
    same(back(rows), rows);
});

await run();
