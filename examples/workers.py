# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Workers of one's own: tasks go into one queue, results come out of another."""

from mproc import Process, Queue, current_process


def work(tasks, done):
    """What each worker does until it is told to stop."""
    for function, arguments in iter(tasks.get, 'STOP'):
        result = function(*arguments)
        done.put((f'{function.__name__}{arguments} = {result}', current_process().name))


def multiply(a, b):
    return a * b


def add(a, b):
    return a + b


def main():
    tasks, done = Queue(), Queue()
    work_list = [(multiply, (i, 7)) for i in range(10)] + [(add, (i, 8)) for i in range(5)]
    for task in work_list:
        tasks.put(task)

    workers = [Process(target=work, args=(tasks, done), name=f'Worker {i}') for i in range(4)]
    for worker in workers:
        worker.start()

    # They come in the order in which they are done.
    lines, names = zip(*[done.get() for _ in work_list])
    print(*sorted(lines), sep='\n')

    for _ in workers:
        tasks.put('STOP')
    for worker in workers:
        worker.join()
    print('all by workers:', {worker.name for worker in workers}.issuperset(names))


if __name__ == '__main__':
    main()
