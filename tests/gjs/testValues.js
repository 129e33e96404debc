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
        0n, 5n, -1n, 2n ** 53n, [5n, 5], new Map([[1n, 1], [1, 1n]]),
        new Map([[{a: 1}, [NaN]], [new Date(7), new Set([[1n]])]]),
    ];
    for (const value of values)
        same(back(value), value);
});

const KINDS = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array, Float32Array, Float64Array,
];

function fill(array, seed = 1) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++)
        bytes[i] = (i * 7 + seed) % 251;
    return array;
}

test('typed arrays of each kind come back as that', () => {
    for (const type of KINDS) {
        for (const length of [0, 1, 3, 127, 128, 1023, 1024, 5000, 20000]) {
            const value = fill(new type(length));
            same(back(value), value);
            same(back({deep: [value, 1, value]}), {deep: [value, 1, value]});
        }
        const view = fill(new type(3000)).subarray(5, 2900);
        const read = back([view])[0];
        same(read, view);
        ok(read.buffer.byteLength === read.byteLength, 'it brought more memory than it needs');
    }
});

test('buffers and views of them come back as that', () => {
    for (const length of [0, 1, 9, 5000, 100000]) {
        const {buffer} = fill(new Uint8Array(length));
        const copy = back(buffer);
        ok(copy instanceof ArrayBuffer);
        same(new Uint8Array(copy), new Uint8Array(buffer));

        const part = new DataView(buffer, Math.min(1, length));
        const view = back([part])[0];
        ok(view instanceof DataView);
        same(new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
            new Uint8Array(buffer, part.byteOffset));
    }
});

test('what is in typed arrays is exact', () => {
    same(back(new Float64Array([-0, NaN, Infinity, 5e-324])),
        new Float64Array([-0, NaN, Infinity, 5e-324]));
    same(back(new BigUint64Array([2n ** 64n - 1n])), new BigUint64Array([2n ** 64n - 1n]));
    const large = new Float64Array(1000).fill(-0);
    same(back(large), large);
});

test('bytes travel with whatever else there is', async () => {
    const other = new Mp.Queue();
    const bytes = fill(new Uint8Array(70000));
    const numbers = fill(new Int32Array(2000), 5);
    const value = {
        text: 'a\0b', $mp: [NaN, null], bytes, other, map: new Map([[1, numbers]]), again: bytes,
        small: new Uint8Array([1]), '1': numbers, empty: {},
    };
    for (const put of [() => queue.put(value), () => queue.tryPut(value),
        () => queue.putAsync(value), () => queue.putMany([value])]) {
        await put();
        const read = await queue.getAsync();
        same(read.other.get_handle(), other.get_handle());
        same({...read, other: 0}, {...value, other: 0});
    }
});

test('bytes among many values', () => {
    const values = [];
    for (let i = 0; i < 300; i++)
        values.push(i % 7 === 0 ? fill(new Float32Array(i * 10), i) : {i, a: new Uint8Array([i])});
    same(queue.putMany(values), values.length);
    const read = [];
    while (read.length < values.length)
        read.push(...queue.getMany(1000));
    same(read, values);
});

test('bytes wait for room', async () => {
    const narrow = new Mp.Queue({maxItems: 1});
    const bytes = fill(new Uint8Array(100000));
    for (const value of [bytes, [new Mp.Queue(), bytes.slice(1, 5000)]]) {
        narrow.put(1);
        ok(narrow.tryPut(value) === false);
        const promise = narrow.putAsync(value);
        same(await narrow.getAsync(), 1);
        await promise;
        const read = await narrow.getAsync();
        same([read].flat().at(-1), [value].flat().at(-1));
    }
});

