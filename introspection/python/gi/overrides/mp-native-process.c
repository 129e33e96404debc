/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Processes: fork() and join(), and the life of a forked child around the work itself.
 *
 * The interpreter's lock is held from the first line of fork() to its last, and in the child for
 * ever. No Python code runs between the system's fork and the end of the call but what
 * os.register_at_fork() was given: each object that is looked at there is a page to be copied. A
 * signal that comes meanwhile is handled after the call, so no child's number is lost by a handler
 * that raises.
 *
 * What a child does is what _MpProcess.py does for other ways to start: see bootstrap() there.
 */

#include "mp-native-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What _MpProcess.py gives; see setup_process(). */
static struct {
  PyObject *fork;               /* os.fork */
  PyObject *await_threads;      /* threading._shutdown */
  PyObject *threading;          /* the module's dict */
  PyObject *get_code;           /* get_code (error, process): reports it, and gives the exit code */
  PyObject *print_error;        /* print_error (error) */
  PyObject *from_error;         /* from_error (domain, code, text): an exception */
  PyObject *stdin_file;
  PyObject *deferred;           /* a list: see _MpShield.py */
  PyObject *forget_deferred;
} given;

/* What mproc.process gives; see setup_children(). */
static struct {
  PyObject *process;            /* the dict of mproc.process */
  PyObject *util;               /* that of mproc.util */
  PyObject *exit_calls;         /* a list */
} package;

/* Names, made before any fork: a child looks at little. */
enum { ACTIVE, AT_EXIT, LOCKS, CURRENT, HAS_CHILDREN, RUN, ENTER, END, REGISTRY, EXITING,
       THRESHOLD, AFTER_FORK, N_NAMES };

static const char *const name_texts[N_NAMES] = {
  "_active", "_threading_atexits", "_shutdown_locks", "_current", "_has_children", "run", "_enter",
  "end_process", "_registry", "_exiting", "_threshold", "_after_fork",
};

static PyObject *names[N_NAMES];

/* One call of fork(), in whose thread all happens. What the child does is work(), or the life of
 * owner, a mproc.Process. */
typedef struct {
  PyObject *wrapper;
  PyObject *work;
  PyObject *owner;
} Start;

/* What is None, closed or broken has nothing that could be written. FALSE with any other
 * exception: it came from a signal handler. */
static gboolean
flush_stream (const char *name)
{
  PyObject *stream = PySys_GetObject (name);
  PyObject *result = stream != NULL && stream != Py_None
                       ? PyObject_CallMethod (stream, "flush", NULL)
                       : Py_NewRef (Py_None);

  Py_XDECREF (result);
  if (result != NULL)
    return TRUE;
  if (!PyErr_ExceptionMatches (PyExc_AttributeError) &&
      !PyErr_ExceptionMatches (PyExc_ValueError) && !PyErr_ExceptionMatches (PyExc_OSError))
    return FALSE;

  PyErr_Clear ();
  return TRUE;
}

/* --- The child ----------------------------------------------------------------------------- */

/* The library has put another file in the place of the parent's, who may have read ahead. */
static void
replace_stdin (void)
{
  PyObject *former = PySys_GetObject ("stdin");

  if (former != NULL && former != Py_None && PySys_SetObject ("stdin", given.stdin_file) < 0)
    PyErr_Clear ();
}

static int
report (PyObject *wrapper)
{
  PyObject *error = mp_native_take_error ();
  PyObject *result = PyObject_CallFunctionObjArgs (given.get_code, error, wrapper, NULL);
  int code = result != NULL ? (int) PyLong_AsLong (result) : 1;

  PyErr_Clear ();
  return code;
}

/* @name: a container of the threading module; -1 if it has none of that name. */
static Py_ssize_t
count_in_threading (PyObject *name)
{
  PyObject *container = PyDict_GetItemWithError (given.threading, name);
  Py_ssize_t n = container != NULL ? PyObject_Size (container) : -1;

  PyErr_Clear ();
  return n;
}

/* Whether only this thread was ever here, and nothing is to be called at the end of all. */
static gboolean
is_alone (void)
{
  return count_in_threading (names[ACTIVE]) == 1 && count_in_threading (names[AT_EXIT]) == 0 &&
         count_in_threading (names[LOCKS]) == 0;
}

static void
await_threads (void)
{
  if (is_alone ())
    return;
  if (PyObject_CallNoArgs (given.await_threads) == NULL &&
      PyObject_CallFunctionObjArgs (given.print_error, mp_native_take_error (), NULL) == NULL)
    PyErr_Clear ();
}

/* Whether a variable of a module is there and says nothing. */
static gboolean
is_unset (PyObject *module,
          PyObject *name)
{
  PyObject *value = PyDict_GetItemWithError (module, name);

  return value != NULL && PyObject_IsTrue (value) == 0;
}

/* Whether there is neither anything that a child has to forget nor that it has to end. */
static gboolean
is_plain (void)
{
  return PyList_Size (package.exit_calls) == 0 && is_unset (package.util, names[REGISTRY]) &&
         is_unset (package.util, names[THRESHOLD]) && is_unset (package.util, names[AFTER_FORK]);
}

