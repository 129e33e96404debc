// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Shared objects inside values: each class, through queues, tasks and managers, to this language
// and to Python; and how long they live.

import System from 'system';

import Mp from 'gi://Mp?version=1';

import {KINDS, collect, makeAll, makeOne, useAll, useOne} from './objects.js';
import {isError, match, ok, rejected, run, same, test, thrown} from './tap.js';

const NAMES = Object.keys(KINDS);

function isGone(handle) {
    System.gc();
    const error = thrown(() => Mp.Shared.open(handle));
    isError(error, Mp.Error, Mp.Error.NO_SUCH_OBJECT);
}

function sameObject(name, one, other) {
    ok(one.constructor === other.constructor, `${name}: ${one.constructor.name}`);
    same(one.get_handle(), other.get_handle());
}

async function withPool(func) {
    const pool = new Mp.Pool({nWorkers: 1});
    try {
        await func(pool);
    } finally {
        pool.terminate();
        await pool.joinAsync({timeout: 60});
    }
}

test('through a queue', () => {
    const queue = new Mp.Queue();
    for (const name of NAMES) {
        const object = KINDS[name].make();
        queue.put(object);
        sameObject(name, queue.get(), object);
        queue.put({a: [new Map([[object, new Set([object])]])], [name]: object, $mp: [object]});
        const {a: [map], [name]: direct, $mp: [marked]} = queue.get();
        const [[key, set]] = map;
        for (const each of [key, ...set, direct, marked])
            sameObject(name, each, object);
    }
});

test('to a task and back', async () => {
    await withPool(async pool => {
        for (const name of NAMES) {
            const object = KINDS[name].make();
            const [result] = await pool.submit(useOne, name, {deep: [new Map([['it', object]])]});
            sameObject(name, result, object);
            ok(KINDS[name].seen(object), name);
        }
    });
});

test('made by a task', async () => {
    await withPool(async pool => {
        for (const name of NAMES) {
            const result = pool.submit(makeOne, name);
            ok(result.wait({timeout: 60}));
            await pool.submit(collect);
            const {object} = await result;
            ok(KINDS[name].seen(object), name);
            sameObject(name, result.get().object, object);
        }
    });
});

test('as an argument of a process', async () => {
    const objects = Object.fromEntries(NAMES.map(name => [name, KINDS[name].make()]));
    const [done, seen] = [new Mp.Queue(), new Mp.Queue()];
    const process = Mp.Process.run(useAll, {args: [objects, done, seen]});
    same(await done.getAsync({timeout: 60}), 'used');
    for (const name of NAMES)
        ok(KINDS[name].seen(objects[name]), name);
    seen.put('seen');
    same(await process.joinAsync({timeout: 60}), 0);
});

test('the sender is gone', async () => {
    const queue = new Mp.Queue();
    for (const lists of [false, true]) {
        const process = Mp.Process.run(makeAll, {args: [queue, lists]});
        same(await process.joinAsync({timeout: 60}), 0);
        for (const name of NAMES) {
            const value = queue.get({timeout: 0});
            const object = lists ? value[0][0] : value;
            ok(object instanceof Mp[name === 'joinable' ? 'Queue' : name], name);
            KINDS[name].use(object);
        }
    }
});

test('a task that is given what nobody else holds', async () => {
    await withPool(async pool => {
        const results = [1, 2, 3, 4, 5].map(n => {
            const queue = new Mp.Queue();
            queue.put(n);
            return pool.submit(q => q.get({timeout: 0}), queue);
        });
        System.gc();
        same(await Promise.all(results), [1, 2, 3, 4, 5]);
    });
});

test('an object lives as long as the message, and no longer', () => {
    const queue = new Mp.Queue();
    const put = () => {
        const inner = new Mp.Queue();
        queue.put([inner]);
        return inner.get_handle();
    };
    const handle = put();
    System.gc();
    ok(Mp.Shared.open(handle) instanceof Mp.Queue);
    (() => ok(queue.get()[0] instanceof Mp.Queue))();
    isGone(handle);

    const unread = put();
    (() => Mp.Shared.open(unread))();
    queue.close();
    const dropped = (() => {
        const outer = new Mp.Queue();
        const inner = new Mp.Queue();
        outer.put({inner});
        return inner.get_handle();
    })();
    isGone(dropped);
});

