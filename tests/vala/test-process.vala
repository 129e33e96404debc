// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Processes, as Vala sees them: functions that capture, and subclasses.

class Adder : Mp.Process {
    public int a { get; construct; }
    public int b { get; construct; }
    public Mp.Queue sums { get; construct; }

    public Adder (int a, int b, Mp.Queue sums) {
        Object (name: "Adder", a: a, b: b, sums: sums);
    }

    public override bool run () throws Error {
        if (a < 0)
            throw new Mp.Error.INVALID_ARGUMENT ("%d is negative", a);
        return sums.put (a + b);
    }
}

void test_lambda () throws Error {
    var queue = new Mp.Queue ();
    var text = "captured";
    var here = 1;
    var process = new Mp.Process ("Lambda", child => {
        here++;
        return queue.put (new Variant ("(ssi)", text, child.name, here));
    });
    assert_cmpint (process.exit_code, CompareOperator.EQ, Mp.EXIT_CODE_NONE);
    process.start ();
    assert_cmpstr (queue.get (20).print (false), CompareOperator.EQ, "('captured', 'Lambda', 2)");
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
    assert_cmpint (here, CompareOperator.EQ, 1);
}

void test_subclass () throws Error {
    var sums = new Mp.Queue ();
    var adder = new Adder (2, 3, sums);
    assert_cmpstr (adder.name, CompareOperator.EQ, "Adder");
    adder.start ();
    adder.join (20);
    assert_cmpint (adder.exit_code, CompareOperator.EQ, 0);
    assert_cmpint (sums.try_get ().get_int32 (), CompareOperator.EQ, 5);

    adder = new Adder (-1, 3, sums);
    adder.start ();
    adder.join (20);
    assert_cmpint (adder.exit_code, CompareOperator.EQ, 1);
    assert_true (sums.empty ());
}

void test_ends () throws Error {
    var queue = new Mp.Queue ();
    foreach (var number in new int[] {Posix.Signal.TERM, Posix.Signal.KILL}) {
        int announced = 0;
        var process = new Mp.Process (null, () => { return queue.get () != null; });
        process.exited.connect (code => announced = code);
        process.start ();
        assert_true (process.is_alive ());
        assert_fails (Mp.Error.TIMED_OUT, () => process.join (0.01));
        if (number == Posix.Signal.TERM)
            process.terminate ();
        else
            process.kill ();
        process.join (20);
        assert_false (process.is_alive ());
        assert_cmpint (process.exit_code, CompareOperator.EQ, -number);
        assert_cmpint (announced, CompareOperator.EQ, -number);
    }
}

void test_states () throws Error {
    var process = new Mp.Process (null, () => { return true; });
    assert_fails (Mp.Error.INVALID_STATE, () => process.join ());
    assert_fails (Mp.Error.INVALID_STATE, () => process.kill ());
    process.daemon = true;
    assert_true (process.get_daemon ());
    process.start ();
    assert_fails (Mp.Error.INVALID_STATE, () => process.start ());
    assert_fails (Mp.Error.INVALID_STATE, () => process.set_daemon (false));
    process.join (20);
}

async int[] join_all (Mp.Process[] processes) throws Error {
    int[] codes = {};
    foreach (var process in processes) {
        yield process.join_async ();
        codes += process.exit_code;
    }
    return codes;
}

void test_async () throws Error {
    Mp.Process[] processes = {
        new Mp.Process (null, () => { Thread.usleep (30000); return true; }),
        new Mp.Process.command (null, {"sh", "-c", "exit 7"}),
    };
    foreach (var process in processes)
        process.start ();
    int[] codes = {};
    run_async (callback => join_all.begin (processes, callback),
        result => codes = join_all.end (result));
    assert_cmpint (codes[0], CompareOperator.EQ, 0);
    assert_cmpint (codes[1], CompareOperator.EQ, 7);
}

void test_command () throws Error {
    var process = new Mp.Process.command ("shell", {"sh", "-c", "exit 5"});
    process.start ();
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 5);
    process = new Mp.Process.command (null, {"/nowhere/nothing"});
    try {
        process.start ();
        assert_not_reached ();
    } catch (Error error) {
        assert_true (error.message != "");
    }
}

