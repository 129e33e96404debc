// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// mp-checksum [-j N] PATH...: prints the SHA-256 sums of files, and of all files below folders, in
// the order of their paths. N processes compute them. `sha256sum -c` accepts the output.

const int FILES_PER_TASK = 16;

const OptionEntry[] OPTIONS = {
    {"jobs", 'j', OptionFlags.NONE, OptionArg.INT, ref jobs, "How many processes", "N"}, {null}
};

int jobs = 0;
bool failed = false;
unowned string clear_out = "";
unowned string clear_err = "";
double bytes = 0;
double bytes_done = 0;
int64 started;
int64 shown;

// Runs in a worker, with one path; the result is size, sum, and why there is none.
Variant checksum (Variant path) throws Error {
    var sum = new Checksum (ChecksumType.SHA256);
    var buffer = new uint8[64 * 1024];
    int64 size = 0;
    ssize_t n = -1;
    var fd = Posix.open (path.get_bytestring (), Posix.O_RDONLY | Posix.O_CLOEXEC);
    while (fd >= 0 && (n = Posix.read (fd, buffer, buffer.length)) > 0) {
        sum.update (buffer, n);
        size += n;
    }
    var why = n < 0 ? strerror (errno) : "";
    if (fd >= 0)
        Posix.close (fd);
    return new Variant ("(xss)", size, sum.get_string (), why);
}

// A line on stderr that changes, if that is a terminal; what else goes to the terminal clears it.
void show_progress (int done, int files) {
    var now = get_monotonic_time ();
    if (clear_err == "" || now - shown < TimeSpan.SECOND / 10)
        return;
    shown = now;
    var rate = double.max (bytes_done / int64.max (now - started, 1), 1e-6);
    var left = double.max (bytes - bytes_done, 0) / 1e6 / rate;
    stderr.printf ("%s%d of %d files, %.1f of %.1f MB, %.1f MB/s, %.0f s left", clear_err, done,
        files, bytes_done / 1e6, bytes / 1e6, rate, left);
}

void complain (string path, string why) {
    stderr.printf ("%smp-checksum: %s: %s\n", clear_err, path, why);
    failed = true;
}

// Adds a file, or the regular files below a folder. Only a link that is an argument is followed.
void find (string path, bool is_argument, GenericArray<string> found) {
    Posix.Stat status;
    if ((is_argument ? Posix.stat (path, out status) : Posix.lstat (path, out status)) < 0) {
        complain (path, strerror (errno));
    } else if (Posix.S_ISDIR (status.st_mode)) {
        var folder = Posix.opendir (path);
        if (folder == null) {
            complain (path, strerror (errno));
            return;
        }
        unowned Posix.DirEnt? entry;
        while ((entry = Posix.readdir (folder)) != null) {
            unowned var name = (string) entry.d_name;
            if (name != "." && name != "..")
                find (path.has_suffix ("/") ? path + name : path + "/" + name, false, found);
        }
    } else if (is_argument || Posix.S_ISREG (status.st_mode)) {
        found.add (path);
        bytes += status.st_size;
    }
}

// As sha256sum does it: a backslash before the line says that the name is escaped.
void print_line (string sum, string path) {
    var name = new StringBuilder (path);
    name.replace ("\\", "\\\\");
    name.replace ("\n", "\\n");
    name.replace ("\r", "\\r");
    stdout.printf ("%s%s%s  %s\n", clear_out, name.str == path ? "" : "\\", sum, name.str);
}

void sum_all (string[] files) throws Error {
    var pool = new Mp.Pool (jobs);
    var paths = new Variant.bytestring_array (files);
    var results = pool.iterate (checksum, paths, FILES_PER_TASK, true);
    Variant? result;
    for (int i = 0; results.next (-1, null, out result); i++) {
        int64 size;
        string sum, why;
        result.get ("(xss)", out size, out sum, out why);
        bytes_done += size;
        if (why == "")
            print_line (sum, files[i]);
        else
            complain (files[i], why);
        show_progress (i + 1, files.length);
    }
}

int main (string[] args) {
    var context = new OptionContext ("PATH...");
    context.add_main_entries (OPTIONS, null);
    try {
        if (!context.parse (ref args) || args.length < 2 || jobs < 0)
            throw new OptionError.FAILED ("no path, or no number");
    } catch (OptionError error) {
        stderr.puts ("Usage: mp-checksum [-j N] PATH...\n");
        return 2;
    }

    if (Posix.isatty (2))
        clear_err = "\r\x1b[K";
    if (Posix.isatty (1))
        clear_out = clear_err;
    string[] files = {};
    foreach (unowned var path in args[1:args.length]) {
        var found = new GenericArray<string> ();
        find (path, true, found);
        found.sort (strcmp);
        foreach (unowned var file in found)
            files += file;
    }
    started = shown = get_monotonic_time ();
    try {
        sum_all (files);
    } catch (Error error) {
        complain ("error", error.message);
    }
    if (stdout.flush () != 0 || stdout.error () != 0)
        complain ("stdout", strerror (errno));
    stderr.puts (clear_err);
    return failed ? 1 : 0;
}
