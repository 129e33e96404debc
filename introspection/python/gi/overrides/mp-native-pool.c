/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pool.apply() and apply_async(), and what gives the tasks of map() and imap(): one call from
 * Python for a whole task, pickling included.
 *
 * Which task is given, and what it means, is the library's business as ever. Only the way there is
 * shorter: no GObject's wrapper, no array of bytes made of bytes. What is not plain (options, a
 * callback, a function not known yet, an argument that pickle refuses, a pool that is closed) is
 * left to the Python method before anything was given.
 *
 * A Core holds the pool in C for its pool in Python. Somebody who waits has to run callbacks and to
 * feed iterators meanwhile: as long as there are any, Python waits.
 */

#include "mp-native-private.h"

/* MpFunctionKind of functions that Python names. */
#define PICKLED 32

static PyTypeObject *core_type;
static PyTypeObject *pool_type;
static PyObject *core_name;
static PyObject *no_arguments;           /* the empty tuple, of which there is one */
static PyObject *no_arguments_pickle;

/* --- Core ---------------------------------------------------------------------------------- */

MpNativeCore *
mp_native_get_core (PyObject *pool)
{
  PyObject *core = PyObject_GetAttr (pool, core_name);

  if (core == NULL)
    {
      PyErr_Clear ();
      return NULL;
    }

  Py_DECREF (core);             /* the pool has it */
  return Py_IS_TYPE (core, core_type) ? (MpNativeCore *) core : NULL;
}

void
mp_native_set_pool_type (PyTypeObject *type)
{
  pool_type = type;
}

gboolean
mp_native_is_busy (MpNativeCore *core)
{
  return PyDict_Size (core->calls) != 0 || PyList_Size (core->feeding) != 0;
}

static PyObject *
core_new (PyTypeObject *type,
          PyObject     *arguments,
          PyObject     *named)
{
  PyObject *pool, *known, *calls, *feeding, *result_type;
  MpNativeCore *self;
  gpointer mp;

  if (!PyArg_ParseTuple (arguments, "OO!O!O!O!", &pool, &PyDict_Type, &known, &PyDict_Type, &calls,
                         &PyList_Type, &feeding, &PyType_Type, &result_type))
    return NULL;
  mp = mp_native_get_gobject (pool);
  if (mp == NULL || !MP_IS_POOL (mp)
      || !PyType_IsSubtype ((PyTypeObject *) result_type, mp_native_task_type))
    return PyErr_Format (PyExc_TypeError, "a core has an Mp.Pool and a class of tasks");

  self = (MpNativeCore *) PyType_GenericAlloc (type, 0);
  if (self == NULL)
    return NULL;

  self->pool = g_object_ref (mp);
  self->known = Py_NewRef (known);
  self->calls = Py_NewRef (calls);
  self->feeding = Py_NewRef (feeding);
  self->result_type = (PyTypeObject *) Py_NewRef (result_type);
  self->open = TRUE;
  return (PyObject *) self;
}

static int
core_traverse (PyObject  *object,
               visitproc  visit,
               void      *arg)
{
  MpNativeCore *self = (MpNativeCore *) object;

  Py_VISIT (Py_TYPE (object));
  Py_VISIT (self->known);
  Py_VISIT (self->calls);
  Py_VISIT (self->feeding);
  Py_VISIT (self->result_type);
  return 0;
}

static void
core_dealloc (PyObject *object)
{
  MpNativeCore *self = (MpNativeCore *) object;
  PyTypeObject *type = Py_TYPE (object);

  PyObject_GC_UnTrack (object);
  Py_CLEAR (self->known);
  Py_CLEAR (self->calls);
  Py_CLEAR (self->feeding);
  Py_CLEAR (self->result_type);
  g_clear_object (&self->pool);
  PyObject_GC_Del (object);
  Py_DECREF (type);
}

static PyObject *
core_close (PyObject *object,
            PyObject *nothing)
{
  ((MpNativeCore *) object)->open = FALSE;
  Py_RETURN_NONE;
}

