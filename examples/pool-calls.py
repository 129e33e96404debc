# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What a pool can be asked for: single calls, maps, iterators, errors, time limits, callbacks."""

import time

import mproc


def calculate(function, arguments):
    return f'{function.__name__}{arguments} = {function(*arguments)}'


def multiply(a, b):
    time.sleep(0.01)
    return a * b


def cube(x):
    return x ** 3


def inverse(x):
    return 1 / (x - 5)


def attempt(name, call):
    try:
        print(f'{name}: {call()}')
    except ZeroDivisionError as error:
        print(f'{name}: {error}')


def errors(pool):
    attempt('apply', lambda: pool.apply(inverse, (5,)))
    attempt('map', lambda: pool.map(inverse, range(10)))
    attempt('imap', lambda: list(pool.imap(inverse, range(10))))
    numbers = pool.imap(inverse, range(10))
    good = 0
    for _ in range(10):
        try:
            next(numbers)
            good += 1
        except ZeroDivisionError:
            pass
    print('imap, one by one:', good, 'of 10')


def time_limits(pool):
    result = pool.apply_async(time.sleep, (0.3,))
    waits = 0
    while True:
        try:
            result.get(timeout=0.02)
            break
        except mproc.TimeoutError:
            waits += 1
    print('not ready at first:', waits > 0)


def callbacks(pool):
    seen = []
    pool.apply_async(multiply, (7, 8), callback=seen.append).wait()
    pool.map_async(cube, range(4), callback=seen.extend).wait()
    print('callbacks:', seen)


def main():
    with mproc.Pool(4) as pool:
        tasks = [(multiply, (i, 7)) for i in range(4)]
        results = [pool.apply_async(calculate, task) for task in tasks]
        in_order = pool.imap(cube, range(8))
        in_any_order = pool.imap_unordered(cube, range(8))
        for result in results:
            print(result.get())
        print('in order:', list(in_order))
        print('in any order:', sorted(in_any_order))
        print('starmap:', pool.starmap(multiply, [(1, 2), (3, 4)]))
        errors(pool)
        time_limits(pool)
        callbacks(pool)


if __name__ == '__main__':
    main()
