// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The side of Vala in the table of values (cases*.toml): values.c says what it does, and this does
// the same. The values are written as Vala makes Variants of its own.

const double SECONDS = 60;
const int LONGEST = 2000;
const int MANY = 100000;
const int MIB = 1 << 20;

// The case of no name ends everything.
const string END = "";

class ValuesPoint : Object, Mp.Serializable {
    public int x;
    public int y;

    public ValuesPoint (int x, int y) {
        this.x = x;
        this.y = y;
    }

    public Variant get_state () throws Error {
        return new Variant ("(ii)", x, y);
    }

    public bool set_state (Variant state) throws Error {
        state.get ("(ii)", out x, out y);
        return true;
    }
}

struct Pair {
    string name;
    Variant value;
}

Pair[] all;

void add (string name, Variant value) {
    all += Pair () { name = name, value = value };
}

Variant extension (string tag, Variant content) {
    return new Variant.maybe (null, new Variant ("(sv)", tag, content));
}

Variant number (string digits) {
    return extension ("mp.int", digits);
}

Variant nothing () {
    return new Variant.maybe (VariantType.VARIANT, null);
}

// ── The cases ───────────────────────────────────────────────────────────────────────────────────

void add_numbers () {
    add ("null", nothing ());
    add ("true", true);
    add ("false", false);
    add ("int 0", (int64) 0);
    add ("int 1", (int64) 1);
    add ("int -1", (int64) (-1));
    add ("int 2^31-1", (int64) int32.MAX);
    add ("int 2^31", (int64) int32.MAX + 1);
    add ("int -2^31", (int64) int32.MIN);
    add ("int -2^31-1", (int64) int32.MIN - 1);
    add ("int 2^53-1", 9007199254740991);
    add ("int 2^53", 9007199254740992);
    add ("int 2^53+1", 9007199254740993);
    add ("int -2^53+1", -9007199254740991);
    add ("int -2^53-1", -9007199254740993);
    add ("int 2^63-1", int64.MAX);
    add ("int -2^63", int64.MIN);
    add ("int 2^63", (uint64) int64.MAX + 1);
    add ("int 2^64-1", uint64.MAX);
    add ("int 2^64", number ("18446744073709551616"));
    add ("int -2^63-1", number ("-9223372036854775809"));
    add ("int 10^100", number ("1" + string.nfill (100, '0')));
    add ("int of 10000 digits", number ("1" + string.nfill (9999, '0')));
    add ("int of 10001 digits", number ("1" + string.nfill (10000, '0')));
    add ("float 0.5", 0.5);
    add ("float 0.1", 0.1);
    add ("float 1.0", 1.0);
    add ("float -0.0", -0.0);
    add ("float 1e22", 1e22);
    add ("float smallest", double.parse ("5e-324"));
    add ("float largest", double.MAX);
    add ("float inf", double.INFINITY);
    add ("float -inf", -double.INFINITY);
    add ("float nan", double.NAN);
}

void add_texts () {
    add ("str empty", "");
    add ("str ASCII", "Hello, world");
    add ("str escapes", "a\"b\\c\n\t");
    add ("str null", "null");
    add ("str $mp", "\"$mp\"");
    add ("str beyond the BMP", "hé 日 😀");
    add ("str with U+0000", extension ("mp.str", bytes ({ 'a', 0, 'b' })));
    add ("bytes empty", bytes ({}));
    add ("bytes", bytes ({ 0, 1, 0x7f, 0xff }));
}

Variant bytes (uint8[] data) {
    return new Variant.from_bytes (new VariantType ("ay"), new Bytes (data), true);
}

Variant boxes (Variant[] items) {
    Variant[] boxed = {};
    foreach (var item in items)
        boxed += new Variant.variant (item);
    return new Variant.array (VariantType.VARIANT, boxed);
}

void add_lists () {
    add ("list empty", boxes ({}));
    add ("list of bools", new Variant.array (null, { true, false }));
    add ("list of ints", new int64[] { 1, -2, 9007199254740993 });
    add ("list of floats", new double[] { 0.5, -1.5 });
    add ("list of strs", new Variant.strv ({ "a", "", "b" }));
    add ("list of bytes", new Variant.array (null, { bytes ({ 1 }), bytes ({}) }));
    add ("list of dicts",
        new Variant.array (null, { dict ({ "a" }, { (int64) 1 }), dict ({}, {}) }));
    add ("list mixed", boxes ({ (int64) 1, "a", nothing (), true }));
    add ("list of int and float", boxes ({ (int64) 1, 2.5 }));
    add ("list of int and uint64", boxes ({ (int64) 1, (uint64) int64.MAX + 1 }));
    add ("list of lists", boxes ({ new int64[] { 1, 2 }, boxes ({}) }));
    add ("list of nulls", boxes ({ nothing (), nothing () }));
    add ("tuple empty", new Variant.tuple ({}));
    add ("tuple of 1", new Variant.tuple ({ "a" }));
    add ("tuple of 2", new Variant ("(xs)", (int64) 1, "a"));
    add ("tuple of tuples", new Variant ("((xx)(s))", (int64) 1, (int64) 2, "a"));
    add ("shared twice", boxes ({ new int64[] { 1 }, new int64[] { 1 } }));

    Variant[] numbers = {};
    for (int64 i = 0; i < 64; i++)
        numbers += i;
    add ("tuple of 64", new Variant.tuple (numbers));
    numbers += (int64) 64;
    add ("tuple of 65", extension ("mp.tuple", boxes (numbers)));
}

