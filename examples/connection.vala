// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A child process answers through a pipe until nobody asks any more.

int main () {
    try {
        Mp.Connection here, there;
        Mp.pipe_new (true, out here, out there);
        // Runs in the child, which has both ends and closes the one that is not its own.
        var process = new Mp.Process ("answerer", () => {
            here.close ();
            try {
                while (true) {
                    var number = there.recv ().get_int32 ();
                    there.send (new Variant.int32 (number * number));
                }
            } catch (Mp.Error.CLOSED end) {
                return true;
            }
        });
        process.start ();
        there.close ();
        for (var i = 1; i <= 3; i++) {
            here.send (new Variant.int32 (i));
            print ("%d\n", here.recv ().get_int32 ());
        }
        here.close ();
        process.join ();
        return 0;
    } catch (Error error) {
        printerr ("connection: %s\n", error.message);
        return 1;
    }
}
