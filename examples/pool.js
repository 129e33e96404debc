// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Squares, counted by four workers: gjs -m pool.js

import Mp from 'gi://Mp?version=1';

function f(x) {
    return x * x;
}

const p = new Mp.Pool({nWorkers: 4});
const squares = await p.map(f, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], {timeout: 10});
print(JSON.stringify(squares));
p.close();
await p.joinAsync();
