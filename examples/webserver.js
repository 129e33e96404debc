// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Several processes that answer HTTP on one listening socket:
//
//     gjs -m webserver.js             answers on port 8000 until Ctrl-C
//     gjs -m webserver.js --test      answers a few requests of its own

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

const SERVERS = 4;
const REQUESTS = 20;

Gio._promisify(Gio.SocketClient.prototype, 'connect_async');
Gio._promisify(Gio.OutputStream.prototype, 'write_bytes_async');
Gio._promisify(Gio.InputStream.prototype, 'read_bytes_async');

// Runs in each server, until it is told to end. A descriptor cannot be in a value: a ticket can,
// which one process may exchange for it. The kernel gives each connection to one of those who wait.
async function serve(ticket) {
    const {Gio: gio, GLib: glib, Mp: mp} = imports.gi;
    const listener = new gio.SocketListener();
    listener.add_socket(gio.Socket.new_from_fd(mp.fd_take(ticket)), null);
    const body = `${mp.Process.get_current().get_pid()}`;
    const text = `HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

    for (;;) {
        const line = await new Promise((resolve, reject) => {
            listener.accept_async(null, (_listener, result) => {
                try {
                    resolve(listener.accept_finish(result)[0]);
                } catch (error) {
                    reject(error);
                }
            });
        });
        // This server's other connections wait meanwhile, as they would anyway: it has one thread.
        line.get_socket().set_timeout(10);
        const head = gio.DataInputStream.new(line.get_input_stream());
        while (head.read_line_utf8(null)[0]?.trim())
            continue;
        line.get_output_stream().write_bytes(
            new glib.Bytes(new TextEncoder().encode(text)), null);
        line.close(null);
    }
}

function listenOn(port) {
    const socket = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.STREAM,
        Gio.SocketProtocol.TCP);
    const host = Gio.InetAddress.new_loopback(Gio.SocketFamily.IPV4);
    socket.bind(Gio.InetSocketAddress.new(host, port), true);
    socket.listen();
    return socket;
}

// The number in the answer to a request.
async function ask(address) {
    const line = await new Gio.SocketClient({timeout: 30}).connect_async(address, null);
    await line.get_output_stream().write_bytes_async(
        new GLib.Bytes(new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n')), 0, null);
    let text = '';
    for (;;) {
        const bytes = await line.get_input_stream().read_bytes_async(4096, 0, null);
        if (bytes.get_size() === 0)
            break;
        text += new TextDecoder().decode(bytes.toArray());
    }
    line.close(null);
    return Number(text.split('\r\n\r\n')[1]);
}

const testing = ARGV.includes('--test');
const socket = listenOn(testing ? 0 : 8000);

// Daemons: they end with this process, even if that is killed.
const servers = [];
for (let i = 0; i < SERVERS; i++) {
    const ticket = Mp.fd_leave(socket.get_fd());
    servers.push(Mp.Process.run(serve, {args: [ticket], daemon: true}));
}

if (testing) {
    const pids = servers.map(server => server.pid);
    const answers = [];
    for (let i = 0; i < REQUESTS; i++)
        answers.push(await ask(socket.get_local_address()));
    const well = answers.every(pid => pids.includes(pid));
    print(`${SERVERS} servers, ${REQUESTS} requests answered: ${well}`);
    for (const server of servers)
        server.terminate();
} else {
    print(`${SERVERS} processes serve on port ${socket.get_local_address().get_port()}`);
}
for (const server of servers)
    print('exit code:', await server.joinAsync());
