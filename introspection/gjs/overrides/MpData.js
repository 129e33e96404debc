// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Shared memory, numbers, arrays and lists with the manners of JavaScript.
//
// `buffer` is the memory itself, no copy: what one process writes there the others see. The
// JavaScript engine does not know how much hangs on such a view, so it is in no hurry to collect
// one: close() lets go of the object, and release() also runs the garbage collector, so that the
// memory is given back as soon as nobody refers to the view any more.

/* exported install */

'use strict';

const {GLib} = imports.gi;
const System = imports.system;
const Errors = imports.overrides.MpErrors;

let Mp = null;

/** Calls a constructor; if the memory is full, once more after what is garbage has been freed. */
function make(construct) {
    try {
        return construct();
    } catch (error) {
        if (!error.matches?.(Mp.Error, Mp.Error.NO_SPACE))
            throw error;
        System.gc();
        return construct();
    }
}

function invalid(message) {
    return new Mp.Error({code: Mp.Error.INVALID_ARGUMENT, message});
}

function checkSize(size, what) {
    if (!Number.isSafeInteger(size) || size < 0)
        throw invalid(`${what} is a whole number and not negative`);
    return size;
}

function checkName(name) {
    if (typeof name !== 'string')
        throw invalid('The name of shared memory is a string');
    if (name.includes('\0'))
        throw invalid('The name of shared memory must not contain NUL');
    return name;
}

// ── Shared memory ───────────────────────────────────────────────────────────────────────────────

function initMemory(options) {
    if (typeof options !== 'number' && (typeof options !== 'object' || options === null))
        throw new TypeError('An Mp.SharedMemory is made of a size, or of {name, size}');
    const {size, name = null} = typeof options === 'number'
        ? {size: options} : Errors.checkNames(options, ['name', 'size']);
    if (name !== null && size === undefined)
        return Mp.SharedMemory.open_named(name);
    checkSize(size, 'The size of shared memory');
    return make(() => name === null
        ? Mp.SharedMemory.new(size) : Mp.SharedMemory.new_named(name, size));
}

function closeAndCollect() {
    this.close();
    System.gc();
}

// A string that goes to C ends at its first NUL: another name than the one that was given.
function checkNames(type, ...functions) {
    for (const name of functions) {
        const call = type[name];
        type[name] = (first, ...more) => call.call(type, checkName(first), ...more);
    }
}

function installMemory() {
    const {prototype} = Mp.SharedMemory;
    const {close} = prototype;
    const init = prototype._init;

    checkNames(Mp.SharedMemory, 'new_named', 'open_named', 'unlink');
    Object.assign(prototype, {
        _init(...args) {
            return this.constructor === Mp.SharedMemory
                ? initMemory(...args) : init.apply(this, args);
        },
        close() {
            delete this._buffer;
            close.call(this);
        },
        release: closeAndCollect,
    });
    Object.defineProperty(prototype, 'buffer', {
        configurable: true,
        get() {
            this._buffer ??= this.get_bytes().toArray();
            return this._buffer;
        },
    });
}

// ── Numbers ─────────────────────────────────────────────────────────────────────────────────────

const VIEWS = {
    int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
    int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
    float: Float32Array, double: Float64Array, boolean: Uint8Array,
};

// The types by their names, and each object's by its type.
const NAMES = Object.keys(VIEWS);

function typeOf(type) {
    const index = typeof type === 'string' ? NAMES.indexOf(type) + 1 : type;
    if (index < 1 || index > NAMES.length)
        throw invalid(`${type} is no type of elements: ${NAMES.join(', ')} are`);
    return index;
}

function nameOf(object) {
    return NAMES[object.get_element_type() - 1];
}

function isFloating(object) {
    return ['float', 'double'].includes(nameOf(object));
}

// Numbers of 64 bits that a Number cannot hold come and go as BigInt.
function fromVariant(variant) {
    const text = ['x', 't'].includes(variant.get_type_string()) ? variant.print(false) : null;
    if (text === null)
        return variant.unpack();
    return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
}

function toVariant(number) {
    if (typeof number === 'boolean')
        return GLib.Variant.new_boolean(number);
    if (typeof number === 'bigint') {
        const type = new GLib.VariantType(number >= 2n ** 63n ? 't' : 'x');
        return GLib.Variant.parse(type, number.toString(), null, null);
    }
    if (typeof number !== 'number')
        throw invalid(`${typeof number} is no type of a number`);
    return Number.isSafeInteger(number) && !Object.is(number, -0)
        ? GLib.Variant.new_int64(number) : GLib.Variant.new_double(number);
}

