// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Semaphores, events and barriers, in one process and between several; promises of locks.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

import {eventually, isError, match, ok, rejected, run, same, sleep, test, thrown} from './tap.js';

test('a semaphore', () => {
    for (const semaphore of [new Mp.Semaphore(2), new Mp.Semaphore({value: 2}),
        Mp.Semaphore.new(2), new Mp.BoundedSemaphore(2)]) {
        same(semaphore.value, 2);
        same([semaphore.acquire(), semaphore.tryAcquire(), semaphore.tryAcquire()],
            [true, true, false]);
        same(semaphore.acquire({timeout: 0.01}), false);
        semaphore.release();
        same(semaphore.run(() => semaphore.value), 0);
        same(semaphore.value, 1);
        semaphore.release();
    }
    same(new Mp.Semaphore().value, 1);
    same(`${new Mp.Semaphore(3)}`, '<Semaphore(value=3)>');
    same(`${new Mp.BoundedSemaphore(3)}`, '<BoundedSemaphore(value=3, maxvalue=3)>');
    ok(new Mp.BoundedSemaphore() instanceof Mp.Semaphore);
});

test('a semaphore that is released too often says so', () => {
    const error = thrown(() => new Mp.BoundedSemaphore(1).release());
    isError(error, Mp.Error, Mp.Error.NOT_OWNER);
    same(error.message, 'The semaphore was released too many times');

    for (const type of [Mp.Semaphore, Mp.BoundedSemaphore]) {
        const semaphore = new type(2, {recoverable: true});
        const unheld = thrown(() => semaphore.release());
        isError(unheld, Mp.Error, Mp.Error.NOT_OWNER);
        same(unheld.message, 'The caller holds no permit of the recoverable semaphore');
        semaphore.acquire();
        semaphore.release();
        same(semaphore.value, 2);
    }
});

