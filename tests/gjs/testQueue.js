// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The queue as JavaScript sees it: construction, waiting, promises, iteration, closing.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

import {isError, match, ok, rejected, run, same, sleep, test, thrown} from './tap.js';

function seconds(func) {
    const start = GLib.get_monotonic_time();
    func();
    return (GLib.get_monotonic_time() - start) / 1e6;
}

test('construction', () => {
    for (const [queue, maxItems] of [
        [new Mp.Queue(), 0],
        [new Mp.Queue({maxItems: 3}), 3],
        [new Mp.Queue({max_items: 4}), 4],
        [new Mp.Queue(5), 5],
        [Mp.Queue.new(6), 6],
    ]) {
        ok(queue instanceof Mp.Queue);
        same(queue.get_max_items(), maxItems);
        queue.put(1);
        same(queue.get(), 1);
    }
    isError(thrown(() => new Mp.Queue({maxItems: -1})), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => new Mp.Queue({maxItems: 'x'})), Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

test('first in, first out', () => {
    const queue = new Mp.Queue();
    ok(queue.empty());
    for (let i = 0; i < 1000; i++)
        queue.put({i});
    same(queue.qsize(), 1000);
    for (let i = 0; i < 1000; i++)
        same(queue.get(), {i});
    ok(queue.empty());
});

test('trying', () => {
    const queue = new Mp.Queue({maxItems: 1});
    same(queue.tryGet(), undefined);
    same(queue.try_get(), undefined);
    same(queue.tryPut('a'), true);
    same(queue.tryPut('b'), false);
    same(queue.try_put('b'), false);
    ok(queue.full());
    same(queue.tryGet(), 'a');
});

test('timeouts', () => {
    const queue = new Mp.Queue({maxItems: 1});
    isError(thrown(() => queue.get({timeout: 0})), Mp.Error, Mp.Error.EMPTY);
    ok(seconds(() => {
        isError(thrown(() => queue.get({timeout: 0.25})), Mp.Error, Mp.Error.TIMED_OUT);
    }) >= 0.25);
    queue.put(null);
    isError(thrown(() => queue.put(1, {timeout: 0})), Mp.Error, Mp.Error.FULL);
    ok(seconds(() => {
        isError(thrown(() => queue.put(1, {timeout: 0.15})), Mp.Error, Mp.Error.TIMED_OUT);
    }) >= 0.15);
    same(queue.get({timeout: 5}), null);
    isError(thrown(() => queue.get({timeout: 'soon'})), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => queue.get(0)), Mp.Error, Mp.Error.EMPTY);
});

test('closing', async () => {
    const queue = new Mp.Queue();
    queue.put(1);
    queue.close();
    ok(queue.is_closed());
    isError(thrown(() => queue.put(2)), Mp.Error, Mp.Error.CLOSED);
    isError(thrown(() => queue.tryPut(2)), Mp.Error, Mp.Error.CLOSED);
    same(queue.get(), 1);
    isError(thrown(() => queue.get()), Mp.Error, Mp.Error.CLOSED);
    isError(thrown(() => queue.tryGet()), Mp.Error, Mp.Error.CLOSED);
    isError(await rejected(queue.getAsync()), Mp.Error, Mp.Error.CLOSED);
});

test('a promise of a value that is there, and of one that comes', async () => {
    const queue = new Mp.Queue();
    queue.put('first');
    same(await queue.getAsync(), 'first');

    const promise = queue.getAsync();
    let ran = false;
    await sleep(0.02);
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
        ran = true;
        queue.put({second: new Map([[1, 2]])});
        return GLib.SOURCE_REMOVE;
    });
    same(await promise, {second: new Map([[1, 2]])});
    ok(ran);
});

test('several promises', async () => {
    const queue = new Mp.Queue();
    const promises = [queue.getAsync(), queue.getAsync(), queue.getAsync()];
    await sleep(0.01);
    for (const value of [1, 2, 3])
        queue.put(value);
    same((await Promise.all(promises)).sort(), [1, 2, 3]);
});

