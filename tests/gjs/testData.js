// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Shared memory, values, arrays and lists, in one process and between several.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';

import Mp from 'gi://Mp?version=1';

import {isError, match, ok, run, same, test, thrown} from './tap.js';

const NAME = `gjs-test-${GLib.uuid_string_random()}`;

test('anonymous memory', async () => {
    const memory = new Mp.SharedMemory(100);
    same([memory.size, memory.name, memory.buffer.length], [100, null, 100]);
    same(memory.buffer, new Uint8Array(100));
    memory.buffer[7] = 42;
    same(Mp.Shared.open(memory.get_handle()).buffer[7], 42);

    const process = Mp.Process.run(shared => {
        shared.buffer[8] = shared.buffer[7] + 1;
    }, {args: [memory]});
    same(await process.joinAsync(), 0);
    same(memory.buffer[8], 43);
});

test('memory is given back', () => {
    const before = Mp.memory_get_used();
    for (let i = 0; i < 20; i++) {
        const memory = new Mp.SharedMemory({size: 8 << 20});
        memory.buffer[i] = 1;
        memory.release();
        isError(thrown(() => memory.buffer), Mp.Error, Mp.Error.INVALID_STATE);
    }
    ok(Mp.memory_get_used() < before + (64 << 20));
});

test('a view outlives its object', () => {
    let memory = new Mp.SharedMemory(1000);
    const view = memory.buffer;
    memory.close();
    memory = null;
    imports.system.gc();
    view.fill(5);
    same(view[999], 5);
    same(new Mp.SharedMemory(1000).buffer, new Uint8Array(1000));
});

test('named memory', () => {
    const memory = new Mp.SharedMemory({name: NAME, size: 10});
    memory.buffer[9] = 9;
    ok(Mp.SharedMemory.list().includes(NAME));
    same(new Mp.SharedMemory({name: NAME}).buffer[9], 9);
    isError(thrown(() => new Mp.SharedMemory({name: NAME, size: 10})), Gio.IOErrorEnum,
        Gio.IOErrorEnum.EXISTS);
    Mp.SharedMemory.unlink(NAME);
    isError(thrown(() => new Mp.SharedMemory({name: NAME})), Gio.IOErrorEnum,
        Gio.IOErrorEnum.NOT_FOUND);
    ok(!Mp.SharedMemory.list().includes(NAME));
});

test('bad sizes and names', () => {
    for (const size of [0, -1, 1.5, NaN, 2 ** 60, '7'])
        isError(thrown(() => new Mp.SharedMemory({size})), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => new Mp.SharedMemory(2 ** 52)), Mp.Error, Mp.Error.NO_SPACE);
    isError(thrown(() => new Mp.SharedMemory({name: 'a/b', size: 1})), Mp.Error,
        Mp.Error.INVALID_ARGUMENT);
});

