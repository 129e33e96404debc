#!/usr/bin/env -S gjs -m
// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A JavaScript program whose workers are Python: numpy computes on an array that both see, and of
// which nothing is copied. The functions are in shared-numpy.py.

import Gio from 'gi://Gio';
import Mp from 'gi://Mp?version=1';

const N = 8;
const PARTS = 2;
const module = Gio.File.new_for_uri(import.meta.url.replace(/\.js$/, '.py')).get_path();

const numbers = new Mp.Array('double', N);
for (let i = 0; i < N; i++)
    numbers.buffer[i] = i * i;

const pool = new Mp.Pool({nWorkers: 2, workerLanguage: 'python'});
const parts = Array.from({length: PARTS},
    (_, i) => [numbers, i * N / PARTS, (i + 1) * N / PARTS]);
const sums = await pool.map(`${module}:take_roots`, parts, {chunkSize: 1});

print(numbers.buffer.join(' '));
print(sums.join(' '));

pool.close();
await pool.joinAsync();
