// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A program in Vala whose function the tests of other languages call, as that of tasks-of-test.c.

Variant sum (Variant argument) throws Error {
    var queue = (Mp.Queue) Mp.Shared.from_variant (argument.get_child_value (0).get_variant ());
    int64 sum = 0;
    for (size_t i = 1; i < argument.n_children (); i++) {
        var value = argument.get_child_value (i).get_variant ();
        if (value.is_of_type (VariantType.INT32))
            sum += value.get_int32 ();
        else
            sum += value.is_of_type (VariantType.INT64) ? value.get_int64 ()
                                                        : (int64) value.get_double ();
    }
    queue.put (new Variant ("(sx)", "Vala", sum));
    return new Variant.int64 (sum);
}

int main (string[] args) {
    if (args.length != 3)
        return 2;
    Mp.function_register ("sum", sum);
    try {
        return Mp.Process.serve_worker (args[1], args[2]) ? 0 : 1;
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
}
