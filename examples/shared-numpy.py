# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""What the Python workers of shared-numpy.js run: numpy on an array of the JavaScript program.

The array lies in shared memory; `array.buf` is that memory, and so is what numpy makes of it.
"""

try:
    import numpy
except ImportError:
    numpy = None


def take_roots(task):
    """Replaces a part of the array by its square roots; returns their sum."""
    array, start, stop = task
    if numpy is None:
        numbers = array.buf[start:stop]
        for i, number in enumerate(numbers):
            numbers[i] = number ** 0.5
        return sum(numbers)
    numbers = numpy.asarray(array.buf)[start:stop]
    numpy.sqrt(numbers, out=numbers)
    return float(numbers.sum())
