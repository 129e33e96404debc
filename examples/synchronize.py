# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Every way to have processes wait for each other, and values that they share."""

import time

import mproc

PROCESSES = 5


def run(target, *arguments):
    """Runs the target in several processes at once."""
    processes = [mproc.Process(target=target, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        process.check()


def add_with_lock(number):
    for _ in range(1000):
        with number.get_lock():
            number.value += 1


def value():
    number = mproc.Value('i', 0)
    run(add_with_lock, number)
    print('value:', number.value)


def fill(numbers, turns):
    with turns.get_lock():
        turn = turns.value
        turns.value += 1
    numbers[turn] = turn ** 2


def array():
    numbers, turns = mproc.Array('d', PROCESSES), mproc.Value('i', 0)
    run(fill, numbers, turns)
    print('array:', list(numbers))


def take_twice(lock, log):
    with lock, lock:
        log.put('in')
        log.put('out')


def recursive_lock():
    lock, log = mproc.RLock(), mproc.Queue()
    run(take_twice, lock, log)
    print('rlock:', [log.get() for _ in range(2 * PROCESSES)] == ['in', 'out'] * PROCESSES)


def enter_room(room, inside, most):
    with room:
        with inside.get_lock():
            inside.value += 1
            most.value = max(most.value, inside.value)
        time.sleep(0.02)
        with inside.get_lock():
            inside.value -= 1


def semaphore():
    room, inside, most = mproc.Semaphore(3), mproc.Value('i', 0), mproc.Value('i', 0)
    run(enter_room, room, inside, most)
    print('semaphore: never more than three inside:', 1 <= most.value <= 3)


def ping(condition, state, last):
    while state.value < last:
        with condition:
            condition.wait_for(lambda: state.value % 2 == 1 or state.value >= last, 30)
            state.value += 1
            condition.notify_all()


def condition():
    turn, state = mproc.Condition(), mproc.RawValue('i', 0)
    partner = mproc.Process(target=ping, args=(turn, state, 20))
    partner.start()
    while state.value < 20:
        with turn:
            turn.wait_for(lambda: state.value % 2 == 0, 30)
            state.value += 1
            turn.notify_all()
    partner.join()
    print('condition:', state.value >= 20)


def wait_for_event(event, log):
    log.put(event.wait(30))


def event():
    gate, log = mproc.Event(), mproc.Queue()
    waiting = mproc.Process(target=wait_for_event, args=(gate, log))
    waiting.start()
    print('event: nobody through:', log.empty())
    gate.set()
    print('event: through:', log.get())
    waiting.join()


def meet(barrier, log):
    log.put('come')
    barrier.wait()
    log.put('gone')


def barrier():
    place, log = mproc.Barrier(PROCESSES), mproc.Queue()
    run(meet, place, log)
    words = [log.get() for _ in range(2 * PROCESSES)]
    print('barrier:', words == ['come'] * PROCESSES + ['gone'] * PROCESSES)


def work_off(queue):
    while queue.get() is not None:
        queue.task_done()
    queue.task_done()


def joinable_queue():
    queue = mproc.JoinableQueue()
    workers = [mproc.Process(target=work_off, args=(queue,)) for _ in range(2)]
    for item in range(20):
        queue.put(item)
    for worker in workers:
        worker.start()
    queue.join()
    print('joinable queue: all done:', queue.empty())
    for _ in workers:
        queue.put(None)
    for worker in workers:
        worker.join()


if __name__ == '__main__':
    for test in (value, array, recursive_lock, semaphore, condition, event, barrier,
                 joinable_queue):
        test()
