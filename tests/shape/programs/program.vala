// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

int main () {
    try {
        var queue = new Mp.Queue (0);
        queue.put (new Variant.string ("hello"), -1);
        print ("%s from Vala\n", queue.get (5).get_string ());
        return 0;
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
}
