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

int sum_of (Mp.Queue queue) throws Error {
    var sum = 0;
    foreach (Variant value in queue)
        sum += value.get_int32 ();
    return sum;
}

void test_foreach () throws Error {
    var queue = new Mp.Queue ();
    var process = new Mp.Process (null, () => {
        for (int i = 1; i <= 100; i++)
            queue.put (i);
        queue.close ();
        return true;
    });
    process.start ();
    assert_cmpint (sum_of (queue), CompareOperator.EQ, 5050);
    assert_cmpint (sum_of (queue), CompareOperator.EQ, 0);
    process.join (20);

    queue = new Mp.Queue ();
    for (int i = 1; i <= 3; i++)
        queue.put (i);
    foreach (var value in queue) {
        if (value.get_int32 () == 2)
            break;
    }
    assert_cmpint (queue.get (0).get_int32 (), CompareOperator.EQ, 3);
}

const string UNPLAIN = """
import sys
from gi.repository import Mp
Mp.Shared.open(sys.argv[1]).put(Exception('of Python'))
""";

// An error that is not the end leaves the loop.
void test_foreach_error () throws Error {
    var queue = new Mp.Queue ();
    queue.put (1);
    var process = new Mp.Process.command (null,
        {"/usr/bin/env", "python3", "-c", UNPLAIN, queue.handle});
    process.start ();
    process.join (60);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
    queue.close ();

    var n = 0;
    assert_fails (Mp.Error.NOT_PLAIN, () => {
        foreach (Variant value in queue)
            n += value.get_int32 ();
    });
    assert_cmpint (n, CompareOperator.EQ, 1);
    assert_cmpint (sum_of (queue), CompareOperator.EQ, 0);
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

async void put_two (Mp.Queue queue) throws Error {
    for (int i = 1; i <= 2; i++)
        yield queue.put_async (new Mp.Payload.variant (new Variant.int32 (i)));
}

void test_async_put () throws Error {
    var queue = new Mp.Queue (1);
    var taken = 0;
    var source = queue.create_source (IOCondition.IN);
    source.set_callback (() => {
        try {
            taken = 10 * taken + queue.try_get ().get_int32 ();
        } catch (Error error) {}    // nothing there after all
        return taken < 12;
    });
    source.attach ();
    run_async (callback => put_two.begin (queue, callback), result => put_two.end (result));
    while (taken < 12)
        MainContext.default ().iteration (true);
    assert_cmpint (taken, CompareOperator.EQ, 12);
}

void test_batch () throws Error {
    var queue = new Mp.Queue ();
    Mp.Payload[] payloads = {};
    for (int i = 0; i < 500; i++)
        payloads += new Mp.Payload.variant (
            i % 100 == 0 ? string.nfill (9000, 'x') : i.to_string ());
    assert_cmpint ((int) queue.put_batch (payloads), CompareOperator.EQ, 500);

    int n = 0;
    while (n < 500) {
        GenericArray<Mp.Payload> batch = queue.get_batch (64);
        assert_true (batch.length >= 1 && batch.length <= 64);
        foreach (unowned var payload in batch) {
            var text = payload.get_variant (VariantType.STRING).get_string ();
            assert_true (n % 100 == 0 ? text.length == 9000 : text == n.to_string ());
            n++;
        }
    }
    assert_fails (Mp.Error.EMPTY, () => queue.get_batch (1, 0));
}

void test_bytes () throws Error {
    var queue = new Mp.Queue ();
    queue.put_bytes ({1, 2, 3});
    var room = new uint8[2];
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => queue.get_into (room));
    room = new uint8[5];
    assert_true (queue.get_into (room) == 3 && room[0] == 1 && room[2] == 3);
    assert_fails (Mp.Error.TIMED_OUT, () => queue.get_into (room, 0.01));
}

void test_blocks () throws Error {
    var queue = new Mp.Queue ();
    var block = new Mp.Block (100000);
    unowned uint8[] data = block.get_data ();
    assert_cmpint (data.length, CompareOperator.EQ, 100000);
    for (int i = 0; i < data.length; i++)
        data[i] = (uint8) i;
    queue.put_block (block);
    block.release ();
    assert_cmpint ((int) block.get_size (), CompareOperator.EQ, 0);

    var process = new Mp.Process (null, () => {
        var taken = queue.get_block ();
        assert_true (taken.get_data ()[99999] == (uint8) 99999);
        taken.get_data ()[0] = 42;
        return queue.put_block (taken);
    });
    process.start ();
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
    assert_cmpint (queue.get_block ().get_data ()[0], CompareOperator.EQ, 42);

    queue.put (new Variant.bytestring ("small"));
    assert_true (queue.get_block (0).get_data ().length > 0);
}