PyObject *
mp_native_core_type_new (void)
{
  static PyMethodDef methods[] = {
    { "close", core_close, METH_NOARGS, "close($self, /)\n--\n\nNo more tasks by this way." },
    { NULL }
  };
  static PyType_Slot slots[] = {
    { Py_tp_doc, (char *) "Core(mp, known, calls, feeding, result_type)\n--\n\nA pool's." },
    { Py_tp_new, core_new },
    { Py_tp_traverse, core_traverse },
    { Py_tp_dealloc, core_dealloc },
    { Py_tp_methods, methods },
    { 0, NULL }
  };
  static PyType_Spec spec = {
    "gi.overrides._MpNative.Core", sizeof (MpNativeCore), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots
  };
  PyObject *type = PyType_FromSpec (&spec);

  core_type = (PyTypeObject *) Py_XNewRef (type);
  core_name = PyUnicode_InternFromString ("_core");
  no_arguments = PyTuple_New (0);
  no_arguments_pickle = PyBytes_FromString ("\x80\x05).");

  return core_name != NULL && no_arguments != NULL && no_arguments_pickle != NULL ? type : NULL;
}

/* --- Giving -------------------------------------------------------------------------------- */

typedef struct {
  guint          kind;
  guint          flags;
  PyObject      *function;      /* the bytes that name it */
  MpTaskOptions *options;       /* (nullable) */
} Target;

/* No arguments are always the same. */
static PyObject *
encode (PyObject *argument,
        guint    *encoding)
{
  if (argument != no_arguments)
    return mp_native_encode (argument, mp_native_hooks.whole, encoding);

  *encoding = MP_ENCODING_PICKLE;
  return Py_NewRef (no_arguments_pickle);
}

typedef struct {
  MpPool       *pool;
  const Target *target;
  const char   *name;
  gsize         name_size;
  MpResult     *result;
} Giving;

static int
give_pieces (gpointer             data,
             const guint8 *const *pieces,
             const gsize         *sizes,
             guint                n_pieces)
{
  Giving *giving = data;
  const Target *target = giving->target;

  giving->result = mp_pool_submit_pieces (giving->pool, target->kind,
                                          (const guint8 *) giving->name, giving->name_size,
                                          target->flags, MP_ENCODING_PICKLE, pieces, sizes,
                                          n_pieces, target->options, NULL);

  return MP_STATUS_OK;
}

/* What is large is copied once, to where the worker reads it. */
static MpResult *
give_bulky (MpPool       *pool,
            const Target *target,
            PyObject     *argument)
{
  PyObject *pieces = mp_native_write_pieces (argument);
  Giving giving = { pool, target, NULL, 0, NULL };
  Py_ssize_t size;
  char *name;

  if (pieces != NULL && PyBytes_AsStringAndSize (target->function, &name, &size) == 0)
    {
      giving.name = name;
      giving.name_size = (gsize) size;
      mp_native_send_pieces (pieces, give_pieces, &giving);
    }
  Py_XDECREF (pieces);

  return giving.result;
}

static MpResult *
give_whole (MpPool       *pool,
            const Target *target,
            PyObject     *argument)
{
  guint encoding;
  PyObject *data = encode (argument, &encoding);
  MpResult *result = NULL;
  char *bytes, *name;
  Py_ssize_t size, name_size;
  PyThreadState *state = NULL;

  if (data == NULL)
    return NULL;

  if (PyBytes_AsStringAndSize (data, &bytes, &size) == 0
      && PyBytes_AsStringAndSize (target->function, &name, &name_size) == 0)
    {
      if (size >= MP_NATIVE_LARGE)
        state = PyEval_SaveThread ();
      result = mp_pool_submit_data_with (pool, target->kind, (const guint8 *) name,
                                         (gsize) name_size, target->flags, encoding,
                                         (const guint8 *) bytes, (gsize) size, target->options,
                                         NULL);
      if (state != NULL)
        PyEval_RestoreThread (state);
    }
  Py_DECREF (data);

  return result;
}

