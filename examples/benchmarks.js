// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// How much goes through queues, pipes, locks, conditions and shared arrays in a moment:
// gjs -m benchmarks.js [--quick]
//
// Each line is doubled work until it has taken a quarter of a second; with --quick, much less.

import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

const LEAST = ARGV.includes('--quick') ? 0.02 : 0.25;

const now = () => GLib.get_monotonic_time() / 1e6;

// Prints how often per second work(n) does what it does n times.
function measure(name, work) {
    let [n, taken] = [1, 0];
    while (taken < LEAST) {
        n *= 2;
        const start = now();
        work(n);
        taken = now() - start;
    }
    print(`${name}: ${n} in ${taken.toFixed(3)} s, ${(n / taken).toFixed(0)} per second`);
}

// The other process. It is the same for all rounds, as it takes its time to start.
function partner(jobs, queue, connection, condition) {
    const message = '0'.repeat(256);
    const work = {
        queue: n => {
            for (let i = 0; i < n; i++)
                queue.put(message);
        },
        pipe: n => {
            for (let i = 0; i < n; i++)
                connection.send(message);
        },
        condition: n => {
            condition.acquire();
            condition.notify();
            for (let i = 0; i < n; i++) {
                condition.wait();
                condition.notify();
            }
            condition.release();
        },
    };
    for (const [kind, n] of jobs)
        work[kind](n);
}

function indexing(items) {
    return n => {
        for (let i = 0; i < n; i++)
            items[5] = items[6];
    };
}

function holding(lock) {
    return n => {
        for (let i = 0; i < n; i++) {
            lock.acquire();
            lock.release();
        }
    };
}

const [jobs, queue, condition] = [new Mp.Queue(), new Mp.Queue(), new Mp.Condition()];
const [reader, writer] = Mp.pipe({duplex: false});
const array = new Mp.Array('int32', 10);
const other = Mp.Process.run(partner, {args: [jobs, queue, writer, condition], daemon: true});

measure('typed array', indexing(new Int32Array(10)));
measure('shared array', n => {
    for (let i = 0; i < n; i++)
        array.set(5, array.get(6));
});
measure('lock', holding(new Mp.Lock()));
measure('rlock', holding(new Mp.RLock()));
measure('queue', n => {
    jobs.put(['queue', n]);
    for (let i = 0; i < n; i++)
        queue.get();
});
measure('pipe', n => {
    jobs.put(['pipe', n]);
    for (let i = 0; i < n; i++)
        reader.recv();
});
measure('condition', n => {
    condition.acquire();
    jobs.put(['condition', n]);
    condition.wait();
    for (let i = 0; i < n; i++) {
        condition.notify();
        condition.wait();
    }
    condition.release();
});

jobs.close();
await other.joinAsync();
