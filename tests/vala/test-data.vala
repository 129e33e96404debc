// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Shared memory, values, arrays and lists, as Vala sees them.

string own_name;

void test_memory () throws Error {
    var memory = new Mp.SharedMemory (100);
    unowned var data = memory.get_data ();
    assert_cmpint (data.length, CompareOperator.EQ, 100);
    assert_cmpint (data[99], CompareOperator.EQ, 0);
    var child = new Mp.Process (null, () => {
        memory.get_data ()[99] = 42;
        return true;
    });
    child.start ();
    child.join (20);
    assert_cmpint (data[99], CompareOperator.EQ, 42);

    var view = memory.get_bytes ();
    memory.close ();
    assert_cmpint (view[99], CompareOperator.EQ, 42);
    assert_fails (Mp.Error.INVALID_STATE, () => memory.get_data ());
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => new Mp.SharedMemory (0));
    assert_fails (Mp.Error.NO_SPACE, () => new Mp.SharedMemory (int64.MAX));
}

void test_named () throws Error {
    var memory = new Mp.SharedMemory.named (own_name, 10);
    memory.get_data ()[0] = 7;
    assert_cmpstr (memory.name, CompareOperator.EQ, own_name);
    assert_true (own_name in Mp.SharedMemory.list ());
    var same = Mp.SharedMemory.open_named (own_name);
    assert_cmpint (same.get_data ()[0], CompareOperator.EQ, 7);
    assert_true (same.size == 10);
    Mp.SharedMemory.unlink (own_name);
    assert_false (own_name in Mp.SharedMemory.list ());
    try {
        Mp.SharedMemory.open_named (own_name);
        assert_not_reached ();
    } catch (IOError.NOT_FOUND error) {
        assert_true (own_name in error.message);
    }
}

void test_value () throws Error {
    var number = new Mp.Value (Mp.ElementType.INT32);
    Mp.Process[] children = {};
    for (int i = 0; i < 4; i++) {
        var child = new Mp.Process (null, () => {
            for (int n = 0; n < 10000; n++)
                number.add (1);
            return true;
        });
        child.start ();
        children += child;
    }
    foreach (var child in children)
        child.join (20);
    assert_true (number.get_int64 () == 40000);
    assert_true (number.exchange (5) == 40000);
    assert_true (number.compare_and_set (5, 6));
    assert_false (number.compare_and_set (5, 7));
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => number.set_int64 (int64.MAX));
    assert_true (number.get_lock () is Mp.RLock);

    var mutex = new Mp.Lock ();
    var given = new Mp.Value.with_lock (Mp.ElementType.DOUBLE, mutex);
    assert_true (given.get_lock () == mutex);
    given.set_double (0.5);
    assert_true (given.add_double (1) == 0.5);
    assert_true (given.get_variant ().get_double () == 1.5);
}

void test_array () throws Error {
    var numbers = new Mp.Array (Mp.ElementType.from_typecode ("h"), 5);
    assert_true (numbers.length == 5);
    numbers.set_int64 (4, -9);
    assert_true (numbers.add (4, 2) == -9);
    assert_true (numbers.get_int64 (4) == -7);
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => numbers.get_int64 (5));
    numbers.write (0, new Bytes ({ 1, 0, 2, 0 }));
    assert_true (numbers.read (0, 2).compare (new Bytes ({ 1, 0, 2, 0 })) == 0);
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => numbers.read (4, 2));
    assert_cmpint (numbers.get_bytes ().length, CompareOperator.EQ, 10);
}

void test_list () throws Error {
    var list = new Mp.ShareableList (new Variant ("(isbd)", 7, "seven", true, 0.5));
    assert_true (list.length == 4);
    assert_cmpstr (list.get_format (), CompareOperator.EQ, "q8sxxxxxxx?d");
    var child = new Mp.Process (null, () => {
        list.set (1, "child");
        return true;
    });
    child.start ();
    child.join (20);
    assert_cmpstr (list.get (1).get_string (), CompareOperator.EQ, "child");
    list.set (0, 8);
    assert_true (list.get (0).get_int64 () == 8);
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => list.set (1, "much too long"));
    assert_fails (Mp.Error.NO_SUCH_KEY, () => list.get (4));
    assert_true (list.count (8) == 1);
    assert_true (list.index (0.5) == 3);

    var named = new Mp.ShareableList.named (own_name, new Variant ("(s)", "x"));
    assert_cmpstr (named.memory.name, CompareOperator.EQ, own_name);
    assert_cmpstr (Mp.ShareableList.open_named (own_name).get (0).get_string (),
        CompareOperator.EQ, "x");
    Mp.SharedMemory.unlink (own_name);
}

int main (string[] args) {
    begin (ref args);
    own_name = "vala-test-%d".printf ((int) Posix.getpid ());
    add_case ("/data/memory", test_memory);
    add_case ("/data/named", test_named);
    add_case ("/data/value", test_value);
    add_case ("/data/array", test_array);
    add_case ("/data/list", test_list);
    return Test.run ();
}
