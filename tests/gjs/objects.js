// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// One of each shareable class: how it is made, how somebody changes it, and how somebody else sees
// that it is the same. A module of its own, because workers import it too.

import System from 'system';

import Mp from 'gi://Mp?version=1';

export const KINDS = {
    Queue: {
        make: () => new Mp.Queue(),
        use: queue => queue.put(7),
        seen: queue => queue.get(10) === 7,
    },
    joinable: {
        make: () => new Mp.Queue({joinable: true}),
        use: queue => queue.put(7),
        seen: queue => !queue.join(0) && queue.get(10) === 7 && (queue.taskDone(), queue.join(10)),
    },
    Lock: {
        make: () => new Mp.Lock(),
        use: lock => lock.acquire(),
        seen: lock => !lock.tryAcquire(),
    },
    RLock: {
        make: () => new Mp.RLock(),
        use: lock => lock.acquire(),
        seen: lock => !lock.tryAcquire(),
    },
    Condition: {
        make: () => new Mp.Condition(),
        use: condition => condition.acquire(),
        seen: condition => !condition.get_lock().tryAcquire(),
    },
    Semaphore: {
        make: () => new Mp.Semaphore(3),
        use: semaphore => semaphore.acquire(),
        seen: semaphore => semaphore.get_value() === 2,
    },
    BoundedSemaphore: {
        make: () => new Mp.BoundedSemaphore(3),
        use: semaphore => semaphore.acquire(),
        seen: semaphore => semaphore.get_value() === 2,
    },
    Event: {
        make: () => new Mp.Event(),
        use: event => event.set(),
        seen: event => event.wait(10),
    },
    Barrier: {
        make: () => new Mp.Barrier(2),
        use: barrier => barrier.abort(),
        seen: barrier => barrier.is_broken(),
    },
    SharedMemory: {
        make: () => new Mp.SharedMemory(16),
        use: memory => (memory.buffer[3] = 9),
        seen: memory => memory.buffer[3] === 9,
    },
    Value: {
        make: () => new Mp.Value('int32'),
        use: value => (value.value = 7),
        seen: value => value.value === 7,
    },
    Array: {
        make: () => new Mp.Array('double', 3),
        use: array => array.set(1, 2.5),
        seen: array => array.get(1) === 2.5,
    },
    ShareableList: {
        make: () => new Mp.ShareableList([1, 'x']),
        use: list => list.set(0, 5),
        seen: list => list.get(0) === 5,
    },
};

const {url} = import.meta;

export const useOne = Mp.task(url, function useOne(name, {deep: [map]}) {
    KINDS[name].use(map.get('it'));
    return [map.get('it')];
});

export const makeOne = Mp.task(url, function makeOne(name) {
    const object = KINDS[name].make();
    KINDS[name].use(object);
    return {object};
});

/** What a worker has dropped is still held by its wrappers until this. */
export const collect = Mp.task(url, function collect() {
    System.gc();
});

export const useAll = Mp.task(url, function useAll(objects, done, seen) {
    for (const [name, object] of Object.entries(objects))
        KINDS[name].use(object);
    done.put('used');
    seen.get(30);       // locks are held until then
});

export const makeAll = Mp.task(url, function makeAll(queue, lists) {
    for (const name of Object.keys(KINDS))
        queue.put(lists ? [[KINDS[name].make()]] : KINDS[name].make());
});
