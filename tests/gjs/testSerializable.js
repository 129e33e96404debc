// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// GLib's values in JavaScript's, objects of the program's own classes, values that only another
// language can have, and proxies on their way between processes.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';

import Mp from 'gi://Mp?version=1';

import {isError, match, ok, rejected, run, same, test, thrown} from './tap.js';

const Point = GObject.registerClass({
    GTypeName: 'GjsPoint',
    Implements: [Mp.Serializable],
}, class Point extends GObject.Object {
    static at(x, y) {
        return Object.assign(new Point(), {x, y});
    }

    vfunc_get_state() {
        if (this.x === 'broken')
            throw new RangeError('by a class');
        return new GLib.Variant('(ii)', [this.x, this.y]);
    }

    vfunc_set_state(state) {
        [this.x, this.y] = state.deepUnpack();
        return this.x >= 0;
    }
});

// What a reader gets after the value was converted.
function through(value, encoding = null) {
    const queue = new Mp.Queue();
    queue.put(value);
    const payload = queue.getPayload();
    return (encoding === null ? payload : payload.convert(encoding)).getValue();
}

function canonical(value) {
    const queue = new Mp.Queue();
    queue.put(value);
    return queue.getPayload().get_variant(null);
}

const DECIMAL = new TextEncoder().encode("cdecimal\nDecimal\n(S'1'\ntR.");

// ── Objects ─────────────────────────────────────────────────────────────────────────────────────

test('objects of a class', () => {
    Mp.Serializable.allow(Point);
    for (const encoding of [null, Mp.Encoding.VARIANT, Mp.Encoding.PICKLE]) {
        const back = through({here: [Point.at(3, -4), new Map([[1, Point.at(5, 6)]])]}, encoding);
        ok(back.here[0] instanceof Point);
        same([back.here[0].x, back.here[0].y, back.here[1].get(1).y], [3, -4, 6]);
    }
    const queue = new Mp.Queue();
    queue.putMany([Point.at(1, 2), 5]);
    same(queue.getMany(2).map(value => value.x ?? value), [1, 5]);
    Mp.Serializable.disallow(Point);
});

test('as C sees them', () => {
    const value = canonical([Point.at(1, 2)]);
    same(value.print(false), "[<@m(sv) ('mp.gobject', <('GjsPoint', <(1, 2)>)>)>]");
    Mp.Serializable.allow(Point);
    same(Mp.Serializable.from_variant(value.get_child_value(0).get_variant()).x, 1);
    same(Mp.Payload.new_variant(Point.at(7, 8).to_variant()).getValue().y, 8);
    Mp.Serializable.disallow(Point);
});

test('what is not allowed', () => {
    const queue = new Mp.Queue();
    queue.put(Point.at(1, 2));
    const payload = queue.getPayload();
    queue.putPayload(payload);
    for (const read of [() => payload.getValue(), () => queue.get()]) {
        const error = thrown(read);
        isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
        match(error.message, /GObject of type GjsPoint, .* not allowed/);
    }
    Mp.Serializable.allow(Point);
    same(payload.getValue().x, 1);
    Mp.Serializable.disallow(Point);
    isError(thrown(() => payload.getValue()), Mp.Error, Mp.Error.NOT_PLAIN);
    isError(thrown(() => Mp.Serializable.allow(GObject.Object)), Mp.Error,
        Mp.Error.INVALID_ARGUMENT);
    match(thrown(() => queue.put(new GObject.Object())).message, /GObject cannot leave/);
});

test('a function that makes them', () => {
    Mp.Serializable.allow(Point, state => {
        const [x, y] = state.deepUnpack();
        return Point.at(x * 10, y * 10);
    });
    same(through(Point.at(1, 2)).y, 20);
    Mp.Serializable.disallow(Point);
});

test('classes that fail', () => {
    const queue = new Mp.Queue();
    match(thrown(() => queue.put(Point.at('broken', 1))).message, /by a class/);
    Mp.Serializable.allow(Point);
    match(thrown(() => through(Point.at(-1, 2))).message, /set_state.* of a GjsPoint/);
    Mp.Serializable.disallow(Point);
    ok(queue.empty());
});

