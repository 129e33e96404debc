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
    return Test.run ();
}
