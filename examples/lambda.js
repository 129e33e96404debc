// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A function without a name, written where it is used, on workers that exist already. Its source
// travels: gjs -m lambda.js

import Mp from 'gi://Mp?version=1';

const p = new Mp.Pool({nWorkers: 4});
const sums = await p.map(x => (y => y ** 2)(x) + x, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
print(JSON.stringify(sums));
p.close();
await p.joinAsync();
