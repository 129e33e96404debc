#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Orders from Python, on one queue, for a shop in JavaScript and one in C:

    three-languages.py C-PROGRAM

Every order has a barrier in it at which the two shops meet, so that each of them takes every other
one. Their answers come through a second queue."""

import sys
from collections import Counter
from pathlib import Path

from mproc import Barrier, Queue

from gi.repository import Mp

ORDERS = {
    'apples': [0.5, 0.75, 0.5],
    'bread': [3.25],
    'cheese': [12.5, 8.0],
    'dates 🌴': [],
    'eggs': [0.25] * 12,
    'figs': [1.0, 1.5],
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    orders, answers, meet = Queue(), Queue(), Barrier(2)
    handles = [orders.get_handle(), answers.get_handle()]
    commands = {
        'JavaScript': ['gjs', '-m', str(Path(__file__).with_suffix('.js'))],
        'C': sys.argv[1:2],
    }
    shops = [Mp.Process.new_command(name, command + handles) for name, command in commands.items()]
    for shop in shops:
        shop.start()

    for item, prices in ORDERS.items():
        orders.put({'item': item, 'prices': prices, 'pieces': 2, 'meet': meet})
    for _ in shops:
        orders.put(None)

    got = sorted((answers.get(timeout=60) for _ in ORDERS), key=lambda answer: answer['item'])
    for answer in got:
        print(f'{answer["item"]}: {answer["sum"]:.2f}')
    for name, n in sorted(Counter(answer['by'] for answer in got).items()):
        print(f'{n} answers from {name}')

    for shop in shops:
        shop.join()
    return any(shop.get_exit_code() for shop in shops)


if __name__ == '__main__':
    sys.exit(main())
