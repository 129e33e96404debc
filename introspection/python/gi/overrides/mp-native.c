/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The accelerator: the module gi.overrides._MpNative, which holds C versions of the methods that
 * are called most, and nothing else. _MpFast.py puts them into the classes of the override.
 *
 * Through introspection each call lets go of the interpreter's lock, which takes long to get back
 * if another thread is busy. These methods try with the lock held, and let go of it only to wait.
 *
 * They change no meaning. A method that meets anything unusual (odd arguments, a value that pickle
 * refuses, a status that is no success) calls the Python method it replaced, which is kept in the
 * class as `_slow_` and its name. So everything works without this module.
 *
 * It uses the limited API of Python 3.11 and the public API of the library. A wrapper's GObject is
 * what PyGObject's own hash function gives: whether that is so is checked at import.
 */

#include "mp-native-private.h"

/* Changes with what _MpFast.py and this module expect of each other. */
#define INTERFACE 4

MpNativeHooks mp_native_hooks;

static PyTypeObject *gobject_type;
static hashfunc get_pointer;

gpointer
mp_native_get_object (PyObject *wrapper)
{
  return (gpointer) get_pointer (wrapper);
}

gpointer
mp_native_get_gobject (PyObject *object)
{
  return gobject_type != NULL && PyObject_TypeCheck (object, gobject_type)
           ? mp_native_get_object (object)
           : NULL;
}

MpQueue *
mp_native_get_queue (PyObject *object)
{
  gpointer queue = mp_native_get_gobject (object);

  return queue != NULL && MP_IS_QUEUE (queue) ? queue : NULL;
}

/* --- Arguments ----------------------------------------------------------------------------- */

static gboolean
place_named (PyObject          *name,
             PyObject          *value,
             const char *const *names,
             Py_ssize_t         n_names,
             PyObject         **arguments)
{
  for (Py_ssize_t i = 0; i < n_names; i++)
    if (PyUnicode_CompareWithASCIIString (name, names[i]) == 0)
      {
        if (arguments[i] != NULL)
          return FALSE;
        arguments[i] = value;
        return TRUE;
      }

  return FALSE;
}

gboolean
mp_native_get_arguments (const MpNativeCall *call,
                         const char *const  *names,
                         Py_ssize_t          n_names,
                         Py_ssize_t          n_required,
                         PyObject          **arguments)
{
  Py_ssize_t n_named = call->names != NULL ? PyTuple_Size (call->names) : 0;

  if (call->n_values > n_names)
    return FALSE;
  for (Py_ssize_t i = 0; i < n_names; i++)
    arguments[i] = i < call->n_values ? call->values[i] : NULL;
  for (Py_ssize_t i = 0; i < n_named; i++)
    if (!place_named (PyTuple_GetItem (call->names, i), call->values[call->n_values + i], names,
                      n_names, arguments))
      return FALSE;
  for (Py_ssize_t i = 0; i < n_required; i++)
    if (arguments[i] == NULL)
      return FALSE;

  return TRUE;
}

static gboolean
get_seconds (PyObject *timeout,
             double   *seconds)
{
  if (!PyFloat_CheckExact (timeout) && !PyLong_CheckExact (timeout))
    return FALSE;

  *seconds = PyFloat_AsDouble (timeout);
  if (PyErr_Occurred ())
    {
      PyErr_Clear ();
      return FALSE;
    }

  return *seconds == *seconds;
}

gboolean
mp_native_get_usec (PyObject *block,
                    PyObject *timeout,
                    gint64   *usec)
{
  double seconds;

  *usec = -1;
  if (block == Py_False)
    {
      *usec = 0;
      return TRUE;
    }
  if (block != NULL && block != Py_True)
    return FALSE;
  if (timeout == NULL || timeout == Py_None)
    return TRUE;
  if (!get_seconds (timeout, &seconds))
    return FALSE;
  if (seconds <= 1e9)
    *usec = MAX (0, (gint64) (MAX (seconds, 0) * 1e6));

  return TRUE;
}

