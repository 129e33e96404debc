// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Managers and their proxies, as Vala sees them.

void assert_content (Mp.Proxy proxy, string expected) throws Error {
    assert_cmpstr (proxy.to_string (), CompareOperator.EQ, expected);
}

void test_list () throws Error {
    var manager = new Mp.Manager ();
    assert_true (manager.is_alive () && manager.pid > 0);
    var list = manager.create_list (new int[] {3, 1, 2});
    list.append (4);
    list.extend (new Variant.strv ({"five"}));
    list.insert (0, 0);
    list.reverse ();
    assert_content (list, "['five', 4, 2, 1, 3, 0]");
    assert_cmpint ((int) list.get_length (), CompareOperator.EQ, 6);
    assert_cmpstr (list[0].get_string (), CompareOperator.EQ, "five");
    list[0] = 5;
    assert_cmpint (list[-1].get_int32 (), CompareOperator.EQ, 0);
    assert_cmpint (list.pop (0).get_int32 (), CompareOperator.EQ, 5);
    assert_true (list.contains (4));
    assert_cmpint ((int) list.index_of (2), CompareOperator.EQ, 1);
    list.remove (3);
    assert_cmpstr (list.get_slice (0, 2).print (false), CompareOperator.EQ, "[<4>, <2>]");
    list.replace_slice (0, 2, null);
    assert_content (list, "[1, 0]");
    list.clear ();
    assert_content (list, "[]");
}

void test_dict () throws Error {
    var manager = new Mp.Manager ();
    var dict = manager.create_dict ();
    dict["one"] = 1;
    dict[2] = "two";
    assert_cmpint (dict["one"].get_int32 (), CompareOperator.EQ, 1);
    assert_cmpstr (dict[2].get_string (), CompareOperator.EQ, "two");
    assert_true (dict.contains ("one"));
    assert_cmpint (dict.set_default ("three", 3).get_int32 (), CompareOperator.EQ, 3);
    assert_content (dict, "{'one': 1, 2: 'two', 'three': 3}");
    dict.update (new Variant.parsed ("{'one': 11}"));
    dict.remove (2);
    assert_cmpstr (dict.get_values ().print (false), CompareOperator.EQ, "[<11>, <3>]");
    Variant key, value;
    dict.pop_item (out key, out value);
    assert_cmpstr (key.get_string (), CompareOperator.EQ, "three");
    assert_cmpint (value.get_int32 (), CompareOperator.EQ, 3);
    assert_cmpint (dict.pop ("one").get_int32 (), CompareOperator.EQ, 11);
    assert_cmpint ((int) dict.get_length (), CompareOperator.EQ, 0);
}

void test_errors () throws Error {
    var manager = new Mp.Manager ();
    var list = manager.create_list ();
    var dict = manager.create_dict ();
    try {
        dict.get ("missing");
        assert_not_reached ();
    } catch (Mp.Error.NO_SUCH_KEY error) {
        assert_true (error.message != "");
    }
    assert_fails (Mp.Error.NO_SUCH_KEY, () => list.get (0));
    assert_fails (Mp.Error.NO_SUCH_KEY, () => list.remove (1));
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => list.extend (1));
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => manager.create_dict ("no dict"));
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => Mp.Proxy.open ("no handle"));
    manager.shutdown ();
    assert_false (manager.is_alive ());
    assert_fails (Mp.Error.SERVER_DIED, () => list.append (1));
    assert_fails (Mp.Error.SERVER_DIED, () => manager.create_list ());
}

// Two processes change the same list: one by an inherited proxy, one by a handle.
void test_processes () throws Error {
    var manager = new Mp.Manager ();
    var list = manager.create_list (new int[] {0});
    var handle = list.get_handle ();
    Mp.ProxyModifyFunc add_one = content =>
        new Variant.array (null, {content.get_child_value (0).get_variant ().get_int32 () + 1});
    Mp.Process[] children = {};
    for (int i = 0; i < 2; i++) {
        bool inherited = i == 0;
        var child = new Mp.Process (null, () => {
            Mp.Proxy proxy = inherited ? list : Mp.Proxy.open (handle);
            for (int n = 0; n < 50; n++)
                proxy.modify (add_one);
            return true;
        });
        child.start ();
        children += child;
    }
    foreach (var child in children) {
        child.join (20);
        assert_cmpint (child.exit_code, CompareOperator.EQ, 0);
    }
    assert_content (list, "[100]");
}

void test_versions () throws Error {
    var manager = new Mp.Manager ();
    var list = manager.create_list (new int[] {1});
    uint64 version;
    bool replaced;
    assert_cmpstr (list.get_content (out version).print (false), CompareOperator.EQ, "[<1>]");
    list.replace_if_version (version, new int[] {2}, out replaced);
    assert_true (replaced);
    list.replace_if_version (version, new int[] {3}, out replaced);
    assert_false (replaced);
    assert_content (list, "[2]");
    try {
        list.modify (() => { throw new IOError.FAILED ("no change"); });
        assert_not_reached ();
    } catch (IOError.FAILED error) {
        assert_cmpstr (error.message, CompareOperator.EQ, "no change");
    }
    assert_content (list, "[2]");
}

int main (string[] args) {
    begin (ref args);
    add_case ("/manager/list", test_list);
    add_case ("/manager/dict", test_dict);
    add_case ("/manager/errors", test_errors);
    add_case ("/manager/processes", test_processes);
    add_case ("/manager/versions", test_versions);
    return Test.run ();
}