test('a semaphore has limits', () => {
    for (const bad of [-1, 1.5, NaN, 2 ** 31, '1', null]) {
        isError(thrown(() => new Mp.Semaphore(bad)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
        isError(thrown(() => new Mp.BoundedSemaphore(bad)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    }
    isError(thrown(() => new Mp.Semaphore(0, {recoverable: true})),
        Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => new Mp.BoundedSemaphore(1).release()), Mp.Error, Mp.Error.NOT_OWNER);
    isError(thrown(() => new Mp.Semaphore(2 ** 31 - 1).release()), Mp.Error, Mp.Error.NOT_OWNER);
});

test('permits of the dead', async () => {
    const [plain, owned, queue] = [new Mp.Semaphore(2), new Mp.Semaphore(2, {recoverable: true}),
        new Mp.Queue()];
    const process = Mp.Process.run((one, other, said) => {
        one.acquire();
        other.acquire();
        other.acquire();
        said.put('held');
        imports.gi.GLib.usleep(60000000);
    }, {args: [plain, owned, queue]});
    same(await queue.getAsync(), 'held');
    same([plain.value, owned.value, owned.recoverable], [1, 0, true]);
    process.kill();
    same(owned.acquire({timeout: 20}), true);
    same(await process.joinAsync(), -9);
    same([plain.value, owned.value], [1, 1]);
    owned.release();
    isError(thrown(() => owned.release()), Mp.Error, Mp.Error.NOT_OWNER);
});

test('promises of permits and locks', async () => {
    const [semaphore, lock] = [new Mp.Semaphore(1), new Mp.Lock()];
    for (const each of [semaphore, lock]) {
        same(await each.acquireAsync(), true);
        isError(await rejected(each.acquireAsync({timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);

        const cancellable = new Gio.Cancellable();
        const cancelled = rejected(each.acquireAsync({cancellable}));
        const patient = each.acquireAsync();
        await sleep(0.02);
        cancellable.cancel();
        isError(await cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);

        const process = Mp.Process.run(held => held.release(), {args: [each]});
        same(await patient, true);
        same(await process.joinAsync(), 0);
        each.release();
    }
    same([semaphore.value, lock.is_locked()], [1, false]);
});

test('a lock says that it was abandoned', async () => {
    const [lock, queue] = [new Mp.Lock(), new Mp.Queue()];
    const process = Mp.Process.run((held, said) => {
        held.acquire();
        said.put('held');
        imports.gi.GLib.usleep(60000000);
    }, {args: [lock, queue]});
    same(await queue.getAsync(), 'held');
    const promise = lock.acquireAsync({timeout: 20});
    process.kill();
    same(await promise, true);
    same(lock.abandoned, true);
    lock.release();
    same(lock.acquire(), true);
    same(lock.abandoned, false);
    lock.release();
    same(await process.joinAsync(), -9);
});

test('an event', async () => {
    for (const event of [new Mp.Event(), Mp.Event.new()]) {
        same([event.isSet(), event.is_set(), event.wait({timeout: 0}), event.wait(0.01)],
            [false, false, false, false]);
        const start = GLib.get_monotonic_time();
        same(event.wait({timeout: 0.15}), false);
        ok(GLib.get_monotonic_time() - start >= 150000);
        event.set();
        same([event.isSet(), event.wait()], [true, true]);
        same(await event.waitAsync(), true);
        event.clear();
        same(event.isSet(), false);
        same(`${event}`, '<Event unset>');
    }
});

test('an event between processes', async () => {
    const [event, queue] = [new Mp.Event(), new Mp.Queue()];
    const processes = [1, 2].map(() => Mp.Process.run((e, q) => {
        q.put('waits');
        q.put(e.wait({timeout: 20}));
    }, {args: [event, queue]}));
    same([await queue.getAsync(), await queue.getAsync()], ['waits', 'waits']);
    await sleep(0.2);
    event.set();
    event.clear();
    same([await queue.getAsync(), await queue.getAsync()], [true, true]);
    for (const process of processes)
        same(await process.joinAsync(), 0);
});

test('promises of an event', async () => {
    const event = new Mp.Event();
    isError(await rejected(event.waitAsync({timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);
    const promises = [event.waitAsync(), event.waitAsync({timeout: 20})];
    const process = Mp.Process.run(e => {
        e.set();
        e.clear();
    }, {args: [event]});
    same(await Promise.all(promises), [true, true]);
    same(await process.joinAsync(), 0);
});

test('a barrier', async () => {
    const barrier = new Mp.Barrier(3);
    same([barrier.parties, barrier.n_waiting, barrier.broken, barrier.timeout], [3, 0, false, -1]);
    const processes = [1, 2].map(() => Mp.Process.run(b => {
        for (let i = 0; i < 3; i++)
            b.wait({timeout: 20});
    }, {args: [barrier]}));
    for (let i = 0; i < 3; i++) {
        const index = i === 1 ? await barrier.waitAsync({timeout: 20}) : barrier.wait(20);
        ok(index >= 0 && index < 3);
    }
    for (const process of processes)
        same(await process.joinAsync(), 0);
    same(`${barrier}`, '<Barrier(0 of 3 waiting)>');
});

test('a barrier is broken', async () => {
    const barrier = new Mp.Barrier({parties: 2, timeout: 0.05});
    isError(thrown(() => barrier.wait()), Mp.Error, Mp.Error.TIMED_OUT);
    same([barrier.broken, barrier.n_waiting], [true, 0]);
    isError(thrown(() => barrier.wait()), Mp.Error, Mp.Error.BROKEN);
    barrier.reset();
    isError(await rejected(barrier.waitAsync()), Mp.Error, Mp.Error.TIMED_OUT);
    barrier.reset();
    isError(await rejected(barrier.waitAsync({timeout: 0.01})), Mp.Error, Mp.Error.TIMED_OUT);
    barrier.reset();

    const promise = rejected(barrier.waitAsync({timeout: 20}));
    same(barrier.n_waiting, 1);
    barrier.abort();
    isError(await promise, Mp.Error, Mp.Error.BROKEN);
    match(`${barrier}`, /broken/);
    for (const bad of [0, -1, 1.5, 8193, 'x', undefined])
        isError(thrown(() => new Mp.Barrier(bad)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

test('a barrier with a dead party', async () => {
    const barrier = new Mp.Barrier(2);
    const process = Mp.Process.run(b => b.wait(), {args: [barrier]});
    await eventually(() => barrier.n_waiting === 1);
    process.kill();
    same(await process.joinAsync(), -9);
    isError(thrown(() => barrier.wait()), Mp.Error, Mp.Error.BROKEN);
});

test('the action of a barrier', async () => {
    let n = 0;
    const barrier = new Mp.Barrier(2, {action: () => n++});
    same(await Promise.all([barrier.waitAsync(), barrier.waitAsync()]), [0, 1]);
    same(n, 1);
    const promise = barrier.waitAsync();
    same(barrier.wait(), 1);
    same([await promise, n], [0, 2]);

    const failing = new Mp.Barrier(1, {
        action() {
            throw new RangeError('on purpose');
        },
    });
    ok(thrown(() => failing.wait()) instanceof RangeError);
    same(failing.broken, true);
    failing.reset();
    ok(await rejected(failing.waitAsync()) instanceof RangeError);
    isError(thrown(() => new Mp.Barrier(2, {action: 1})), Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

await run();