static PyObject *
collect_named (const MpNativeCall *call)
{
  PyObject *named = PyDict_New ();

  for (Py_ssize_t i = 0; named != NULL && i < PyTuple_Size (call->names); i++)
    if (PyDict_SetItem (named, PyTuple_GetItem (call->names, i),
                        call->values[call->n_values + i]) < 0)
      Py_CLEAR (named);

  return named;
}

PyObject *
mp_native_call_slow (const MpNativeCall *call,
                     const char         *name)
{
  PyObject *method = PyObject_GetAttrString (call->self, name);
  PyObject *arguments = method != NULL ? PyTuple_New (call->n_values) : NULL;
  PyObject *named = NULL;
  PyObject *result = NULL;

  for (Py_ssize_t i = 0; arguments != NULL && i < call->n_values; i++)
    PyTuple_SetItem (arguments, i, Py_NewRef (call->values[i]));
  if (arguments != NULL && call->names != NULL)
    named = collect_named (call);
  if (arguments != NULL && (named != NULL || call->names == NULL))
    result = PyObject_Call (method, arguments, named);

  Py_XDECREF (named);
  Py_XDECREF (arguments);
  Py_XDECREF (method);
  return result;
}

/* --- Waiting ------------------------------------------------------------------------------- */

int
mp_native_wait (MpNativeAttempt attempt,
                gpointer        data,
                gint64          usec)
{
  gint64 end = usec > 0 ? g_get_monotonic_time () + usec : 0;
  int status;

  for (;;)
    {
      Py_BEGIN_ALLOW_THREADS
      status = attempt (data, usec);
      Py_END_ALLOW_THREADS

      /* Done is done, even if a signal came meanwhile: its handler runs after the return. */
      if (status != MP_STATUS_INTERRUPTED)
        return status;
      if (PyErr_CheckSignals () < 0)
        return -1;
      if (usec > 0)
        usec = MAX (0, end - g_get_monotonic_time ());
    }
}

int
mp_native_attempt (MpNativeAttempt attempt,
                   gpointer        data,
                   gint64          usec)
{
  int status = attempt (data, 0);

  if (status == MP_STATUS_INTERRUPTED || (status == MP_STATUS_TIMED_OUT && usec != 0))
    status = mp_native_wait (attempt, data, usec);

  return status;
}

void
mp_native_raise (int status)
{
  PyObject *error = PyObject_CallFunction (mp_native_hooks.from_status, "i", status);

  if (error != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);
  Py_XDECREF (error);
}

gboolean
mp_native_raise_deferred (void)
{
  PyObject *result;

  if (G_LIKELY (PyList_Size (mp_native_hooks.deferred) == 0))
    return FALSE;

  result = PyObject_CallNoArgs (mp_native_hooks.raise_deferred);
  Py_XDECREF (result);

  return result == NULL;
}

/* The exception of this thread, taken from it; NULL if there is none. */
PyObject *
mp_native_take_error (void)
{
  PyObject *kind, *error, *trace;

  PyErr_Fetch (&kind, &error, &trace);
  if (kind == NULL)
    return NULL;

  PyErr_NormalizeException (&kind, &error, &trace);
  if (trace != NULL)
    PyException_SetTraceback (error, trace);
  Py_XDECREF (trace);
  Py_DECREF (kind);

  return error;
}

/* --- The module ---------------------------------------------------------------------------- */

/* Whether the hash of a GObject's wrapper is the address, as it has been since PyGObject 3. */
static gboolean
check_pointer (PyObject *wrapper)
{
  PyObject *capsule = PyObject_GetAttrString (wrapper, "__gpointer__");
  gpointer pointer = capsule != NULL ? PyCapsule_GetPointer (capsule, NULL) : NULL;
  gboolean agrees = pointer != NULL && get_pointer != NULL &&
                    pointer == mp_native_get_object (wrapper);

  Py_XDECREF (capsule);
  if (!agrees)
    PyErr_SetString (PyExc_ImportError, "the hash of a GObject is not its address");

  return agrees;
}

