// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What the tests of Vala share: a case that may throw and must leave nothing behind, an error that
// is expected, and a coroutine that is run to its end.

public delegate void Case () throws Error;
public delegate void Ending (AsyncResult result) throws Error;

// The open descriptors and the threads, in words.
string what_is_there () {
    string[] found = {};
    try {
        var dir = Dir.open ("/proc/self/fd");
        for (unowned var name = dir.read_name (); name != null; name = dir.read_name ()) {
            try {
                found += "%s: %s".printf (name, FileUtils.read_link ("/proc/self/fd/" + name));
            } catch (FileError error) {}    // the one that reads the folder
        }
        dir = Dir.open ("/proc/self/task");
        while (dir.read_name () != null)
            found += "a thread";
    } catch (FileError error) {
        Test.fail_printf ("%s", error.message);
    }
    return string.joinv ("\n", found);
}

// The first use of the library opens what it keeps.
void begin (ref unowned string[] args) {
    Test.init (ref args);
    try {
        var queue = new Mp.Queue ();
        var process = new Mp.Process (null, () => { return true; });
        process.start ();
        process.join ();
        Timeout.add (1, () => {
            queue.close ();
            return Source.REMOVE;
        });
        run_async (callback => queue.get_async.begin (null, callback), result => {
            try {
                queue.get_async.end (result);
            } catch (Mp.Error.CLOSED end) {}
        });
    } catch (Error error) {
        GLib.error ("%s", error.message);
    }
}

void add_case (string path, owned Case run) {
    Test.add_data_func (path, () => {
        var before = what_is_there ();
        try {
            run ();
        } catch (Error error) {
            Test.fail_printf ("%s", error.message);
        }
        // The main context lets go of what has ended.
        while (MainContext.default ().iteration (false)) {}
        assert_cmpint (Mp.Process.get_children ().length, CompareOperator.EQ, 0);
        assert_cmpstr (what_is_there (), CompareOperator.EQ, before);
    });
}

void assert_fails (int code, Case run) {
    try {
        run ();
    } catch (Mp.Error error) {
        assert_cmpint (error.code, CompareOperator.EQ, code);
        assert_true (error.message != "");
        return;
    } catch (Error error) {
        Test.fail_printf ("the error is %s", error.message);
        return;
    }
    Test.fail_printf ("no error, where %d was expected", code);
}

public delegate void Beginning (owned AsyncReadyCallback callback);

// Runs the main context until an operation is done.
void run_async (Beginning begin, Ending end) throws Error {
    var loop = new MainLoop ();
    AsyncResult? outcome = null;
    begin ((source, result) => {
        outcome = result;
        loop.quit ();
    });
    loop.run ();
    end (outcome);
}