test('a value that cannot travel holds nothing', async () => {
    const queue = new Mp.Queue(1);
    const handle = (() => {
        const inner = new Mp.Queue();
        isError(thrown(() => queue.put([inner, () => 1])), Mp.Error, Mp.Error.NOT_PLAIN);
        queue.put('fills it');
        ok(!queue.tryPut([inner]));
        isError(thrown(() => queue.put([inner], {timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);
        return inner.get_handle();
    })();
    isError(await rejected(queue.putAsync([new Mp.Queue()], {timeout: 0.02})),
        Mp.Error, Mp.Error.TIMED_OUT);
    same(queue.get(), 'fills it');
    queue.put('next');
    isGone(handle);
});

test('many messages with objects leave nothing', () => {
    const queue = new Mp.Queue();
    const pass = n => {
        for (let i = 0; i < n; i++) {
            queue.put({inner: new Mp.Queue()});
            queue.get().inner.put(1);
        }
        System.gc();
    };
    pass(300);
    const before = Mp.memory_get_used();
    pass(300);
    pass(300);
    const more = Mp.memory_get_used() - before;
    ok(more < 1 << 18, `${more} bytes of shared memory more`);
});

test('what cannot travel', () => {
    const queue = new Mp.Queue();
    const manager = new Mp.Manager();
    for (const [value, pattern] of [
        [manager, /MpManager cannot leave/],
        [{pool: Mp.ResultIterator.new(true)}, /MpResultIterator cannot leave/],
    ]) {
        const error = thrown(() => queue.put(value));
        isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
        match(error.message, pattern);
    }
    manager.shutdown();
});

test('in a list of a manager', () => {
    const manager = new Mp.Manager();
    const list = manager.list();
    const handle = (() => {
        const inner = new Mp.Queue();
        inner.put('kept by the server');
        list.append([inner]);
        return inner.get_handle();
    })();
    System.gc();
    const [inner] = list.get(0);
    same([inner.get_handle(), inner.get(5)], [handle, 'kept by the server']);
    manager.shutdown();
});

// ── Python ──────────────────────────────────────────────────────────────────────────────────────

const ECHO = `
import sys
import mproc
from gi.repository import Mp
queue = Mp.Shared.open(sys.argv[1])
while True:
    value = queue.get(timeout=60)
    if value is None:
        break
    value['reply'].put({'back': value, 'kinds': [type(x).__name__ for x in value['objects']]})
`;

const ANSWER = `
import sys
import mproc
from gi.repository import Mp
queue = Mp.Shared.open(sys.argv[1])
question = mproc.Queue()
held = mproc.Lock()
others = [held, (mproc.RLock(), mproc.Condition())]
queue.put({'question': question, 'others': others})
queue.put([question, 'x' * 10000])
value = question.get(timeout=60)
value['answer to'].put([value['n'] * 2, question])
question.get(timeout=60)
`;

// A condition alone, whose lock nobody else holds once this has ended.
const CONDITION = `
import sys
import mproc
from gi.repository import Mp
condition = mproc.Condition()
with condition:
    pass
Mp.Shared.open(sys.argv[1]).put(condition)
`;

function python(program, queue) {
    const process = Mp.Process.new_command('python',
        ['/usr/bin/env', 'python3', '-c', program, queue.get_handle()]);
    process.start();
    return process;
}

test('to Python and back', async () => {
    const queue = new Mp.Queue();
    const reply = new Mp.Queue();
    const process = python(ECHO, queue);
    const names = NAMES.filter(name => name !== 'joinable');
    const objects = names.map(name => KINDS[name].make());
    queue.put({reply, objects, nested: new Map([[1, new Set([reply])]])});
    queue.put(null);
    const {back, kinds} = await reply.getAsync({timeout: 60});
    same(kinds, names);
    names.forEach((name, i) => sameObject(name, back.objects[i], objects[i]));
    same([...back.nested.get(1)][0].get_handle(), reply.get_handle());
    same(await process.joinAsync({timeout: 60}), 0);
});

test('a condition alone holds its lock', async () => {
    const queue = new Mp.Queue();
    const process = python(CONDITION, queue);
    same(await process.joinAsync({timeout: 60}), 0);
    const sent = Mp.Process.run(q => q.put(new imports.gi.Mp.Condition()), {args: [queue]});
    same(await sent.joinAsync({timeout: 60}), 0);

    for (let i = 0; i < 2; i++) {
        const condition = queue.get({timeout: 0});
        ok(condition instanceof Mp.Condition);
        same(condition.run(() => condition.wait({timeout: 0.01})), false);
        same(condition.get_lock().locked(), false);

        const notifier = Mp.Process.run(c => c.run(() => c.notify()), {args: [condition]});
        condition.run(() => same(condition.wait({timeout: 60}), true));
        same(await notifier.joinAsync({timeout: 60}), 0);
    }
});

test('from Python, which is asked through what it sent', async () => {
    const queue = new Mp.Queue();
    const process = python(ANSWER, queue);
    const {question, others: [lock, [rlock, condition]]} = await queue.getAsync({timeout: 60});
    ok(lock instanceof Mp.Lock && rlock instanceof Mp.RLock && condition instanceof Mp.Condition);
    const [again, text] = queue.get({timeout: 60});
    same([again.get_handle(), text.length], [question.get_handle(), 10000]);

    const answers = new Mp.Queue();
    question.put({'answer to': answers, n: 21});
    const [number, other] = await answers.getAsync({timeout: 60});
    same([number, other.get_handle()], [42, question.get_handle()]);
    question.put(null);
    same(await process.joinAsync({timeout: 60}), 0);
    ok(lock.tryAcquire());
});

await run();
