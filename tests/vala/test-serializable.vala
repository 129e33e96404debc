// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Objects of a program's own classes in values, GLib's boxed types, values of other languages, and
// proxies on their way, as Vala sees them.

class Point : Object, Mp.Serializable {
    public int x;
    public int y;

    public Point (int x, int y) {
        this.x = x;
        this.y = y;
    }

    public Variant get_state () throws Error {
        if (x == 99)
            throw new IOError.BUSY ("not now");
        return new Variant ("(ii)", x, y);
    }

    public bool set_state (Variant state) throws Error {
        if (!state.is_of_type (new VariantType ("(ii)")))
            throw new IOError.INVALID_DATA ("no point");
        state.get ("(ii)", out x, out y);
        return true;
    }
}

void test_objects () throws Error {
    var queue = new Mp.Queue ();
    queue.put (new Point (1, -2).to_variant ());
    var value = queue.get ();
    assert_cmpstr (value.print (false), CompareOperator.EQ,
                   "('mp.gobject', <('Point', <(1, -2)>)>)");
    assert_fails (Mp.Error.NOT_PLAIN, () => Mp.Serializable.from_variant (value));

    Mp.Serializable.allow (typeof (Point));
    var point = (Point) Mp.Serializable.from_variant (value);
    assert_true (point.x == 1 && point.y == -2);
    Mp.Serializable.allow_with_func (typeof (Point), (state) => {
        return new Point (10 * state.get_child_value (0).get_int32 (), 7);
    });
    point = (Point) Mp.Serializable.from_variant (value);
    assert_true (point.x == 10 && point.y == 7);
    Mp.Serializable.disallow (typeof (Point));
    assert_false (Mp.Serializable.is_allowed (typeof (Point)));
    assert_fails (Mp.Error.INVALID_ARGUMENT, () => Mp.Serializable.allow (typeof (Object)));
    try {
        new Point (99, 0).to_variant ();
        assert_not_reached ();
    } catch (IOError.BUSY error) {
        assert_cmpstr (error.message, CompareOperator.EQ, "not now");
    }
}

void test_boxed () throws Error {
    var queue = new Mp.Queue ();
    var moment = new DateTime (new TimeZone.offset (3600), 2024, 2, 3, 4, 5, 6.25);
    var builder = new VariantBuilder (new VariantType ("a{sv}"));
    builder.add ("{sv}", "when", Mp.date_time_to_variant (moment));
    builder.add ("{sv}", "data", Mp.bytes_to_variant (new Bytes ({1, 2, 3})));
    queue.put (builder.end ());
    var value = queue.get ();
    assert_true (Mp.date_time_from_variant (value.lookup_value ("when", null)).equal (moment));
    assert_true (Mp.bytes_from_variant (value.lookup_value ("data", null)).get_size () == 3);
    assert_fails (Mp.Error.INVALID_DATA, () => Mp.date_time_from_variant (value));
    assert_fails (Mp.Error.INVALID_DATA, () => Mp.bytes_from_variant (value));
}

void test_opaque () throws Error {
    var queue = new Mp.Queue ();
    var other = new Mp.Queue ();
    var pickle = "cdecimal\nDecimal\n(S'1'\ntR.";
    queue.put_payload (new Mp.Payload (Mp.Encoding.PICKLE, new Bytes (pickle.data)));
    var payload = queue.get_payload ();
    try {
        payload.get_variant (null);
        assert_not_reached ();
    } catch (Mp.Error.NOT_PLAIN error) {
        assert_cmpstr (error.message, CompareOperator.EQ, "Python object of type decimal.Decimal");
    }
    other.put_payload (payload);
    payload = other.get_payload ();
    assert_true (payload.get_encoding () == Mp.Encoding.PICKLE);
    assert_true (payload.get_bytes ().compare (new Bytes (pickle.data)) == 0);
    other.put_payload (payload);
    assert_fails (Mp.Error.NOT_PLAIN, () => other.get ());
    assert_fails (Mp.Error.EMPTY, () => other.try_get ());
}

void test_proxies () throws Error {
    var manager = new Mp.Manager ();
    var queue = new Mp.Queue ();
    var list = manager.create_list (new int[] {1, 2});
    var dict = manager.create_dict ();
    queue.put (list.to_variant ());
    dict["list"] = list.to_variant ();
    Mp.ListProxy back = (Mp.ListProxy) Mp.Proxy.from_variant (queue.get ());
    back.append (3);
    var inner = (Mp.ListProxy) Mp.Proxy.from_variant (dict["list"]);
    assert_cmpstr (inner.to_string (), CompareOperator.EQ, "[1, 2, 3]");
    assert_fails (Mp.Error.INVALID_DATA, () => Mp.Proxy.from_variant (dict["list"].get_maybe ()));
    manager.shutdown ();
}

int main (string[] args) {
    begin (ref args);
    add_case ("/vala/serializable/objects", test_objects);
    add_case ("/vala/serializable/boxed", test_boxed);
    add_case ("/vala/serializable/opaque", test_opaque);
    add_case ("/vala/serializable/proxies", test_proxies);
    return Test.run ();
}
