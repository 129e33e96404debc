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

// A one-way pipe, limits of size, and messages larger than any buffer of the system.
void talk_at_length (MakePipe make) throws Error {
    Mp.Connection reader, writer;
    make (false, out reader, out writer);
    assert_false (reader.writable || writer.readable);
    assert_fails (Mp.Error.INVALID_STATE, () => reader.send (""));
    assert_fails (Mp.Error.INVALID_STATE, () => writer.recv ());
    writer.send_bytes ({1, 2, 3});
    assert_fails (Mp.Error.TOO_SHORT, () => reader.recv_bytes (2));
    assert_true (reader.recv_bytes (3).get_size () == 3);
    writer.send_bytes ({4, 5, 6});
    var room = new uint8[2];
    assert_fails (Mp.Error.TOO_SHORT, () => reader.recv_into (room));
    room = new uint8[5];
    assert_true (reader.recv_into (room) == 3 && room[0] == 4 && room[2] == 6);
    assert_fails (Mp.Error.TIMED_OUT, () => reader.recv_into (room, 0));

    var process = new Mp.Process ("writer", () => {
        return writer.send_bytes (new uint8[3000000]) && writer.send ("after it");
    });
    process.start ();
    writer.close ();
    assert_true (writer.closed);
    assert_true (reader.recv_bytes (0, 30).get_size () == 3000000);
    assert_cmpstr (reader.recv (30).get_string (), CompareOperator.EQ, "after it");
    assert_fails (Mp.Error.CLOSED, () => reader.recv ());
    process.join ();
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
}

// Paths, abstract names and ports; a wrong key on either side.
void addresses () throws Error {
    var folder = DirUtils.make_tmp ("mproc-XXXXXX");
    var path = Path.build_filename (folder, "socket");
    string[] places = { path, "@mproc-test-%d".printf (Posix.getpid ()), "127.0.0.1:0" };
    foreach (var place in places) {
        var listener = new Mp.Listener (place, 0, new Bytes ("key".data));
        var process = new Mp.Process ("client", () => {
            string[] keys = { "wrong", "key" };
            foreach (var key in keys) {
                try {
                    var bytes = new Bytes (key.data);
                    new Mp.Connection.connect (listener.address, bytes, 30).send (key);
                } catch (Mp.Error.AUTHENTICATION error) {
                    if (key != "wrong")
                        return false;
                }
            }
            return true;
        });
        process.start ();
        assert_fails (Mp.Error.AUTHENTICATION, () => listener.accept (30));
        var connection = listener.accept (30);
        assert_cmpstr (connection.recv (30).get_string (), CompareOperator.EQ, "key");
        assert_true (listener.last_accepted == null || ":" in listener.last_accepted);
        process.join ();
        assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
        listener.close ();
        assert_false (FileUtils.test (path, FileTest.EXISTS));
    }
    DirUtils.remove (folder);
}

// Descriptors, beside the messages.
void descriptors (MakePipe make) throws Error {
    Mp.Connection here, there;
    make (true, out here, out there);
    int[] ends = new int[2];
    Posix.pipe (ends);
    var process = new Mp.Process ("sender", () => {
        there.send_fd (ends[1], 30);
        return there.recv (30) != null;     // it is there until that was taken
    });
    process.start ();
    Posix.close (ends[1]);
    var fd = here.recv_fd (30);
    here.send ("taken");
    assert_true (Posix.write (fd, "x", 1) == 1);
    uint8 byte[1];
    assert_true (Posix.read (ends[0], byte, 1) == 1 && byte[0] == 'x');
    Posix.close (fd);
    Posix.close (ends[0]);
    process.join ();
    assert_cmpint (process.exit_code, CompareOperator.EQ, 0);
}

// A socket of the program's own, and what has a descriptor.
void handles () throws Error {
    Mp.Connection a, b;
    Mp.pipe_new_sockets (true, out a, out b);
    var again = new Mp.Connection.for_fd (Posix.dup (a.get_fd ()));
    again.send ("by another number");
    assert_cmpstr (b.recv (20).get_string (), CompareOperator.EQ, "by another number");
    Mp.pipe_new (true, out a, out b);
    assert_cmpint (a.get_fd (), CompareOperator.EQ, -1);
}

// Processes and listeners, too.
void wait_for_others () throws Error {
    var listener = new Mp.Listener ();
    var queue = new Mp.Queue ();
    var process = new Mp.Process (null, () => { return queue.get () != null; });
    process.start ();
    assert_cmpint (Mp.Connection.wait ({process, listener}, 0).length, CompareOperator.EQ, 0);
    queue.put ("go");
    var ready = Mp.Connection.wait ({process, listener}, 30);
    assert_true (ready.length == 1 && ready[0] == process);
    process.join ();
    var client = new Mp.Process (null, () => {
        return new Mp.Connection.connect (listener.address, null, 30).recv (30) != null;
    });
    client.start ();
    ready = Mp.Connection.wait ({client, listener}, 30);
    assert_true (ready.length == 1 && ready[0] == listener);
    listener.accept (30).send ("bye");
    client.join ();
}

int main (string[] args) {
    begin (ref args);
    add_case ("/connection/memory/talk", () => talk (Mp.pipe_new));
    add_case ("/connection/sockets/talk", () => talk (Mp.pipe_new_sockets));
    add_case ("/connection/memory/child", () => talk_with_child (Mp.pipe_new));
    add_case ("/connection/sockets/child", () => talk_with_child (Mp.pipe_new_sockets));
    add_case ("/connection/memory/length", () => talk_at_length (Mp.pipe_new));
    add_case ("/connection/sockets/length", () => talk_at_length (Mp.pipe_new_sockets));
    add_case ("/connection/listener", meet);
    add_case ("/connection/addresses", addresses);
    add_case ("/connection/memory/descriptors", () => descriptors (Mp.pipe_new));
    add_case ("/connection/sockets/descriptors", () => descriptors (Mp.pipe_new_sockets));
    add_case ("/connection/handles", handles);
    add_case ("/connection/wait-for-others", wait_for_others);
    add_case ("/connection/wait", wait_for_many);
    add_case ("/connection/async", () => {
        run_async (callback => converse.begin (callback), result => converse.end (result));
    });
    return Test.run ();
}