void test_family () throws Error {
    var queue = new Mp.Queue ();
    var process = new Mp.Process ("Child", () => {
        return queue.put (new Variant ("(ssi)", Mp.Process.get_current ().name,
            Mp.Process.get_parent ().name, Mp.Process.get_parent ().pid));
    });
    process.start ();
    assert_cmpstr (queue.get (20).print (false), CompareOperator.EQ,
        "('Child', 'MainProcess', %d)".printf (Posix.getpid ()));
    process.join (20);
    assert_cmpstr (Mp.Process.get_current ().name, CompareOperator.EQ, "MainProcess");
    assert_null (Mp.Process.get_parent ());
}

Variant tell (Variant argument) throws Error {
    var queue = (Mp.Queue) Mp.Shared.from_variant (argument);
    queue.put (new Variant.string ("told " + (Environment.get_variable ("MP_TEST") ?? "nothing")));
    return new Variant.boolean (true);
}

void test_by_name () throws Error {
    var queue = new Mp.Queue ();
    Mp.StartMethod[] methods = { Mp.StartMethod.SPAWN, Mp.StartMethod.FORKSERVER };
    foreach (var method in methods) {
        var process = new Mp.Process.function (null, null, null, "tell", queue.to_variant ());
        process.set_start_method (method);
        process.set_variable ("MP_TEST", "here");
        process.start ();
        assert_cmpstr (queue.get (20).get_string (), CompareOperator.EQ, "told here");
        process.join (20);
        process.check ();
    }
    Mp.Process.stop_servers ();
    // Any function of the right type, of any library: this one gives back its argument.
    var foreign = new Mp.Process.function (null, "native", "libglib-2.0.so.0",
        "g_variant_ref_sink", new Variant.int64 (5));
    foreign.start ();
    foreign.join (20);
    foreign.check ();
    try {
        new Mp.Process (null, () => true).set_start_method (Mp.StartMethod.SPAWN);
        assert_not_reached ();
    } catch (Mp.Error.NOT_SUPPORTED error) {
        assert_true (error.message != "");
    }
}

void test_surroundings () throws Error {
    var process = new Mp.Process (null, () => {
        stdout.printf ("%s\n", Environment.get_current_dir ());
        return true;
    });
    process.set_working_directory ("/usr");
    process.set_streams (Mp.Stream.NULL, Mp.Stream.PIPE, Mp.Stream.INHERIT);
    process.set_limit (Mp.Limit.CORE, 0, 0);
    process.set_nice (1);
    process.set_variable ("MP_TEST", "x");
    assert_true ("MP_TEST=x" in process.get_environment ());
    process.start ();
    var lines = new DataInputStream (process.get_stdout_pipe ());
    assert_cmpstr (lines.read_line (), CompareOperator.EQ, "/usr");
    process.join (20);
    process.close ();
    try {
        process.check ();
        process.join (20);
        assert_not_reached ();
    } catch (Mp.Error.INVALID_STATE error) {
        assert_true (error.message != "");
    }
}

// What only one of the children below has: their ends, keys and numbers.
void test_more_of_its_own () throws Error {
    var process = new Mp.Process (null, () => { return new Mp.Queue ().get () != null; });
    process.set_authkey (new Bytes ("key".data));
    assert_cmpint (process.get_sentinel (), CompareOperator.EQ, -1);
    process.start ();
    Posix.pollfd[] ready = { Posix.pollfd () { fd = process.sentinel, events = Posix.POLLIN } };
    assert_cmpint (Posix.poll (ready, 0), CompareOperator.EQ, 0);
    assert_cmpint (Mp.Process.get_children ().length, CompareOperator.EQ, 1);
    assert_true (Mp.Process.get_children ()[0] == process);
    process.interrupt ();
    assert_cmpint (Posix.poll (ready, 20000), CompareOperator.EQ, 1);
    process.join ();
    assert_cmpint (process.exit_code, CompareOperator.EQ, -(int) Posix.Signal.INT);
    assert_true (process.get_authkey ().compare (new Bytes ("key".data)) == 0);
    assert_true (process.get_authkey ().compare (Mp.Process.get_current ().get_authkey ()) != 0);
    assert_true (Mp.get_usable_cpus () >= 1);
}

