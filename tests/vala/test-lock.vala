// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Locks and conditions, as Vala sees them.

void test_lock () throws Error {
    var mutex = new Mp.Lock ();
    assert_false (mutex.is_locked ());
    assert_cmpstr (mutex.to_string (), CompareOperator.EQ, "<Lock(owner=None)>");
    mutex.acquire ();
    assert_true (mutex.is_locked ());
    assert_false (mutex.try_acquire ());
    assert_fails (Mp.Error.TIMED_OUT, () => mutex.acquire (0.01));
    assert_cmpstr (mutex.to_string (), CompareOperator.EQ, "<Lock(owner=MainProcess)>");
    mutex.release ();
    try {
        mutex.release ();
        assert_not_reached ();
    } catch (Mp.Error.NOT_OWNER error) {
        assert_false (mutex.is_locked ());
    }
}

void test_rlock () throws Error {
    var mutex = new Mp.RLock ();
    assert_true (mutex is Mp.Lock);
    mutex.acquire ();
    assert_true (mutex.try_acquire ());
    assert_cmpstr (mutex.to_string (), CompareOperator.EQ, "<RLock(MainProcess, 2)>");
    mutex.release ();
    mutex.release ();
    assert_fails (Mp.Error.NOT_OWNER, () => mutex.release ());
}

// Without the lock, some of the increments would be lost.
void test_exclusion () throws Error {
    var mutex = new Mp.Lock ();
    var number = new Mp.Queue ();
    number.put (0);
    Mp.Process[] children = {};
    for (int i = 0; i < 3; i++) {
        var child = new Mp.Process (null, () => {
            for (int n = 0; n < 100; n++) {
                mutex.acquire ();
                var value = number.try_get ().get_int32 ();
                number.put (value + 1);
                mutex.release ();
            }
            return true;
        });
        child.start ();
        children += child;
    }
    foreach (var child in children) {
        child.join (20);
        assert_cmpint (child.exit_code, CompareOperator.EQ, 0);
    }
    assert_cmpint (number.try_get ().get_int32 (), CompareOperator.EQ, 300);
}

void test_abandoned () throws Error {
    var mutex = new Mp.Lock ();
    var held = new Mp.Queue ();
    var child = new Mp.Process (null, () => {
        mutex.acquire ();
        held.put (true);
        Thread.usleep (60000000);
        return true;
    });
    child.start ();
    held.get (20);
    assert_false (mutex.try_acquire ());
    child.kill ();
    child.join (20);
    mutex.acquire (20);
    assert_true (mutex.get_abandoned ());
    mutex.release ();
}

void test_condition () throws Error {
    var condition = new Mp.Condition ();
    var numbers = new Mp.Queue ();
    assert_true (condition.lock is Mp.RLock);
    assert_cmpstr (condition.to_string (), CompareOperator.EQ,
        "<Condition(<RLock(None, 0)>, 0)>");
    assert_fails (Mp.Error.NOT_OWNER, () => condition.notify (1));
    condition.acquire ();
    assert_fails (Mp.Error.TIMED_OUT, () => condition.wait (0.01));
    var child = new Mp.Process (null, () => {
        condition.acquire ();
        numbers.put (1);
        condition.notify_all ();
        return condition.release ();
    });
    child.start ();
    while (numbers.empty ())
        condition.wait (20);
    condition.release ();
    child.join (20);
    assert_cmpint (numbers.try_get ().get_int32 (), CompareOperator.EQ, 1);
}

void test_own_lock () throws Error {
    var mutex = new Mp.Lock ();
    var condition = new Mp.Condition (mutex);
    assert_true (condition.get_lock () == mutex);
    condition.acquire ();
    assert_true (mutex.is_locked ());
    condition.release ();
}

int main (string[] args) {
    begin (ref args);
    add_case ("/lock/lock", test_lock);
    add_case ("/lock/rlock", test_rlock);
    add_case ("/lock/exclusion", test_exclusion);
    add_case ("/lock/abandoned", test_abandoned);
    add_case ("/lock/condition", test_condition);
    add_case ("/lock/own-lock", test_own_lock);
    return Test.run ();
}
