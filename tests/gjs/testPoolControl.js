// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Pools: options of tasks, cancelling, rules for workers, what a program sees of it.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

import {isError, ok, rejected, run, same, sleep, test, thrown} from './tap.js';

const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const FOREVER = () => {
    for (;;)
        imports.gi.GLib.usleep(1000);
};
const SQUARE = x => x * x;

function poolTest(name, func, options = {}) {
    test(name, async () => {
        const pool = new Mp.Pool({nWorkers: 1, ...options});
        await func(pool);
        pool.close();
        await pool.joinAsync({timeout: 30});
    });
}

async function untilRunning(pool) {
    while (pool.n_running === 0)
        await sleep(0.005);
}

poolTest('time limits', async pool => {
    isError(await rejected(pool.run(FOREVER, [], {timeLimit: 0.05})),
        Mp.Error, Mp.Error.TIME_LIMIT);
    const told = await pool.run(() => {
        while (!imports.gi.Mp.task_should_stop())
            imports.gi.GLib.usleep(1000);
        return 'told';
    }, [], {softTimeLimit: 0.05});
    same(told, 'told');
    same(await pool.run(SQUARE, [3]), 9);
    isError(thrown(() => pool.run(SQUARE, [3], {timeLimit: 0})),
        Mp.Error, Mp.Error.INVALID_ARGUMENT);
});

poolTest('retries', async pool => {
    const [file] = Gio.File.new_tmp(null);
    const value = await pool.run(path => {
        const {GLib: G, Gio: O} = imports.gi;
        const [, before] = G.file_get_contents(path);
        G.file_set_contents(path, `${new TextDecoder().decode(before)}x`);
        if (before.length < 2)
            G.spawn_command_line_sync(`kill -9 ${new O.Credentials().get_unix_pid()}`);
        return before.length;
    }, [file.get_path()], {retries: 2});
    same(value, 2);
    same(pool.n_retried, 2);
    file.delete(null);
});

