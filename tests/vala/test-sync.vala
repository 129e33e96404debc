// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Semaphores, events and barriers, as Vala sees them.

void test_semaphore () throws Error {
    var semaphore = new Mp.Semaphore (2);
    assert_cmpuint (semaphore.value, CompareOperator.EQ, 2);
    semaphore.acquire ();
    assert_true (semaphore.try_acquire ());
    assert_false (semaphore.try_acquire ());
    assert_fails (Mp.Error.TIMED_OUT, () => semaphore.acquire (0.01));
    semaphore.release ();
    assert_cmpstr (semaphore.to_string (), CompareOperator.EQ, "<Semaphore(value=1)>");
    assert_cmpuint (new Mp.Semaphore ().get_value (), CompareOperator.EQ, 1);
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => new Mp.Semaphore (0x80000000u));
    try {
        new Mp.Semaphore (-1);
        assert_not_reached ();
    } catch (Mp.Error.INVALID_ARGUMENT error) {
        assert_cmpstr (error.message, CompareOperator.EQ,
            "The value of a semaphore is between 0 and 2147483647");
    }
}

void test_bounded () throws Error {
    var semaphore = new Mp.BoundedSemaphore (1);
    assert_true (semaphore is Mp.Semaphore);
    assert_cmpuint (semaphore.get_max_value (), CompareOperator.EQ, 1);
    assert_fails (Mp.Error.NOT_OWNER, () => semaphore.release ());
}

void test_recoverable () throws Error {
    var semaphore = new Mp.Semaphore.with_recovery (2);
    var held = new Mp.Queue ();
    var child = new Mp.Process (null, () => {
        semaphore.acquire ();
        semaphore.acquire ();
        held.put (true);
        Thread.usleep (60000000);
        return true;
    });
    child.start ();
    held.get (20);
    assert_true (semaphore.recoverable);
    assert_false (semaphore.try_acquire ());
    child.kill ();
    semaphore.acquire (20);
    assert_cmpuint (semaphore.value, CompareOperator.EQ, 1);
    child.join (20);
    semaphore.release ();
    assert_fails (Mp.Error.NOT_OWNER, () => semaphore.release ());
}

void test_event () throws Error {
    var event = new Mp.Event ();
    assert_false (event.is_set ());
    assert_fails (Mp.Error.TIMED_OUT, () => event.wait (0.01));
    var child = new Mp.Process (null, () => event.set ());
    child.start ();
    event.wait (20);
    child.join (20);
    assert_true (event.is_set ());
    event.clear ();
    assert_false (event.is_set ());
}

void test_barrier () throws Error {
    var barrier = new Mp.Barrier (2);
    var acted = new Mp.Queue ();
    barrier.set_action (() => { return acted.put ("acted"); });
    var child = new Mp.Process (null, () => { return barrier.wait (20) >= 0; });
    child.start ();
    assert_true (barrier.wait (20) < 2);
    child.join (20);
    assert_cmpint (child.exit_code, CompareOperator.EQ, 0);
    assert_cmpstr (acted.try_get ().get_string (), CompareOperator.EQ, "acted");
    assert_true (acted.empty ());
    assert_fails (Mp.Error.TIMED_OUT, () => barrier.wait (0.01));
    assert_true (barrier.is_broken () && barrier.broken);
    assert_fails (Mp.Error.BROKEN, () => barrier.wait ());
    barrier.reset ();
    assert_cmpuint (barrier.n_waiting, CompareOperator.EQ, 0);
    barrier.abort ();
    assert_fails (Mp.Error.BROKEN, () => barrier.wait ());
    assert_cmpuint (barrier.parties, CompareOperator.EQ, 2);
}

void test_failing_action () throws Error {
    var barrier = new Mp.Barrier (1, 5);
    barrier.set_action (() => { throw new Mp.Error.FULL ("on purpose"); });
    assert_fails (Mp.Error.FULL, () => barrier.wait ());
    assert_true (barrier.broken);
}

void test_async () throws Error {
    var mutex = new Mp.Lock ();
    var semaphore = new Mp.Semaphore (0);
    var event = new Mp.Event ();
    mutex.acquire ();
    var child = new Mp.Process (null, () => {
        Thread.usleep (50000);
        return mutex.release () && semaphore.release () && event.set ();
    });
    child.start ();
    run_async (callback => mutex.acquire_async.begin (null, callback),
        result => mutex.acquire_async.end (result));
    run_async (callback => semaphore.acquire_async.begin (null, callback),
        result => semaphore.acquire_async.end (result));
    run_async (callback => event.wait_async.begin (null, callback),
        result => event.wait_async.end (result));
    child.join (20);
    assert_true (mutex.is_locked () && event.is_set () && semaphore.value == 0);

    var barrier = new Mp.Barrier (1);
    run_async (callback => barrier.wait_async.begin (null, callback), result => {
        assert_cmpint (barrier.wait_async.end (result), CompareOperator.EQ, 0);
    });
}

int main (string[] args) {
    begin (ref args);
    add_case ("/sync/semaphore", test_semaphore);
    add_case ("/sync/bounded", test_bounded);
    add_case ("/sync/recoverable", test_recoverable);
    add_case ("/sync/event", test_event);
    add_case ("/sync/barrier", test_barrier);
    add_case ("/sync/failing-action", test_failing_action);
    add_case ("/sync/async", test_async);
    return Test.run ();
}
