// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Pools: mapping, single tasks, iteration, the ways to end, the death of workers.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import System from 'system';

import Mp from 'gi://Mp?version=1';

import {
    eventually, isError, isRunning, match, ok, rejected, run, same, sleep, test, thrown,
} from './tap.js';
import * as tasks from './tasks.js';

const TASKS = import.meta.url.replace(/[^/]+$/, 'tasks.js');
const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const KILL_SELF = () => imports.gi.GLib.spawn_command_line_sync(
    `kill -9 ${new imports.gi.Gio.Credentials().get_unix_pid()}`);

// Runs a case with a pool, and ends the pool as one should.
async function withPool(nWorkers, func) {
    const pool = new Mp.Pool({nWorkers});
    await func(pool);
    pool.close();
    await pool.joinAsync({timeout: 30});
}

function poolTest(name, func, nWorkers = 2) {
    test(name, () => withPool(nWorkers, func));
}

test('construction', async () => {
    const pool = new Mp.Pool({nWorkers: 3});
    ok(pool instanceof Mp.Pool);
    same(pool.nWorkers, 3);
    same(pool.get_pids().length, 3);
    const all = new Mp.Pool();
    same(all.nWorkers, Mp.get_usable_cpus());
    for (const each of [pool, all]) {
        each.terminate();
        await each.joinAsync({timeout: 30});
    }
    for (const n of [-1, 1.5, 'x', 1000000])
        isError(thrown(() => new Mp.Pool({nWorkers: n})), Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

poolTest('map keeps the order', async pool => {
    const squares = TEN.map(x => x * x);
    same(await pool.map(x => x * x, TEN), squares);
    for (const chunkSize of [1, 3, 10, 100])
        same(await pool.map(x => x * x, TEN, {chunkSize}), squares);
    same(await pool.map(x => x * x, []), []);
    same(await pool.map(x => x * x, new Set(TEN)), squares);
    same(await pool.map(x => (y => y ** 2)(x) + x, TEN), TEN.map(x => x * x + x));
    isError(await rejected(pool.map(x => x, TEN, {chunkSize: 0})),
        Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

poolTest('items that are none', async pool => {
    for (const items of [5, null, undefined, {length: 2}]) {
        ok(await rejected(pool.map(x => x, items)) instanceof TypeError);
        ok(await rejected(pool.imap(x => x, items).next()) instanceof TypeError);
    }
    same(await pool.map(x => x, 'ab'), ['a', 'b']);
    isError(await rejected(pool.map(x => x, [], {timeout: NaN})),
        Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

poolTest('values are natural both ways', async pool => {
    const values = [new Map([[1, NaN]]), 2n ** 70n, new Uint8Array([1]), null, {$mp: 1}];
    same(await pool.map(x => x, values), values);
    same(await pool.map(x => x instanceof Map, values), [true, false, false, false, false]);
    same(await pool.submit(() => undefined), null);
    same(await pool.submit((...args) => args, 1, 'b', [null]), [1, 'b', [null]]);
});

poolTest('apply', pool => {
    const values = [new Map([[1, NaN]]), 2n ** 70n, new Uint8Array([1]), null, {$mp: 1}, 'ü'];
    same(pool.apply((...args) => args, values), values);
    same(pool.apply(() => undefined), null);
    same(pool.apply(async x => x + 1, [1]), 2);
    const large = new Uint8Array(100000).fill(7);
    same(pool.apply(bytes => bytes.length, [large]), 100000);
    same(pool.apply(n => new Uint8Array(n).fill(7), [100000]), large);
    same(pool.apply(text => text.length, ['x'.repeat(100000)]), 100000);
    same(pool.apply(tasks.countCalls) > 0, true);
    same(pool.apply({module: TASKS, name: 'double'}, [4]), 8);
    same(pool.apply(`${TASKS}#double`, [4]), 8);
    same(pool.apply(() => imports.gi.GLib.usleep(300000) ?? 'slept'), 'slept');
    same(pool.apply((a, b) => a + b, [1, 2], {timeout: 30, name: 'sum', retries: 1}), 3);
});

poolTest('apply with objects', pool => {
    const queue = new Mp.Queue();
    same(pool.apply(q => q.put('from the worker') ?? 1, [queue]), 1);
    same(queue.get({timeout: 30}), 'from the worker');
    const made = pool.apply(() => {
        const theirs = new (imports.gi.Mp.Queue)();
        theirs.put([1]);
        return theirs;
    });
    same(made.get({timeout: 30}), [1]);
});

poolTest('more functions than have a number', pool => {
    for (let i = 0; i < 100; i++) {
        const add = new Function('x', `return x + ${i};`);
        same(pool.apply(add, [1]), 1 + i);
        same(pool.submit(add, 2).get(), 2 + i);
    }
    const padding = '/*'.padEnd(1000, '.');
    same(pool.apply(new Function('x', `${padding}*/ return x;`), [5]), 5);
    same(pool.apply(new Function('x', `${padding}*/ return x;`), [6]), 6);
}, 1);

poolTest('apply fails as its task does', pool => {
    const error = thrown(() => pool.apply(tasks.failInside, ['do']));
    ok(error instanceof RangeError);
    same(error.message, 'cannot do');
    isError(error, Mp.Error, Mp.Error.TASK_FAILED);
    match(error.stack, /testPool\.js/);
    const local = 1;
    match(thrown(() => pool.apply(() => local)).message, /not available in the worker: local/);
    match(thrown(() => pool.apply(() => local)).message, /not available in the worker: local/);
    isError(thrown(() => pool.apply(KILL_SELF)), Mp.Error, Mp.Error.WORKER_DIED);
    same(pool.apply(x => x, ['still there']), 'still there');
    isError(thrown(() => pool.apply(() => imports.gi.GLib.usleep(2000000), [], {timeout: 0.05})),
        Mp.Error, Mp.Error.TIMED_OUT);
    isError(thrown(() => pool.apply(x => x, 5)), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => pool.apply(5)), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(thrown(() => pool.apply(x => x, [() => 1])), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(thrown(() => pool.apply(() => () => 1)), Mp.Error, Mp.Error.NOT_PLAIN);
});

test('apply to a closed pool, and a bounded one', async () => {
    const pool = new Mp.Pool({nWorkers: 1, maxPending: 2});
    const slow = [1, 2].map(x => pool.submit(y => imports.gi.GLib.usleep(100000) ?? y, x));
    same(pool.apply(x => x, [3]), 3);   // waits for room
    same(await Promise.all(slow), [1, 2]);
    pool.close();
    isError(thrown(() => pool.apply(x => x, [1])), Mp.Error, Mp.Error.CLOSED);
    await pool.joinAsync({timeout: 30});
});

poolTest('the main loop has its turn beside many short tasks', async pool => {
    let turns = 0;
    const source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, 1, () => {
        turns++;
        return GLib.SOURCE_CONTINUE;
    });
    const end = GLib.get_monotonic_time() + 500000;
    let done = 0;
    while (GLib.get_monotonic_time() < end)
        same(await pool.submit(x => x, done), done++);
    GLib.source_remove(source);
    ok(turns > 5, `${turns} turns beside ${done} tasks`);
});

poolTest('all kinds of functions', async pool => {
    const object = {
        method(x) {
            return x + 1;
        },
        async later(x) {
            await new Promise(resolve => setTimeout(resolve, 5));
            return x + 2;
        },
        'odd name'(x) {
            return x + 3;
        },
    };
    same(await pool.map(object.method, [1]), [2]);
    same(await pool.map(object.later, [1, 2]), [3, 4]);
    same(await pool.map(object['odd name'], [1]), [4]);
    same(await pool.submit(async x => x, 5), 5);
    same(await pool.submit(function fib(n) {
        return n < 2 ? n : fib(n - 1) + fib(n - 2);
    }, 10), 55);
    same(await pool.submit(tasks.double, 4), 8);
    same(await pool.map({module: TASKS, name: 'double'}, [1, 2]), [2, 4]);
    same(await pool.submit({module: Gio.File.new_for_uri(TASKS).get_path(), name: 'double'}, 3), 6);
    same(await pool.submit(tasks.readFirstByte, '/proc/version'),
        new TextEncoder().encode('L'));
});

poolTest('a module is loaded once per worker', async pool => {
    for (const n of [1, 2, 3])
        same(await pool.submit(tasks.countCalls), n);
}, 1);

poolTest('results', async pool => {
    const result = pool.submit(x => x + 1, 1);
    ok(result instanceof Mp.Result);
    same(result.wait({timeout: 30}), true);
    ok(result.is_ready() && result.is_successful());
    same([result.get(), await result, await result, await result.getAsync()], [2, 2, 2, 2]);

    const slow = pool.submit(() => imports.gi.GLib.usleep(300000));
    same(slow.is_ready(), false);
    same(slow.wait({timeout: 0}), false);
    isError(thrown(() => slow.get({timeout: 0.01})), Mp.Error, Mp.Error.TIMED_OUT);
    isError(await rejected(slow.getAsync({timeout: 0.01})), Mp.Error, Mp.Error.TIMED_OUT);
    same(await slow, null);
    same(await Promise.all(TEN.map(x => pool.submit(y => -y, x + 1))), TEN.map(x => -x - 1));
    same(await pool.submit(() => 1).then(x => x + 1), 2);
    let finished = 0;
    await pool.submit(() => 1).finally(() => finished++);
    same(finished, 1);
});

poolTest('iteration in order, and as results come', async pool => {
    const ordered = [];
    for await (const x of pool.imap(x => 2 * x, TEN))
        ordered.push(x);
    same(ordered, TEN.map(x => 2 * x));

    const nap = async ms => {
        await new Promise(resolve => setTimeout(resolve, ms));
        return ms;
    };
    const unordered = [];
    for await (const ms of pool.imap(nap, [400, 1], {ordered: false}))
        unordered.push(ms);
    same(unordered, [1, 400]);

    const chunks = [];
    for await (const x of pool.imap(x => x, TEN, {chunkSize: 4, ordered: false}))
        chunks.push(x);
    same(chunks.sort(), TEN);
});

poolTest('iteration looks ahead only a little', async pool => {
    let taken = 0;
    let returned = false;
    function* endless() {
        try {
            for (;;)
                yield taken++;
        } finally {
            returned = true;
        }
    }
    const seen = [];
    for await (const x of pool.imap(x => x, endless(), {lookAhead: 5})) {
        seen.push(x);
        ok(taken <= x + 6, `${taken} taken at ${x}`);
        if (x === 20)
            break;
    }
    same(seen.length, 21);
    ok(returned);

    async function* later() {
        for (const x of [1, 2, 3]) {
            await sleep(0.005);
            yield x;
        }
    }
    const sums = [];
    for await (const x of pool.imap(x => x + 1, later()))
        sums.push(x);
    same(sums, [2, 3, 4]);
});

poolTest('errors of tasks', async pool => {
    const error = await rejected(pool.submit(tasks.failInside, 'swim'));
    ok(error instanceof RangeError);
    same([error.name, error.message], ['RangeError', 'cannot swim']);
    ok(error.cause instanceof TypeError);
    same(error.cause.message, 'because');
    match(error.remoteStack, /^failInside@.*tasks\.js/);
    match(error.stack, /failInside@[^]*testPool\.js/);
    isError(error, Mp.Error, Mp.Error.TASK_FAILED);
    ok(!error.matches(Mp.Error, Mp.Error.CLOSED));

    const custom = await rejected(pool.map(x => {
        class Odd extends Error {}
        throw Object.assign(new Odd('my'), {name: 'Odd', detail: [x, new Map()]});
    }, [7]));
    ok(custom instanceof Error);
    same([custom.name, custom.message, custom.detail], ['Odd', 'my', [7, new Map()]]);

    const word = await rejected(pool.submit(() => {
        throw 'just a word'; // eslint-disable-line no-throw-literal
    }));
    same([word.message, word.cause], ['just a word', 'just a word']);

    const open = path => imports.gi.Gio.File.new_for_path(path).read(null);
    const io = await rejected(pool.submit(open, '/none'));
    isError(io, Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);
    const own = await rejected(pool.submit(() => new imports.gi.Mp.Queue().get({timeout: 0})));
    isError(own, Mp.Error, Mp.Error.EMPTY);

    const captured = 1;
    const missed = await rejected(pool.submit(() => captured));
    ok(missed instanceof ReferenceError);
    same(missed.message,
        'not available in the worker: captured (source functions cannot capture)');
    same(await pool.submit(() => 'still working'), 'still working');
});

poolTest('only the task that fails fails', async pool => {
    const results = TEN.map(x => pool.submit(y => {
        if (y === 4)
            throw new Error('four');
        return y;
    }, x));
    const settled = await Promise.allSettled(results);
    same(settled.filter(each => each.status === 'fulfilled').length, 9);
    same(settled[4].reason.message, 'four');
    same((await rejected(pool.map(x => x.y.z, TEN, {chunkSize: 2}))).name, 'TypeError');
    const iterator = pool.imap(x => x.y.z, TEN);
    same((await rejected(iterator.next())).name, 'TypeError');
});

poolTest('functions that cannot travel, or are not there', async pool => {
    isError(thrown(() => pool.submit(Math.abs, 1)), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(await rejected(pool.map(console.log.bind(console), TEN)),
        Mp.Error, Mp.Error.NOT_PLAIN);
    isError(thrown(() => pool.submit(7)), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(await rejected(pool.submit('a name nobody knows')), Mp.Error,
        Mp.Error.NO_SUCH_FUNCTION);
    isError(thrown(() => pool.submit(x => x, () => {})), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(await rejected(pool.submit(() => () => {})), Mp.Error, Mp.Error.NOT_PLAIN);
    for (const func of [
        {module: TASKS, name: 'nowhere'},
        {module: TASKS, name: 'notAFunction'},
        {module: 'file:///nowhere.js', name: 'x'},
    ]) {
        isError(await rejected(pool.submit(func)), Mp.Error, Mp.Error.NO_SUCH_FUNCTION);
    }
});

poolTest('a killed worker costs its own task only', async pool => {
    const pids = pool.get_pids();
    const good = TEN.map(x => pool.submit(y => y, x));
    const bad = pool.submit(KILL_SELF);
    const more = TEN.map(x => pool.submit(y => y, x));
    const error = await rejected(bad);
    isError(error, Mp.Error, Mp.Error.WORKER_DIED);
    match(error.message, /SIGKILL/);
    same(await Promise.all(good), TEN);
    same(await Promise.all(more), TEN);
    same(pool.get_pids().length, 2);
    ok(pool.get_pids().some(pid => !pids.includes(pid)));

    const exited = await rejected(pool.submit(() => imports.system.exit(3)));
    isError(exited, Mp.Error, Mp.Error.WORKER_DIED);
    match(exited.message, /code 3/);
    isError(await rejected(pool.submit(async () => {
        await null;
        imports.system.exit(0);
    })), Mp.Error, Mp.Error.WORKER_DIED);
    same(await pool.map(x => x, TEN), TEN);
});

poolTest('a broken promise that nobody awaits does not stop a worker', async pool => {
    // The engine reports it on the standard error stream.
    same(await pool.submit(() => {
        Promise.reject(new Error('this text is expected here'));
        return 1;
    }), 1);
    same(await pool.submit(() => 2), 2);
}, 1);

poolTest('shared objects as arguments', async pool => {
    const [queue, lock] = [new Mp.Queue(), new Mp.Lock()];
    same(await pool.map(([q, l, x]) => l.run(() => q.put(x)), TEN.map(x => [queue, lock, x])),
        TEN.map(() => null));
    const values = [];
    while (values.length < TEN.length)
        values.push(queue.tryGet());
    same(values.sort(), TEN);

    const results = TEN.map(x => {
        const gone = new Mp.Queue();
        gone.put(x);
        return pool.submit(q => q.get({timeout: 5}), gone);
    });
    System.gc();
    same(await Promise.all(results), TEN);
});

test('a class derived from the pool', async () => {
    const Twice = GObject.registerClass(class Twice extends Mp.Pool {
        twice(x) {
            return this.submit(y => 2 * y, x);
        }
    });
    const pool = new Twice({nWorkers: 1});
    same([pool.nWorkers, await pool.twice(4)], [1, 8]);
    pool.close();
    await pool.joinAsync({timeout: 30});
});

test('closing', async () => {
    const pool = new Mp.Pool({nWorkers: 1});
    isError(thrown(() => pool.join({timeout: 0})), Mp.Error, Mp.Error.INVALID_STATE);
    isError(await rejected(pool.joinAsync()), Mp.Error, Mp.Error.INVALID_STATE);
    const results = [1, 2, 3].map(x => pool.submit(y => y, x));
    pool.close();
    isError(thrown(() => pool.submit(() => 1)), Mp.Error, Mp.Error.CLOSED);
    same(pool.join({timeout: 30}), true);
    same(await Promise.all(results), [1, 2, 3]);
});

test('terminating', async () => {
    const pool = new Mp.Pool({nWorkers: 1});
    const pids = pool.get_pids();
    const results = [1, 2].map(() => pool.submit(() => imports.gi.GLib.usleep(60000000)));
    pool.close();
    isError(await rejected(pool.joinAsync({timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);
    same(pool.join({timeout: 0}), false);
    pool.terminate();
    for (const result of results)
        isError(await rejected(result), Mp.Error, Mp.Error.TERMINATED);
    await pool.joinAsync({timeout: 30});
    ok(!pids.some(isRunning));
});

test('cancelling the waiting', async () => {
    const pool = new Mp.Pool({nWorkers: 1});
    const cancellable = new Gio.Cancellable();
    const nap = () => imports.gi.GLib.usleep(60000000);
    const promises = [
        pool.map(nap, TEN, {cancellable}),
        pool.submit(nap).getAsync({cancellable}),
        pool.imap(nap, TEN, {cancellable}).next(),
    ];
    GLib.timeout_add(GLib.PRIORITY_DEFAULT, 50, () => {
        cancellable.cancel();
        return GLib.SOURCE_REMOVE;
    });
    for (const outcome of await Promise.allSettled(promises))
        isError(outcome.reason, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    isError(await rejected(pool.map(nap, TEN, {timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);
    pool.terminate();
    await pool.joinAsync({timeout: 30});
});

test('a pool that is dropped leaves nothing', async () => {
    let pids = (() => {
        const pool = new Mp.Pool({nWorkers: 2});
        return pool.get_pids();
    })();
    await eventually(() => {
        System.gc();
        return !pids.some(isRunning);
    });
    pids = null;
});

test('Ctrl-C leaves no orphan', async () => {
    const launcher = new Gio.SubprocessLauncher({flags: Gio.SubprocessFlags.STDOUT_PIPE});
    const child = launcher.spawnv(['setsid', 'gjs', '-c', `
        const {GLib, Mp} = imports.gi;
        const pool = new Mp.Pool({nWorkers: 2});
        for (let i = 0; i < 8; i++)
            pool.submit(() => { for (;;); });
        GLib.usleep(300000);
        print(JSON.stringify(pool.get_pids()));
        GLib.usleep(60000000);`]);
    const out = Gio.DataInputStream.new(child.get_stdout_pipe());
    const pids = await new Promise(resolve => {
        out.read_line_async(GLib.PRIORITY_DEFAULT, null, (_stream, result) => {
            resolve(JSON.parse(out.read_line_finish_utf8(result)[0]));
        });
    });
    same(pids.length, 2);
    GLib.spawn_command_line_sync(`kill -INT -- -${child.get_identifier()}`);
    child.wait(null);
    ok(child.get_if_signaled());
    await eventually(() => !pids.some(isRunning));
    out.close(null);
});

await run();