poolTest('cancel', async pool => {
    const cancellable = new Gio.Cancellable();
    const running = pool.run(FOREVER, [], {cancellable});
    const queued = pool.run(FOREVER, [], {cancellable});
    const other = pool.run(SQUARE, [4]);
    await untilRunning(pool);
    cancellable.cancel();
    for (const result of [running, queued])
        isError(await rejected(result), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    same(await other, 16);

    const again = pool.submit(FOREVER);
    await untilRunning(pool);
    ok(again.cancel());
    isError(await rejected(again), Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    same(again.failure, Mp.TaskFailure.CANCELLED);
});

poolTest('a cancelled map drops its tasks', async pool => {
    const cancellable = new Gio.Cancellable();
    const mapped = rejected(pool.map(FOREVER, TEN, {chunkSize: 1, cancellable}));
    await untilRunning(pool);
    cancellable.cancel();
    isError(await mapped, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    same(await pool.submit(SQUARE, 5), 25);
});

poolTest('a map that cannot be given takes back what was', async pool => {
    const running = pool.submit(FOREVER);
    await untilRunning(pool);
    isError(await rejected(pool.map(SQUARE, [1, 2, () => 3], {chunkSize: 1})),
        Mp.Error, Mp.Error.NOT_PLAIN);
    running.cancel();
    await rejected(running);
    same(await pool.submit(SQUARE, 5), 25);
    same(pool.n_done, 1);
});

poolTest('a map that stops', async pool => {
    const error = await rejected(pool.map(x => {
        if (x === 0)
            throw new RangeError('zero');
        for (;;)
            imports.gi.GLib.usleep(1000);
    }, TEN, {chunkSize: 1, stopOnError: true}));
    same(error.name, 'RangeError');
    same(await pool.map(SQUARE, TEN, {stopOnError: true}), TEN.map(SQUARE));
}, {nWorkers: 2});

poolTest('bounded', async pool => {
    same(await pool.map(SQUARE, TEN, {chunkSize: 1}), TEN.map(SQUARE));
    const seen = [];
    for await (const value of pool.imap(SQUARE, TEN))
        seen.push(value);
    same(seen, TEN.map(SQUARE));
}, {maxPending: 2});

poolTest('a pool that is full', async pool => {
    const cancellable = new Gio.Cancellable();
    const held = [pool.submit(FOREVER), pool.submit(FOREVER)];
    const late = {timeout: 0.02};
    const lateToo = {...late, cancellable: new Gio.Cancellable()};

    for (const func of [SQUARE, 'nobody']) {
        isError(thrown(() => pool.submit(func, 1)), Mp.Error, Mp.Error.FULL);
        isError(thrown(() => pool.run(func, [1], {priority: 1})), Mp.Error, Mp.Error.FULL);
        isError(thrown(() => pool.apply(func, [1], late)), Mp.Error, Mp.Error.TIMED_OUT);
        isError(thrown(() => pool.apply(func, [new Uint8Array(1)], lateToo)),
            Mp.Error, Mp.Error.TIMED_OUT);
        isError(await rejected(pool.map(func, TEN, late)), Mp.Error, Mp.Error.TIMED_OUT);
    }
    const waiting = [
        rejected(pool.map(SQUARE, TEN, {cancellable})),
        rejected(pool.imap(SQUARE, TEN, {cancellable}).next()),
    ];
    await sleep(0.02);
    cancellable.cancel();
    for (const error of [...await Promise.all(waiting),
        thrown(() => pool.apply(SQUARE, [1], {cancellable}))])
        isError(error, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    same(pool.n_queued + pool.n_running, 2);    // nothing else was given

    const maps = [1, 2, 3].map(() => pool.map(SQUARE, TEN, {chunkSize: 1}));
    for (const result of held)
        result.cancel();
    for (const result of held)
        await rejected(result);
    for (const values of await Promise.all(maps))
        same(values, TEN.map(SQUARE));
    same(pool.apply(bytes => bytes[0] ** 2, [new Uint8Array([4])]), 16);
}, {maxPending: 2});

async function gather(iterator) {
    const seen = [];
    try {
        for await (const value of iterator)
            seen.push(value);
    } catch (error) {
        seen.push(error.message);
    }
    return seen;
}

poolTest('input that throws comes behind the results before', async pool => {
    const broken = function* () {
        yield* [1, 2, 3];
        throw new Error('input');
    };
    const slowly = async function* () {
        yield 1;
        await sleep(0.05);
        yield* [2, 3];
        throw new Error('input');
    };
    for (const input of [broken, slowly]) {
        for (const chunkSize of [1, 2])
            same(await gather(pool.imap(SQUARE, input(), {chunkSize})), [1, 4, 9, 'input']);
    }
    same(await gather(pool.imap(SQUARE, (async function* () {
        throw new Error('at once');
    })())), ['at once']);
});

poolTest('cancelling while input is awaited', async pool => {
    const never = async function* (n) {
        yield* TEN.slice(0, n);
        await new Promise(() => {});
    };
    for (const n of [0, 2]) {
        const cancellable = new Gio.Cancellable();
        const gathered = gather(pool.imap(SQUARE, never(n), {cancellable}));
        await sleep(0.05);
        cancellable.cancel();
        same((await gathered).slice(0, -1), TEN.slice(0, n).map(SQUARE));
        same((await gather(pool.imap(SQUARE, never(0), {cancellable}))).length, 1);
    }
});

poolTest('options of other names are refused', async pool => {
    const queue = new Mp.Queue();
    for (const call of [
        () => new Mp.Listener({address: '@none', key: 'secret'}),
        () => new Mp.Listener('@none', {authkey: 'secret'}),
        () => Mp.Connection.connect('@none', {key: 'secret'}),
        () => new Mp.Pool({memory_limt: 1}),
        () => new Mp.Queue({maxitems: 1}),
        () => new Mp.SharedMemory({sise: 8}),
        () => new Mp.Value('int32', {lok: null}),
        () => new Mp.Semaphore(3, {recoverabel: true}),
        () => new Mp.Barrier(3, {actoin: SQUARE}),
        () => Mp.Process.run(SQUARE, [7]),
        () => new Mp.Process(SQUARE, {stdot: 'pipe'}),
        () => Mp.Process.call('native', '', 'work', 5, {args: []}),
        () => queue.get({timeOut: 1}),
        () => pool.run(SQUARE, [1], {timeout: 1}),
        () => pool.apply(SQUARE, [1], {time_limit: 1}),
    ])
        isError(thrown(call), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    for (const promise of [
        pool.map(SQUARE, TEN, {chunksize: 3}),
        pool.imap(SQUARE, TEN, {buffersize: 3}).next(),
        queue.getAsync({timeOut: 1}),
    ])
        isError(await rejected(promise), Mp.Error, Mp.Error.INVALID_ARGUMENT);

    const made = new Mp.Pool({n_workers: 1, 'memory-limit': 1e9, maxPending: 3});
    same([made.get_n_workers(), made.memory_limit, made.max_pending], [1, 1e9, 3]);
    made.close();
    await made.joinAsync({timeout: 30});
});

poolTest('functions that the workers cannot run', async pool => {
    isError(await rejected(pool.submit(SQUARE, 2)), Mp.Error, Mp.Error.NOT_SUPPORTED);
    same(await pool.submit('math:sqrt', 16), 4);
}, {workerLanguage: 'python'});

poolTest('grow and shrink', async pool => {
    pool.nWorkers = 3;
    while (pool.get_pids().length !== 3)
        await sleep(0.005);
    pool.nWorkers = 1;
    while (pool.get_pids().length !== 1)
        await sleep(0.005);
    same(await pool.submit(SQUARE, 2), 4);
});

poolTest('progress and output', async pool => {
    const result = pool.submit(() => {
        imports.gi.Mp.task_report_progress(0.5, 'half');
        print('printed');
        return imports.gi.Mp.task_get_current_id();
    });
    let notified = 0;
    result.connect('notify::progress', () => notified++);
    same(await result, result.id);
    same(result.progress_text, 'half');
    same(result.output, 'printed\n');
    ok(notified >= 1);
    same(pool.progress, 1);
    same(pool.n_done, 1);

    const [file] = Gio.File.new_tmp(null);
    ok(pool.save_trace(file.get_path()));
    const [, json] = GLib.file_get_contents(file.get_path());
    ok(JSON.parse(new TextDecoder().decode(json)).traceEvents.some(event => event.ph === 'X'));
    file.delete(null);
}, {captureOutput: true, trace: true});

poolTest('Python workers', async pool => {
    same(await pool.submit('math:sqrt', 16), 4);
    same(await pool.map('math:factorial', [1, 2, 3]), [1, 2, 6]);
    const error = await rejected(pool.submit('math:sqrt', -1));
    same(error.name, 'ValueError');
    ok(/Traceback/.test(error.stack));
    const missing = await rejected(pool.submit('no_such_module:function', 1));
    isError(missing, Mp.Error, Mp.Error.NO_SUCH_FUNCTION);
}, {workerLanguage: 'python'});

poolTest('workers that run functions of C libraries', async pool => {
    same(await pool.submit('libglib-2.0.so.0:g_variant_ref_sink', 16), 16);
    isError(await rejected(pool.submit('libglib-2.0.so.0:no_such_function', 1)),
        Mp.Error, Mp.Error.NO_SUCH_FUNCTION);
}, {workerLanguage: 'native'});

poolTest('kinds of failure', async pool => {
    const kind = async (func, args, options) => {
        const result = pool.run(func, args, options);
        await rejected(result);
        ok(result.get_error_details().lookup_value('pid', null).unpack() > 0);
        return result.failure;
    };
    same(await kind(() => {
        throw new TypeError('own');
    }), Mp.TaskFailure.ERROR);
    same(await kind(() => () => 1), Mp.TaskFailure.SERIALIZATION);
    same(await kind(() => imports.system.exit(3)), Mp.TaskFailure.EXIT);
    same(await kind(() => imports.gi.GLib.spawn_command_line_sync(
        `kill -9 ${new imports.gi.Gio.Credentials().get_unix_pid()}`)), Mp.TaskFailure.SIGNAL);
    same(await kind(FOREVER, [], {timeLimit: 0.05}), Mp.TaskFailure.TIME_LIMIT);
});

poolTest('nesting', async pool => {
    same(await pool.run(async () => {
        const inner = new imports.gi.Mp.Pool(1);
        const values = await inner.map(x => x + 1, [1, 2]);
        inner.terminate();
        inner.join();
        return values;
    }), [2, 3]);
});

poolTest('an initializer', async pool => {
    same(await pool.run(() => globalThis.begun, []), [1, 'two', 3]);
    const before = pool.get_pids()[0];
    isError(await rejected(pool.run(() => imports.system.exit(3))), Mp.Error,
        Mp.Error.WORKER_DIED);
    same(await pool.run(() => globalThis.begun, []), [1, 'two', 3]);
    ok(pool.get_pids()[0] !== before);
}, {
    initializer: async (lock, ...rest) => {
        await null;
        lock.acquire();
        globalThis.begun = [1, ...rest];
        lock.release();
    },
    initArgs: [new Mp.Lock(), 'two', 3],
});

poolTest('an initializer that throws', async pool => {
    const pids = pool.get_pids();
    const errors = await Promise.all(TEN.map(x => rejected(pool.run(SQUARE, [x]))));
    for (const error of errors)
        ok(/initializer of the worker failed: no way/.test(error.message), error.message);
    same(pool.get_pids(), pids, 'no worker is replaced for that');
}, {
    initializer: word => {
        throw new RangeError(`no ${word}`);
    },
    initArgs: ['way'],
});

poolTest('whatever is thrown costs no worker', async pool => {
    const pids = pool.get_pids();
    const error = await rejected(pool.run(() => {
        const inner = new Error('inner');
        inner.cause = Object.assign(new Error('outer'), {cause: inner});
        throw inner.cause;
    }));
    same([error.message, error.cause.message, error.cause.cause], ['outer', 'inner', undefined]);

    const odd = [
        () => {
            throw Object.create(null);
        },
        () => {
            throw Object.defineProperty(new Error('odd'), 'more', {
                enumerable: true,
                get() {
                    throw new Error('not even that');
                },
            });
        },
        () => {
            throw Object.defineProperty(new Error('odd'), 'cause', {
                get() {
                    throw new Error('no cause');
                },
            });
        },
        () => {
            throw new Proxy(new Error('odd'), {
                ownKeys() {
                    throw new Error('no keys');
                },
            });
        },
    ];
    for (const func of odd)
        ok(/^odd$|without a text/.test((await rejected(pool.run(func))).message));
    same(pool.get_pids(), pids);
});

poolTest('errors of many promises', async pool => {
    const error = await rejected(pool.run(() =>
        Promise.any([Promise.reject(new RangeError('one')), Promise.reject(new Error('two'))])));
    ok(error instanceof AggregateError);
    same(error.errors.map(each => each.message), ['one', 'two']);
    ok(error.errors[0] instanceof RangeError);
});

test('an initializer that cannot travel', () => {
    isError(thrown(() => new Mp.Pool({initializer: 7})), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(thrown(() => new Mp.Pool({initializer: SQUARE, initArgs: 7})), Mp.Error,
        Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => new Mp.Pool({initializer: SQUARE, initArgs: [() => 1]})), Mp.Error,
        Mp.Error.NOT_PLAIN);
});

test('there are no threads', () => {
    isError(thrown(() => new Mp.ThreadPool()), Mp.Error, Mp.Error.NOT_SUPPORTED);
});

await run();