/* Gives a task: NULL if Python shall do it, or with an exception. */
static MpResult *
give_now (MpPool       *pool,
          const Target *target,
          PyObject     *argument)
{
  return mp_native_is_bulky (argument) ? give_bulky (pool, target, argument)
                                       : give_whole (pool, target, argument);
}

static MpResult *
give (MpPool       *pool,
      const Target *target,
      PyObject     *argument)
{
  MpResult *result = give_now (pool, target, argument);

  if (mp_native_raise_deferred ())
    g_clear_object (&result);

  return result;
}

/* Whether all that @function depends on is what it was when it was described. */
static gboolean
still_holds (PyObject *names,
             PyObject *things)
{
  Py_ssize_t n = PyTuple_Size (things);

  for (Py_ssize_t i = 0; i < n; i++)
    {
      PyObject *pair = PyTuple_GetItem (things, i);
      PyObject *name = PyTuple_GetItem (pair, 0);

      if (PyDict_GetItemWithError (names, name) != PyTuple_GetItem (pair, 1))
        return FALSE;
    }

  return TRUE;
}

/* The bytes that name it, to be called in that way: borrowed; NULL if only Python can tell. */
static PyObject *
find_function (MpNativeCore *core,
               PyObject     *function,
               gboolean      with_names)
{
  PyObject *entry = PyDict_GetItemWithError (core->known, function);

  if (entry == NULL)
    {
      PyErr_Clear ();           /* it cannot be a key */
      return NULL;
    }
  if (!still_holds (PyTuple_GetItem (entry, 1), PyTuple_GetItem (entry, 2)))
    return NULL;

  return PyTuple_GetItem (entry, with_names ? 4 : 3);
}

/* What is called with (args, kwds), or with *args if there are no names. */
static MpResult *
give_call (MpNativeCore *core,
           PyObject     *function,
           PyObject     *args,
           PyObject     *kwds)
{
  gboolean with_names = kwds != NULL && PyDict_Size (kwds) > 0;
  Target target = { PICKLED, MP_TASK_DEFAULT, find_function (core, function, with_names), NULL };
  PyObject *tuple, *argument;
  MpResult *result = NULL;

  if (target.function == NULL)
    return NULL;

  /* Pickling may run Python, and that may forget the function. */
  Py_INCREF (target.function);
  tuple = args != NULL ? PySequence_Tuple (args) : Py_NewRef (no_arguments);
  argument = tuple != NULL && with_names ? PyTuple_Pack (2, tuple, kwds) : Py_XNewRef (tuple);
  if (argument != NULL)
    result = give (core->pool, &target, argument);
  Py_XDECREF (argument);
  Py_XDECREF (tuple);
  Py_DECREF (target.function);

  return result;
}

/* The core, if the call is plain: at most a function, its arguments and their names. */
static MpNativeCore *
read_call (const MpNativeCall  *call,
           PyObject           **arguments)
{
  static const char *const names[] = { "func", "args", "kwds", "callback", "error_callback" };
  MpNativeCore *core = mp_native_get_core (call->self);

  if (core == NULL || !core->open || !mp_native_get_arguments (call, names, 5, 1, arguments))
    return NULL;
  for (guint i = 3; i < 5; i++)
    if (arguments[i] != NULL && arguments[i] != Py_None)
      return NULL;
  if (arguments[1] != NULL && !PyTuple_CheckExact (arguments[1])
      && !PyList_CheckExact (arguments[1]))
    return NULL;
  if (arguments[2] != NULL && !PyDict_CheckExact (arguments[2]))
    return NULL;

  return core;
}

