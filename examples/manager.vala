// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A list that lives in a manager's server, where every process can reach it.

int main () {
    try {
        var manager = new Mp.Manager ();
        var list = manager.create_list (new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
        list.reverse ();
        print (@"$(list.to_string ())\n");
        print (@"a proxy of type $(list.get_type ().name ()), for $(list.get_length ()) items " +
            @"in process $(manager.pid)\n");
        return 0;
    } catch (Error error) {
        printerr ("manager: %s\n", error.message);
        return 1;
    }
}