static PyObject *
setup (PyObject *module,
       PyObject *arguments,
       PyObject *named)
{
  static const char *const names[] = { "base", "sample", "dumps", "options", "loads", "load_block",
                                       "from_status", "empty", "full", NULL };
  MpNativeHooks *hooks = &mp_native_hooks;
  MpNativeHooks given = { 0 };
  PyTypeObject *base;
  PyObject *sample;

  if (!PyArg_ParseTupleAndKeywords (arguments, named, "O!OOOOOOOO", (char **) names,
                                    &PyType_Type, &base, &sample, &given.dumps, &given.options,
                                    &given.loads, &given.load_block, &given.from_status,
                                    &given.Empty, &given.Full))
    return NULL;
  if (!PyObject_TypeCheck (sample, base))
    return PyErr_Format (PyExc_TypeError, "the sample must be a GObject");

  get_pointer = (hashfunc) PyType_GetSlot (base, Py_tp_hash);
  if (!check_pointer (sample))
    return NULL;
  gobject_type = (PyTypeObject *) Py_NewRef ((PyObject *) base);

  /* They are as static as the classes that the methods are put into. */
  *hooks = given;
  Py_INCREF (hooks->dumps);
  Py_INCREF (hooks->options);
  Py_INCREF (hooks->loads);
  Py_INCREF (hooks->load_block);
  Py_INCREF (hooks->from_status);
  Py_INCREF (hooks->Empty);
  Py_INCREF (hooks->Full);
  if (!mp_native_queue_setup (module))
    return NULL;
  Py_RETURN_NONE;
}

static PyObject *
setup_pool (PyObject *module,
            PyObject *arguments,
            PyObject *named)
{
  static const char *const names[] = { "decode", "failure", "timeout_error", "deferred",
                                       "raise_deferred", "pickler", NULL };
  MpNativeHooks *hooks = &mp_native_hooks;
  PyObject *given[6];

  if (!PyArg_ParseTupleAndKeywords (arguments, named, "OOOO!OO", (char **) names, &given[0],
                                    &given[1], &given[2], &PyList_Type, &given[3], &given[4],
                                    &given[5]))
    return NULL;
  if (!mp_native_worker_setup () || !mp_native_pieces_setup ())
    return NULL;

  hooks->whole = Py_BuildValue ("{si}", "protocol", 5);
  if (hooks->whole == NULL)
    return NULL;

  hooks->decode = Py_NewRef (given[0]);
  hooks->failure = Py_NewRef (given[1]);
  hooks->TimeoutError = Py_NewRef (given[2]);
  hooks->deferred = Py_NewRef (given[3]);
  hooks->raise_deferred = Py_NewRef (given[4]);
  if (hooks->Pickler == NULL)
    hooks->Pickler = Py_NewRef (given[5]);
  Py_RETURN_NONE;
}

/* How values are written, in the place of what setup() and setup_pool() were given. */
static PyObject *
set_dumps (PyObject *module,
           PyObject *arguments)
{
  MpNativeHooks *hooks = &mp_native_hooks;
  PyObject *dumps, *pickler, *before[] = { hooks->dumps, hooks->Pickler };

  if (!PyArg_ParseTuple (arguments, "OO", &dumps, &pickler))
    return NULL;

  hooks->dumps = Py_NewRef (dumps);
  hooks->Pickler = Py_NewRef (pickler);
  Py_XDECREF (before[0]);
  Py_XDECREF (before[1]);
  Py_RETURN_NONE;
}

static PyObject *
make_methods (PyTypeObject *type,
              PyMethodDef  *definitions)
{
  PyObject *methods = PyDict_New ();

  for (; methods != NULL && definitions->ml_name != NULL; definitions++)
    {
      PyObject *method = PyDescr_NewMethod (type, definitions);

      if (method == NULL || PyDict_SetItemString (methods, definitions->ml_name, method) < 0)
        Py_CLEAR (methods);
      Py_XDECREF (method);
    }

  return methods;
}

