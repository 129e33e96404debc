// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A child process sends a greeting through a queue.

int main () {
    try {
        var queue = new Mp.Queue ();
        // Runs in the child, which inherits the queue.
        var process = new Mp.Process ("greeter", () => {
            return queue.put (new Variant.string ("hello world"));
        });
        process.start ();
        print ("%s\n", queue.get ().get_string ());
        process.join ();
        return 0;
    } catch (Error error) {
        printerr ("queue: %s\n", error.message);
        return 1;
    }
}
