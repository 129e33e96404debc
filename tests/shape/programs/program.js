// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

import Mp from 'gi://Mp?version=1';

const queue = new Mp.Queue();
queue.put({word: 'hello'});
const pool = new Mp.Pool({nWorkers: 2});
const squares = await pool.map(x => x * x, [1, 2, 3], {timeout: 30});
pool.close();
await pool.joinAsync();
if (squares.join() !== '1,4,9')
    throw new Error(`squares: ${squares}`);
const {word} = await queue.getAsync();
print(`${word} from GJS`);
