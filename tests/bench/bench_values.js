// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What values cost JavaScript: conversions between its JSON and GVariants beside those that GJS
// makes itself.
//
//   meson test -C build --benchmark -v bench_values-gjs
//
// All contenders run in turn, round by round; of each the median round counts. The conversions run
// in bench-values, a program in C. A ratio is how many times the library is faster.
// MPROC_BENCH_ROUNDS sets how many rounds, MPROC_BENCH_QUICK=1 makes them short.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

const QUICK = Boolean(GLib.getenv('MPROC_BENCH_QUICK'));
const ROUNDS = Number(GLib.getenv('MPROC_BENCH_ROUNDS') ?? (QUICK ? 3 : 9));
const N_ROWS = QUICK ? 500 : 10000;

const VARIANT = 1;
const JSON_TEXT = 3;

const SMALL = {
    id: 12345, name: 'a name', ok: true, score: 0.5, tags: ['a', 'b', 'c'],
    position: {x: 1, y: -2},
};

function makeRow(_, i) {
    return {
        id: i, name: `row number ${i}`, ok: i % 3 === 0, score: i / 4 + 0.125,
        tags: ['alpha', 'beta', `t${i % 7}`], position: {x: i, y: -i},
    };
}

const LARGE = {title: 'rows', rows: Array.from({length: N_ROWS}, makeRow)};

// The GVariant that the library makes, as a program makes it with GJS.
function wrap(value) {
    if (Array.isArray(value)) {
        return typeof value[0] === 'string' ? new GLib.Variant('as', value)
            : new GLib.Variant('aa{sv}', value.map(wrapMembers));
    }
    switch (typeof value) {
    case 'boolean':
        return new GLib.Variant('b', value);
    case 'string':
        return new GLib.Variant('s', value);
    case 'number':
        return new GLib.Variant(Number.isInteger(value) ? 'x' : 'd', value);
    default:
        return new GLib.Variant('a{sv}', wrapMembers(value));
    }
}

function wrapMembers(object) {
    return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, wrap(value)]));
}

// The program in C, and the files that it reads.
class Converter {
    constructor(folder) {
        this.folder = folder;
        const program = GLib.build_filenamev([GLib.getenv('MPROC_BUILD_ROOT'), 'tests',
            'bench-values']);
        this.process = Gio.Subprocess.new([program],
            Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE);
        this.answers = new Gio.DataInputStream({base_stream: this.process.get_stdout_pipe()});
    }

    path(name) {
        return GLib.build_filenamev([this.folder, name]);
    }

    write(name, bytes) {
        GLib.file_set_contents(this.path(name), bytes);
    }

    measure(source, target, times, name) {
        const line = `${source} ${target} ${times} ${this.path(name)}\n`;
        this.process.get_stdin_pipe().write_all(new TextEncoder().encode(line), null);
        const [answer] = this.answers.read_line_utf8(null);
        return Number(answer);
    }

    close() {
        this.process.get_stdin_pipe().close(null);
        this.process.wait(null);
    }
}

function measure(func, times) {
    const start = GLib.get_monotonic_time();
    for (let i = 0; i < times; i++)
        func();
    return (GLib.get_monotonic_time() - start) / 1e6 / times;
}

function median(numbers) {
    const sorted = numbers.sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// The median seconds of each; a contender is a function that measures itself.
function contest(contenders) {
    const rounds = contenders.map(() => []);
    for (let i = 0; i < ROUNDS; i++)
        contenders.forEach((run, index) => rounds[index].push(run()));
    return rounds.map(median);
}

function report(what, ours, than, theirs) {
    const us = seconds => `${(seconds * 1e6).toFixed(2).padStart(10)} us`;
    print(`  ${what.padEnd(20)} ${us(ours)}   ${than.padEnd(24)} ${us(theirs)}  ` +
        `${(theirs / ours).toFixed(2).padStart(8)} x`);
}

function conversions(converter, name, value, times, slowTimes) {
    const text = JSON.stringify(value);
    const built = wrap(value);
    converter.write(`${name}.json`, new TextEncoder().encode(text));
    const box = GLib.Variant.new_variant(built);
    converter.write(`${name}.variant`, box.get_data_as_bytes().toArray());

    const [build, to, unpack, back, parse] = contest([
        () => measure(() => wrap(value), slowTimes),
        () => converter.measure(JSON_TEXT, VARIANT, times, `${name}.json`),
        () => measure(() => built.recursiveUnpack(), slowTimes),
        () => converter.measure(VARIANT, JSON_TEXT, times, `${name}.variant`),
        () => measure(() => JSON.parse(text), times),
    ]);
    print(`\n${name}, a text of ${text.length} characters`);
    report('JSON to GVariant', to, 'new GLib.Variant()', build);
    report('GVariant to JSON', back, 'recursiveUnpack()', unpack);
    report('JSON to GVariant', to, 'JSON.parse()', parse);
    report('GVariant to JSON', back, 'JSON.parse()', parse);
}

const folder = GLib.dir_make_tmp('bench-values-XXXXXX');
const converter = new Converter(folder);
conversions(converter, 'small', SMALL, QUICK ? 1000 : 20000, QUICK ? 25 : 500);
conversions(converter, 'large', LARGE, 5, 1);
converter.close();
for (const name of ['small.json', 'small.variant', 'large.json', 'large.variant'])
    GLib.unlink(GLib.build_filenamev([folder, name]));
GLib.rmdir(folder);