static PyObject *
get_methods (PyObject *module,
             PyObject *arguments)
{
  PyTypeObject *type;
  const char *kind;

  if (!PyArg_ParseTuple (arguments, "O!s", &PyType_Type, &type, &kind))
    return NULL;

  if (strcmp (kind, "queue") == 0)
    return make_methods (type, mp_native_queue_methods);
  if (strcmp (kind, "connection") == 0)
    return make_methods (type, mp_native_connection_methods);
  if (strcmp (kind, "condition") == 0)
    return make_methods (type, mp_native_condition_methods);
  if (strcmp (kind, "process") == 0)
    return make_methods (type, mp_native_process_methods);
  if (strcmp (kind, "pool") == 0)
    {
      mp_native_set_pool_type (type);
      return make_methods (type, mp_native_pool_methods);
    }
  if (strcmp (kind, "lock") != 0 && strcmp (kind, "semaphore") != 0)
    return PyErr_Format (PyExc_ValueError, "no methods for “%s”", kind);

  mp_native_lock_add_class (type);
  return make_methods (type, kind[0] == 'l' ? mp_native_lock_methods
                                            : mp_native_semaphore_methods);
}

static PyMethodDef functions[] = {
  { "setup", MP_NATIVE_METHOD (setup), METH_VARARGS | METH_KEYWORDS,
    "Gives the module what it needs of Python. ImportError if it cannot be used." },
  { "when_ready", mp_native_when_ready, METH_VARARGS,
    "when_ready(task, call, /)\n--\n\nHas the main loop call that with None when it is ready." },
  { "set_dumps", set_dumps, METH_VARARGS,
    "set_dumps(dumps, pickler): how values are written from now on." },
  { "setup_pool", MP_NATIVE_METHOD (setup_pool), METH_VARARGS | METH_KEYWORDS,
    "Gives the module what it needs for pools." },
  { "serve", mp_native_serve, METH_O,
    "serve(loop, /)\n--\n\nTakes and runs the tasks of a worker, until it is to end." },
  { "new_process", mp_native_new_process, METH_O,
    "new_process(name): as Mp.Process.new(name)." },
  { "setup_process", MP_NATIVE_METHOD (mp_native_setup_process), METH_VARARGS | METH_KEYWORDS,
    "Gives the module what it needs for processes." },
  { "setup_children", MP_NATIVE_METHOD (mp_native_setup_children), METH_VARARGS | METH_KEYWORDS,
    "Gives the module what it needs for the children of mproc.Process." },
  { "get_methods", get_methods, METH_VARARGS,
    "get_methods(class, kind): the methods for a class, by their names." },
  { NULL }
};

static struct PyModuleDef definition = {
  PyModuleDef_HEAD_INIT,
  .m_name = "_MpNative",
  .m_doc = "What is called most, in C.",
  .m_size = -1,
  .m_methods = functions,
};

/* Consumes @object. */
static gboolean
add_object (PyObject   *module,
            const char *name,
            PyObject   *object)
{
  int result = object != NULL ? PyModule_AddObjectRef (module, name, object) : -1;

  Py_XDECREF (object);
  return result == 0;
}

PyMODINIT_FUNC PyInit__MpNative (void);

PyMODINIT_FUNC
PyInit__MpNative (void)
{
  PyObject *module = PyModule_Create (&definition);

  if (module != NULL &&
      (!add_object (module, "Block", mp_native_block_type_new ()) ||
       !add_object (module, "Core", mp_native_core_type_new ()) ||
       !add_object (module, "Submitter", mp_native_submitter_type_new ()) ||
       !add_object (module, "Task", mp_native_task_type_new ()) ||
       !add_object (module, "Stream", mp_native_stream_type_new ()) ||
       !add_object (module, "state", mp_native_state_new ()) ||
       PyModule_AddIntConstant (module, "INTERFACE", INTERFACE) < 0 ||
       PyModule_AddIntConstant (module, "LARGE_BUFFER", MP_NATIVE_LARGE_BUFFER) < 0))
    Py_CLEAR (module);

  return module;
}
