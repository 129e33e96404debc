// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Values made at random: what comes back from another JavaScript program is equal in every way, and
// what comes back after it was a GVariant or a pickle has lost what doc/values.md says and nothing
// else. converted() below is that text as a program. MPROC_SEED=<number> makes other values.

import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

import {ok, run, same, test} from './tap.js';

const COUNT = 1500;
const SEED = Number(GLib.getenv('MPROC_SEED') ?? 20261122);

const TYPES = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array, Float32Array, Float64Array,
];
const BYTES = [Uint8Array, Uint8ClampedArray, ArrayBuffer, DataView];

const queue = new Mp.Queue();

// ── Chance ──────────────────────────────────────────────────────────────────────────────────────

let state = SEED >>> 0;

// The generator is Mulberry32.
function random() {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
}

const below = n => Math.floor(random() * n);
const pick = items => items[below(items.length)];
const many = make => Array.from({length: pick([0, 1, 1, 2, 3, 5])}, make);

// ── Values ──────────────────────────────────────────────────────────────────────────────────────

const PIECES = [
    'a', 'text', ' ', 'ü', '🎉', '\0', '\n', '"', '\\', '$mp', '"$mp"', '{}', 'null', '__proto__',
    '\u007f', '\u2028', '\uffff', '17', '\\u0024mp',
];

const text = () => many(() => pick(PIECES)).join('');
const loneText = () => `${text()}${pick(['\ud800', '\udc00', ''])}`;

function integer() {
    const bits = pick([1, 7, 8, 16, 31, 32, 52, 53, 62, 63, 64, 70]);
    const number = Math.floor(random() * 2 ** bits);
    return random() < 0.5 ? -number : number;
}

function bigInteger() {
    let number = 0n;
    for (let i = below(6); i >= 0; i--)
        number = number << 32n | BigInt(below(2 ** 32));
    return random() < 0.5 ? -number : number;
}

const number = () => random() < 0.5 ? integer() : pick([
    () => random(), () => -random() * 10 ** below(300), () => below(1000) / 8, () => -0,
    () => NaN, () => Infinity, () => -Infinity, () => 5e-324, () => 1e21, () => 2 ** 53,
])();

function bytes() {
    const array = new Uint8Array(pick([0, 1, 7, 8, 64, 1016, 1024, 1032, 1040, 3000]) & ~7 || 8);
    const start = state;
    for (let i = 0; i < array.length; i++)
        array[i] = (start >>> i % 24) + i * 31;
    return array;
}

function typedArray() {
    const {buffer} = bytes();
    const type = pick(TYPES);
    const whole = new type(buffer);
    return random() < 0.5 ? whole : whole.subarray(below(whole.length), whole.length);
}

const buffer = () => bytes().buffer;

function view() {
    const whole = buffer();
    return new DataView(whole, below(whole.byteLength));
}

const date = () => new Date(below(2) * below(2 ** 41) - below(2) * below(2 ** 41));

const SCALARS = [
    () => null, () => true, () => false, number, number, number, text, text, bigInteger, date,
];
const ARRAYS = [typedArray, typedArray, buffer, view];

// What stands for itself in any language's dict or set.
const key = level => level > 0 && random() < 0.2
    ? many(() => key(level - 1)) : pick([integer, text, bigInteger, date])();

function uniqueKeys() {
    const keys = new Map();
    for (const each of many(() => key(2)))
        keys.set(describe(converted(each, {})), each);
    return [...keys.values()];
}

function object(level) {
    const result = {};
    for (const name of many(text)) {
        Object.defineProperty(result, name,
            {value: make(level), configurable: true, enumerable: true, writable: true});
    }
    return result;
}

const CONTAINERS = [
    level => many(() => make(level)),
    level => object(level),
    level => object(level),
    level => new Map(uniqueKeys().map(each => [each, make(level)])),
    () => new Set(uniqueKeys()),
];

function make(level) {
    const chance = random();
    if (level > 0 && chance < 0.55)
        return pick(CONTAINERS)(level - 1);
    return chance < 0.7 ? pick(ARRAYS)() : pick(SCALARS)();
}

// ── Texts of values ─────────────────────────────────────────────────────────────────────────────