// The least and the greatest number of an integral type. What is added, or combined with the bits,
// may be of either sign, but has no more bits than the type.
function rangeOf(name, isOperand) {
    if (name === 'boolean')
        return [0n, 1n];
    const bits = BigInt(8 * VIEWS[name].BYTES_PER_ELEMENT);
    const isSigned = !name.startsWith('u');
    return [
        isSigned || isOperand ? -(2n ** (bits - 1n)) : 0n,
        (isSigned && !isOperand ? 2n ** (bits - 1n) : 2n ** bits) - 1n,
    ];
}

function checkNumber(number) {
    if (!['number', 'bigint', 'boolean'].includes(typeof number))
        throw invalid(`A number is needed, not ${number === null ? 'null' : typeof number}`);
    return number;
}

// A number as the library's calls for integers take it. Most are small, and fit into all types.
function toBits(name, number, isOperand) {
    checkNumber(number);
    if (typeof number === 'number' && !Number.isInteger(number))
        throw invalid(`${number} is not a whole number, which ${name} needs`);
    if (number >= 0 && number <= (name === 'boolean' ? 1 : 127))
        return Number(number);

    const whole = BigInt(number);
    const [least, most] = rangeOf(name, isOperand);
    if (whole < least || whole > most)
        throw invalid(`${whole} is outside of the range of ${name}, ${least} to ${most}`);
    return BigInt.asIntN(64, whole);
}

// The atomic changes: `where` is [] for a value, [index] for an array.
function change(object, methods, how, where, numbers) {
    const name = nameOf(object);
    if (isFloating(object)) {
        const method = methods[`${how}_double`];
        if (method === undefined)
            throw invalid(`The bits of elements of type ${name} cannot be combined`);
        return method.call(object, ...where, ...numbers.map(each => Number(checkNumber(each))));
    }

    const isOperand = !['exchange', 'compare_and_set'].includes(how);
    const bits = numbers.map(each => toBits(name, each, isOperand));
    if (name.endsWith('64') && how !== 'compare_and_set')
        return fromVariant(object.change_exactly(...where, how, ...bits));
    const result = methods[how].call(object, ...where, ...bits);
    return name === 'boolean' ? Boolean(result) : result;
}

function installNumbers(type, hasIndex) {
    const {prototype} = type;
    const methods = {};
    for (const name of ['add', 'exchange', 'compare_and_set', 'and', 'or', 'xor']) {
        methods[name] = prototype[name];
        methods[`${name}_double`] = prototype[`${name}_double`];
    }

    const nNumbers = name => name === 'compare_and_set' ? 2 : 1;
    const where = index => hasIndex ? [checkSize(index, 'An index')] : [];
    const changer = name => function (...args) {
        const [first, second] = hasIndex ? args.slice(1) : args;
        const numbers = [first, second].slice(0, nNumbers(name));
        return change(this, methods, name, where(args[0]), numbers);
    };
    Object.assign(prototype, {
        add: changer('add'),
        exchange: changer('exchange'),
        compareAndSet: changer('compare_and_set'),
        compare_and_set: changer('compare_and_set'),
        and: changer('and'),
        or: changer('or'),
        xor: changer('xor'),
    });
}

function lockArguments(options) {
    const {lock} = Errors.checkNames(options, ['lock']);
    return lock === undefined ? null : [lock];
}

// What a constructor of GObject is given.
function isProperties(argument) {
    return typeof argument === 'object' && argument !== null;
}

function installValue() {
    const {prototype} = Mp.Value;
    const init = prototype._init;

    installNumbers(Mp.Value, false);
    // `new Mp.Value('int32')`, `new Mp.Value('int32', 5)`; and options behind.
    prototype._init = function (type, ...more) {
        if (this.constructor !== Mp.Value || isProperties(type))
            return init.call(this, type);
        if (type === undefined || type === null)
            throw new TypeError("An Mp.Value is made of a type, as in new Mp.Value('int32')");
        const [first, options = {}] = isProperties(more[0]) ? [undefined, more[0]] : more;
        const lock = lockArguments(options);
        const made = make(() => lock === null
            ? Mp.Value.new(typeOf(type)) : Mp.Value.new_with_lock(typeOf(type), ...lock));
        if (first !== undefined)
            made.value = first;
        return made;
    };
    Object.defineProperty(prototype, 'value', {
        configurable: true,
        get() {
            return fromVariant(this.get_variant());
        },
        set(number) {
            this.set_variant(toVariant(number));
        },
    });
}

