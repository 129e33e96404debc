// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Four workers square ten numbers.

// Runs in a worker.
Variant square (Variant number) throws Error {
    return number.get_int32 () * number.get_int32 ();
}

void print_numbers (Variant numbers) {
    string[] texts = {};
    foreach (var number in numbers)
        texts += number.get_variant ().print (false);
    print ("[%s]\n", string.joinv (", ", texts));
}

int main () {
    try {
        var pool = new Mp.Pool (4);
        // Chunks of the size that the pool thinks best, and one second at most.
        print_numbers (pool.map (square, new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, 1));
        pool.close ();
        pool.join ();
        return 0;
    } catch (Error error) {
        printerr ("pool: %s\n", error.message);
        return 1;
    }
}
