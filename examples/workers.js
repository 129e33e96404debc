// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Workers of one's own: tasks go into one queue, results come out of another: gjs -m workers.js

import Mp from 'gi://Mp?version=1';

// Runs in each worker. What travels as source knows nothing of the names around it here.
async function work(tasks, done) {
    const functions = {multiply: (a, b) => a * b, add: (a, b) => a + b};
    for (;;) {
        const task = await tasks.getAsync();
        if (task === 'STOP')
            return;
        const [name, a, b] = task;
        done.put(`${name}(${a}, ${b}) = ${functions[name](a, b)}`);
    }
}

const [tasks, done] = [new Mp.Queue(), new Mp.Queue()];
const workList = [];
for (let i = 0; i < 10; i++)
    workList.push(['multiply', i, 7]);
for (let i = 0; i < 5; i++)
    workList.push(['add', i, 8]);
for (const task of workList)
    tasks.put(task);

const workers = [];
for (let i = 0; i < 2; i++)
    workers.push(Mp.Process.run(work, {args: [tasks, done], name: `Worker ${i}`}));

// They come in the order in which they are done.
const lines = [];
for (const _task of workList)
    lines.push(await done.getAsync());
print(lines.sort().join('\n'));

for (const _worker of workers)
    tasks.put('STOP');
for (const worker of workers)
    print(`${worker.name} ended with ${await worker.joinAsync()}`);
