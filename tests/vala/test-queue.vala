// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Queues, as Vala sees them.

void test_values () throws Error {
    var queue = new Mp.Queue ();
    Variant[] values = {
        new Variant.string ("text"), 42, 4.5, true, new Variant.bytestring ("bytes"),
        new Variant.strv ({"a", "b"}), new Variant ("(sx)", "pair", int64.MAX),
        new Variant.parsed ("{'key': <[1, 2]>}")
    };
    assert_true (queue.empty ());
    foreach (var value in values)
        queue.put (value);
    assert_cmpint ((int) queue.qsize (), CompareOperator.EQ, values.length);
    foreach (var value in values)
        assert_true (queue.get ().equal (value));
    assert_true (queue.empty ());
    assert_cmpstr (queue.to_string (), CompareOperator.EQ, "<Queue(0 items)>");
}

void test_errors () throws Error {
    var queue = new Mp.Queue (1);
    try {
        queue.try_get ();
        assert_not_reached ();
    } catch (Mp.Error.EMPTY error) {
        assert_true (error.message != "");
    }
    assert_fails (Mp.Error.TIMED_OUT, () => queue.get (0.01));
    assert_true (queue.try_put ("only one"));
    assert_true (queue.full ());
    assert_fails (Mp.Error.FULL, () => queue.try_put ("one too many"));
    assert_fails (Mp.Error.TIMED_OUT, () => queue.put ("one too many", 0.01));

    queue.close ();
    assert_true (queue.closed);
    assert_fails (Mp.Error.CLOSED, () => queue.put ("too late"));
    assert_cmpstr (queue.get ().get_string (), CompareOperator.EQ, "only one");
    assert_fails (Mp.Error.CLOSED, () => queue.get ());
}

void test_cancel () throws Error {
    var queue = new Mp.Queue ();
    var cancellable = new Cancellable ();
    cancellable.cancel ();
    try {
        queue.get (-1, cancellable);
        assert_not_reached ();
    } catch (IOError.CANCELLED error) {
        assert_true (queue.empty ());
    }
}

void test_processes () throws Error {
    var there = new Mp.Queue (2);
    var back = new Mp.Queue ();
    var process = new Mp.Process (null, () => {
        for (;;) {
            try {
                back.put (there.get ().get_int32 () * 2);
            } catch (Mp.Error.CLOSED end) {
                return true;
            }
        }
    });
    process.start ();
    for (int i = 0; i < 1000; i++)
        there.put (i);
    there.close ();
    for (int i = 0; i < 1000; i++)
        assert_cmpint (back.get (20).get_int32 (), CompareOperator.EQ, 2 * i);
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
}

async void take_two (Mp.Queue queue, GenericArray<string> taken) throws Error {
    for (int i = 0; i < 2; i++) {
        var payload = yield queue.get_async ();
        assert_true (payload.get_encoding () == Mp.Encoding.VARIANT);
        taken.add (payload.get_variant (VariantType.STRING).get_string ());
    }
}

void test_async () throws Error {
    var queue = new Mp.Queue ();
    var taken = new GenericArray<string> ();
    queue.put ("there already");
    var process = new Mp.Process (null, () => {
        Thread.usleep (50000);
        return queue.put ("later");
    });
    process.start ();
    run_async (callback => take_two.begin (queue, taken, callback),
        result => take_two.end (result));
    process.join (20);
    assert_cmpstr (taken[0], CompareOperator.EQ, "there already");
    assert_cmpstr (taken[1], CompareOperator.EQ, "later");
}

void test_handle () throws Error {
    var queue = new Mp.Queue (3);
    var same = Mp.Shared.open (queue.handle) as Mp.Queue;
    queue.put ("through the other");
    assert_cmpint ((int) same.max_items, CompareOperator.EQ, 3);
    assert_cmpstr (same.try_get ().get_string (), CompareOperator.EQ, "through the other");
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => Mp.Shared.open ("no handle"));
}

int main (string[] args) {
    begin (ref args);
    add_case ("/queue/values", test_values);
    add_case ("/queue/errors", test_errors);
    add_case ("/queue/cancel", test_cancel);
    add_case ("/queue/processes", test_processes);
    add_case ("/queue/async", test_async);
    add_case ("/queue/handle", test_handle);
    return Test.run ();
}
