// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A condition says who holds its lock.

int main () {
    try {
        var condition = new Mp.Condition ();
        print (@"$(condition.to_string ())\n");
        condition.acquire ();
        print (@"$(condition.to_string ())\n");
        condition.release ();
        return 0;
    } catch (Error error) {
        printerr ("condition: %s\n", error.message);
        return 1;
    }
}