bool tell_of_itself (Mp.Process self, Mp.Queue queue) throws Error {
    var key = self.get_authkey ();
    var parent = Mp.Process.get_parent ();
    var alive = parent.is_alive ();
    try {
        parent.join (0);
        alive = false;
    } catch (Mp.Error.TIMED_OUT error) {}
    return queue.put (new Variant ("(sbb@ay)", self.name, self.get_daemon (), alive,
        new Variant.from_bytes (VariantType.BYTESTRING, key, true)));
}

// A child's children are named after it, and have its key, and are daemons if it is one.
void test_inherited () throws Error {
    var queue = new Mp.Queue ();
    var process = new Mp.Process ("Top", self => {
        self.set_authkey (new Bytes ("ab".data));
        var inner = new Mp.Process (null, child => tell_of_itself (child, queue));
        inner.start ();
        return inner.join ();
    });
    process.set_daemon (true);
    process.start ();
    var told = queue.get (20);
    assert_true (Regex.match_simple ("^Process-[0-9]+:1$", told.get_child_value (0).get_string ()));
    assert_true (told.get_child_value (1).get_boolean ());
    assert_true (told.get_child_value (2).get_boolean ());
    var bytes = told.get_child_value (3).get_data_as_bytes ();
    assert_true (new Bytes ("ab".data).compare (bytes) == 0);
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
}

// Its standard input is empty; what it fails with is on its standard error, and its code is 1.
void test_failure () throws Error {
    var process = new Mp.Process ("Failing", () => {
        if (stdin.getc () != FileStream.EOF)
            return true;
        throw new IOError.BUSY ("too busy");
    });
    process.set_streams (Mp.Stream.NULL, Mp.Stream.INHERIT, Mp.Stream.PIPE);
    process.start ();
    var line = new DataInputStream (process.get_stderr_pipe ()).read_line ();
    assert_true ("Failing" in line && "too busy" in line);
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 1);
    assert_fails (Mp.Error.TASK_FAILED, () => process.check ());
    process.close ();
}

// The end of a parent: it waits for its children, and its daemons end with it however it ends.
void test_end_of_the_parent () throws Error {
    var queue = new Mp.Queue ();
    foreach (var daemon in new bool[] {false, true}) {
        var parent = new Mp.Process ("Parent", () => {
            var child = new Mp.Process (null, () => {
                Thread.usleep (50000);
                queue.put ((int) Posix.getpid ());
                if (daemon)
                    for (;;) {}
                return true;
            });
            child.set_daemon (daemon);
            child.start ();
            if (daemon) {
                while (queue.empty ())
                    Thread.usleep (1000);
                Posix.kill (Posix.getpid (), Posix.Signal.KILL);
            }
            return true;
        });
        parent.start ();
        parent.join (30);
        var pid = queue.try_get ().get_int32 ();
        assert_cmpint (parent.exit_code, CompareOperator.EQ, daemon ? -(int) Posix.Signal.KILL : 0);
        while (Posix.kill (pid, 0) == 0)
            Thread.usleep (1000);
    }
}

int main (string[] args) {
    Mp.function_register ("tell", tell);
    Mp.Process.serve ();
    begin (ref args);
    add_case ("/process/lambda", test_lambda);
    add_case ("/process/subclass", test_subclass);
    add_case ("/process/ends", test_ends);
    add_case ("/process/states", test_states);
    add_case ("/process/async", test_async);
    add_case ("/process/command", test_command);
    add_case ("/process/family", test_family);
    add_case ("/process/by-name", test_by_name);
    add_case ("/process/surroundings", test_surroundings);
    add_case ("/process/its-own", test_more_of_its_own);
    add_case ("/process/inherited", test_inherited);
    add_case ("/process/failure", test_failure);
    add_case ("/process/end-of-the-parent", test_end_of_the_parent);
    return Test.run ();
}