function bytesOf(value) {
    return value instanceof ArrayBuffer ? new Uint8Array(value)
        : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** A text that is equal for values that are equal in every way, the order of keys included. */
function describe(value) {
    if (typeof value === 'string')
        return JSON.stringify(value);
    if (typeof value === 'bigint')
        return `${value}n`;
    if (typeof value !== 'object' || value === null)
        return Object.is(value, -0) ? '-0' : String(value);
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
        return `${value.constructor.name} ${bytesOf(value).join()}`;
    if (value instanceof Date)
        return `Date ${value.getTime()}`;
    if (Array.isArray(value))
        return `[${value.map(describe).join()}]`;
    if (value instanceof Set)
        return `Set [${[...value].map(describe).join()}]`;
    if (value instanceof Map)
        return `Map [${[...value].map(describe).join()}]`;
    ok(Object.getPrototypeOf(value) === Object.prototype, 'the value has a prototype');
    return `{${Object.keys(value).map(name => describe([name, value[name]])).join()}}`;
}

// ── What is lost ────────────────────────────────────────────────────────────────────────────────

// What JavaScript itself loses: there is one zero.
function sent(value) {
    if (Object.is(value, -0))
        return 0;
    if (Array.isArray(value))
        return value.map(sent);
    if (value instanceof Map)
        return new Map([...value].map(([name, item]) => [sent(name), sent(item)]));
    if (value instanceof Set)
        return new Set([...value].map(sent));
    if (Object.prototype.toString.call(value) !== '[object Object]')
        return value;
    return fromPairs(Object.keys(value).map(name => [name, sent(value[name])]));
}

function fromPairs(pairs) {
    const result = {};
    for (const [name, value] of pairs) {
        Object.defineProperty(result, name,
            {value, configurable: true, enumerable: true, writable: true});
    }
    return result;
}

// Integers of 64 bits are a Number if that is exact, and all larger ones that were a BigInt are.
// Number.prototype.toString() writes those of 10^21 and more with an exponent: these are floats.
function convertedNumber(value) {
    if (typeof value === 'bigint')
        return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    if (Object.is(value, -0))
        return 0;
    const fits = value >= -(2 ** 63) && value < 2 ** 63;
    return Number.isInteger(value) && fits && !Number.isSafeInteger(value) &&
        /^-?\d+$/.test(String(value)) ? BigInt(String(value)) : value;
}

function convertedVector(array, {vectors}) {
    if (BYTES.some(type => array instanceof type))
        return bytesOf(array).slice();
    if (vectors)
        return array;
    return Array.from(array, item => typeof item === 'bigint' ? convertedNumber(item) : item);
}

function convertedMap(map, how) {
    const pairs = [...map].map(([name, value]) => [converted(name, how), converted(value, how)]);
    return pairs.every(([name]) => typeof name === 'string') ? fromPairs(pairs) : new Map(pairs);
}

/** What a value is when it comes back from another language: with its vectors, or without. */
function converted(value, how) {
    if (typeof value === 'number' || typeof value === 'bigint')
        return convertedNumber(value);
    if (typeof value !== 'object' || value === null || value instanceof Date)
        return value;
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
        return convertedVector(value, how);
    if (Array.isArray(value))
        return value.map(item => converted(item, how));
    if (value instanceof Map)
        return convertedMap(value, how);
    if (value instanceof Set)
        return new Set([...value].map(item => converted(item, how)));
    return fromPairs(Object.keys(value).map(name => [name, converted(value[name], how)]));
}

// ── The properties ──────────────────────────────────────────────────────────────────────────────

// Fails with a text that is short enough to be read, and that tells how to get there again.
function sameText(read, expected, what, index) {
    const [is, should] = [describe(read), describe(expected)];
    if (is === should)
        return;
    let at = 0;
    while (is[at] === should[at])
        at++;
    const from = Math.max(0, at - 60);
    ok(false, `${what}, value ${index} of seed ${SEED}: ` +
        `expected …${should.slice(from, at + 60)}…, got …${is.slice(from, at + 60)}…`);
}

function forMany(check) {
    state = SEED >>> 0;
    print(`# seed ${SEED}`);
    for (let i = 0; i < COUNT; i++)
        check(make(below(6)), i);
}

test('from JavaScript to JavaScript', () => {
    const kinds = new Set();
    forMany((value, i) => {
        queue.put(value);
        sameText(queue.get(), sent(value), 'to JavaScript', i);
        kinds.add(Object.prototype.toString.call(value));
    });
    ok(kinds.size > 18, `only ${kinds.size} kinds of values were made`);
});

test('strings of any kind', () => {
    state = SEED >>> 0;
    for (let i = 0; i < COUNT; i++) {
        const value = {[loneText()]: loneText(), list: [loneText(), NaN]};
        queue.put(value);
        sameText(queue.get(), value, 'a string', i);
    }
});

test('by way of a GVariant', () => {
    forMany((value, i) => {
        queue.put(value);
        const variant = queue.getPayload().get_variant(null);
        ok(variant.is_normal_form());
        sameText(Mp.Payload.new_variant(variant).getValue(), converted(value, {vectors: false}),
            'by GVariant', i);
    });
});

test('by way of a pickle', () => {
    forMany((value, i) => {
        queue.put(value);
        const pickle = queue.getPayload().convert(Mp.Encoding.PICKLE);
        sameText(pickle.getValue(), converted(value, {vectors: true}), 'by pickle', i);
        queue.putPayload(pickle);
        sameText(queue.get(), converted(value, {vectors: true}), 'a pickle in a queue', i);
    });
});

test('many at once', () => {
    const values = [];
    forMany(value => values.push(value));
    const read = [];
    for (let at = 0; at < values.length; at += 100) {
        same(queue.putMany(values.slice(at, at + 100)), 100);
        while (read.length < at + 100)
            read.push(...queue.getMany(100));
    }
    values.forEach((value, i) => sameText(read[i], sent(value), 'many at once', i));
});

await run();