Variant dict (string[] keys, Variant[] values) {
    var builder = new VariantBuilder (VariantType.VARDICT);
    for (int i = 0; i < keys.length; i++)
        builder.add ("{sv}", keys[i], values[i]);
    return builder.end ();
}

Variant pairs (Variant[] keys, Variant[] values) {
    var builder = new VariantBuilder (new VariantType ("a(vv)"));
    for (int i = 0; i < keys.length; i++)
        builder.add ("(vv)", keys[i], values[i]);
    return extension ("mp.dict", builder.end ());
}

void add_dicts () {
    var by_number = new VariantBuilder (new VariantType ("a{xv}"));
    by_number.add ("{xv}", (int64) 1, new Variant.string ("a"));
    by_number.add ("{xv}", (int64) (-5), new Variant.string ("b"));

    add ("dict empty", dict ({}, {}));
    add ("dict", dict ({ "b", "a" }, { (int64) 1, boxes ({ nothing () }) }));
    add ("dict integer-like", dict ({ "2", "1", "x" }, { "two", "one", "ex" }));
    add ("dict $mp", dict ({ "$mp" }, { (int64) 1 }));
    add ("dict __proto__", dict ({ "__proto__", "a" }, { (int64) 1, (int64) 2 }));
    add ("dict of int", by_number.end ());
    add ("dict of bytes", pairs ({ bytes ({ 'k' }) }, { (int64) 1 }));
    add ("dict mixed", pairs ({ "a", 2.5, nothing (), new Variant ("(xx)", (int64) 1, (int64) 2) },
        { (int64) 1, "b", "c", "d" }));
    add ("dict key with U+0000",
        pairs ({ extension ("mp.str", bytes ({ 'a', 0 })) }, { (int64) 1 }));
}

void add_others () {
    add ("set", extension ("mp.set", boxes ({ (int64) 1, (int64) 2, (int64) 3 })));
    add ("set empty", extension ("mp.set", boxes ({})));
    add ("set of tuple", extension ("mp.set", boxes ({ new Variant ("(xs)", (int64) 1, "a") })));
    add ("set of frozenset",
        extension ("mp.set", boxes ({ extension ("mp.frozenset", boxes ({ (int64) 1 })) })));
    add ("frozenset", extension ("mp.frozenset", boxes ({ (int64) 1, (int64) 2 })));
    add ("moment in UTC", extension ("mp.datetime", "2020-02-29T23:59:58.125000Z"));
    add ("moment in a zone", extension ("mp.datetime", "2020-02-29T23:59:58.123456+05:30"));
}

// What only C and Vala have.
void add_foreign () {
    var by_uint = new VariantBuilder (new VariantType ("a{us}"));
    by_uint.add ("{us}", 7, "seven");
    var by_double = new VariantBuilder (new VariantType ("a{ds}"));
    by_double.add ("{ds}", 0.5, "half");

    add ("byte", (uchar) 255);
    add ("int16", (int16) (-5));
    add ("int32", int32.MIN);
    add ("uint32", uint32.MAX);
    add ("array of int32", new int[] { 1, 2 });
    add ("array of uint16", new uint16[] { 1, 65535 });
    add ("dict of int32", new Variant.array (null, { new Variant ("{si}", "a", 1) }));
    add ("dict by uint32", by_uint.end ());
    add ("dict by double", by_double.end ());
    add ("entry", new Variant.dict_entry ("a", (int64) 1));
    add ("Just", new Variant.maybe (null, (int64) 5));
    add ("Just Nothing", new Variant.maybe (null, new Variant.maybe (VariantType.INT64, null)));
    add ("boxed", new Variant.variant (new Variant.variant ((int64) 5)));
    add ("object path", new Variant.object_path ("/org/example"));
    add ("signature", new Variant.signature ("a{sv}"));
    add ("bytestring", new Variant.bytestring ("text"));
    add ("handle", new Variant.handle (5));
    add ("pair like an extension", extension ("own.tag", (int64) 5));
    add ("unknown extension", extension ("mp.unknown", (int64) 5));
    add ("dict with a key twice", dict ({ "a", "a" }, { (int64) 1, (int64) 2 }));
    add ("set with a member twice", extension ("mp.set", boxes ({ (int64) 1, (int64) 1 })));
    add ("object that is not allowed",
         extension ("mp.gobject", new Variant ("(sv)", "ValuesSecret", new Variant.int64 (1))));
    add ("moment of nonsense", extension ("mp.datetime", "yesterday"));
}