// ── GLib's boxed types ──────────────────────────────────────────────────────────────────────────

test('a GVariant keeps its type', () => {
    for (const text of ["{'a': 1}", 'int16 5', '(1, @as [])', "<<'x'>>", '@ms nothing', "b'x'"]) {
        const variant = GLib.Variant.parse(null, text, null, null);
        ok(canonical(variant).equal(variant), text);
        ok(canonical([0, variant]).get_child_value(1).get_variant().equal(variant), text);
        const back = through([variant])[0];
        ok(back instanceof GLib.Variant && back.equal(variant), text);
    }
    same(through(new GLib.Variant('a{sv}', {x: new GLib.Variant('i', 3)}), Mp.Encoding.PICKLE),
        {x: 3});
});

test('bytes and moments', () => {
    same(canonical(new GLib.Bytes([1, 2])).print(true), '[byte 0x01, 0x02]');
    for (const text of ['2024-02-03T04:05:06.000007+05:30', '1969-12-31T23:59:59.999999Z']) {
        const moment = GLib.DateTime.new_from_iso8601(text, null);
        const back = through([moment])[0];
        ok(back instanceof GLib.DateTime && back.equal(moment));
        same(back.get_utc_offset(), moment.get_utc_offset());
        const c = Mp.date_time_from_variant(canonical(moment));
        ok(c.equal(moment));
        same(through(moment, Mp.Encoding.VARIANT).getTime(),
            Math.floor(Number(moment.to_unix()) * 1000 + moment.get_microsecond() / 1000));
    }
});

// ── What is for others ──────────────────────────────────────────────────────────────────────────

test('an opaque value', async () => {
    const queue = new Mp.Queue();
    const other = new Mp.Queue();
    const put = () => same(queue.put_data(Mp.Encoding.PICKLE, DECIMAL, -1), Mp.Status.OK);
    for (const read of [() => queue.get(), () => queue.tryGet(), () => queue.getMany(3)]) {
        put();
        const error = thrown(read);
        isError(error, Mp.Error, Mp.Error.NOT_PLAIN);
        same(error.message, 'Python object of type decimal.Decimal');
    }
    put();
    same((await rejected(queue.getAsync())).message, 'Python object of type decimal.Decimal');

    put();
    const payload = queue.getPayload();
    isError(thrown(() => payload.getValue()), Mp.Error, Mp.Error.NOT_PLAIN);
    other.putPayload(payload);
    await queue.putPayloadAsync(await other.getPayloadAsync());
    const back = queue.getPayload();
    same(back.get_encoding(), Mp.Encoding.PICKLE);
    same(back.get_bytes().toArray(), DECIMAL);
    ok(queue.empty() && other.empty());
});

test('an opaque value holds what is in it', () => {
    const queue = new Mp.Queue();
    const other = new Mp.Queue();
    const handle = (() => {
        const lock = Mp.Lock.new();
        const text = lock.get_handle();
        const pickle = new TextEncoder().encode(
            `(cdecimal\nDecimal\n(S'1'\ntRcgi.overrides._MpCodec\nopen_shared\n(S'${text}'\ntRl.`);
        lock.attach();
        same(queue.put_data(Mp.Encoding.PICKLE, pickle, -1), Mp.Status.OK);
        return text;
    })();
    imports.system.gc();
    other.putPayload(queue.getPayload());
    imports.system.gc();
    ok(Mp.Shared.open(handle) instanceof Mp.Lock);
});

const Holder = GObject.registerClass({
    GTypeName: 'GjsHolder',
    Implements: [Mp.Serializable],
}, class extends GObject.Object {
    vfunc_get_state() {
        return new GLib.Variant('(sv)', ['the queue', this.queue.to_variant()]);
    }

    vfunc_set_state(state) {
        this.queue = Mp.Shared.from_variant(state.get_child_value(1).get_variant());
        return true;
    }
});

