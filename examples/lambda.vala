// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A lambda with a captured variable. Workers are forked from this process: they know each function
// that was registered before, together with what it captured.

void print_numbers (Variant numbers) {
    string[] texts = {};
    foreach (var number in numbers)
        texts += number.get_variant ().print (false);
    print ("[%s]\n", string.joinv (", ", texts));
}

int main () {
    try {
        var exponent = 2;
        Mp.function_register ("power-plus", argument => {
            int y = argument.get_int32 (), power = 1;
            for (int i = 0; i < exponent; i++)
                power *= y;
            return power + y;
        });

        var pool = new Mp.Pool (4);
        int[] numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        print_numbers (pool.map_named ("power-plus", numbers));
        pool.close ();
        pool.join ();
        return 0;
    } catch (Error error) {
        printerr ("lambda: %s\n", error.message);
        return 1;
    }
}
