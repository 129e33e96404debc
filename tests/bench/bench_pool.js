// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A pool of GJS beside what a program of GJS does without one, in one run: a call there and back
// beside a method called over a session bus of its own, and the start of a worker beside that of
// gjs itself.
//
//   gjs -m bench_pool.js [quick]
//   gjs -m bench_pool.js serve      the service on that bus
//
// Each row is measured in turns with its peer, and of each the best turn counts. Without
// dbus-daemon there are no rows of the bus.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

const NAME = 'org.mproc.Bench';
const PATH = '/org/mproc/Bench';
const INTERFACE = `<node><interface name="${NAME}"><method name="Echo">
    <arg type="i" direction="in"/><arg type="i" direction="out"/></method></interface></node>`;

const quick = ARGV[0] === 'quick';
const TURNS = quick ? 1 : 5;
const CALLS = quick ? 50 : 1000;

const echo = x => x;

// ── The bus ─────────────────────────────────────────────────────────────────────────────────────

function serve() {
    const object = Gio.DBusExportedObject.wrapJSObject(INTERFACE, {Echo: echo});
    const connection = Gio.bus_get_sync(Gio.BusType.SESSION, null);
    object.export(connection, PATH);
    Gio.bus_own_name_on_connection(connection, NAME, Gio.BusNameOwnerFlags.NONE, null, null);
    GLib.MainLoop.new(null, false).run();
}

class Bus {
    constructor() {
        const launcher = new Gio.SubprocessLauncher({flags: Gio.SubprocessFlags.STDOUT_PIPE});
        this._daemon = launcher.spawnv(['dbus-daemon', '--session', '--nofork',
            '--print-address']);
        const output = Gio.DataInputStream.new(this._daemon.get_stdout_pipe());
        const [address] = output.read_line_utf8(null);
        GLib.setenv('DBUS_SESSION_BUS_ADDRESS', address, true);
        const [program] = GLib.filename_from_uri(import.meta.url);
        this._service = Gio.Subprocess.new(['gjs', '-m', program, 'serve'],
            Gio.SubprocessFlags.NONE);
        this._connection = Gio.DBusConnection.new_for_address_sync(address,
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, null, null);
        const Proxy = Gio.DBusProxy.makeProxyWrapper(INTERFACE);
        this._proxy = new Proxy(this._connection, NAME, PATH);
        while (this._proxy.get_name_owner() === null) {
            GLib.usleep(1000);
            GLib.MainContext.default().iteration(false);
        }
    }

    call(n) {
        for (let i = 0; i < n; i++)
            this._proxy.EchoSync(i);
    }

    async callAsync(n) {
        for (let i = 0; i < n; i++)
            await this._proxy.EchoAsync(i);
    }

    end() {
        this._connection.close_sync(null);
        this._service.force_exit();
        this._daemon.force_exit();
        this._service.wait(null);
        this._daemon.wait(null);
    }
}

// ── Measuring ───────────────────────────────────────────────────────────────────────────────────

async function microseconds(work) {
    const began = GLib.get_monotonic_time();
    await work();
    return GLib.get_monotonic_time() - began;
}

async function compare(what, peer, ours, n, asked) {
    let [theirs, own] = [Infinity, Infinity];
    for (let turn = 0; turn < TURNS; turn++) {
        theirs = Math.min(theirs, await microseconds(peer));
        own = Math.min(own, await microseconds(ours));
    }
    const ratio = theirs / own;
    print(`${what.padEnd(34)} ${(theirs / n).toFixed(1).padStart(10)} ` +
        `${(own / n).toFixed(1).padStart(10)} ${ratio.toFixed(2).padStart(10)} ` +
        `${asked.toString().padStart(10)}`);
}

function call(pool, n) {
    for (let i = 0; i < n; i++)
        pool.apply(echo, [i]);
}

async function callAsync(pool, n) {
    for (let i = 0; i < n; i++)
        await pool.submit(echo, i);
}

function startWorker() {
    const pool = new Mp.Pool(1);
    pool.submit(echo, 1).get();
    pool.terminate();
    pool.join();
}

async function compareCalls() {
    const pool = new Mp.Pool(1);
    const bus = new Bus();
    bus.call(10);
    call(pool, 10);
    await compare('a call there and back', () => bus.call(CALLS), () => call(pool, CALLS), CALLS,
        30);
    await compare('... awaited', () => bus.callAsync(CALLS), () => callAsync(pool, CALLS), CALLS,
        '');
    bus.end();
    pool.terminate();
    pool.join();
}

async function main() {
    print(`${''.padEnd(34)} ${'peer, us'.padStart(10)} ${'pool, us'.padStart(10)} ` +
        `${'times'.padStart(10)} ${'at least'.padStart(10)}`);
    if (GLib.find_program_in_path('dbus-daemon') !== null)
        await compareCalls();
    await compare('a worker and its first task / gjs', () =>
        GLib.spawn_command_line_sync('gjs -c 0'), startWorker, 1, 1);
}

if (ARGV[0] === 'serve')
    serve();
else
    await main();
