// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Processes: what they run, what they get, how they end and how that is told.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

import Mp from 'gi://Mp?version=1';

import {
    eventually, isError, isRunning, match, ok, rejected, run, same, test, thrown,
} from './tap.js';
import * as tasks from './tasks.js';

const TASKS = import.meta.url.replace(/[^/]+$/, 'tasks.js');

// Runs a program in a gjs of its own: what it printed and how it ended.
async function program(text) {
    const flags = Gio.SubprocessFlags.STDOUT_PIPE | Gio.SubprocessFlags.STDERR_PIPE;
    const whole = `const {GLib, Mp} = imports.gi; ${text}`;
    const child = Gio.Subprocess.new(['gjs', '-c', whole], flags);
    return await new Promise((resolve, reject) => {
        child.communicate_utf8_async(null, null, (_child, result) => {
            try {
                const [, out, err] = child.communicate_utf8_finish(result);
                resolve({out, err, status: child.get_status()});
            } catch (error) {
                reject(error);
            }
        });
    });
}

test('a function and its arguments', async () => {
    const queue = new Mp.Queue();
    const values = [1, 'two', [3], {four: null}, new Map([[5, NaN]]), 2n ** 70n];
    const process = new Mp.Process((q, ...args) => q.put(args), {args: [queue, ...values]});
    ok(process instanceof Mp.Process);
    same([process.pid, process.exitCode, process.isAlive()], [0, null, false]);
    process.start();
    ok(process.pid > 0);
    same(await queue.getAsync({timeout: 30}), values);
    same(await process.joinAsync(), 0);
    same([process.exitCode, process.isAlive()], [0, false]);
});

test('functions by reference', async () => {
    const queue = new Mp.Queue();
    const viaModule = Mp.Process.run((q, module) => import(module).then(m => q.put(m.double(4))),
        {args: [queue, TASKS]});
    same(await queue.getAsync({timeout: 30}), 8);
    const named = Mp.Process.run({module: TASKS, name: 'double'}, {args: [1]});
    const marked = Mp.Process.run(tasks.countCalls);
    for (const process of [viaModule, named, marked])
        same(await process.joinAsync(), 0);
});

test('asynchronous functions are waited for', async () => {
    const queue = new Mp.Queue();
    const process = Mp.Process.run(async q => {
        await new Promise(resolve => setTimeout(resolve, 50));
        q.put('late');
    }, {args: [queue]});
    same(await process.joinAsync(), 0);
    same(queue.tryGet(), 'late');
});

test('exit codes', async () => {
    for (const [func, code] of [
        [() => 5, 0],
        [() => imports.system.exit(3), 3],
        [async () => {
            await null;
            imports.system.exit(4);
        }, 4],
        [async () => {
            await new Promise(resolve => setTimeout(resolve, 5));
            imports.system.exit(5);
        }, 5],
    ])
        same(await Mp.Process.run(func).joinAsync({timeout: 30}), code);
});

test('what is thrown ends the child with code 1 and a stack on stderr', async () => {
    for (const [func, pattern] of [
        ['function boom() { throw new TypeError("sad"); }',
            /Oops: TypeError: sad\nboom@mproc:boom/],
        ['async function boom() { await null; throw new Error("sad"); }',
            /Oops: Error: sad\nboom@/],
        ['() => Promise.reject("word")', /Oops: word/],
        ['() => imports.gi.Gio.File.new_for_path("/none").read(null)', /Oops: .*\/none/],
        ['() => { throw new Error("a", {cause: new Error("b")}); }', /Caused by: Error: b/],
        ['() => captured + 1', /not available in the worker: captured/],
        [`{module: '${TASKS}', name: 'missing'}`, /tasks\.js exports no function “missing”/],
    ]) {
        const {out, err, status} = await program(`
            const process = Mp.Process.run(${func}, {name: 'Oops'});
            process.join();
            print(process.exitCode);`);
        same([out, status], ['1\n', 0]);
        match(err, pattern);
    }
});

