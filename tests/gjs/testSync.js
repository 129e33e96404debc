// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Locks and conditions, in one process and between several.

import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

import {isError, ok, rejected, run, same, test, thrown} from './tap.js';

test('a lock', () => {
    for (const lock of [new Mp.Lock(), Mp.Lock.new()]) {
        ok(!lock.is_locked());
        same(lock.acquire(), true);
        ok(lock.is_locked());
        same(lock.acquire({timeout: 0.01}), false);
        same(lock.tryAcquire(), false);
        lock.release();
        isError(thrown(() => lock.release()), Mp.Error, Mp.Error.NOT_OWNER);
        same(lock.tryAcquire(), true);
        lock.release();
    }
});

test('a lock that may be taken again', () => {
    const lock = new Mp.RLock();
    ok(lock instanceof Mp.RLock && lock instanceof Mp.Lock);
    same([lock.acquire(), lock.acquire(), lock.acquire({timeout: 0})], [true, true, true]);
    lock.release();
    lock.release();
    ok(lock.is_locked());
    lock.release();
    ok(!lock.is_locked());
    isError(thrown(() => lock.release()), Mp.Error, Mp.Error.NOT_OWNER);
});

test('running under a lock', async () => {
    const lock = new Mp.Lock();
    same(lock.run(() => lock.is_locked()), true);
    ok(!lock.is_locked());

    thrown(() => lock.run(() => {
        throw new Error('inside');
    }));
    ok(!lock.is_locked());

    const promise = lock.run(async () => {
        await null;
        return 'done';
    });
    ok(lock.is_locked());
    same(await promise, 'done');
    ok(!lock.is_locked());

    await rejected(lock.run(() => Promise.reject(new Error('later'))));
    ok(!lock.is_locked());
});

test('a lock held by another process', async () => {
    const [lock, queue] = [new Mp.Lock(), new Mp.Queue()];
    const process = Mp.Process.run((held, said) => {
        held.acquire();
        said.put('held');
        said.put(said.qsize());
        imports.gi.GLib.usleep(200000);
        held.release();
    }, {args: [lock, queue]});
    same(await queue.getAsync(), 'held');
    same(lock.tryAcquire(), false);
    same(lock.acquire({timeout: 20}), true);
    lock.release();
    same(await process.joinAsync(), 0);
});

test('a lock whose holder is killed', async () => {
    const [lock, queue] = [new Mp.Lock(), new Mp.Queue()];
    const process = Mp.Process.run((held, said) => {
        held.acquire();
        said.put('held');
        imports.gi.GLib.usleep(60000000);
    }, {args: [lock, queue]});
    same(await queue.getAsync(), 'held');
    process.kill();
    same(lock.acquire({timeout: 20}), true);
    ok(lock.get_abandoned());
    lock.release();
    same(await process.joinAsync(), -9);
});

test('a condition in one process', () => {
    const condition = new Mp.Condition();
    isError(thrown(() => condition.notify()), Mp.Error, Mp.Error.NOT_OWNER);
    isError(thrown(() => condition.wait()), Mp.Error, Mp.Error.NOT_OWNER);
    same(condition.acquire(), true);
    const start = GLib.get_monotonic_time();
    same(condition.wait({timeout: 0.15}), false);
    ok(GLib.get_monotonic_time() - start >= 150000);
    same(condition.waitUntil(() => 'now'), 'now');
    same(condition.waitUntil(() => 0, {timeout: 0.02}), 0);
    condition.notify();
    condition.notifyAll();
    condition.release();
    isError(thrown(() => condition.release()), Mp.Error, Mp.Error.NOT_OWNER);

    for (const lock of [new Mp.Lock(), new Mp.RLock()]) {
        same(lock.locked(), false);
        same(lock.run(() => [lock.locked(), lock.is_locked()]), [true, true]);
        same(lock.locked(), false);
    }

    const lock = new Mp.Lock();
    ok(new Mp.Condition(lock).get_lock().get_handle() === lock.get_handle());
});

test('a condition between processes', async () => {
    const [condition, queue] = [new Mp.Condition(), new Mp.Queue()];
    const processes = [1, 2].map(n => Mp.Process.run((c, q, number) => {
        c.acquire();
        q.put('ready');
        const notified = c.wait({timeout: 20});
        q.put([number, notified]);
        c.release();
    }, {args: [condition, queue, n]}));

    same([await queue.getAsync(), await queue.getAsync()], ['ready', 'ready']);
    condition.run(() => condition.notifyAll());
    const woken = [await queue.getAsync(), await queue.getAsync()];
    same(woken.sort(), [[1, true], [2, true]]);
    for (const process of processes)
        same(await process.joinAsync(), 0);
});

test('texts say who holds what', () => {
    const condition = new Mp.Condition();
    same(`${condition}`, '<Condition(<RLock(None, 0)>, 0)>');
    condition.acquire();
    same(`${condition}`, '<Condition(<RLock(MainProcess, 1)>, 0)>');
    condition.release();
    same(`${new Mp.Lock()}`, '<Lock(owner=None)>');
});

await run();
