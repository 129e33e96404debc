// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// mp-checksum [-j N] PATH...: prints the SHA-256 sums of files, and of all files below folders, in
// the order of their paths; N processes compute them. `sha256sum -c` accepts the output.
//
// A file name is any bytes. A text with one character for each byte stands for it here, and sorts
// as the bytes do; the workers get URIs. (Only what gjs itself gets as an argument must be UTF-8.)

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

import Mp from 'gi://Mp?version=1';

const FILES_PER_TASK = 16;
const ESCAPES = {'\\': '\\\\', '\n': '\\n', '\r': '\\r'};
const STDOUT = new Gio.BufferedOutputStream({
    baseStream: new Gio.UnixOutputStream({fd: 1}), autoGrow: true,
});
const STDERR = new Gio.UnixOutputStream({fd: 2});
const CLEAR = GLib.log_writer_supports_color(2) ? '\r\x1b[K' : '';
const NOFOLLOW = Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS;
const ATTRIBUTES = 'standard::name,standard::type,standard::size';

const toBytes = text => Uint8Array.from(text, c => c.charCodeAt(0));
const fromUtf8 = text => unescape(encodeURIComponent(text));
const lastPart = file => unescape(file.get_uri().replace(/^.*\//, ''));
const show = text => STDERR.write_all(toBytes(text), null);

// A line on stderr that changes, if that is a terminal. What is ready goes to stdout before it.
const progress = {
    files: 0, bytes: 0, filesDone: 0, bytesDone: 0, started: 0, shown: 0,
    add(size) {
        const now = GLib.get_monotonic_time() / 1e6;
        this.filesDone++;
        this.bytesDone += size;
        if (now - this.shown < 0.1)
            return;
        this.shown = now;
        show(CLEAR);
        STDOUT.flush(null);
        if (CLEAR === '')
            return;
        const rate = this.bytesDone / Math.max(now - this.started, 0.001);
        const left = Math.max(0, this.bytes - this.bytesDone) / Math.max(rate, 1);
        const [done, speed] = [this.bytesDone, rate].map(n => (n / 1e6).toFixed(1));
        show(`${this.filesDone} of ${this.files} files, ${done} MB, ${speed} MB/s, ` +
            `${left.toFixed(0)} s left`);
    },
};

let problems = 0;
function complain(path, why) {
    problems++;
    show(`${CLEAR}mp-checksum: ${path}${path && ': '}${fromUtf8(why)}\n`);
}

// Runs in the workers. It travels as source, and so sees nothing of this program.
function checksum({uri}) {
    const {Gio: gio, GLib: glib} = imports.gi;
    let size = 0;
    try {
        const stream = gio.File.new_for_uri(uri).read(null);
        const digest = new glib.Checksum(glib.ChecksumType.SHA256);
        for (let bytes; (bytes = stream.read_bytes(1 << 16, null)).get_size() > 0;) {
            digest.update(bytes.toArray());
            size += bytes.get_size();
            // The garbage collector does not count the memory of GLib: let it run now and then.
            globalThis.reads = (globalThis.reads ?? 0) + 1;
            if (globalThis.reads % 1024 === 0)
                imports.system.gc();
        }
        stream.close(null);
        return {size, sum: digest.get_string()};
    } catch (error) {
        return {size, why: error.message.replace(/^.*: /s, '')};
    }
}

// The regular files at and below a path. Only a link that is an argument is followed.
function* walk(path, file, found = null) {
    try {
        const info = found ?? file.query_info(ATTRIBUTES, Gio.FileQueryInfoFlags.NONE, null);
        const type = info.get_file_type();
        if (type === Gio.FileType.REGULAR || (found === null && type !== Gio.FileType.DIRECTORY))
            yield {path, uri: file.get_uri(), size: info.get_size()};
        const children = type === Gio.FileType.DIRECTORY
            ? file.enumerate_children(ATTRIBUTES, NOFOLLOW, null) : null;
        for (let next, child; ([, next, child] = children?.iterate(null) ?? []) && next;)
            yield* walk(`${path.replace(/\/$/, '')}/${lastPart(child)}`, child, next);
    } catch (error) {
        complain(path, error.message.replace(/^.*: /s, ''));
    }
}

const jobs = ARGV[0] === '-j' ? Number(ARGV.splice(0, 2)[1]) : 0;
if (ARGV.length === 0 || !Number.isInteger(jobs) || jobs < 0) {
    printerr('Usage: mp-checksum [-j N] PATH...');
    System.exit(2);
}

const files = ARGV.flatMap(path => [...walk(fromUtf8(path), Gio.File.new_for_path(path))]
    .sort((a, b) => a.path < b.path ? -1 : 1));
progress.files = files.length;
progress.bytes = files.reduce((sum, {size}) => sum + size, 0);
progress.started = progress.shown = GLib.get_monotonic_time() / 1e6;

const pool = new Mp.Pool({nWorkers: jobs});
try {
    for await (const {size, sum, why} of pool.imap(checksum, files, {chunkSize: FILES_PER_TASK})) {
        const {path} = files[progress.filesDone];
        const escaped = path.replace(/[\\\n\r]/g, c => ESCAPES[c]);
        if (why === undefined)
            STDOUT.write_all(toBytes(`${escaped === path ? '' : '\\'}${sum}  ${escaped}\n`), null);
        else
            complain(path, why);
        progress.add(size);
    }
} catch (error) {
    complain('', error.message);
}
show(CLEAR);
STDOUT.flush(null);
System.exit(problems > 0 ? 1 : 0);
