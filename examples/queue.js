// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A process that puts a text into a queue, and its parent that takes it: gjs -m queue.js

import Mp from 'gi://Mp?version=1';

function f(q) {
    q.put('hello world');
}

const q = new Mp.Queue();
const p = new Mp.Process(f, {args: [q]});
p.start();
print(await q.getAsync());
await p.joinAsync();
