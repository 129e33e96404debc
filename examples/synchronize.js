// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Every way to have processes wait for each other, and values that they share:
// gjs -m synchronize.js

import Mp from 'gi://Mp?version=1';

const PROCESSES = 3;

// Runs the function in several processes at once. It travels as source, and knows nothing of the
// names around it here.
async function run(func, ...args) {
    const processes = [];
    for (let i = 0; i < PROCESSES; i++)
        processes.push(Mp.Process.run(func, {args}));
    for (const process of processes) {
        await process.joinAsync();
        process.check();
    }
}

function take(queue, n) {
    return Array.from({length: n}, () => queue.get({timeout: 30}));
}

const words = new Mp.Queue();
const number = new Mp.Value('int64', 0);

await run((value, times) => {
    for (let i = 0; i < times; i++)
        value.add(1);           // an atomic operation: no lock is needed
}, number, 1000);
print('value:', number.value);

const rlock = new Mp.RLock();
await run((lock, said) => lock.run(() => lock.run(() => {
    said.put('in');
    said.put('out');
})), rlock, words);
print('rlock:', take(words, 2 * PROCESSES).join(' '));

const [inside, most] = [new Mp.Value('int64', 0), new Mp.Array('int64', PROCESSES + 1)];
await run((room, counter, seen) => {
    room.acquire();
    const n = counter.add(1) + 1;
    seen.set(n, 1);
    imports.gi.GLib.usleep(20000);
    counter.add(-1);
    room.release();
}, new Mp.Semaphore(2), inside, most);
print('semaphore: never more than two inside:', most.get(3) === 0);

const turns = new Mp.Value('int64', 0);
await run((condition, counter, last) => {
    condition.acquire();
    while (counter.value < last) {
        counter.add(1);
        condition.notifyAll();
        if (counter.value < last)
            condition.wait({timeout: 0.05});
    }
    condition.release();
}, new Mp.Condition(), turns, 20);
print('condition:', turns.value, 'turns');

const gate = new Mp.Event();
const waiting = Mp.Process.run((event, said) => {
    event.wait({timeout: 30});
    said.put('through');
}, {args: [gate, words]});
print('event: nobody through:', words.empty());
gate.set();
print('event:', words.get({timeout: 30}));
await waiting.joinAsync();

await run((barrier, said) => {
    said.put('come');
    barrier.wait({timeout: 30});
    said.put('gone');
}, new Mp.Barrier(PROCESSES), words);
print('barrier:', take(words, 2 * PROCESSES).join(' '));

const jobs = new Mp.Queue({joinable: true});
for (let i = 0; i < 20; i++)
    jobs.put(i);
for (let i = 0; i < PROCESSES; i++)
    jobs.put('no more');
await run(queue => {
    let job;
    do {
        job = queue.get();
        queue.taskDone();
    } while (job !== 'no more');
}, jobs);
await jobs.joinAsync({timeout: 30});
print('joinable queue: all done:', jobs.empty());