void add_large (Mp.Queue inner) {
    Variant lists = boxes ({});
    Variant dicts = dict ({}, {});
    for (int depth = 2; depth <= 41; depth++) {
        lists = boxes ({ lists });
        dicts = dict ({ "k" }, { dicts });
        if (depth == 40) {
            add ("40 lists", lists);
            add ("40 dicts", dicts);
        }
    }
    add ("41 lists", lists);
    add ("41 dicts", dicts);

    var data = new uint8[MIB];
    for (int i = 0; i < MIB; i++)
        data[i] = (uint8) (i % 4);
    add ("bytes of 1 MiB", bytes (data));
    add ("str of 1 MiB", string.nfill (MIB, 'x'));
    var numbers = new int64[MANY];
    for (int i = 0; i < MANY; i++)
        numbers[i] = i;
    add ("list of 100000", numbers);
    add ("queue", inner.to_variant ());
    add ("queue inside", dict ({ "inside" }, { boxes ({ inner.to_variant (), "x" }) }));
}

// ── Values as texts ─────────────────────────────────────────────────────────────────────────────

string describe_shared (string handle) {
    try {
        if (handle.has_prefix ("mproc-manager:"))
            return "<ListProxy %s>".printf (Mp.Proxy.open (handle).get_length ().to_string ());
        return "<Queue %u>".printf (((Mp.Queue) Mp.Shared.open (handle)).qsize ());
    } catch (Error error) {
        return error.message;
    }
}

// A shared object is told by what it is, and so is one of ours; a long text by its length and
// checksum.
string describe (Variant value) {
    try {
        var point = (ValuesPoint) Mp.Serializable.from_variant (value);
        return "<%s %d %d>".printf (point.get_type ().name (), point.x, point.y);
    } catch (Error error) {
        // Nearly all are something else.
    }

    var text = value.print (true);
    if (text.length > LONGEST) {
        return "%d bytes %s".printf (text.length,
            Checksum.compute_for_string (ChecksumType.SHA256, text));
    }

    try {
        var handles = new Regex ("@m\\(sv\\) \\('mp.object', <'([^']*)'>\\)");
        return handles.replace_eval (text, -1, 0, 0, (info, result) => {
            result.append (describe_shared (info.fetch (1)));
            return false;
        });
    } catch (RegexError error) {
        return error.message;
    }
}

void say (string what, string name, string text) {
    stdout.printf ("%s\t%s\t%s\n", what, name, text);
}

void say_error (string what, string name, Error error) {
    string code = error.domain.to_string ();
    if (error is Mp.Error.NOT_PLAIN)
        code = "NOT_PLAIN";
    else if (error is Mp.Error.INVALID_DATA)
        code = "INVALID_DATA";
    say (what, name, "error %s %s".printf (code, error.message));
}

// ── The three programs ──────────────────────────────────────────────────────────────────────────

// Puts the value and the name behind it.
void put (Mp.Queue queue, string name, Variant value) throws Error {
    try {
        queue.put (value, SECONDS);
    } catch (Error error) {
        say_error ("refused", name, error);
        return;
    }
    queue.put (name, SECONDS);
}

void write_all (Mp.Queue queue, Mp.Proxy list) throws Error {
    var inner = new Mp.Queue ();
    inner.put ((int64) 7, SECONDS);

    add_numbers ();
    add_texts ();
    add_lists ();
    add_dicts ();
    add_others ();
    add_foreign ();
    add_large (inner);
    add ("object", new ValuesPoint (1, -2).to_variant ());
    add ("object inside", boxes ({ new ValuesPoint (3, 4).to_variant (), "x" }));
    add ("proxy", list.to_variant ());
    add ("proxy inside", boxes ({ list.to_variant (), "x" }));
    foreach (unowned var pair in all) {
        say ("wrote", pair.name, describe (pair.value));
        put (queue, pair.name, pair.value);
    }
    put (queue, END, END);
}

void read_all (Mp.Queue queue, Mp.Queue? other) throws Error {
    while (true) {
        Variant? value = null;
        Error? problem = null;
        try {
            value = queue.get (SECONDS);
        } catch (Error error) {
            problem = error;
        }
        var name = queue.get (SECONDS).get_string ();
        if (name == END)
            break;
        if (problem != null) {
            say_error ("read", name, problem);
            continue;
        }
        say ("read", name, describe (value));
        if (other != null)
            put (other, name, value);
    }
    if (other != null)
        put (other, END, END);
}

int main (string[] args) {
    try {
        var queue = (Mp.Queue) Mp.Shared.open (args[2]);
        Mp.Serializable.allow (typeof (ValuesPoint));
        Mp.Queue? other = null;
        if (args[1] == "pass")
            other = (Mp.Queue) Mp.Shared.open (args[3]);
        if (args[1] == "write")
            write_all (queue, Mp.Proxy.open (args[3]));
        else
            read_all (queue, other);
    } catch (Error error) {
        printerr ("%s\n", error.message);
        return 1;
    }
    return 0;
}