void test_joinable () throws Error {
    var queue = new Mp.Queue.joinable ();
    assert_true (queue.is_joinable () && queue.join ());
    for (int i = 0; i < 10; i++)
        queue.put (i);
    assert_fails (Mp.Error.TIMED_OUT, () => queue.join (0.01));
    var process = new Mp.Process (null, () => {
        for (int i = 0; i < 10; i++) {
            queue.get ();
            queue.task_done ();
        }
        return true;
    });
    process.start ();
    run_async (callback => queue.join_async.begin (null, callback),
        result => queue.join_async.end (result));
    assert_true (queue.join (0));
    assert_fails (Mp.Error.INVALID_STATE, () => queue.task_done ());
    assert_fails (Mp.Error.INVALID_STATE, () => new Mp.Queue ().join ());
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
}

// The process puts what nobody else holds, and is gone before it is taken.
void test_objects () throws Error {
    var queue = new Mp.Queue ();
    var process = new Mp.Process (null, () => {
        var inner = new Mp.Queue ();
        inner.put ("from the inside");
        var held = new Mp.Lock ().to_variant ();
        queue.put (new Variant ("(sv)", "here", inner.to_variant ()));
        return queue.put (new Variant.array (null, {held, held}));
    });
    process.start ();
    process.join (20);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);

    var value = queue.get (0);
    var inner = Mp.Shared.from_variant (value.get_child_value (1).get_variant ()) as Mp.Queue;
    assert_cmpstr (inner.get (0).get_string (), CompareOperator.EQ, "from the inside");
    var locks = queue.get (0);
    assert_cmpint ((int) locks.n_children (), CompareOperator.EQ, 2);
    var one = Mp.Shared.from_variant (locks.get_child_value (0)) as Mp.Lock;
    var two = Mp.Shared.from_variant (locks.get_child_value (1)) as Mp.Lock;
    assert_true (one.handle == two.handle && one.try_acquire ());
    one.release ();
    assert_fails (Mp.Error.INVALID_DATA, () => Mp.Shared.from_variant (new Variant.string ("x")));
}

const string ECHO = """
import sys
import mproc
from gi.repository import Mp
queue = Mp.Shared.open(sys.argv[1])
value = queue.get(timeout=60)
own = mproc.Queue()
value['reply'].put((type(value['reply']).__name__, own, [value['reply']]))
value['reply'].put(own.get(timeout=60) * 2)
""";

// Python answers through a queue that came in a value, with one of its own.
void test_python () throws Error {
    var queue = new Mp.Queue ();
    var reply = new Mp.Queue ();
    var process = new Mp.Process.command (null,
        {"/usr/bin/env", "python3", "-c", ECHO, queue.handle});
    process.start ();
    var dict = new VariantDict ();
    dict.insert_value ("reply", reply.to_variant ());
    queue.put (dict.end ());

    var answer = reply.get (60);
    assert_cmpstr (answer.get_child_value (0).get_string (), CompareOperator.EQ, "Queue");
    var own = Mp.Shared.from_variant (answer.get_child_value (1)) as Mp.Queue;
    var boxed = answer.get_child_value (2).get_child_value (0).get_variant ();
    assert_true (Mp.Shared.from_variant (boxed).handle == reply.handle);
    own.put (21);
    assert_cmpint ((int) reply.get (60).get_int64 (), CompareOperator.EQ, 42);
    process.join (60);
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
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
    add_case ("/queue/foreach", test_foreach);
    add_case ("/queue/foreach-error", test_foreach_error);
    add_case ("/queue/async", test_async);
    add_case ("/queue/async-put", test_async_put);
    add_case ("/queue/batch", test_batch);
    add_case ("/queue/bytes", test_bytes);
    add_case ("/queue/blocks", test_blocks);
    add_case ("/queue/joinable", test_joinable);
    add_case ("/queue/objects", test_objects);
    add_case ("/queue/python", test_python);
    add_case ("/queue/handle", test_handle);
    return Test.run ();
}