test('bytes beside an object hold it until they are read', async () => {
    const narrow = new Mp.Queue({maxItems: 1});
    const bytes = fill(new Uint8Array(100000));
    for (const put of [value => queue.put(value), value => narrow.putAsync(value)]) {
        narrow.put(1);
        const inner = new Mp.Queue();
        const promise = put([inner, bytes]);
        inner.put('kept');
        inner.run_dispose();
        narrow.get();
        await promise;
        const [read, again] = narrow.empty() ? queue.get() : narrow.get();
        same([read.get(20), again], ['kept', bytes]);
    }
});

test('bytes to a task and back', async () => {
    const pool = new Mp.Pool(1);
    const value = {a: fill(new Float64Array(5000)), b: fill(new Uint8Array(10)), c: 5n};
    same(await pool.submit(x => ({again: x, sum: x.a.length}), value), {again: value, sum: 5000});
    pool.close();
    pool.join();
});

test('bytes in a list of a manager', () => {
    const manager = new Mp.Manager();
    const list = manager.list();
    const value = [fill(new Float64Array(5000)), fill(new Uint8Array(3000))];
    list.append(value);
    same(list.get(0), value);
    manager.shutdown();
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
    same(back(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)), new Uint8Array([2, 3]));
    same(back({toJSON: () => ({a: NaN})}), {a: NaN});
    same(back([new Number(3), new String('x'), new Boolean(true)]), [3, 'x', true]);
    same(back(new GLib.Bytes([1, 2])), new Uint8Array([1, 2]));
});

class Point {
    constructor(x) {
        this.x = x;
    }
}

test('an instance is an object with its properties', () => {
    const read = back([new Point(3), NaN])[0];
    same(read, {x: 3});
    ok(Object.getPrototypeOf(read) === Object.prototype);
    same(back({a: Object.create(null), b: {}}), {a: {}, b: {}});
});

