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

test('text', () => {
    match(`${new Mp.Queue()}`, /queue/i);
});

await run();
