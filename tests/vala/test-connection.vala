// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Connections from Vala: pipes of both kinds, a child, a listener, waiting, coroutines.

delegate bool MakePipe (bool duplex, out Mp.Connection one, out Mp.Connection other) throws Error;

void talk (MakePipe make) throws Error {
    Mp.Connection a, b;
    make (true, out a, out b);
    assert_true (a.readable && a.writable);
    a.send ("hello");
    assert_cmpstr (b.recv ().get_string (), CompareOperator.EQ, "hello");
    b.send_bytes ({1, 2, 3});
    assert_true (a.recv_bytes (0).get_size () == 3);
    assert_false (a.poll (0));
    assert_fails (Mp.Error.TIMED_OUT, () => a.recv (0));

    a.send (new Variant.int32 (7));
    a.close ();
    assert_true (b.poll ());
    assert_cmpint (b.recv ().get_int32 (), CompareOperator.EQ, 7);
    assert_fails (Mp.Error.CLOSED, () => b.recv ());
    assert_fails (Mp.Error.INVALID_STATE, () => a.recv ());
}

void talk_with_child (MakePipe make) throws Error {
    Mp.Connection here, there;
    make (true, out here, out there);
    var process = new Mp.Process ("echo", () => {
        here.close ();
        try {
            while (true)
                there.send (there.recv ());
        } catch (Mp.Error.CLOSED end) {
            return true;
        }
    });
    process.start ();
    there.close ();
    for (var i = 0; i < 10; i++) {
        here.send (new Variant.int32 (i));
        assert_cmpint (here.recv (30).get_int32 (), CompareOperator.EQ, i);
    }
    here.close ();
    process.join ();
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
}

void meet () throws Error {
    var key = new Bytes ("the key".data);
    var listener = new Mp.Listener (null, 0, key);
    var process = new Mp.Process ("client", () => {
        new Mp.Connection.connect (listener.address, key, 30).send ("I am here");
        return true;
    });
    process.start ();
    var connection = listener.accept (30);
    assert_cmpstr (connection.recv (30).get_string (), CompareOperator.EQ, "I am here");
    process.join ();
    assert_fails (Mp.Error.TIMED_OUT, () => listener.accept (0));
    listener.close ();
    assert_true (listener.closed);
}

void wait_for_many () throws Error {
    Mp.Connection a, b;
    Mp.pipe_new (true, out a, out b);
    var queue = new Mp.Queue ();
    assert_cmpint (Mp.Connection.wait ({b, queue}, 0).length, CompareOperator.EQ, 0);
    a.send ("x");
    var ready = Mp.Connection.wait ({b, queue});
    assert_cmpint (ready.length, CompareOperator.EQ, 1);
    assert_true (ready[0] == b);
}

async void converse () throws Error {
    var listener = new Mp.Listener ();
    Mp.Connection? server = null;
    listener.accept_async.begin (null, (source, result) => {
        try {
            server = listener.accept_async.end (result);
        } catch (Error error) {
            Test.fail_printf ("%s", error.message);
        }
        Idle.add (converse.callback);
    });
    var client = new Mp.Connection.connect (listener.address);
    yield;
    yield client.send_async (new Mp.Payload.variant ("later"));
    var payload = yield server.recv_async ();
    assert_cmpstr (payload.get_variant (null).get_string (), CompareOperator.EQ, "later");
}

int main (string[] args) {
    begin (ref args);
    add_case ("/connection/memory/talk", () => talk (Mp.pipe_new));
    add_case ("/connection/sockets/talk", () => talk (Mp.pipe_new_sockets));
    add_case ("/connection/memory/child", () => talk_with_child (Mp.pipe_new));
    add_case ("/connection/sockets/child", () => talk_with_child (Mp.pipe_new_sockets));
    add_case ("/connection/listener", meet);
    add_case ("/connection/wait", wait_for_many);
    add_case ("/connection/async", () => {
        run_async (callback => converse.begin (callback), result => converse.end (result));
    });
    return Test.run ();
}