static PyObject *
pool_apply_async (PyObject        *self,
                  PyObject *const *values,
                  Py_ssize_t       n_values,
                  PyObject        *names)
{
  const MpNativeCall call = { self, values, n_values, names };
  PyObject *arguments[5];
  MpNativeCore *core = read_call (&call, arguments);
  MpResult *result = NULL;

  if (core != NULL)
    result = give_call (core, arguments[0], arguments[1], arguments[2]);
  if (result != NULL)
    return mp_native_task_new (core->result_type, result, self);

  return PyErr_Occurred () ? NULL : mp_native_call_slow (&call, "_slow_apply_async");
}

/* As get() of a Task that nobody else has. */
static PyObject *
wait_and_read (MpNativeCore *core,
               MpResult     *result,
               PyObject     *pool)
{
  int status = mp_native_result_wait (result, core, -1);
  gboolean good;
  PyObject *value;

  if (status == MP_STATUS_OK)
    {
      value = mp_native_result_read (result, &good);
      g_object_unref (result);
      if (value == NULL || good)
        return value;
      PyErr_SetObject ((PyObject *) Py_TYPE (value), value);
    }
  else if (status < 0)
    {
      g_object_unref (result);
      return NULL;
    }
  else
    {
      PyObject *task = mp_native_task_new (core->result_type, result, pool);

      value = task != NULL ? PyObject_CallMethod (task, "get", NULL) : NULL;
      Py_XDECREF (task);
      return value;
    }

  Py_DECREF (value);
  return NULL;
}

/* A subclass may have an apply_async() of its own, which apply() is to use. */
static PyObject *
pool_apply (PyObject        *self,
            PyObject *const *values,
            Py_ssize_t       n_values,
            PyObject        *names)
{
  const MpNativeCall call = { self, values, n_values, names };
  PyObject *arguments[5];
  MpNativeCore *core = n_values <= 3 && Py_IS_TYPE (self, pool_type)
                         ? read_call (&call, arguments) : NULL;
  MpResult *result = NULL;

  if (core != NULL && arguments[3] == NULL && arguments[4] == NULL)
    result = give_call (core, arguments[0], arguments[1], arguments[2]);
  if (result != NULL)
    return wait_and_read (core, result, self);

  return PyErr_Occurred () ? NULL : mp_native_call_slow (&call, "_slow_apply");
}

PyMethodDef mp_native_pool_methods[] = {
  { "apply", MP_NATIVE_METHOD (pool_apply), METH_FASTCALL | METH_KEYWORDS,
    "apply($self, /, func, args=(), kwds={}, **options)\n--\n\n"
    "func(*args, **kwds) in a worker." },
  { "apply_async", MP_NATIVE_METHOD (pool_apply_async), METH_FASTCALL | METH_KEYWORDS,
    "apply_async($self, /, func, args=(), kwds={}, callback=None, error_callback=None, "
    "**options)\n--\n\nGives the task; its AsyncResult." },
  { NULL }
};

/* --- Submitter ----------------------------------------------------------------------------- */

typedef struct {
  PyObject_HEAD
  MpPool   *pool;
  Target    target;
  PyObject *slow;               /* what gives a task in Python; its Mp.Result */
} Submitter;

static PyObject *
submitter_new (PyTypeObject *type,
               PyObject     *arguments,
               PyObject     *named)
{
  PyObject *core, *function, *options, *slow;
  guint kind, flags;
  Submitter *self;

  if (!PyArg_ParseTuple (arguments, "O!IOIOO", core_type, &core, &kind, &function, &flags,
                         &options, &slow))
    return NULL;
  if (!PyBytes_Check (function))
    return PyErr_Format (PyExc_TypeError, "a function is named by bytes");

  self = (Submitter *) PyType_GenericAlloc (type, 0);
  if (self == NULL)
    return NULL;

  self->pool = g_object_ref (((MpNativeCore *) core)->pool);
  self->target = (Target) { kind, flags, Py_NewRef (function), NULL };
  if (options != Py_None)
    self->target.options = g_object_ref (mp_native_get_gobject (options));
  self->slow = Py_NewRef (slow);
  return (PyObject *) self;
}