/* What end_process() of mproc.process does, with the exception of the work kept. */
static PyObject *
end_work (PyObject *result)
{
  PyObject *error, *ended;

  if (is_plain () && is_unset (package.process, names[HAS_CHILDREN]))
    return result;

  error = result == NULL ? mp_native_take_error () : NULL;
  ended = PyObject_CallNoArgs (PyDict_GetItemWithError (package.process, names[END]));
  if (error != NULL && ended != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);

  return ended != NULL ? result : NULL;
}

/* What owner._enter() does, which is asked where there is more to do than to run it. */
static PyObject *
run_owner (PyObject *owner)
{
  if (!is_plain () || !is_unset (package.util, names[EXITING]))
    return PyObject_CallMethodObjArgs (owner, names[ENTER], NULL);
  if (PyDict_SetItem (package.process, names[CURRENT], owner) < 0 ||
      PyDict_SetItem (package.process, names[HAS_CHILDREN], Py_False) < 0)
    return NULL;

  return end_work (PyObject_CallMethodObjArgs (owner, names[RUN], NULL));
}

static PyObject *
do_work (const Start *start)
{
  return start->owner != NULL ? run_owner (start->owner) : PyObject_CallNoArgs (start->work);
}

/* References are not given back here: the process ends. */
static void G_GNUC_NORETURN
run_child (MpProcess   *process,
           const Start *start)
{
  int code = 0;

  if (PyList_Size (given.deferred) > 0 && PyObject_CallNoArgs (given.forget_deferred) == NULL)
    PyErr_Clear ();
  mp_process_enter_child (process);     /* from here on signals come */
  replace_stdin ();
  if (do_work (start) == NULL)
    code = report (start->wrapper);
  await_threads ();
  if (!flush_stream ("stdout") | !flush_stream ("stderr"))
    code = 1;
  mp_process_leave_child (process);
  _exit (code & 0xff);
}

/* --- The parent ---------------------------------------------------------------------------- */

/* The result of os.fork(), or a negated errno value with the exception that it raised. */
static int
fork_now (void)
{
  PyObject *result = PyObject_CallNoArgs (given.fork);
  PyObject *error, *number;
  int code = 0;

  if (result != NULL)
    {
      code = (int) PyLong_AsLong (result);
      Py_DECREF (result);
      return code;
    }
  if (!PyErr_ExceptionMatches (PyExc_OSError))
    return -EINTR;

  error = mp_native_take_error ();
  number = PyObject_GetAttrString (error, "errno");
  if (number != NULL)
    code = (int) PyLong_AsLong (number);
  PyErr_Clear ();
  Py_DECREF (error);

  return code > 0 ? -code : -EAGAIN;
}

/* The library has blocked all signals. An exception that is left set is the caller's to raise. */
static int
fork_wrapper (MpProcess *process,
              gpointer   data)
{
  int pid;

  if (!flush_stream ("stdout") || !flush_stream ("stderr"))
    return -EINTR;

  pid = fork_now ();
  if (pid == 0)
    run_child (process, data);

  return pid;
}

static PyObject *
raise_error (GError *error)
{
  PyObject *exception = NULL;

  if (!PyErr_Occurred ())
    exception = PyObject_CallFunction (given.from_error, "sis", g_quark_to_string (error->domain),
                                       error->code, error->message);
  if (exception != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (exception), exception);
  Py_XDECREF (exception);
  g_error_free (error);

  return NULL;
}

static PyObject *
start_process (MpProcess *process,
               Start     *start)
{
  GError *error = NULL;

  if (!mp_process_start_by (process, fork_wrapper, start, &error))
    return raise_error (error);

  Py_RETURN_NONE;
}

static PyObject *
process_fork (PyObject *self,
              PyObject *work)
{
  MpProcess *process = mp_native_get_object (self);
  Start start = { self, work, NULL };

  if (given.fork == NULL || process == NULL)
    return PyObject_CallMethod (self, "_slow_fork", "O", work);

  return start_process (process, &start);
}

static PyObject *
process_fork_owner (PyObject *self,
                    PyObject *owner)
{
  MpProcess *process = mp_native_get_object (self);
  Start start = { self, NULL, owner };

  if (given.fork == NULL || package.process == NULL || process == NULL)
    return PyObject_CallMethod (self, "_slow_fork_owner", "O", owner);

  return start_process (process, &start);
}

static int
join_process (gpointer process,
              gint64   usec)
{
  return mp_process_join_raw (process, usec);
}

static PyObject *
process_join (PyObject        *self,
              PyObject *const *values,
              Py_ssize_t       n_values,
              PyObject        *named)
{
  static const char *const keywords[] = { "timeout" };
  const MpNativeCall call = { self, values, n_values, named };
  MpProcess *process = mp_native_get_object (self);
  PyObject *timeout;
  gint64 usec;
  int status;

  if (process == NULL || !mp_native_get_arguments (&call, keywords, 1, 0, &timeout) ||
      !mp_native_get_usec (NULL, timeout, &usec))
    return mp_native_call_slow (&call, "_slow_join");

  status = mp_native_wait (join_process, process, usec);
  if (status == MP_STATUS_OK)
    Py_RETURN_TRUE;
  if (status == MP_STATUS_TIMED_OUT)
    Py_RETURN_FALSE;

  return status < 0 ? NULL : mp_native_call_slow (&call, "_slow_join");
}