test('a GVariant holds what is in it, beside others', async () => {
    Mp.Serializable.allow(Holder);
    const queue = new Mp.Queue();
    const puts = [value => queue.put(value), value => queue.putMany([value]),
        value => queue.putAsync(value)];
    for (const put of puts) {
        await (async () => {
            const [one, two, three] = [0, 1, 2].map(number => {
                const made = new Mp.Queue();
                made.put(number);
                return made;
            });
            await put({
                variant: new GLib.Variant('(sv)', ['x', one.to_variant()]),
                direct: two,
                object: Object.assign(new Holder(), {queue: three}),
                bytes: new Uint8Array(5000),
            });
        })();
        imports.system.gc();
        const value = queue.get();
        imports.system.gc();
        const one = Mp.Shared.from_variant(value.variant.get_child_value(1).get_variant());
        same([one.get(), value.direct.get(), value.object.queue.get()], [0, 1, 2]);
    }
    Mp.Serializable.disallow(Holder);
});

test('payloads wait', async () => {
    const queue = new Mp.Queue(1);
    isError(thrown(() => queue.getPayload(0)), Mp.Error, Mp.Error.EMPTY);
    isError(thrown(() => queue.getPayload({timeout: 0.05})), Mp.Error, Mp.Error.TIMED_OUT);
    queue.put('a');
    const payload = queue.getPayload();
    queue.putPayload(payload);
    isError(thrown(() => queue.putPayload(payload, 0)), Mp.Error, Mp.Error.FULL);
    isError(thrown(() => queue.putPayload('a')), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    isError(await rejected(queue.putPayloadAsync(payload, {timeout: 0.05})), Mp.Error,
        Mp.Error.TIMED_OUT);
    same(queue.get(), 'a');
    queue.close();
    isError(thrown(() => queue.getPayload()), Mp.Error, Mp.Error.CLOSED);
});

// ── Proxies ─────────────────────────────────────────────────────────────────────────────────────

function exists(handle) {
    try {
        Mp.Proxy.open(handle);
        return true;
    } catch (error) {
        isError(error, Mp.Error, Mp.Error.NO_SUCH_OBJECT);
        return false;
    } finally {
        imports.system.gc();
    }
}

// Loops that run long are compiled, and compiled code keeps what is around it: so they are here.

function stays(handle) {
    for (let i = 0; i < 50; i++) {
        ok(exists(handle));
        GLib.usleep(50000);
    }
}

function goes(handle) {
    while (exists(handle))
        GLib.usleep(50000);
}

test('proxies travel', async () => {
    const manager = new Mp.Manager();
    const queue = new Mp.Queue();
    const list = manager.list([0]);
    queue.put({a: [list, new Map([['k', list]])]});
    queue.putMany([1, list]);
    await queue.putAsync([list]);
    const first = queue.get();
    const seen = [first.a[0], first.a[1].get('k'), queue.getMany(2)[1], queue.get()[0]];
    seen.forEach((proxy, i) => proxy.append(i + 1));
    same(list.toArray(), [0, 1, 2, 3, 4]);
    for (const encoding of [Mp.Encoding.VARIANT, Mp.Encoding.PICKLE])
        same(through([list], encoding)[0].length, 5);
    same(Mp.Proxy.from_variant(canonical(list)).get(0), 0);
    manager.shutdown();
});

test('the message holds the object', () => {
    const manager = new Mp.Manager();
    const queue = new Mp.Queue();
    const outer = manager.list();
    const handle = (() => {
        const list = manager.list(['here']);
        queue.put([list]);
        return list.get_handle();
    })();
    imports.system.gc();
    stays(handle);
    (() => {
        const back = queue.get()[0];
        same(back.toArray(), ['here']);
        outer.append(back);
    })();
    imports.system.gc();
    stays(handle);
    same(outer.get(0).toArray(), ['here']);
    outer.clear();
    goes(handle);
    manager.shutdown();
});

await run();
