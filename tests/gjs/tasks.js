// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Functions that the tests give to processes and pools by reference.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import Mp from 'gi://Mp?version=1';

let calls = 0;

export function double(x) {
    return 2 * x;
}

/** Can be given as it is, because it says where it is from. */
export const countCalls = Mp.task(import.meta.url, function countCalls() {
    return ++calls;
});

export const readFirstByte = Mp.task(import.meta.url, async function readFirstByte(path) {
    const file = Gio.File.new_for_path(path);
    const stream = await new Promise((resolve, reject) => {
        file.read_async(GLib.PRIORITY_DEFAULT, null, (_file, result) => {
            try {
                resolve(file.read_finish(result));
            } catch (error) {
                reject(error);
            }
        });
    });
    const bytes = stream.read_bytes(1, null);
    stream.close(null);
    return bytes;
});

export const failInside = Mp.task(import.meta.url, function failInside(what) {
    throw new RangeError(`cannot ${what}`, {cause: new TypeError('because')});
});

export const notAFunction = 5;
