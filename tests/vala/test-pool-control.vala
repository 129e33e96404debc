// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Pools, as Vala sees them: options of tasks, rules, counts, progress, timelines, threads.

Variant square (Variant number) throws Error {
    return number.get_int32 () * number.get_int32 ();
}

// Dies until the file has something in it.
Variant die_once (Variant path) throws Error {
    string text;
    FileUtils.get_contents (path.get_string (), out text);
    FileUtils.set_contents (path.get_string (), text + "x");
    if (text == "")
        Posix.raise (Posix.Signal.KILL);
    return text.length;
}

Variant wait_until_told (Variant nothing) throws Error {
    while (!Mp.task_get_cancellable ().is_cancelled ())
        Thread.usleep (1000);
    return Mp.task_should_stop ();
}

Variant tell (Variant nothing) throws Error {
    Mp.task_report_progress (0.5, "half");
    return Mp.task_get_current_id ();
}

void end (Mp.Pool pool) throws Error {
    pool.close ();
    pool.join (20);
}

void test_options () throws Error {
    string path;
    FileUtils.close (FileUtils.open_tmp ("mproc-XXXXXX", out path));
    var pool = new Mp.Pool (1);
    var again = new Mp.TaskOptions ();
    again.retries = 2;
    assert_cmpint (pool.submit_with (die_once, path, again).get (20).get_int32 (),
        CompareOperator.EQ, 1);
    assert_cmpint ((int) pool.n_retried, CompareOperator.EQ, 1);
    FileUtils.unlink (path);

    var soft = new Mp.TaskOptions ();
    soft.soft_time_limit = 0.02;
    soft.priority = Mp.TaskPriority.HIGH;
    assert_true (pool.submit_with (wait_until_told, 1, soft).get (20).get_boolean ());

    var hard = new Mp.TaskOptions ();
    hard.time_limit = 0.05;
    assert_fails (Mp.Error.TIME_LIMIT, () => pool.submit_with (wait_until_told, 1, hard).get (20));
    assert_cmpint ((int) pool.n_failed, CompareOperator.EQ, 1);
    assert_cmpint ((int) pool.n_done, CompareOperator.EQ, 2);
    end (pool);
}

void test_seeing () throws Error {
    string path;
    FileUtils.close (FileUtils.open_tmp ("mproc-XXXXXX", out path));
    var pool = new Mp.Pool (1);
    pool.trace = true;
    var result = pool.submit (tell, 1);
    assert_true (result.get (20).get_uint64 () == result.id);
    assert_cmpstr (result.progress_text, CompareOperator.EQ, "half");
    assert_true (pool.progress == 1);
    pool.save_trace (path);
    string text;
    FileUtils.get_contents (path, out text);
    assert_true ("traceEvents" in text);
    FileUtils.unlink (path);
    end (pool);
}

void test_threads () throws Error {
    var pool = new Mp.ThreadPool (2);
    assert_cmpint (pool.submit (square, 7).get (20).get_int32 (), CompareOperator.EQ, 49);
    pool.memory_limit = 1000000;
    assert_fails (Mp.Error.NOT_SUPPORTED, () => pool.submit (square, 7));
    end (pool);
}

int main (string[] args) {
    begin (ref args);
    add_case ("/pool-control/options", test_options);
    add_case ("/pool-control/seeing", test_seeing);
    add_case ("/pool-control/threads", test_threads);
    return Test.run ();
}