test('what cannot leave the process says so', () => {
    const cyclic = {};
    cyclic.self = [cyclic];
    const inMap = {deep: {map: new Map([['k', []]])}};
    inMap.deep.map.get('k').push(new Set([inMap.deep]));
    let deep = [];
    for (let i = 0; i < 100000; i++)
        deep = [deep];

    for (const [value, pattern] of [
        [cyclic, /itself.*: value\.self\[0\] is value$/],
        [inMap, /itself.*: value\.deep\.map\.get\("k"\)\[0\]\.values\(\) is value\.deep$/],
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
        [new TypeError('x'), /error \(TypeError\) cannot/],
        [[new Mp.Error({code: Mp.Error.EMPTY, message: 'x'})], /Error\) cannot/],
        [new GLib.Date(), /GDate cannot leave/],
        [{a: [GLib.TimeZone.new_utc()]}, /GTimeZone cannot leave/],
        [new class Empty {}(), /Empty cannot leave/],
        [[1, {iterator: [1][Symbol.iterator]()}], /Array Iterator cannot leave/],
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

// A message of a text and what is behind its NUL.
function message(text, behind = []) {
    const encoded = new TextEncoder().encode(text);
    const start = behind.length > 0 ? Math.ceil((encoded.length + 1) / 8) * 8 : encoded.length;
    const bytes = new Uint8Array(start + behind.length);
    bytes.set(encoded);
    bytes.set(behind, start);
    return bytes;
}

const place = (offset, length, kind = 'bytes') => `{"$mp":["${kind}",[${offset},${length}]]}`;

test('messages made by hand', () => {
    for (const [bytes, value] of [
        [message('{"$mp":["bytes","AP8="]}'), new Uint8Array([0, 255])],
        [message('{"$mp":["float64","AAAAAAAA8D8="]}'), new Float64Array([1])],
        [message('{"$mp":["int","12"]}'), 12n],
        [message('{"\\u0024mp":["int","12"]}'), 12n],
        [message(place(0, 3), [1, 2, 3]), new Uint8Array([1, 2, 3])],
        [message(`[${place(0, 1)},${place(8, 2, 'int16')}]`, [1, 0, 0, 0, 0, 0, 0, 0, 2, 1]),
            [new Uint8Array([1]), new Int16Array([258])]],
        [message(`{"b":${place(0, 1)},"7":${place(8, 1)}}`, [1, 0, 0, 0, 0, 0, 0, 0, 2]),
            {'7': new Uint8Array([2]), 'b': new Uint8Array([1])}],
        [message('{"__proto__":{"$mp":["map",[[1,2]]]},"a":1}'),
            JSON.parse('{"__proto__":0,"a":1}')],
    ]) {
        queue.put_data(Mp.Encoding.JSON, bytes, 0);
        const read = queue.get();
        same(Object.keys(read), Object.keys(value));
        if (Object.hasOwn(value, '__proto__')) {
            same(Object.getOwnPropertyDescriptor(read, '__proto__').value, new Map([[1, 2]]));
            ok(Object.getPrototypeOf(read) === Object.prototype);
        } else {
            same(read, value);
        }
    }
});

test('broken messages are errors, and the next one is read', async () => {
    const eight = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const bytes of [
        message(place(0, 3)), message(place(0, 9), eight), message(place(8, 1), eight),
        message(place(1, 2), eight), message(place(-8, 2), eight), message(place(0, 0), eight),
        message(place(0, -1), eight), message(place(0, 7), eight), message(place(0, 1.5), eight),
        message(place('"0"', 8), eight), message(place(0, 2 ** 53), eight),
        message(`[${place(0, 8)},${place(0, 8)}]`, eight),
        message(`[${place(0, 8)},${place(8, 1)}]`, eight),
        message(`[${place(0, 8)},${place(16, 1)}]`, Array(17).fill(0)),
        message(`[${place(0, 9)},${place(8, 8)}]`, Array(16).fill(0)),
        message(place(0, 7, 'float64'), eight.slice(1)), message(place(0, 8, 'int'), eight),
        message('{"$mp":["bytes",[0]]}', eight), message('{"$mp":["bytes",[0,8,0]]}', eight),
        message('{"$mp":["bytes",{"0":0,"1":8}]}', eight),
        message('{"$mp":["bytes",[0,8],1]}', eight),
        message('{"$mp":["bytes",null]}'), message('{"$mp":["bytes","AP8"]}'),
        message('{"$mp":["bytes","A*8="]}'), message('{"$mp":["int16","AA=="]}'),
        message('{"$mp":1}'), message('{"$mp":[]}'), message('{"$mp":["int"]}'),
        message('{"$mp":["int","1"],"a":2}'), message('{"$mp":["int","x"]}'),
        message('{"$mp":["int",1]}'), message('{"$mp":["float","1"]}'),
        message('{"$mp":["float","__proto__"]}'), message('{"$mp":["map",{}]}'),
        message('{"$mp":["map",[[1]]]}'), message('{"$mp":["set",1]}'),
        message('{"$mp":["date",null]}'), message('{"$mp":["date",1e300]}'),
        message('{"$mp":["object",[[1,2]]]}'), message('{"$mp":["object",null]}'),
        message('[1'), message(''), message('[1],[2]'),
    ]) {
        for (const get of [() => queue.get(), () => queue.tryGet(), () => queue.getAsync(),
            () => queue.getMany(2)]) {
            queue.put_data(Mp.Encoding.JSON, bytes, 0);
            queue.put('next');
            const error = await rejected((async () => get())());
            isError(error, Mp.Error, Mp.Error.INVALID_DATA);
            match(error.message, /^JSON: ./);
            same(error.values?.[0] ?? queue.get({timeout: 0}), 'next');
            same(queue.qsize(), 0);
        }
        const payload = Mp.Payload.new(Mp.Encoding.JSON, new GLib.Bytes(bytes));
        isError(thrown(() => payload.convert(Mp.Encoding.PICKLE)), Mp.Error, Mp.Error.INVALID_DATA);
    }
    for (const tag of ['symbol', '__proto__', 'constructor', 'proxy']) {
        queue.put_data(Mp.Encoding.JSON, message(`{"$mp":["${tag}",1]}`), 0);
        match(thrown(() => queue.get()).message, new RegExp(`“${tag}”`));
    }
});

test('nested deep, and deeper than the stack', () => {
    for (const [open, close] of [['[', ']'], ['{"a":', '}'], ['{"$mp":["set",[', ']]}']]) {
        const text = depth => `${open.repeat(depth)}{"$mp":["int","1"]}${close.repeat(depth)}`;
        queue.put_text(text(400), 0);
        ok(queue.get() !== null);

        queue.put_text(text(40000), 0);
        const error = thrown(() => queue.get());
        isError(error, Mp.Error, Mp.Error.INVALID_DATA);
        match(error.message, /nested too deep/);
    }

    let value = 5n;
    for (let i = 0; i < 400; i++)
        value = i % 2 ? [value] : new Set([value]);
    same(back(value), value);
});

test('what other languages see of typed arrays', () => {
    for (const [value, text] of [
        [new Int8Array([-1, 2]), '[int16 -1, 2]'],
        [new Uint8ClampedArray([1, 2]), '[byte 0x01, 0x02]'],
        [new Uint8Array([1, 2]).buffer, '[byte 0x01, 0x02]'],
        [new DataView(new Uint8Array([7]).buffer), '[byte 0x07]'],
        [new Int16Array([-1, 2]), '[int16 -1, 2]'],
        [new Uint16Array([1, 2]), '[uint16 1, 2]'],
        [new Int32Array([-1, 2]), '[-1, 2]'],
        [new Uint32Array([1, 2]), '[uint32 1, 2]'],
        [new BigInt64Array([-1n, 2n]), '[int64 -1, 2]'],
        [new BigUint64Array([1n, 2n]), '[uint64 1, 2]'],
        [new Float32Array([0.5, -2]), '[0.5, -2.0]'],
        [new Float64Array([0.1, -0]), '[0.10000000000000001, -0.0]'],
        [new Float64Array(0), '@ad []'],
    ]) {
        same(asVariant(value).print(true), text);
        queue.put({deep: value});
        const variant = queue.get_payload(0, null).get_variant(null);
        same(variant.lookup_value('deep', null).print(true), text);
    }
    const large = fill(new Uint8Array(100000));
    same(asVariant(large).get_data_as_bytes().toArray(), large);
});

test('what nobody here can read goes on to who can, unread', async () => {
    const program = `
import decimal, sys, mproc
from gi.repository import Mp
queue, other = (Mp.Shared.open(handle) for handle in sys.argv[1:])
value = {'d': decimal.Decimal('1.5'), 'e': ValueError('x', 5), 's': {1, 2}, 'b': b'x' * 100000}
queue.put(value)
queue.put('next')
back = other.get(timeout=60)
assert repr(back) == repr(value), back
assert type(back['d']) is decimal.Decimal and back['e'].args == ('x', 5)
queue.put('done')
`;
    const other = new Mp.Queue();
    const python = Mp.Process.new_command('python', ['/usr/bin/env', 'python3', '-c', program,
        queue.get_handle(), other.get_handle()]);
    python.start();

    const payload = queue.getPayload({timeout: 60});
    const error = thrown(() => payload.getValue());
    isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
    match(error.message, /^Python object of type decimal\.Decimal/);
    same(queue.get({timeout: 60}), 'next');
    other.putPayload(payload);
    same(queue.get({timeout: 60}), 'done');
    same(await python.joinAsync({timeout: 60}), 0);
});

test('bytes and vectors of Python', async () => {
    const program = `
import array, sys, mproc
from gi.repository import Mp
queue, other = (Mp.Shared.open(handle) for handle in sys.argv[1:])
values = [array.array(code, range(2000)) for code in 'hHiIqQfd']
values += [array.array('b', [-1, 2]), array.array('B', [1, 2]), array.array('d')]
values += [b'x' * 100000, [1.5, 2]]
queue.put(values)
back = other.get(timeout=60)
assert back[8] == array.array('b', [-1, 2]) and back[8].typecode == 'b', back[8]
assert back[9] == bytes([1, 2]) and type(back[9]) is bytes, back[9]
assert back[:8] == values[:8] and back[10:] == values[10:]
assert [x.typecode for x in back[:8]] == [x.typecode for x in values[:8]]
queue.put(back)
`;
    const other = new Mp.Queue();
    const python = Mp.Process.new_command('python', ['/usr/bin/env', 'python3', '-c', program,
        queue.get_handle(), other.get_handle()]);
    python.start();

    const types = [Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array,
        Float32Array, Float64Array];
    const expected = [
        ...types.map(type => type.from({length: 2000}, (_, i) =>
            type.name.startsWith('Big') ? BigInt(i) : i)),
        new Int8Array([-1, 2]), new Uint8Array([1, 2]), new Float64Array(0),
        new Uint8Array(100000).fill(120), [1.5, 2],
    ];
    const read = queue.get({timeout: 60});
    same(read, expected);
    other.put(read);
    same(queue.get({timeout: 60}), expected);
    same(await python.joinAsync({timeout: 60}), 0);
});

test('ten thousand rows', () => {
    const rows = Array.from({length: 10000}, (_, i) => ({
        id: i, name: `row ${i}`, values: [i, i / 2], none: null,
    }));
    same(back(rows), rows);
});

test('what is damaged', async () => {
    const queue = new Mp.Queue();
    const text = string => new TextEncoder().encode(string);
    const unnamed = new Uint8Array(24);
    unnamed.set(text('[1,2]'));
    const damaged = [[Mp.Encoding.JSON, text('[1')], [Mp.Encoding.JSON, unnamed],
        [Mp.Encoding.JSON, text('{"$mp":["bytes",[0,8]]}')], [Mp.Encoding.JSON, text('{"$mp":1}')],
        [Mp.Encoding.PICKLE, new Uint8Array([128, 5, 255, 46])],
        [Mp.Encoding.VARIANT, text('no type\0')]];
    const reads = [() => queue.get(), () => queue.tryGet(), () => queue.getMany(1),
        () => queue[Symbol.iterator]().next(), () => queue.getPayload().getValue()];
    for (const [encoding, bytes] of damaged) {
        for (const read of reads) {
            same(queue.put_data(encoding, bytes, 0), Mp.Status.OK);
            isError(thrown(read), Mp.Error, Mp.Error.INVALID_DATA);
        }
        same(queue.put_data(encoding, bytes, 0), Mp.Status.OK);
        isError(await rejected(queue.getAsync()), Mp.Error, Mp.Error.INVALID_DATA);
    }
    ok(queue.empty());
});

test('many bytes, wherever values go', async () => {
    const bytes = new Uint8Array(5000).map((_, i) => i);
    const value = {bytes, floats: new Float64Array(1000).fill(-0), small: new Uint8Array([1])};
    const check = ({bytes: back, floats, small}) => {
        same([...back], [...bytes]);
        ok(floats.every(number => Object.is(number, -0)) && floats.length === 1000);
        same([...small], [1]);
    };

    const manager = new Mp.Manager();
    const list = manager.list([value]);
    const dict = manager.dict({k: value});
    [list.get(0), list.pop(), dict.get('k'), dict.setDefault('other', value),
        dict.toMap().get('other')].forEach(check);
    manager.shutdown();

    const [one, other] = Mp.pipe({sockets: true});
    one.send(value);
    check(other.recv());
    const sent = one.sendAsync(value);
    check(await other.recvAsync());
    await sent;

    const queue = new Mp.Queue();
    const process = Mp.Process.run((back, given) => back.put(given), {args: [queue, value]});
    check(await queue.getAsync({timeout: 60}));
    await process.joinAsync({timeout: 60});
    const call = Mp.Process.call('python', 'builtins', 'len', bytes);
    call.start();
    same(await call.joinAsync({timeout: 60}), 0);
});

await run();
