// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Pools, as Vala sees them.

Variant square (Variant number) throws Error {
    return number.get_int32 () * number.get_int32 ();
}

Variant halve (Variant number) throws Error {
    if (number.get_int32 () % 2 != 0)
        throw new IOError.INVALID_DATA ("%d is odd", number.get_int32 ());
    return number.get_int32 () / 2;
}

Variant fall (Variant signal) throws Error {
    Posix.raise (signal.get_int32 ());
    return "still here";
}

Variant sleep_long (Variant nothing) throws Error {
    Thread.usleep (60000000);
    return nothing;
}

Variant numbers (int n) {
    var builder = new VariantBuilder (new VariantType ("ai"));
    for (int i = 0; i < n; i++)
        builder.add ("i", i);
    return builder.end ();
}

void end (Mp.Pool pool) throws Error {
    pool.close ();
    pool.join (20);
}

void test_map () throws Error {
    var pool = new Mp.Pool (2);
    assert_cmpint ((int) pool.n_workers, CompareOperator.EQ, 2);
    assert_cmpint ((int) pool.get_pids ().length, CompareOperator.EQ, 2);
    foreach (var chunk_size in new int[] {0, 1, 3, 100}) {
        var squares = pool.map (square, numbers (20), chunk_size, 20);
        assert_cmpint ((int) squares.n_children (), CompareOperator.EQ, 20);
        for (int i = 0; i < 20; i++) {
            var value = squares.get_child_value (i).get_variant ();
            assert_cmpint (value.get_int32 (), CompareOperator.EQ, i * i);
        }
    }
    // A lambda that captures nothing is a function too.
    assert_cmpstr (pool.map (n => n.get_int32 () + 1, numbers (3), 0, 20).print (false),
        CompareOperator.EQ, "[<1>, <2>, <3>]");
    end (pool);
}

void test_capture () throws Error {
    var factor = 7;
    Mp.function_register ("times", number => number.get_int32 () * factor);
    var pool = new Mp.Pool (2);
    assert_cmpstr (pool.map_named ("times", numbers (4), 0, 20).print (false), CompareOperator.EQ,
        "[<0>, <7>, <14>, <21>]");
    Mp.function_register ("times", null);
    assert_cmpint (pool.submit_named ("times", 3).get (20).get_int32 (), CompareOperator.EQ, 21);
    assert_fails (Mp.Error.NO_SUCH_FUNCTION, () => pool.submit_named ("unknown", 3).get (20));
    end (pool);
}

void test_errors () throws Error {
    var pool = new Mp.Pool (2);
    var good = pool.submit (halve, 8);
    var bad = pool.submit (halve, 9);
    try {
        bad.get (20);
        assert_not_reached ();
    } catch (IOError.INVALID_DATA error) {
        assert_cmpstr (error.message, CompareOperator.EQ, "9 is odd");
    }
    assert_false (bad.successful);
    assert_cmpint (good.get (20).get_int32 (), CompareOperator.EQ, 4);
    assert_true (good.ready && good.successful);
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => pool.map (square, "no list", 0, 20));
    assert_fails (Mp.Error.INVALID_STATE, () => pool.join (0));
    pool.close ();
    assert_fails (Mp.Error.CLOSED, () => pool.submit (halve, 2));
    pool.join (20);
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => new Mp.Pool (100000));
}

void test_killed_worker () throws Error {
    var pool = new Mp.Pool (2);
    var killed = pool.submit (fall, (int) Posix.Signal.KILL);
    try {
        killed.get (20);
        assert_not_reached ();
    } catch (Mp.Error.WORKER_DIED error) {
        assert_true ("SIGKILL" in error.message);
    }
    assert_cmpint (pool.submit (square, 5).get (20).get_int32 (), CompareOperator.EQ, 25);
    end (pool);
}

void test_iterate () throws Error {
    var pool = new Mp.Pool (2);
    foreach (var chunk_size in new int[] {1, 4}) {
        var squares = pool.iterate (square, numbers (10), chunk_size, true);
        Variant? value;
        int n = 0;
        while (squares.next (20, null, out value)) {
            assert_cmpint (value.get_int32 (), CompareOperator.EQ, n * n);
            n++;
        }
        assert_cmpint (n, CompareOperator.EQ, 10);
    }

    // The error comes in its place, and the rest behind it.
    var halves = pool.iterate (halve, numbers (4), 1, true);
    var found = "";
    for (;;) {
        try {
            Variant? value;
            if (!halves.next (20, null, out value))
                break;
            found += value.get_int32 ().to_string ();
        } catch (IOError error) {
            found += "!";
        }
    }
    assert_cmpstr (found, CompareOperator.EQ, "0!1!");
    end (pool);
}

async string use_async (Mp.Pool pool) throws Error {
    var text = (yield pool.map_async (square, numbers (3))).print (false);
    var payload = yield pool.submit (square, 9).get_async ();
    text += payload.get_variant (VariantType.INT32).print (false);
    var halves = pool.iterate (halve, numbers (4), 1, true);
    Mp.Result? result;
    while ((result = yield halves.next_async ()) != null)
        text += result.successful ? result.get (0).print (false) : "!";
    try {
        yield pool.map_async (halve, numbers (4), 1);
    } catch (IOError.INVALID_DATA error) {
        text += error.message;
    }
    return text;
}

void test_async () throws Error {
    var pool = new Mp.Pool (2);
    var text = "";
    run_async (callback => use_async.begin (pool, callback),
        result => text = use_async.end (result));
    assert_cmpstr (text, CompareOperator.EQ, "[<0>, <1>, <4>]810!1!1 is odd");
    end (pool);
}

async void cancel_async (Mp.Pool pool, Mp.Result result) throws Error {
    var cancellable = new Cancellable ();
    Timeout.add (20, () => {
        cancellable.cancel ();
        return Source.REMOVE;
    });
    try {
        yield result.get_async (cancellable);
        assert_not_reached ();
    } catch (IOError.CANCELLED error) {
        assert_false (result.ready);
    }
}

void test_terminate () throws Error {
    var pool = new Mp.Pool (2);
    var result = pool.submit (sleep_long, 0);
    assert_fails (Mp.Error.TIMED_OUT, () => result.get (0.01));
    run_async (callback => cancel_async.begin (pool, result, callback),
        outcome => cancel_async.end (outcome));
    pool.terminate ();
    pool.join (20);
    assert_fails (Mp.Error.TERMINATED, () => result.get (20));
}

int main (string[] args) {
    begin (ref args);
    add_case ("/pool/map", test_map);
    add_case ("/pool/capture", test_capture);
    add_case ("/pool/errors", test_errors);
    add_case ("/pool/killed-worker", test_killed_worker);
    add_case ("/pool/iterate", test_iterate);
    add_case ("/pool/async", test_async);
    add_case ("/pool/terminate", test_terminate);
    return Test.run ();
}