test('a name with NUL is another name', () => {
    const name = `${NAME}\0tail`;
    for (const call of [
        () => new Mp.SharedMemory({name, size: 1}), () => new Mp.SharedMemory({name}),
        () => Mp.SharedMemory.new_named(name, 1), () => Mp.SharedMemory.open_named(name),
        () => Mp.SharedMemory.unlink(name), () => Mp.SharedMemory.unlink(7),
        () => new Mp.ShareableList([1], {name}), () => new Mp.ShareableList(null, {name}),
    ])
        isError(thrown(call), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    ok(!Mp.SharedMemory.list().includes(NAME));
});

test('constructors say what they need', () => {
    for (const [make, pattern] of [
        [() => new Mp.SharedMemory(null), /size/],
        [() => new Mp.SharedMemory(), /size/],
        [() => new Mp.SharedMemory('name'), /size/],
        [() => new Mp.Value(), /type/],
        [() => new Mp.Value(null), /type/],
        [() => new Mp.Array(), /length/],
        [() => new Mp.Array(null, 3), /type/],
        [() => new Mp.Array('int32'), /length/],
        [() => new Mp.Array('int32', null), /length/],
        [() => new Mp.ShareableList(), /items/],
        [() => new Mp.ShareableList(7), /items/],
    ]) {
        const error = thrown(make);
        ok(error instanceof TypeError, `${error}`);
        match(error.message, /^(An|The items of an) Mp\./);
        match(error.message, pattern);
    }
});

test('values', () => {
    same(new Mp.Value('int32', 5).value, 5);
    same(new Mp.Value('boolean', true, {lock: null}).value, true);
    isError(thrown(() => new Mp.Value('uint8', 256)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    const value = new Mp.Value('int32');
    same(value.value, 0);
    value.value = -5;
    same([value.add(7), value.value], [-5, 2]);
    same([value.exchange(12), value.and(10), value.or(1), value.xor(3)], [2, 12, 8, 9]);
    same([value.compareAndSet(10, 11), value.compareAndSet(10, 12)], [true, false]);
    same(value.value, 11);
    isError(thrown(() => {
        value.value = 2 ** 31;
    }), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => {
        value.value = 0.5;
    }), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => new Mp.Value('int33')), Mp.Error, Mp.Error.INVALID_ARGUMENT);

    const float = new Mp.Value(Mp.ElementType.DOUBLE);
    same([float.add(0.5), float.exchange(-0), float.value], [0, 0.5, -0]);
    const flag = new Mp.Value('boolean');
    same([flag.exchange(true), flag.value], [false, true]);
    const wide = new Mp.Value('uint64');
    wide.value = 2n ** 64n - 1n;
    same(wide.value, 2n ** 64n - 1n);
    wide.value = 7;
    same(wide.value, 7);
});

const CHANGES = ['add', 'exchange', 'compareAndSet', 'and', 'or', 'xor'];

// Changes a value and an array's element, which must refuse it alike and stay what they are.
function refuses(type, how, ...numbers) {
    for (const object of [new Mp.Value(type), new Mp.Array(type, 1)]) {
        const where = object instanceof Mp.Array ? [0] : [];
        const error = thrown(() => object[how](...where, ...numbers));
        isError(error, Mp.Error, Mp.Error.INVALID_ARGUMENT);
        same(Number(where.length ? object.get(0) : object.value), 0);
    }
}

test('atomic changes take numbers only', () => {
    for (const type of ['int8', 'uint64', 'double', 'boolean']) {
        for (const how of CHANGES) {
            for (const bad of ['x', '7', null, undefined, {}, [1], Symbol('s'), () => 1])
                refuses(type, how, bad, 1);
        }
        refuses(type, 'compareAndSet', 0, 'x');
        refuses(type, 'compareAndSet', 0);
    }
    for (const how of CHANGES) {
        for (const bad of [NaN, Infinity, 0.5])
            refuses('int32', how, bad, 1);
        refuses('int64', how, 2n ** 64n, 1);
        refuses('uint64', how, 2n ** 64n, 1);
        refuses('int8', how, 256, 1);
        refuses('boolean', how, 2, 1);
    }
    refuses('int16', 'compareAndSet', 0, 2 ** 15);
    for (const [type, number] of [['int8', 128], ['int8', -129], ['uint8', -1], ['uint8', 256],
        ['uint64', -1], ['int64', 2 ** 63], ['int64', -(2n ** 63n) - 1n], ['boolean', -1]])
        refuses(type, 'exchange', number);
    for (const how of ['and', 'or', 'xor']) {
        refuses('float', how, 1);
        refuses('double', how, 1);
    }
});

test('atomic changes take what fits', () => {
    const value = new Mp.Value('uint8');
    same([value.exchange(255n), value.add(-1), value.add(10), value.value], [0, 255, 254, 8]);
    same([value.and(-8), value.xor(255), value.exchange(true), value.value], [8, 8, 247, 1]);

    const wide = new Mp.Value('int64');
    same(wide.exchange(-(2n ** 63n)), 0);
    same([wide.value, wide.compareAndSet(-(2n ** 63n), 2n ** 63n - 1n), wide.value],
        [-(2n ** 63n), true, 2n ** 63n - 1n]);
    wide.value = 0;
    same([wide.exchange(2 ** 52), wide.value], [0, 2 ** 52]);

    const unsigned = new Mp.Value('uint64');
    same([unsigned.exchange(2n ** 64n - 1n), unsigned.value], [0, 2n ** 64n - 1n]);
    same(unsigned.compareAndSet(2n ** 64n - 1n, 5), true);
    same([unsigned.add(-5), unsigned.value], [5, 0]);

    const exact = 2n ** 53n + 1n;
    const array = new Mp.Array('int64', [exact]);
    same([array.add(0, 2), array.xor(0, 1), array.exchange(0, -exact), array.get(0)],
        [exact, exact + 2n, exact + 1n, -exact]);
    unsigned.value = 2n ** 64n - 1n;
    same([unsigned.and(2n ** 63n + 1n), unsigned.or(0), unsigned.exchange(1), unsigned.value],
        [2n ** 64n - 1n, 2n ** 63n + 1n, 2n ** 63n + 1n, 1]);

    const float = new Mp.Value('double');
    same([float.exchange(NaN), float.exchange(2n), float.add(true), float.value], [0, NaN, 2, 3]);
    const flag = new Mp.Array('boolean', 2);
    same([flag.exchange(1, 1), flag.compareAndSet(1, true, false), flag.get(1)],
        [false, true, false]);
});

test('locks of values', () => {
    const lock = new Mp.Lock();
    ok(new Mp.Value('int8').get_lock() instanceof Mp.RLock);
    ok(new Mp.Value('int8', {lock}).get_lock() === lock);
    ok(new Mp.Array('int8', 3, {lock: null}).get_lock() === null);
});

test('arrays', () => {
    const array = new Mp.Array('int16', [1, -2, 3]);
    same([array.length, [...array]], [3, [1, -2, 3]]);
    ok(array.buffer instanceof Int16Array);
    array.buffer[2] = 300;
    same([array.get(2), array.add(2, 5), array.get(2)], [300, 300, 305]);
    array.set(0, -7);
    same(array.buffer[0], -7);
    same([array.compareAndSet(1, -2, 4), array.exchange(1, 5)], [true, 4]);
    isError(thrown(() => array.get(3)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => array.get(-1)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => array.set(0, 70000)), Mp.Error, Mp.Error.INVALID_ARGUMENT);

    const types = ['int8', 'uint8', 'uint16', 'uint32', 'float', 'double', 'boolean'];
    for (const type of types) {
        const each = new Mp.Array(type, 4);
        each.set(3, 1);
        same([each.buffer.length, each.buffer[3]], [4, 1]);
    }
    same(new Mp.Array('int64', [1, 2]).buffer[1], 2n);
    same([...new Mp.Array('double', 0).buffer], []);
});

test('adding together', async () => {
    const [value, array] = [new Mp.Value('int64'), new Mp.Array('double', 3)];
    const processes = [1, 2].map(() => Mp.Process.run((v, a) => {
        for (let i = 0; i < 2000; i++) {
            v.add(1);
            a.add(1, 0.5);
        }
    }, {args: [value, array]}));
    for (const process of processes)
        same(await process.joinAsync(), 0);
    same([value.value, [...array]], [4000, [0, 2000, 0]]);
});

test('lists', async () => {
    const values = [1, -2.5, true, 'häns', new Uint8Array([1, 0]), null, '', 2n ** 60n];
    const list = new Mp.ShareableList(values);
    same([list.length, [...list]], [8, values]);
    same(list.get_format(), 'qdxxxxxxx?8s8sxxxxxx?x8sq');
    same([list.count(1), list.indexOf('häns'), list.indexOf(77)], [2, 3, -1]);
    list.set(0, 'now text');
    same(list.get(0), 'now text');
    isError(thrown(() => list.set(0, '123456789')), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => list.set(8, 1)), Mp.Error, Mp.Error.NO_SUCH_KEY);
    isError(thrown(() => new Mp.ShareableList([{}])), Mp.Error, Mp.Error.INVALID_ARGUMENT);

    const process = Mp.Process.run(shared => shared.set(2, 99), {args: [list]});
    same(await process.joinAsync(), 0);
    same(list.get(2), 99);

    new Mp.ShareableList(['named'], {name: NAME});
    same([...new Mp.ShareableList(null, {name: NAME})], ['named']);
    Mp.SharedMemory.unlink(NAME);
});

await run();
