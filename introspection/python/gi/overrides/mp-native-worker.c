/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The loop of a worker: take a task, find its function, read its argument, call, send what came
 * out. It is the same as mproc.worker.Loop in Python, whose attributes it uses and whose methods it
 * calls for all that is not plain: a function met for the first time, one of C, an exception, a
 * result that pickle refuses, an initializer that failed.
 *
 * One thread of a worker's process runs it.
 */

#include "mp-native-private.h"

/* Of the worker's own memory. */
#define KEEP_MOST (64 << 20)

/* MpFunctionKind: functions of Python begin here. */
#define LANGUAGE 16

typedef struct {
  PyObject *loop;
  PyObject *cache;              /* a dict: name of the function → what to call */
  MpWorker *worker;
} Serving;

typedef struct {
  guint   kind;
  guint   flags;
  guint   encoding;
  guint8 *function;
  gsize   function_size;
  guint8 *data;
  gsize   size;
} Given;

static PyObject *at_work_name;
static PyObject *flush_name;
static PyObject *starmap;
static PyObject *map;

static PyObject *
import_from (const char *module,
             const char *name)
{
  PyObject *imported = PyImport_ImportModule (module);
  PyObject *object = imported != NULL ? PyObject_GetAttrString (imported, name) : NULL;

  Py_XDECREF (imported);
  return object;
}

gboolean
mp_native_worker_setup (void)
{
  at_work_name = PyUnicode_InternFromString ("at_work");
  flush_name = PyUnicode_InternFromString ("flush");
  starmap = import_from ("itertools", "starmap");
  map = import_from ("builtins", "map");

  return at_work_name != NULL && flush_name != NULL && starmap != NULL && map != NULL;
}

/* --- Calling ------------------------------------------------------------------------------- */

/* (args, kwds), or an exception. */
static PyObject *
call_with_names (PyObject *function,
                 PyObject *argument)
{
  PyObject *args, *kwds;

  if (!PyArg_ParseTuple (argument, "O!O!", &PyTuple_Type, &args, &PyDict_Type, &kwds))
    return NULL;

  return PyObject_Call (function, args, kwds);
}

static PyObject *
call_with_each (PyObject *how,
                PyObject *function,
                PyObject *items)
{
  PyObject *iterator = PyObject_CallFunctionObjArgs (how, function, items, NULL);
  PyObject *results = iterator != NULL ? PySequence_List (iterator) : NULL;

  Py_XDECREF (iterator);
  return results;
}

/* What the first byte of the name says, see mproc.functions. */
static PyObject *
call (const Given *given,
      PyObject    *function,
      PyObject    *argument)
{
  gboolean each = (given->flags & MP_TASK_MAP) != 0;
  guint8 style = given->function[0];

  if (style == '1')
    return each ? call_with_each (map, function, argument)
                : PyObject_CallFunctionObjArgs (function, argument, NULL);
  if (style == '*' && each)
    return call_with_each (starmap, function, argument);
  if (style == '*' && PyTuple_CheckExact (argument))
    return PyObject_Call (function, argument, NULL);
  if (style == 'a' && !each && PyTuple_CheckExact (argument))
    return call_with_names (function, argument);

  return PyErr_Format (PyExc_LookupError, "unknown way to call a function: %d", style);
}

/* The soft limit of time is only for the task itself. */
static PyObject *
call_at_work (const Serving *self,
              const Given   *given,
              PyObject      *function)
{
  PyObject *argument = mp_native_load (given->encoding, given->data, given->size);
  PyObject *type, *value, *traceback, *result = NULL;

  if (argument == NULL)
    return NULL;

  if (PyObject_SetAttr (self->loop, at_work_name, Py_True) == 0)
    result = call (given, function, argument);
  PyErr_Fetch (&type, &value, &traceback);
  Py_DECREF (argument);
  PyObject_SetAttr (self->loop, at_work_name, Py_False);
  PyErr_Restore (type, value, traceback);

  return result;
}

/* What the task names: a new reference, or NULL with an exception. */
static PyObject *
find_function (const Serving *self,
               const Given   *given,
               PyObject      *name)
{
  PyObject *function = PyDict_GetItemWithError (self->cache, name);

  if (function != NULL)
    return Py_NewRef (function);

  return PyObject_CallMethod (self->loop, "find", "IO", given->kind, name);
}

/* --- The outcome --------------------------------------------------------------------------- */

/* What was printed is there before the result is. */
static void
flush_stream (const char *name)
{
  PyObject *stream = PySys_GetObject (name);
  PyObject *result = stream != NULL && stream != Py_None
                       ? PyObject_CallMethodObjArgs (stream, flush_name, NULL)
                       : Py_NewRef (Py_None);

  /* Closed or broken: nothing that could be written. */
  if (result == NULL
      && (PyErr_ExceptionMatches (PyExc_AttributeError) || PyErr_ExceptionMatches (PyExc_ValueError)
          || PyErr_ExceptionMatches (PyExc_OSError)))
    PyErr_Clear ();
  Py_XDECREF (result);
}

/* FALSE with an exception that ends the worker. */
static gboolean
check_done (PyObject *result)
{
  Py_XDECREF (result);

  return result != NULL;
}

static gboolean
fail (const Serving *self)
{
  PyObject *type, *value, *traceback;
  gboolean done;

  PyErr_Fetch (&type, &value, &traceback);
  PyErr_NormalizeException (&type, &value, &traceback);
  if (traceback != NULL)
    PyException_SetTraceback (value, traceback);
  done = check_done (PyObject_CallMethod (self->loop, "fail", "(O)", value));
  Py_XDECREF (type);
  Py_XDECREF (value);
  Py_XDECREF (traceback);

  return done;
}