/* --- A new one ----------------------------------------------------------------------------- */

/* Where what PyGObject offers to modules begins: struct _PyGObject_Functions of pygobject.h. */
typedef struct {
  gpointer   register_class;
  gpointer   register_wrapper;
  gpointer   lookup_class;
  PyObject *(*new_wrapper) (GObject *object);
} Bridge;

static const Bridge *
find_bridge (void)
{
  PyObject *module = PyImport_ImportModule ("gi._gobject");
  PyObject *capsule = module != NULL ? PyObject_GetAttrString (module, "_PyGObject_API") : NULL;
  const Bridge *bridge = capsule != NULL
                           ? PyCapsule_GetPointer (capsule, PyCapsule_GetName (capsule)) : NULL;

  Py_XDECREF (capsule);
  Py_XDECREF (module);

  return bridge;
}

/* As Mp.Process.new(), by a way that looks at much fewer objects. */
PyObject *
mp_native_new_process (PyObject *module,
                       PyObject *name)
{
  static const Bridge *bridge;
  Py_ssize_t size;
  const char *text = PyUnicode_AsUTF8AndSize (name, &size);
  MpProcess *process;
  PyObject *wrapper;

  if (text == NULL || (bridge == NULL && (bridge = find_bridge ()) == NULL))
    return NULL;
  if (strlen (text) != (gsize) size)
    return PyErr_Format (PyExc_ValueError, "a name has no NUL in it");

  process = mp_process_new (text, NULL, NULL, NULL);
  wrapper = bridge->new_wrapper (G_OBJECT (process));
  g_object_unref (process);

  return wrapper;
}

PyMethodDef mp_native_process_methods[] = {
  { "fork", process_fork, METH_O,
    "fork($self, work, /)\n--\n\nStarts the process; the child calls work()." },
  { "fork_owner", process_fork_owner, METH_O,
    "fork_owner($self, owner, /)\n--\n\nStarts the process; the child calls owner._enter()." },
  { "join", MP_NATIVE_METHOD (process_join), METH_FASTCALL | METH_KEYWORDS,
    "join($self, /, timeout=None)\n--\n\n"
    "Waits for the end. False if that did not come in time (seconds)." },
  { NULL }
};

static gboolean
make_names (void)
{
  for (int i = 0; i < N_NAMES; i++)
    if (names[i] == NULL && (names[i] = PyUnicode_InternFromString (name_texts[i])) == NULL)
      return FALSE;

  return TRUE;
}

/* Each child of the interpreter deletes such a key. The first who calls that function of the C
 * library has the linker search for it, which takes long: so that is done here, once for all. */
static void
bind_early (void)
{
  Py_tss_t *key = PyThread_tss_alloc ();

  if (key == NULL)
    return;
  PyThread_tss_create (key);
  PyThread_tss_free (key);
}

PyObject *
mp_native_setup_process (PyObject *module,
                         PyObject *arguments,
                         PyObject *named)
{
  static const char *const keywords[] = { "fork", "threading", "get_code", "print_error",
                                          "from_error", "stdin", "deferred",
                                          "forget_deferred", NULL };
  PyObject *found[8];

  if (!PyArg_ParseTupleAndKeywords (arguments, named, "OOOOOOO!O", (char **) keywords,
                                    &found[0], &found[1], &found[2], &found[3], &found[4],
                                    &found[5], &PyList_Type, &found[6], &found[7]) ||
      !make_names ())
    return NULL;

  bind_early ();
  given.fork = Py_NewRef (found[0]);
  given.await_threads = PyObject_GetAttrString (found[1], "_shutdown");
  given.threading = PyObject_GetAttrString (found[1], "__dict__");
  if (given.await_threads == NULL || given.threading == NULL)
    return NULL;

  given.get_code = Py_NewRef (found[2]);
  given.print_error = Py_NewRef (found[3]);
  given.from_error = Py_NewRef (found[4]);
  given.stdin_file = Py_NewRef (found[5]);
  given.deferred = Py_NewRef (found[6]);
  given.forget_deferred = Py_NewRef (found[7]);
  Py_RETURN_NONE;
}

PyObject *
mp_native_setup_children (PyObject *module,
                          PyObject *arguments,
                          PyObject *named)
{
  static const char *const keywords[] = { "process", "util", "exit_calls", NULL };
  PyObject *process, *util, *exit_calls;

  if (!PyArg_ParseTupleAndKeywords (arguments, named, "O!O!O!", (char **) keywords, &PyDict_Type,
                                    &process, &PyDict_Type, &util, &PyList_Type, &exit_calls))
    return NULL;

  package.process = Py_NewRef (process);
  package.util = Py_NewRef (util);
  package.exit_calls = Py_NewRef (exit_calls);
  Py_RETURN_NONE;
}