test('signals', async () => {
    const sleeper = () => imports.gi.GLib.usleep(60000000);
    const [killed, terminated] = [Mp.Process.run(sleeper), Mp.Process.run(sleeper)];
    ok(killed.isAlive());
    same(killed.join({timeout: 0.05}), false);
    isError(await rejected(killed.joinAsync({timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);
    killed.kill();
    terminated.terminate();
    same(killed.join(), true);
    same(await terminated.joinAsync(), -15);
    same(killed.exitCode, -9);
});

test('the signal "exited"', async () => {
    const process = new Mp.Process(() => imports.system.exit(7));
    const code = await new Promise(resolve => {
        process.connect('exited', (_process, exitCode) => resolve(exitCode));
        process.start();
    });
    same(code, 7);
});

test('names, daemons, and who one is', async () => {
    const queue = new Mp.Queue();
    const process = new Mp.Process(q => {
        const {Mp: lib} = imports.gi;
        q.put([lib.Process.get_current().get_name(), lib.isWorker()]);
    }, {args: [queue], name: 'Näme', daemon: true});
    same([process.name, process.daemon], ['Näme', true]);
    process.start();
    same(await queue.getAsync({timeout: 30}), ['Näme', true]);
    await process.joinAsync();
    same(Mp.isWorker(), false);
});

// The worker has a parent, which it can ask for, and a name after its parent's name.
test('relatives', async () => {
    const queue = new Mp.Queue();
    const process = Mp.Process.run(async q => {
        const {GLib: lib, Mp: mp} = imports.gi;
        const [self, parent] = [mp.Process.get_current(), mp.Process.get_parent()];
        q.put([parent.get_pid(), parent.get_name(), parent.is_alive(),
            parent.join({timeout: 0}), new TextDecoder().decode(self.get_authkey().toArray())]);
        const child = mp.Process.run(inner => {
            const me = imports.gi.Mp.Process.get_current();
            inner.put([me.get_name(), me.get_daemon(),
                new TextDecoder().decode(me.get_authkey().toArray())]);
        }, {args: [q]});
        q.put([lib.getenv('USER') !== 'nobody', mp.Process.get_children().length]);
        await child.joinAsync();
    }, {args: [queue], daemon: true, name: 'Top'});
    const started = Mp.Process.get_children();
    same([started.length, started[0] === process], [1, true]);
    const own = new TextDecoder().decode(Mp.Process.get_current().get_authkey().toArray());
    const get = () => queue.getAsync({timeout: 60});
    const [pid, name, alive, ended, key] = await get();
    same([name, alive, ended], ['MainProcess', true, false]);
    same(pid, Number(GLib.file_read_link('/proc/self')));
    same(key, own);
    same(await get(), [true, 1]);
    const [innerName, daemon, innerKey] = await get();
    match(innerName, /^Process-[0-9]+:1$/);
    same([daemon, innerKey], [true, own]);
    same(await process.joinAsync(), 0);
    same(Mp.Process.get_children().length, 0);
    ok(Mp.get_usable_cpus() >= 1);
});

test('interrupt, sentinel, and a key of its own', async () => {
    const queue = new Mp.Queue();
    const process = new Mp.Process(q => {
        const {GLib: lib, Mp: mp} = imports.gi;
        q.put(new TextDecoder().decode(mp.Process.get_current().get_authkey().toArray()));
        lib.usleep(60000000);
    }, {args: [queue]});
    process.set_authkey(new GLib.Bytes(new TextEncoder().encode('own key')));
    process.set_name('Renamed');
    same([process.get_sentinel(), process.name], [-1, 'Renamed']);
    process.start();
    same(await queue.getAsync({timeout: 60}), 'own key');
    ok(process.get_sentinel() >= 0);
    same(Mp.wait([process], {timeout: 0}).length, 0);
    process.interrupt();
    ok(Mp.wait([process], {timeout: 60})[0] === process);
    same(await process.joinAsync(), -2);
    process.close();
    isError(thrown(() => process.join()), Mp.Error, Mp.Error.INVALID_STATE);
});

test('standard input is empty', async () => {
    const process = Mp.Process.run(() => {
        const {Gio: gio} = imports.gi;
        const stream = gio.File.new_for_path('/proc/self/fd/0').read(null);
        imports.system.exit(stream.read_bytes(10, null).get_size() === 0 ? 0 : 1);
    });
    same(await process.joinAsync(), 0);
});

test('arguments are held until the child has them', async () => {
    const queue = new Mp.Queue();
    const start = () => {
        const gone = new Mp.Queue();
        gone.put('still there');
        Mp.Process.run((q, g) => q.put(g.get({timeout: 5})), {args: [queue, gone]});
    };
    start();
    for (let i = 0; i < 10; i++) {
        System.gc();
        new Mp.Queue();
    }
    same(await queue.getAsync({timeout: 30}), 'still there');
});

test('what cannot travel is refused in the caller', () => {
    const accessor = Object.getOwnPropertyDescriptor({
        get value() {
            return 1;
        },
    }, 'value').get;
    for (const [func, pattern] of [
        [Math.abs, /abs cannot travel .* built in or bound/],
        [function named() {}.bind(null), /built in or bound/],
        [accessor, /accessor/],
        [class Thing {}, /Thing .* class/],
        [{module: 'relative.js', name: 'x'}, /URI or an absolute path/],
    ]) {
        const error = thrown(() => new Mp.Process(func));
        isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
        match(error.message, pattern);
    }
    isError(thrown(() => new Mp.Process(() => {}, {args: 5})),
        Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(thrown(() => Mp.Process.run(() => {}, {args: [() => {}]})),
        Mp.Error, Mp.Error.NOT_PLAIN);
    thrown(() => Mp.task('nonsense', function f() {}));
    thrown(() => Mp.task(import.meta.url, () => {}));
});

test('a fork is refused, and says why', () => {
    const error = thrown(() => Mp.Process.new(null, () => true).start());
    isError(error, Mp.Error, Mp.Error.NOT_SUPPORTED);
    match(error.message, /gjs does not survive fork/);
});

// Reads a stream to its end.
function readAll(stream) {
    const parts = [];
    for (;;) {
        const bytes = stream.read_bytes(4096, null);
        if (bytes.get_size() === 0)
            return new TextDecoder().decode(Uint8Array.from(parts.flat()));
        parts.push([...bytes.toArray()]);
    }
}

test('what a child starts with', () => {
    const process = new Mp.Process(() => {
        const {GLib: lib} = imports.gi;
        print([lib.getenv('MP_TEST'), lib.getenv('HOME'), lib.get_current_dir()].join());
        printerr('error');
    }, {
        addEnv: {MP_TEST: 'here', HOME: null}, cwd: '/usr', stdin: 'pipe', stdout: 'pipe',
        stderr: 'pipe', limits: {files: [100, 200], core: 0}, nice: 1,
    });
    same(process.get_stdout_pipe(), null);
    process.start();
    same(readAll(process.get_stdout_pipe()), 'here,,/usr\n');
    same(readAll(process.get_stderr_pipe()), 'error\n');
    process.join();
    process.check();
    process.close();
    isError(thrown(() => process.join()), Mp.Error, Mp.Error.INVALID_STATE);

    for (const options of [
        {stdout: 'tape'}, {limits: {nonsense: 1}}, {affinity: []}, {nice: 99}, {env: {'': 'x'}},
    ]) {
        isError(thrown(() => new Mp.Process(() => {}, options)),
            Mp.Error, Mp.Error.INVALID_ARGUMENT);
    }
    const lost = new Mp.Process(() => {}, {cwd: '/nowhere at all'});
    isError(thrown(() => lost.start()), Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND);
});

test('how it ended, as an error', async () => {
    const failed = Mp.Process.run(() => {
        throw new Error('sad');
    }, {stderr: 'null'});
    isError(thrown(() => failed.check()), Mp.Error, Mp.Error.INVALID_STATE);
    await failed.joinAsync();
    const error = thrown(() => failed.check());
    isError(error, Mp.Error, Mp.Error.TASK_FAILED);
    match(error.message, /sad/);
    const interrupted = Mp.Process.run(() => imports.gi.GLib.usleep(60000000));
    interrupted.kill();
    await interrupted.joinAsync();
    isError(thrown(() => interrupted.check()), Mp.Error, Mp.Error.WORKER_DIED);
});

test('functions of other languages, by name', async () => {
    const folder = GLib.dir_make_tmp('mproc-XXXXXX');
    const write = (name, text) => {
        const path = `${folder}/${name}`;
        GLib.file_set_contents(path, text);
        return path;
    };
    const python = write('some_tasks.py', `
import mproc
@mproc.function('sum')
def add(argument):
    queue, *values = argument
    queue.put(['python', sum(values)])
`);
    const script = write('someTasks.js', `
const {Mp} = imports.gi;
Mp.register('sum', ([queue, ...values]) => {
    queue.put(['javascript', values.reduce((a, b) => a + b, 0)]);
});
`);
    const queue = new Mp.Queue();
    for (const [language, module] of [['python', python], ['gjs', script]]) {
        const process = Mp.Process.call(language, module, 'sum', [queue, 1, 2, 3]);
        process.start();
        same((await queue.getAsync({timeout: 60}))[1], 6);
        same(await process.joinAsync(), 0);
    }

    const built = `${GLib.getenv('MPROC_BUILD_ROOT')}/tests`;
    const library = `${built}/libtasks-of-test.so`;
    for (const [name, expected] of [['sum', 'registered'], ['exported_sum', 'symbol']]) {
        const process = Mp.Process.call('native', library, name, [queue, 1, 2, 3]);
        process.start();
        same(await queue.getAsync({timeout: 60}), [expected, 6]);
        same(await process.joinAsync(), 0);
    }
    for (const [served, expected] of [['tasks-of-test', 'registered'],
        ['vala-tasks-of-test', 'Vala']]) {
        if (!GLib.file_test(`${built}/${served}`, GLib.FileTest.EXISTS))
            continue;   // there is no compiler for it
        Mp.Process.set_worker_command('native', [`${built}/${served}`]);
        const process = Mp.Process.call('native', '', 'sum', [queue, 4, 5]);
        process.start();
        same(await queue.getAsync({timeout: 60}), [expected, 9]);
        same(await process.joinAsync(), 0);
        const pool = new Mp.Pool({nWorkers: 1, workerLanguage: 'native'});
        same(await pool.submit('sum', [queue, 5, 5]), 10);
        same(await queue.getAsync({timeout: 60}), [expected, 10]);
        pool.close();
        await pool.joinAsync();
    }
    Mp.Process.set_worker_command('native', null);

    const broken = write('broken.js', 'throw new Error("not today");');
    const raises = write('raises.py', '1 / 0');
    for (const what of [['python', 'no_such_module', 'f'], ['python', raises, 'f'],
        ['gjs', broken, 'f'], ['gjs', '/nowhere/x.js', 'f'], ['native', '/nowhere/x.so', 'f'],
        ['native', library, 'missing'], ['gjs', script, 'missing']]) {
        const process = Mp.Process.call(...what, null, {stderr: 'null'});
        process.start();
        same(await process.joinAsync(), 1);
        isError(thrown(() => process.check()), Mp.Error, Mp.Error.TASK_FAILED);
    }
    // Two modules may register the same name, and one that is missing is no excuse for another.
    const other = write('otherTasks.js', `
        imports.gi.Mp.register('sum', ([queue]) => queue.put('the other'));`);
    const pools = [
        ['python', `${python}:`], ['gjs', `file://${script}#`], ['native', `${library}:`],
    ];
    for (const [workerLanguage, prefix] of pools) {
        const pool = new Mp.Pool({nWorkers: 1, workerLanguage});
        await pool.submit(`${prefix}sum`, [queue, 1, 2, 3]);
        same((await queue.getAsync({timeout: 60}))[1], 6);
        await rejected(pool.submit(`${prefix}missing`, 1));
        if (workerLanguage === 'gjs') {
            await pool.submit(`file://${other}#sum`, [queue]);
            same(await queue.getAsync({timeout: 60}), 'the other');
            await pool.submit(`${prefix}sum`, [queue, 4]);
            same(await queue.getAsync({timeout: 60}), ['javascript', 4]);
            await rejected(pool.submit('file:///nowhere/x.js#sum', [queue]));
            same(queue.tryGet(), undefined);
        }
        pool.close();
        await pool.joinAsync();
    }
    GLib.unlink(other);
    isError(thrown(() => Mp.Process.call('cobol', 'x', 'y')), Mp.Error, Mp.Error.NOT_SUPPORTED);
    isError(thrown(() => Mp.Process.call('gjs', script, 'sum').set_start_method(
        Mp.StartMethod.FORKSERVER)), Mp.Error, Mp.Error.NOT_SUPPORTED);
    thrown(() => Mp.register('name', 5));
    for (const path of [python, script, broken, raises])
        GLib.unlink(path);
    GLib.rmdir(folder);
});

test('misuse', () => {
    const process = new Mp.Process(() => {});
    isError(thrown(() => process.join()), Mp.Error, Mp.Error.INVALID_STATE);
    isError(thrown(() => process.kill()), Mp.Error, Mp.Error.INVALID_STATE);
    process.start();
    isError(thrown(() => process.start()), Mp.Error, Mp.Error.INVALID_STATE);
    process.join();
});

test('children that are not daemons are waited for at the end', async () => {
    const {out, err, status} = await program(`
        Mp.Process.run(() => {
            imports.gi.GLib.usleep(100000);
            print('child');
        });
        print('parent');`);
    same([out, err, status], ['parent\nchild\n', '', 0]);
});

test('a daemon does not survive its killed parent', async () => {
    const child = Gio.Subprocess.new(['gjs', '-c', `
        const {GLib, Mp} = imports.gi;
        const q = new Mp.Queue();
        const p = Mp.Process.run(q => { q.put(1); for (;;); }, {args: [q], daemon: true});
        q.get();
        print(p.pid);
        GLib.usleep(60000000);`], Gio.SubprocessFlags.STDOUT_PIPE);
    const out = Gio.DataInputStream.new(child.get_stdout_pipe());
    const pid = await new Promise(resolve => {
        out.read_line_async(GLib.PRIORITY_DEFAULT, null, (_stream, result) => {
            resolve(Number(out.read_line_finish_utf8(result)[0]));
        });
    });
    ok(isRunning(pid));
    child.force_exit();
    child.wait(null);
    await eventually(() => !isRunning(pid));
});

await run();
