// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Functions of Python, JavaScript and C, by name from Vala: as processes and as tasks. Without an
// interpreter, or what binds it to the library, its case is skipped.

struct Language {
    public string name;
    public string file;
    public string text;
    public string task;     // how the function of the file is named in a task
    public string[] probe;
}

bool can_be_used (Language language) throws Error {
    var probe = new Mp.Process.command (null, language.probe);
    probe.set_streams (Mp.Stream.NULL, Mp.Stream.NULL, Mp.Stream.NULL);
    probe.start ();
    probe.join ();
    return probe.exit_code == 0;
}

int64 number_of (Variant value) {
    if (value.is_of_type (VariantType.DOUBLE))
        return (int64) value.get_double ();
    return value.is_of_type (VariantType.INT32) ? value.get_int32 () : value.get_int64 ();
}

Variant arguments (Mp.Queue queue) {
    return new Variant.array (VariantType.VARIANT, {
        new Variant.variant (queue.to_variant ()), new Variant.variant ((int64) 40),
        new Variant.variant ((int64) 2),
    });
}

void call_in_processes (string language, string module, string[] names, Mp.StartMethod method)
        throws Error {
    var queue = new Mp.Queue ();
    foreach (var name in names) {
        var process = new Mp.Process.function (null, language, module, name, arguments (queue));
        process.set_start_method (method);
        process.start ();
        var answer = queue.get (60);
        var number = answer.is_container () ? answer.get_child_value (1) : answer;
        assert_true (number_of (number) == 42);
        process.join ();
        process.check ();
    }
    var wrong = new Mp.Process.function (null, language, module, "missing");
    wrong.set_start_method (method);
    wrong.set_streams (Mp.Stream.NULL, Mp.Stream.NULL, Mp.Stream.NULL);
    wrong.start ();
    wrong.join ();
    assert_cmpint (wrong.exit_code, CompareOperator.EQ, 1);
    assert_fails (Mp.Error.TASK_FAILED, () => wrong.check ());
}

void call_in_pools (string language, string[] names, string missing) throws Error {
    var queue = new Mp.Queue ();
    var pool = (Mp.Pool) Object.new (typeof (Mp.Pool), n_workers: 1, worker_language: language);
    foreach (var name in names) {
        assert_true (number_of (pool.submit_named (name, arguments (queue)).get (60)) == 42);
        var answer = queue.get (0);
        var number = answer.is_container () ? answer.get_child_value (1) : answer;
        assert_true (number_of (number) == 42);
    }
    try {
        pool.submit_named (missing, 1).get (60);
        assert_not_reached ();
    } catch (Mp.Error error) {
        assert_true ("missing" in error.message);
    }
    pool.close ();
    pool.join ();
}

void test_script (Language language, Mp.StartMethod[] methods) throws Error {
    if (!can_be_used (language)) {
        Test.skip ("this language cannot be used here");
        return;
    }
    var folder = DirUtils.make_tmp ("mproc-XXXXXX");
    var path = Path.build_filename (folder, language.file);
    FileUtils.set_contents (path, language.text);
    foreach (var method in methods)
        call_in_processes (language.name, path, {"sum"}, method);
    Mp.Process.stop_servers ();
    var task = language.task.replace ("PATH", path);
    call_in_pools (language.name, {task + "sum"}, task + "missing");
    FileUtils.unlink (path);
    DirUtils.remove (folder);
}

void test_python () throws Error {
    test_script ({
        "python", "tasks_for_vala.py", """
import mproc
@mproc.function('sum')
def add(argument):
    queue, *values = argument
    queue.put(sum(values))
    return sum(values)
""", "PATH:", {"python3", "-c", "import mproc"},
    }, {Mp.StartMethod.SPAWN, Mp.StartMethod.FORKSERVER});
}

void test_javascript () throws Error {
    test_script ({
        "gjs", "tasksForVala.js", """
const {Mp} = imports.gi;
Mp.register('sum', ([queue, ...values]) => {
    queue.put(values.reduce((a, b) => a + b, 0));
    return values.reduce((a, b) => a + b, 0);
});
""", "file://PATH#", {"gjs", "-c", "imports.gi.versions.Mp = '1'; imports.gi.Mp;"},
    }, {Mp.StartMethod.SPAWN});
}

void test_library () throws Error {
    var path = Path.build_filename (Environment.get_variable ("G_TEST_BUILDDIR"),
        "libtasks-of-test.so");
    Mp.StartMethod[] methods = { Mp.StartMethod.SPAWN, Mp.StartMethod.FORKSERVER };
    foreach (var method in methods)
        call_in_processes ("native", path, {"sum", "exported_sum"}, method);
    Mp.Process.stop_servers ();
    call_in_pools ("native", {path + ":sum", path + ":exported_sum"}, path + ":missing");
}

// A program in whose main() functions are registered, as the other languages are given one.
void test_program () throws Error {
    var path = Path.build_filename (Environment.get_variable ("G_TEST_BUILDDIR"), "tasks-of-test");
    Mp.Process.set_worker_command ("native", {path});
    call_in_processes ("native", "", {"sum"}, Mp.StartMethod.SPAWN);
    call_in_pools ("native", {"sum"}, "missing");
    Mp.Process.set_worker_command ("native", null);
}

int main (string[] args) {
    Environment.set_variable ("PYTHONDONTWRITEBYTECODE", "1", true);
    begin (ref args);
    add_case ("/languages/python", test_python);
    add_case ("/languages/javascript", test_javascript);
    add_case ("/languages/library", test_library);
    add_case ("/languages/program", test_program);
    return Test.run ();
}
