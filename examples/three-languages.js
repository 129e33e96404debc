// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The shop in JavaScript of three-languages.py, which starts it.

import Mp from 'gi://Mp?version=1';

const [orders, answers] = ARGV.map(handle => Mp.Shared.open(handle));

for (;;) {
    const order = await orders.getAsync();
    if (order === null)
        break;

    const sum = order.prices.reduce((total, price) => total + price, 0) * order.pieces;
    answers.put({item: order.item, sum, by: 'JavaScript'});
    await order.meet.waitAsync();
}
