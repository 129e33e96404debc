# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""How much goes through queues, pipes, locks, conditions and shared arrays in a moment.

Each line is doubled work until it has taken a quarter of a second; with --quick, much less.
"""

import sys
import time

import mproc

LEAST = 0.02 if '--quick' in sys.argv else 0.25
MESSAGE = '0' * 256


def measure(name, work):
    """Prints how often per second work(n) does what it does n times."""
    n, taken = 1, 0.0
    while taken < LEAST:
        n *= 2
        taken = work(n)
    print(f'{name}: {n} in {taken:.3f} s, {n / taken:.0f} per second')


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def produce(put, n):
    for _ in range(n):
        put(MESSAGE)


def through(put, get):
    """Messages from another process."""
    def work(n):
        producer = mproc.Process(target=produce, args=(put, n))
        start = time.perf_counter()
        producer.start()
        for _ in range(n):
            get()
        taken = time.perf_counter() - start
        producer.join()
        return taken
    return work


def holding(lock):
    def call(n):
        for _ in range(n):
            lock.acquire()
            lock.release()
    return lambda n: timed(lambda: call(n))


def wait_and_notify(condition, n):
    with condition:
        condition.notify()
        for _ in range(n):
            condition.wait()
            condition.notify()


def taking_turns(n):
    condition = mproc.Condition()
    with condition:
        partner = mproc.Process(target=wait_and_notify, args=(condition, n))
        partner.start()
        condition.wait()
        start = time.perf_counter()
        for _ in range(n):
            condition.notify()
            condition.wait()
        taken = time.perf_counter() - start
    partner.join()
    return taken


def indexing(items):
    def call(n):
        for i in range(n):
            items[5] = items[6]
    return lambda n: timed(lambda: call(n))


def main():
    queue = mproc.Queue()
    reader, writer = mproc.Pipe(duplex=False)
    measure('list of Python', indexing(list(range(10))))
    measure('unsynchronized array', indexing(mproc.Array('i', 10, lock=False)))
    measure('synchronized array', indexing(mproc.Array('i', 10)))
    measure('lock', holding(mproc.Lock()))
    measure('rlock', holding(mproc.RLock()))
    measure('queue', through(queue.put, queue.get))
    measure('pipe', through(writer.send, reader.recv))
    measure('condition', taking_turns)


if __name__ == '__main__':
    main()
