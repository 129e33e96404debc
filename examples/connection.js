// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A process answers through a pipe until nobody asks any more: gjs -m connection.js

import Mp from 'gi://Mp?version=1';

async function answer(there) {
    for await (const number of there)
        there.send(number * number);
}

const [here, there] = Mp.pipe();
const process = new Mp.Process(answer, {args: [there]});
process.start();
there.close();
for (const number of [1, 2, 3]) {
    here.send(number);
    print(await here.recvAsync());
}
here.close();
await process.joinAsync();
