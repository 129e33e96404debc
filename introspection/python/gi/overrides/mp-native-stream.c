/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Stream: results as they come, whatever their order; Mp.ResultIterator for Tasks.
 *
 * It holds the Tasks that are to come by the address of their results, which live as long.
 */

#include "mp-native-private.h"

typedef struct {
  PyObject_HEAD
  MpResultIterator *iterator;
  PyObject         *tasks;      /* a dict: address of the result → Task */
} Stream;

static PyObject *
stream_add (PyObject *object,
            PyObject *task)
{
  Stream *self = (Stream *) object;
  MpResult *result = mp_native_task_get_result (task);
  PyObject *key = result != NULL ? PyLong_FromVoidPtr (result) : NULL;

  if (key == NULL || PyDict_SetItem (self->tasks, key, task) < 0)
    {
      Py_XDECREF (key);
      return NULL;
    }

  Py_DECREF (key);
  mp_result_iterator_add (self->iterator, result);
  Py_RETURN_NONE;
}

/* The Task of a result, which it consumes, or None; not held any more. */
static PyObject *
find_task (Stream   *self,
           MpResult *result)
{
  PyObject *key = PyLong_FromVoidPtr (result);
  PyObject *task = key != NULL ? PyDict_GetItemWithError (self->tasks, key) : NULL;

  Py_XINCREF (task);
  if (task != NULL && PyDict_DelItem (self->tasks, key) < 0)
    Py_CLEAR (task);
  Py_XDECREF (key);
  g_clear_object (&result);

  return task == NULL && !PyErr_Occurred () ? Py_NewRef (Py_None) : task;
}

/* A signal handler runs before the caller has what a function returned, and what it raises would
 * cost a task. */
static PyObject *
stream_next_into (PyObject *object,
                  PyObject *arguments)
{
  Stream *self = (Stream *) object;
  PyObject *into, *task, *done;
  MpResult *result = NULL;
  long long most;
  int status;

  if (!PyArg_ParseTuple (arguments, "LO", &most, &into))
    return NULL;

  Py_BEGIN_ALLOW_THREADS
  status = mp_result_iterator_next_raw (self->iterator, most, &result);
  Py_END_ALLOW_THREADS

  if (result != NULL)
    {
      task = find_task (self, result);
      done = task != NULL ? PyObject_CallMethod (into, "append", "N", task) : NULL;
      if (done == NULL)
        return NULL;
      Py_DECREF (done);
    }

  return PyLong_FromLong (status);
}

/* The iterator in C is the source of the operation; the Stream goes along with it. */
typedef struct {
  PyObject *stream;
  PyObject *call;
} Waiting;

static void
on_next (GObject      *source,
         GAsyncResult *outcome,
         gpointer      data)
{
  Waiting *waiting = data;
  PyGILState_STATE state = PyGILState_Ensure ();
  MpResult *result = mp_result_iterator_next_finish (MP_RESULT_ITERATOR (source), outcome, NULL);
  PyObject *task = result != NULL ? find_task ((Stream *) waiting->stream, result)
                                  : Py_NewRef (Py_None);

  mp_native_call_from_loop (waiting->call, task);
  Py_DECREF (waiting->stream);
  g_free (waiting);
  PyGILState_Release (state);
}

static PyObject *
stream_next_async (PyObject *object,
                   PyObject *call)
{
  Waiting *waiting = g_new (Waiting, 1);

  *waiting = (Waiting) { Py_NewRef (object), Py_NewRef (call) };
  Py_BEGIN_ALLOW_THREADS
  mp_result_iterator_next_async (((Stream *) object)->iterator, NULL, on_next, waiting);
  Py_END_ALLOW_THREADS

  Py_RETURN_NONE;
}

static PyObject *
stream_new (PyTypeObject *type,
            PyObject     *arguments,
            PyObject     *named)
{
  Stream *self;

  if (!PyArg_ParseTuple (arguments, ""))
    return NULL;

  self = (Stream *) PyType_GenericAlloc (type, 0);
  if (self == NULL)
    return NULL;

  self->iterator = mp_result_iterator_new (FALSE);
  self->tasks = PyDict_New ();
  if (self->tasks == NULL)
    Py_CLEAR (self);

  return (PyObject *) self;
}

static int
stream_traverse (PyObject  *object,
                 visitproc  visit,
                 void      *arg)
{
  Py_VISIT (Py_TYPE (object));
  Py_VISIT (((Stream *) object)->tasks);
  return 0;
}

static int
stream_clear (PyObject *object)
{
  if (((Stream *) object)->tasks != NULL)
    PyDict_Clear (((Stream *) object)->tasks);
  return 0;
}

static void
stream_dealloc (PyObject *object)
{
  Stream *self = (Stream *) object;
  PyTypeObject *type = Py_TYPE (object);

  PyObject_GC_UnTrack (object);
  g_clear_object (&self->iterator);
  Py_CLEAR (self->tasks);
  PyObject_GC_Del (object);
  Py_DECREF (type);
}

/* How many were added and not given out yet. */
static Py_ssize_t
stream_length (PyObject *object)
{
  return PyDict_Size (((Stream *) object)->tasks);
}

static PyMethodDef methods[] = {
  { "add", stream_add, METH_O, "add($self, task, /)\n--\n\nOne more to wait for." },
  { "next_into", stream_next_into, METH_VARARGS,
    "next_into($self, usec, into, /)\n--\n\nAppends the next Task, if one is ready, to a list or "
    "deque. An Mp.Status." },
  { "next_async", stream_next_async, METH_O,
    "next_async($self, call, /)\n--\n\nHas the main loop call that with the next Task." },
  { NULL }
};

static PyType_Slot slots[] = {
  { Py_tp_doc, (char *) "Stream()\n--\n\nTasks in the order in which they become ready." },
  { Py_tp_new, stream_new },
  { Py_tp_traverse, stream_traverse },
  { Py_tp_clear, stream_clear },
  { Py_tp_dealloc, stream_dealloc },
  { Py_tp_methods, methods },
  { Py_mp_length, stream_length },
  { 0, NULL }
};

static PyType_Spec spec = {
  .name = "gi.overrides._MpNative.Stream",
  .basicsize = sizeof (Stream),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
  .slots = slots,
};

PyObject *
mp_native_stream_type_new (void)
{
  return PyType_FromSpec (&spec);
}
