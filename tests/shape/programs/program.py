# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

import sys
import mproc
from mproc import Manager, Pool, Process, Queue


def work(queue):
    queue.put('hello')


def square(x):
    return x * x


if __name__ == '__main__':
    queue = Queue()
    process = Process(target=work, args=[queue])
    process.start()
    word = queue.get(timeout=10)
    process.join()
    with Pool(2) as pool:
        assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    manager = Manager()
    numbers = manager.list(range(3))
    numbers.reverse()
    assert str(numbers) == '[2, 1, 0]', numbers
    manager.shutdown()
    assert mproc.__file__.startswith(sys.argv[1]), mproc.__file__
    print(word, 'from Python')
