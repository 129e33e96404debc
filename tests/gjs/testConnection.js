// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Connections and listeners: the same cases for a pipe in shared memory and for sockets, then what
// only one of them has.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {isError, match, ok, rejected, run, same, sleep, test, thrown} from './tap.js';

import Mp from 'gi://Mp?version=1';

const VALUES = [1, null, true, 'text', 'ü\0', [1, [2.5]], {a: {b: 'c'}}, new Uint8Array([1, 2]),
    new Map([[1, 'x']]), 2n ** 70n, '', [], {}];

for (const sockets of [false, true]) {
    const name = sockets ? 'sockets' : 'memory';
    const pipe = (duplex = true) => Mp.pipe({duplex, sockets});

    test(`${name}: values go both ways`, () => {
        const [a, b] = pipe();
        for (const value of VALUES) {
            a.send(value);
            same(b.recv({timeout: 20}), value);
            b.send(value, {timeout: 20});
            same(a.tryRecv(), value);
        }
        same(a.tryRecv(), undefined);
        a.close();
        b.close();
    });

    test(`${name}: promises`, async () => {
        const [a, b] = pipe();
        const later = b.recvAsync({timeout: 20});
        await sleep(0.02);
        await a.sendAsync({x: [1]});
        same(await later, {x: [1]});
        isError(await rejected(b.recvAsync({timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);
        const cancellable = new Gio.Cancellable();
        const cancelled = rejected(b.recvAsync({cancellable}));
        cancellable.cancel();
        isError(await cancelled, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
        a.close();
        b.close();
    });

    test(`${name}: much at once`, async () => {
        const [a, b] = pipe();
        const large = 'x'.repeat(3000000);
        const sent = Promise.all([a.sendAsync(large), a.sendAsync(2), a.sendAsync([3])]);
        same((await b.recvAsync()).length, 3000000);
        same([await b.recvAsync(), await b.recvAsync()], [2, [3]]);
        await sent;
        a.close();
        b.close();
    });

    test(`${name}: iteration ends with the other end`, async () => {
        const [a, b] = pipe();
        const got = [];
        const all = (async () => {
            for await (const value of b)
                got.push(value);
        })();
        for (let i = 0; i < 100; i++)
            await a.sendAsync(i);
        a.close();
        await all;
        same(got.length, 100);
        same(got[99], 99);
        isError(thrown(() => b.recv()), Mp.Error, Mp.Error.CLOSED);
        isError(thrown(() => b.send(1)), Mp.Error, Mp.Error.CLOSED);
        isError(thrown(() => a.send(1)), Mp.Error, Mp.Error.INVALID_STATE);
        isError(thrown(() => a.recv()), Mp.Error, Mp.Error.INVALID_STATE);
        b.close();
    });

    test(`${name}: one way`, () => {
        const [reader, writer] = pipe(false);
        writer.send('x');
        same([...(writer.close(), reader)], ['x']);
        isError(thrown(() => reader.send(1)), Mp.Error, Mp.Error.INVALID_STATE);
        reader.close();
    });

    test(`${name}: bytes`, () => {
        const [a, b] = pipe();
        a.sendBytes(new Uint8Array([1, 2, 3]));
        isError(thrown(() => b.recvBytes({maxSize: 2})), Mp.Error, Mp.Error.TOO_SHORT);
        same(b.recvBytes({maxSize: 3}), new Uint8Array([1, 2, 3]));
        a.sendBytes(new Uint8Array(100000).fill(7), {timeout: 20});
        const bytes = b.recvBytes({timeout: 20});
        same([bytes.length, bytes[99999]], [100000, 7]);
        isError(thrown(() => b.recvBytes({timeout: 0})), Mp.Error, Mp.Error.TIMED_OUT);
        isError(thrown(() => b.recv({timeout: 0})), Mp.Error, Mp.Error.TIMED_OUT);
        a.close();
        b.close();
    });

    test(`${name}: waiting for many`, () => {
        const [a, b] = pipe();
        const queue = new Mp.Queue();
        same(b.poll(), false);
        same(Mp.wait([b, queue], {timeout: 0.02}).length, 0);
        a.send(1);
        same(b.poll({timeout: 20}), true);
        ok(Mp.wait([b, queue])[0] === b);
        queue.put(1);
        same(Mp.wait(new Set([b, queue])).length, 2);
        isError(thrown(() => Mp.wait([new Gio.Cancellable()])),
            Mp.Error, Mp.Error.INVALID_ARGUMENT);
        a.close();
        b.close();
    });
}

test('a process has an end of a pipe', async () => {
    const [a, b] = Mp.pipe();
    const process = Mp.Process.run(async connection => {
        for await (const value of connection)
            connection.send(value * 2);
    }, {args: [b]});
    b.close();
    for (const value of [1, 2, 3]) {
        a.send(value);
        same(await a.recvAsync({timeout: 60}), value * 2);
    }
    a.close();
    same(await process.joinAsync({timeout: 60}), 0);
});

test('a socket has a descriptor and no handle', () => {
    const [a, b] = Mp.pipe({sockets: true});
    ok(a.get_fd() >= 0);
    isError(thrown(() => new Mp.Queue().put(a)), Mp.Error, Mp.Error.NOT_PLAIN);
    a.sendFd(a.get_fd());
    const c = Mp.Connection.new_for_fd(b.recvFd({timeout: 20}));
    c.send('by another number');
    same(b.recv(), 'by another number');
    for (const connection of [a, b, c])
        connection.close();
});

test('waiting for processes and listeners', async () => {
    const listener = new Mp.Listener();
    const queue = new Mp.Queue();
    const process = Mp.Process.run(q => q.get(), {args: [queue]});
    same(Mp.wait([process, listener], {timeout: 0.02}).length, 0);
    queue.put('go');
    ok(Mp.wait([process, listener], {timeout: 60})[0] === process);
    const client = Mp.Connection.connectAsync(listener.get_address());
    ok(Mp.wait([listener], {timeout: 60})[0] === listener);
    (await listener.acceptAsync()).close();
    (await client).close();
    listener.close();
    same(await process.joinAsync(), 0);
});

test('addresses', async () => {
    const folder = GLib.dir_make_tmp('mproc-XXXXXX');
    const path = `${folder}/socket`;
    for (const address of [path, '@mproc-test-gjs', '127.0.0.1:0']) {
        const listener = new Mp.Listener({address});
        const accepted = listener.acceptAsync({timeout: 20});
        const client = await Mp.Connection.connectAsync(listener.get_address(), {timeout: 20});
        const server = await accepted;
        client.send(address);
        same(await server.recvAsync({timeout: 20}), address);
        same([client.is_closed(), client.get_readable(), client.get_writable()],
            [false, true, true]);
        for (const one of [client, server, listener])
            one.close();
        same([client.is_closed(), listener.is_closed()], [true, true]);
    }
    ok(!GLib.file_test(path, GLib.FileTest.EXISTS));
    GLib.rmdir(folder);
    thrown(() => new Mp.Listener({address: '/nowhere/at/all'}));
});

test('descriptors in values', async () => {
    const process = Mp.Process.run(() => {
        // In a process of its own: what keeps the descriptors goes with that.
        const {Gio: gio, Mp: mp} = imports.gi;
        const queue = new mp.Queue();
        const [a, b] = mp.pipe({sockets: true});
        queue.put({ticket: mp.fd_leave(a.get_fd())});
        const again = mp.Connection.new_for_fd(mp.fd_take(queue.get().ticket));
        again.send('there');
        if (b.recv() !== 'there' || !gio)
            imports.system.exit(5);
    });
    same(await process.joinAsync(), 0);
});

test('a listener and its clients', async () => {
    const listener = new Mp.Listener({authkey: 'secret'});
    match(listener.get_address(), /^@mproc-/);
    const accepted = listener.acceptAsync({timeout: 20});
    const client = await Mp.Connection.connectAsync(listener.get_address(), {authkey: 'secret'});
    const server = await accepted;
    client.send({hello: 'there'});
    same(await server.recvAsync({timeout: 20}), {hello: 'there'});

    const denied = rejected(listener.acceptAsync({timeout: 20}));
    isError(await rejected(Mp.Connection.connectAsync(listener.get_address(),
        {authkey: new Uint8Array([1])})), Mp.Error, Mp.Error.AUTHENTICATION);
    isError(await denied, Mp.Error, Mp.Error.AUTHENTICATION);
    isError(thrown(() => listener.accept({timeout: 0.02})), Mp.Error, Mp.Error.TIMED_OUT);

    client.close();
    server.close();
    listener.close();
    isError(thrown(() => listener.accept()), Mp.Error, Mp.Error.INVALID_STATE);
    isError(thrown(() => Mp.Connection.connect(listener.get_address(), {timeout: 20})),
        Gio.IOErrorEnum, Gio.IOErrorEnum.CONNECTION_REFUSED);
});

test('blocking calls meet another process', async () => {
    const listener = new Mp.Listener({address: '127.0.0.1:0', authkey: 'secret'});
    const process = Mp.Process.run(async address => {
        const {default: mproc} = await import('gi://Mp?version=1');
        const connection = mproc.Connection.connect(address, {authkey: 'secret', timeout: 30});
        connection.send(connection.recv() + 1);
    }, {args: [listener.get_address()]});
    const server = listener.accept({timeout: 60});
    match(listener.get_last_accepted(), /^127\.0\.0\.1:\d+$/);
    server.send(41);
    same(server.recv({timeout: 60}), 42);
    server.close();
    same(await process.joinAsync({timeout: 60}), 0);
    listener.close();
});

test('for await over a listener', async () => {
    const listener = new Mp.Listener();
    const got = [];
    const served = (async () => {
        for await (const connection of listener) {
            got.push(await connection.recvAsync());
            connection.close();
            if (got.length === 3)
                listener.close();
        }
    })();
    for (let i = 0; i < 3; i++) {
        const client = await Mp.Connection.connectAsync(listener.get_address());
        await client.sendAsync(i);
        isError(await rejected(client.recvAsync()), Mp.Error, Mp.Error.CLOSED);
        client.close();
    }
    await served;
    same(got, [0, 1, 2]);
    ok(GLib.MainContext.default() !== null);
});

await run();