/* The Task. What a signal handler has raised meanwhile is still to be raised. */
static PyObject *
submit (Submitter *self,
        PyObject  *argument)
{
  PyObject *wrapper, *task;
  MpResult *result = give_now (self->pool, &self->target, argument);

  if (result != NULL)
    return mp_native_task_new (mp_native_task_type, result, NULL);
  if (PyErr_Occurred ())
    return NULL;

  wrapper = PyObject_CallFunctionObjArgs (self->slow, argument, NULL);
  task = wrapper != NULL ? PyObject_CallFunctionObjArgs ((PyObject *) mp_native_task_type, wrapper,
                                                         NULL)
                         : NULL;
  Py_XDECREF (wrapper);
  return task;
}

static PyObject *
submitter_call (PyObject *object,
                PyObject *arguments,
                PyObject *named)
{
  PyObject *argument, *task;

  if (!PyArg_ParseTuple (arguments, "O", &argument))
    return NULL;

  task = submit ((Submitter *) object, argument);
  if (mp_native_raise_deferred ())
    Py_CLEAR (task);

  return task;
}

/* A signal handler that raises finds the argument either given, and its Task where it belongs, or
 * still pending. Why a task cannot be given is returned, for who catches it could not tell it from
 * what a handler raises. */
static PyObject *
submitter_move (PyObject *object,
                PyObject *arguments)
{
  PyObject *pending, *add, *argument, *task, *added = NULL;

  if (!PyArg_ParseTuple (arguments, "OO", &pending, &add))
    return NULL;
  argument = PySequence_GetItem (pending, 0);
  if (argument == NULL)
    return NULL;

  task = submit ((Submitter *) object, argument);
  Py_DECREF (argument);
  if (task != NULL)
    {
      added = PyObject_CallFunctionObjArgs (add, task, NULL);
      Py_DECREF (task);
      if (added != NULL && PySequence_DelItem (pending, 0) < 0)
        Py_CLEAR (added);
    }
  else if (PyErr_ExceptionMatches (PyExc_Exception))
    {
      added = mp_native_take_error ();
    }
  if (mp_native_raise_deferred ())
    Py_CLEAR (added);

  return added;
}

static int
submitter_traverse (PyObject  *object,
                    visitproc  visit,
                    void      *arg)
{
  Py_VISIT (Py_TYPE (object));
  Py_VISIT (((Submitter *) object)->slow);
  return 0;
}

static int
submitter_clear (PyObject *object)
{
  Py_CLEAR (((Submitter *) object)->slow);
  return 0;
}

static void
submitter_dealloc (PyObject *object)
{
  Submitter *self = (Submitter *) object;
  PyTypeObject *type = Py_TYPE (object);

  PyObject_GC_UnTrack (object);
  Py_CLEAR (self->slow);
  Py_CLEAR (self->target.function);
  g_clear_object (&self->target.options);
  g_clear_object (&self->pool);
  PyObject_GC_Del (object);
  Py_DECREF (type);
}

PyObject *
mp_native_submitter_type_new (void)
{
  static PyMethodDef methods[] = {
    { "move", submitter_move, METH_VARARGS,
      "move($self, pending, add, /)\n--\n\nGives a task for the first of the pending arguments, "
      "which it takes out, and calls add(task); or gives the exception that tells why it cannot." },
    { NULL }
  };
  static PyType_Slot slots[] = {
    { Py_tp_doc, (char *) "Submitter(core, kind, function, flags, options, slow)\n--\n\n"
                          "Gives tasks of one function." },
    { Py_tp_new, submitter_new },
    { Py_tp_call, submitter_call },
    { Py_tp_traverse, submitter_traverse },
    { Py_tp_clear, submitter_clear },
    { Py_tp_dealloc, submitter_dealloc },
    { Py_tp_methods, methods },
    { 0, NULL }
  };
  static PyType_Spec spec = {
    "gi.overrides._MpNative.Submitter", sizeof (Submitter), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots
  };

  return PyType_FromSpec (&spec);
}