function initArray(type, lengthOrItems, options = {}) {
    if (type === undefined || type === null ||
        (typeof lengthOrItems !== 'number' &&
            typeof lengthOrItems?.[Symbol.iterator] !== 'function')) {
        throw new TypeError("An Mp.Array is made of a type and a length or items, as in " +
            "new Mp.Array('int32', 10)");
    }
    const items = typeof lengthOrItems === 'number' ? null : [...lengthOrItems];
    const length = checkSize(items?.length ?? lengthOrItems, 'The length of an array');
    const lock = lockArguments(options);
    const array = make(() => lock === null
        ? Mp.Array.new(typeOf(type), length)
        : Mp.Array.new_with_lock(typeOf(type), length, ...lock));
    items?.forEach((item, i) => array.set(i, item));
    return array;
}

function installArray() {
    const {prototype} = Mp.Array;
    const init = prototype._init;

    installNumbers(Mp.Array, true);
    Object.assign(prototype, {
        _init(type, ...args) {
            return this.constructor !== Mp.Array || isProperties(type)
                ? init.call(this, type) : initArray(type, ...args);
        },
        get(index) {
            return fromVariant(this.get_variant(checkSize(index, 'An index')));
        },
        set(index, number) {
            this.set_variant(checkSize(index, 'An index'), toVariant(number));
        },
    });
    prototype[Symbol.iterator] = function* () {
        for (let i = 0; i < this.length; i++)
            yield this.get(i);
    };
    Object.defineProperty(prototype, 'buffer', {
        configurable: true,
        get() {
            if (this._buffer === undefined) {
                const bytes = this.length === 0 ? new Uint8Array(0) : this.get_bytes().toArray();
                this._buffer = new VIEWS[nameOf(this)](bytes.buffer, bytes.byteOffset, this.length);
            }
            return this._buffer;
        },
    });
}

// ── Lists ───────────────────────────────────────────────────────────────────────────────────────

function itemToVariant(value) {
    if (value === null || value === undefined)
        return new GLib.Variant('mv', null);
    if (typeof value === 'string')
        return GLib.Variant.new_string(value);
    if (value instanceof Uint8Array) {
        return GLib.Variant.new_from_bytes(new GLib.VariantType('ay'), new GLib.Bytes(value),
            true);
    }
    return toVariant(value);
}

function itemFromVariant(variant) {
    const type = variant.get_type_string();
    if (type === 'ay')
        return Uint8Array.from(variant.get_data_as_bytes().toArray());
    return type === 'mv' ? null : fromVariant(variant);
}

function initList(items, {name = null} = {}) {
    if (items === undefined || items === null) {
        if (name === null)
            throw new TypeError('An Mp.ShareableList is made of items, or opened by {name}');
        return Mp.ShareableList.open_named(name);
    }
    if (typeof items[Symbol.iterator] !== 'function')
        throw new TypeError('The items of an Mp.ShareableList cannot be iterated over');
    const variant = GLib.Variant.new_tuple([...items].map(itemToVariant));
    return make(() => name === null
        ? Mp.ShareableList.new(variant) : Mp.ShareableList.new_named(name, variant));
}

function installList() {
    const {prototype} = Mp.ShareableList;
    const {get, set, count, index} = prototype;
    const init = prototype._init;

    checkNames(Mp.ShareableList, 'new_named', 'open_named');
    Object.assign(prototype, {
        _init(items, ...args) {
            const isPlain = items?.constructor === Object;
            return this.constructor !== Mp.ShareableList || isPlain
                ? init.call(this, items) : initList(items, ...args);
        },
        get(at) {
            return itemFromVariant(get.call(this, checkSize(at, 'An index')));
        },
        set(at, value) {
            set.call(this, checkSize(at, 'An index'), itemToVariant(value));
        },
        count(value) {
            return count.call(this, itemToVariant(value));
        },
        indexOf(value) {
            try {
                return index.call(this, itemToVariant(value));
            } catch (error) {
                if (error.matches?.(Mp.Error, Mp.Error.NO_SUCH_KEY))
                    return -1;
                throw error;
            }
        },
    });
    prototype[Symbol.iterator] = function* () {
        for (let i = 0; i < this.length; i++)
            yield this.get(i);
    };
}

function install(namespace) {
    Mp = namespace;
    installMemory();
    installValue();
    installArray();
    installList();
}