test('a promise ends by timeout or cancellation', async () => {
    const queue = new Mp.Queue();
    isError(await rejected(queue.getAsync({timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);
    isError(await rejected(queue.getAsync({timeout: 0})), Mp.Error, Mp.Error.TIMED_OUT);

    const cancellable = new Gio.Cancellable();
    const promises = [queue.getAsync({cancellable}), queue.getAsync({cancellable, timeout: 60})];
    await sleep(0.01);
    cancellable.cancel();
    for (const promise of promises)
        isError(await rejected(promise), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    queue.put(1);
    isError(await rejected(queue.getAsync({cancellable})),
        Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    same(await queue.getAsync(), 1);
});

// gjs runs the main loop at full speed while a module awaits something, unless somebody sleeps.
test('waiting takes no CPU time', async () => {
    const cpuTime = () => {
        const [, text] = GLib.file_get_contents('/proc/self/stat');
        const fields = new TextDecoder().decode(text).replace(/^.*\) /, '').split(' ');
        return (Number(fields[11]) + Number(fields[12])) / 100;
    };
    const before = cpuTime();
    const promise = new Mp.Queue().getAsync({timeout: 1});
    isError(await rejected(promise), Mp.Error, Mp.Error.TIMED_OUT);
    const used = cpuTime() - before;
    ok(used < 0.2, `${used} of 1 second`);
});

test('iteration ends when the queue is closed', async () => {
    const queue = new Mp.Queue();
    const fill = () => {
        for (let i = 0; i < 200; i++)
            queue.put(i);
    };
    fill();
    const first = [];
    for (const value of queue) {
        first.push(value);
        if (value === 199)
            break;
    }
    same(first.length, 200);

    fill();
    GLib.timeout_add(GLib.PRIORITY_DEFAULT, 20, () => {
        queue.put('last');
        queue.close();
        return GLib.SOURCE_REMOVE;
    });
    const second = [];
    for await (const value of queue)
        second.push(value);
    same(second.length, 201);
    same(second[200], 'last');
    same([...queue], []);
});

test('the main loop runs while a full queue is drained', async () => {
    const queue = new Mp.Queue();
    let turns = 0;
    const source = GLib.idle_add(GLib.PRIORITY_DEFAULT, () => {
        turns++;
        return GLib.SOURCE_CONTINUE;
    });
    for (let i = 0; i < 1000; i++)
        queue.put(i);
    queue.close();
    let n = 0;
    for await (const value of queue)
        n += value >= 0;
    GLib.source_remove(source);
    same(n, 1000);
    ok(turns >= 10, `${turns} turns`);
});

test('handles', () => {
    const queue = new Mp.Queue({maxItems: 7});
    const other = Mp.Shared.open(queue.get_handle());
    ok(other instanceof Mp.Queue);
    same(other.get_max_items(), 7);
    queue.put('through');
    same(other.get(), 'through');
    isError(thrown(() => Mp.Shared.open('no handle')), Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

test('what is no option is an error, also if nothing has to be waited for', async () => {
    const queue = new Mp.Queue();
    queue.put(1);
    for (const func of [
        () => queue.get('1'), () => queue.get(NaN), () => queue.get({timeout: NaN}),
        () => queue.get({timeout: '1'}), () => queue.put(1, {timeout: {}}),
        () => queue.put(1, true),
        () => new Mp.Queue('1'), () => new Mp.Queue(null), () => new Mp.Queue(NaN),
        () => new Mp.Queue(-1), () => new Mp.Queue(2 ** 32), () => new Mp.Queue({maxItems: 1.5}),
        () => new Mp.Queue({joinable: 1}), () => queue.getMany(0), () => queue.getMany(NaN),
        () => queue.getMany(-1), () => queue.getMany('5'), () => queue.putBytes('text'),
        () => queue.putBytes([1]), () => queue.putBlock(new Uint8Array(1)), () => new Mp.Block(-1),
        () => Mp.Block.new(NaN), () => queue.join(), () => queue.taskDone(),
    ]) {
        const {code} = thrown(func);
        ok(code === Mp.Error.INVALID_ARGUMENT || code === Mp.Error.INVALID_STATE, `${func}`);
    }
    ok(thrown(() => queue.putMany(5)) instanceof TypeError);
    for (const options of ['1', {timeout: NaN}, {cancellable: 5}]) {
        for (const promise of [queue.getAsync(options), queue.putAsync(2, options)])
            isError(await rejected(promise), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    }
    same([queue.qsize(), queue.get(5)], [1, 1]);
});

test('a promise of room', async () => {
    const queue = new Mp.Queue(1);
    const inner = new Mp.Queue();
    await queue.putAsync('first');
    isError(await rejected(queue.putAsync(0, {timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);
    const cancellable = new Gio.Cancellable();
    const cancelled = queue.putAsync(0, {cancellable});
    const second = queue.putAsync({inner, text: 'second'});
    await sleep(0.02);
    cancellable.cancel();
    isError(await rejected(cancelled), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    inner.put('kept');

    same(queue.get(), 'first');
    await second;
    const value = queue.get();
    same([value.text, value.inner.get(), queue.tryGet()], ['second', 'kept', undefined]);
    queue.close();
    isError(await rejected(queue.putAsync(1)), Mp.Error, Mp.Error.CLOSED);
    isError(await rejected(queue.putAsync(() => 1)), Mp.Error, Mp.Error.NOT_PLAIN);
});

test('many values at once', () => {
    const queue = new Mp.Queue();
    const inner = new Mp.Queue();
    const values = Array.from({length: 1000}, (_, i) => i % 7 === 0 ? `ünïcödé\n${i}` : {i});
    values.splice(300, 0, 'x'.repeat(10000), null, new Map([[1, NaN]]), undefined, {inner});
    same(queue.putMany(values), values.length);
    const taken = [];
    while (taken.length < values.length)
        taken.push(...queue.getMany(333));
    same(taken[304].inner.get_handle(), inner.get_handle());
    values[303] = taken[304] = values[304] = null;
    same(taken, values);

    same(queue.putMany([]), 0);
    isError(thrown(() => queue.getMany(5, {timeout: 0})), Mp.Error, Mp.Error.EMPTY);
    isError(thrown(() => queue.getMany(5, {timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);
    isError(thrown(() => queue.putMany([1, 2, () => 3])), Mp.Error, Mp.Error.NOT_PLAIN);
    same(queue.qsize(), 0);

    queue.put(1);
    queue.putBytes(new Uint8Array([2]));
    queue.putMany([3, 4]);
    same(queue.getMany(3), [1, new Uint8Array([2]), 3]);
    same(queue.getMany(3), [4]);
    queue.close();
    isError(thrown(() => queue.getMany(3)), Mp.Error, Mp.Error.CLOSED);
});

test('many values, and less room', () => {
    const queue = new Mp.Queue(3);
    const error = thrown(() => queue.putMany([1, 2, 3, 4, 5], {timeout: 0.02}));
    isError(error, Mp.Error, Mp.Error.TIMED_OUT);
    same(error.count, 3);
    isError(thrown(() => queue.putMany([0], 0)), Mp.Error, Mp.Error.FULL);
    same(queue.getMany(10), [1, 2, 3]);

    const early = thrown(() => queue.putMany([1, 2, () => 3]));
    isError(early, Mp.Error, Mp.Error.NOT_PLAIN);
    same([early.count, queue.qsize()], [0, 0]);

    const process = Mp.Process.run(q => {
        for (const value of q) {
            if (value === 'end')
                return;
        }
    }, {args: [queue]});
    same(queue.putMany([...Array(500).keys(), 'end'], {timeout: 60}), 501);
    ok(process.join({timeout: 60}));
    same(queue.qsize(), 0);
});

test('one of many values that cannot be read', () => {
    const queue = new Mp.Queue();
    const pickle = '\x80\x04c_thread\nallocate_lock\n.';
    queue.put(1);
    queue.put_data(Mp.Encoding.PICKLE, new TextEncoder().encode(pickle).slice(1), 0);
    queue.put(3);
    const error = thrown(() => queue.getMany(3));
    ok(error.matches(Mp.Error, Mp.Error.NOT_PLAIN) ||
        error.matches(Mp.Error, Mp.Error.INVALID_DATA), error.message);
    same(error.values, [1, 3]);
});

test('no more of many than asked for, even if they cannot be read', () => {
    const queue = new Mp.Queue();
    for (let i = 0; i < 10; i++)
        queue.put_data(Mp.Encoding.PICKLE, new Uint8Array([128, 4, 99]), 0);
    same(thrown(() => queue.getMany(2)).values, []);
    same(queue.qsize(), 8);
});

test('how many there were when the memory was full', () => {
    const limit = Mp.memory_get_limit();
    const queue = new Mp.Queue();
    Mp.memory_set_limit(Mp.memory_get_used() + (8 << 20));
    const error = thrown(() => queue.putMany([1, 2, 3, new Uint8Array(64 << 20)]));
    Mp.memory_set_limit(limit);
    isError(error, Mp.Error, Mp.Error.NO_SPACE);
    same(error.count, 3);
});

test('a time limit that no timer of GLib can have', async () => {
    const queue = new Mp.Queue();
    const cancellable = new Gio.Cancellable();
    const waiting = rejected(queue.getAsync({timeout: 5e6, cancellable}));
    await sleep(0.05);
    cancellable.cancel();
    isError(await waiting, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
});

test('a joinable queue', async () => {
    const queue = new Mp.Queue({joinable: true});
    ok(queue.is_joinable() && Mp.Queue.new_joinable(1).is_joinable());
    ok(queue.join());
    queue.putMany([1, 2]);
    ok(!queue.join({timeout: 0}) && !queue.join({timeout: 0.02}));
    isError(await rejected(queue.joinAsync({timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);
    const joined = queue.joinAsync({timeout: 60});
    same(queue.getMany(5), [1, 2]);
    ok(!queue.join(0));
    queue.taskDone();
    queue.taskDone();
    await joined;
    ok(queue.join());
    match(thrown(() => queue.taskDone()).message, /too many times/);
    isError(await rejected(new Mp.Queue().joinAsync()), Mp.Error, Mp.Error.INVALID_STATE);

    const process = Mp.Process.run(q => {
        for (const value of q) {
            if (value === 'end')
                return;
            q.taskDone();
        }
    }, {args: [queue]});
    queue.putMany([...Array(100).keys()]);
    ok(queue.join({timeout: 60}));
    queue.put('end');
    same(await process.joinAsync({timeout: 60}), 0);
});

test('bytes', () => {
    const queue = new Mp.Queue();
    for (const size of [0, 1, 4096, 4097, 65536, 300000]) {
        const bytes = Uint8Array.from({length: size}, (_, i) => i % 251);
        queue.putBytes(bytes);
        queue.putBytes(bytes.buffer);
        queue.putBytes(new DataView(bytes.buffer, size >> 1));
        queue.putBytes(new GLib.Bytes(bytes));
        same(queue.getBytes(), bytes);
        same(queue.get(), bytes);
        same(queue.getBytes(), bytes.slice(size >> 1));

        const block = queue.getBlock();
        same([block.get_size(), block.toArray()], [size, bytes]);
        block.release();
        same([block.get_size(), block.toArray().length], [0, 0]);
    }
    queue.put(new Uint8Array([1, 2]));
    same(queue.getBytes(), new Uint8Array([1, 2]));
    queue.put('text');
    isError(thrown(() => queue.getBytes()), Mp.Error, Mp.Error.INVALID_DATA);
    isError(thrown(() => queue.getBytes(0)), Mp.Error, Mp.Error.EMPTY);
    isError(thrown(() => queue.getBlock({timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);
});

test('a block that is filled in place', () => {
    const queue = new Mp.Queue();
    const block = new Mp.Block(1 << 20);
    block.toArray().fill(3);
    queue.putBlock(block);
    block.release();
    isError(thrown(() => queue.putBlock(block)), Mp.Error, Mp.Error.INVALID_STATE);
    const view = queue.getBlock();
    ok(view.toArray().every(byte => byte === 3));
    view.release();
});

// The garbage collector does not know what is in blocks; so these must be given back without it.
test('large bytes do not pile up', () => {
    const queue = new Mp.Queue();
    const bytes = new Uint8Array(1 << 20);
    const pass = () => {
        queue.putBytes(bytes);
        return queue.getBytes().length;
    };
    pass();
    const before = Mp.memory_get_used();
    for (let i = 0; i < 200; i++)
        same(pass(), 1 << 20);
    const more = Mp.memory_get_used() - before;
    ok(more < 1 << 22, `${more} bytes of shared memory more`);
});

test('text', () => {
    match(`${new Mp.Queue()}`, /queue/i);
});

await run();