static int
send_bytes (const Serving *self,
            guint          encoding,
            PyObject      *data)
{
  char *bytes;
  Py_ssize_t size;
  int status;

  if (PyBytes_AsStringAndSize (data, &bytes, &size) < 0)
    return -1;

  Py_BEGIN_ALLOW_THREADS
  status = mp_worker_finish (self->worker, encoding, (const guint8 *) bytes, (gsize) size);
  Py_END_ALLOW_THREADS

  return status;
}

static int
send_pieces (gpointer             worker,
             const guint8 *const *data,
             const gsize         *sizes,
             guint                n_pieces)
{
  return mp_worker_finish_pieces (worker, MP_ENCODING_PICKLE, data, sizes, n_pieces);
}

/* A status; -1 with an exception, or without one if Python is to do it. */
static int
send_value (const Serving *self,
            PyObject      *value)
{
  gboolean bulky = mp_native_is_bulky (value);
  guint encoding;
  PyObject *data = bulky ? mp_native_write_pieces (value)
                         : mp_native_encode (value, mp_native_hooks.whole, &encoding);
  int status = -1;

  if (data == NULL)
    return -1;

  flush_stream ("stdout");
  flush_stream ("stderr");
  if (!PyErr_Occurred () && bulky)
    status = mp_native_send_pieces (data, send_pieces, self->worker);
  else if (!PyErr_Occurred ())
    status = send_bytes (self, encoding, data);
  Py_DECREF (data);

  return status;
}

static gboolean
finish (const Serving *self,
        PyObject      *value)
{
  int status = send_value (self, value);

  if (status == MP_STATUS_OK)
    return TRUE;
  if (status > 0)
    return check_done (PyObject_CallMethod (self->loop, "not_sent", "i", status));

  PyErr_Clear ();               /* it will come up again, and be told */
  return check_done (PyObject_CallMethod (self->loop, "finish", "(O)", value));
}

/* --- The loop ------------------------------------------------------------------------------ */

static gboolean
run_in_python (const Serving *self,
               const Given   *given,
               PyObject      *name)
{
  PyObject *result = PyObject_CallMethod (self->loop, "one", "IIOIy#", given->kind, given->flags,
                                          name, given->encoding, given->data,
                                          (Py_ssize_t) given->size);

  return check_done (result);
}

static gboolean
run_one (const Serving *self,
         const Given   *given)
{
  PyObject *name = PyBytes_FromStringAndSize ((const char *) given->function,
                                              (Py_ssize_t) given->function_size);
  PyObject *function, *value = NULL;
  gboolean done;

  if (name == NULL)
    return FALSE;
  if (given->kind < LANGUAGE || given->function_size == 0)
    {
      done = run_in_python (self, given, name);
      Py_DECREF (name);
      return done;
    }

  function = find_function (self, given, name);
  if (function != NULL)
    value = call_at_work (self, given, function);
  Py_XDECREF (function);
  done = value != NULL ? finish (self, value) : fail (self);
  Py_XDECREF (value);
  Py_DECREF (name);

  return done;
}

static int
try_next (gpointer data,
          gint64   usec)
{
  const Serving *self = ((gpointer *) data)[0];
  Given *given = ((gpointer *) data)[1];

  return mp_worker_next (self->worker, MP_ENCODING_PICKLE, usec, &given->kind, &given->flags,
                         &given->function, &given->function_size, &given->encoding, &given->data,
                         &given->size);
}

/* A status, or -1 with an exception. */
static int
serve_one (const Serving *self)
{
  Given given;
  int status = mp_native_attempt (try_next, (gpointer[]) { (gpointer) self, &given }, -1);

  if (status == MP_STATUS_OK && !run_one (self, &given))
    return -1;
  if (status == MP_STATUS_NOT_PLAIN
      && !check_done (PyObject_CallMethod (self->loop, "not_plain", NULL)))
    return -1;

  return status;
}

/* How many tasks it may run, -1: any number; -2 with an exception. */
static long
get_limit (PyObject *loop)
{
  PyObject *limit = PyObject_GetAttrString (loop, "limit");
  long n = -2;

  if (limit != NULL)
    n = limit == Py_None ? -1 : PyLong_AsLong (limit);
  Py_XDECREF (limit);

  return n == -1 && PyErr_Occurred () ? -2 : n;
}

static PyObject *
serve (const Serving *self,
       long           n_left)
{
  while (n_left != 0)
    {
      int status = serve_one (self);

      if (status < 0)
        return NULL;
      if (status == MP_STATUS_CLOSED || status == MP_STATUS_INVALID || status == MP_STATUS_FAILED)
        break;
      if (n_left > 0 && (status == MP_STATUS_OK || status == MP_STATUS_NOT_PLAIN))
        n_left--;
    }

  Py_RETURN_NONE;
}

PyObject *
mp_native_serve (PyObject *module,
                 PyObject *loop)
{
  PyObject *worker = PyObject_GetAttrString (loop, "worker");
  PyObject *cache = PyObject_GetAttrString (loop, "cache");
  Serving self = { loop, cache, worker != NULL ? mp_native_get_gobject (worker) : NULL };
  long limit = get_limit (loop);
  PyObject *result = NULL;

  mp_native_keep_memory (KEEP_MOST);
  if (cache != NULL && limit != -2 && self.worker != NULL && MP_IS_WORKER (self.worker)
      && PyDict_Check (cache))
    result = serve (&self, limit);
  else if (!PyErr_Occurred ())
    PyErr_SetString (PyExc_TypeError, "a loop has a worker and a cache");
  Py_XDECREF (cache);
  Py_XDECREF (worker);

  return result;
}
