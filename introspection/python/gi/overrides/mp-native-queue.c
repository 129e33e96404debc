/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Queue.put() and Queue.get(): one call from Python for a whole value, pickling included.
 *
 * Bytes go as they are. Everything else is pickled here if that is all it takes. What pickle
 * refuses (functions, shared objects, whose handles only the codec may write) and what has large
 * buffers inside is left to the Python method, before anything was put.
 *
 * A value that has been taken is returned: nothing runs signal handlers between its message and
 * its decoding. A large one is read where it lies, and its block is held until it was read.
 */

#include "mp-native-private.h"

typedef struct {
  MpQueue      *queue;
  guint         encoding;
  const guint8 *data;
  gsize         size;
} Putting;

typedef struct {
  MpQueue *queue;
  guint    encoding;
  guint8  *data;
  gsize    size;
  MpBlock *block;
} Getting;

static PyObject *closed_name;

/* --- What the thread is encoding ----------------------------------------------------------- */

/* The list in which the codec notes the shared objects that it meets. While this file pickles it is
 * False, and so they refuse to be pickled. */
static __thread PyObject *met;

static PyObject *
state_get_met (PyObject *self,
               void     *closure)
{
  return Py_NewRef (met != NULL ? met : Py_None);
}

static int
state_set_met (PyObject *self,
               PyObject *value,
               void     *closure)
{
  PyObject *before = met;

  met = value != Py_None ? Py_XNewRef (value) : NULL;
  Py_XDECREF (before);
  return 0;
}

PyObject *
mp_native_state_new (void)
{
  static PyGetSetDef properties[] = {
    { "met", state_get_met, state_set_met, "The shared objects in what is being encoded.", NULL },
    { NULL }
  };
  static PyType_Slot slots[] = { { Py_tp_getset, properties }, { 0, NULL } };
  static PyType_Spec spec = { "_MpNative.State", sizeof (PyObject), 0, Py_TPFLAGS_DEFAULT, slots };
  PyObject *type = PyType_FromSpec (&spec);
  PyObject *state = type != NULL ? PyObject_CallNoArgs (type) : NULL;

  Py_XDECREF (type);
  return state;
}

PyObject *
mp_native_set_met (PyObject *value)
{
  PyObject *before = met;

  met = value;
  return before;
}

/* A buffer_callback: what is small goes into the pickle, what is large ends the attempt. */
static PyObject *
check_buffer (PyObject *module,
              PyObject *buffer)
{
  Py_buffer view;
  Py_ssize_t size;

  if (PyObject_GetBuffer (buffer, &view, PyBUF_ANY_CONTIGUOUS) < 0)
    return NULL;

  size = view.len;
  PyBuffer_Release (&view);
  if (size < MP_NATIVE_LARGE_BUFFER)
    Py_RETURN_TRUE;

  PyErr_SetNone (PyExc_BufferError);
  return NULL;
}

gboolean
mp_native_queue_setup (PyObject *module)
{
  static PyMethodDef callback = { "check_buffer", check_buffer, METH_O, NULL };
  PyObject *function = PyCFunction_NewEx (&callback, NULL, NULL);
  int result = function != NULL ? PyDict_SetItemString (mp_native_hooks.options,
                                                        "buffer_callback", function)
                                : -1;

  Py_XDECREF (function);
  if (closed_name == NULL)
    closed_name = PyUnicode_InternFromString ("_closed_here");

  return result == 0 && closed_name != NULL;
}

/* Whether this process has closed it, or that cannot be told here. */
static gboolean
is_closed (PyObject *self)
{
  PyObject *closed = PyObject_GetAttr (self, closed_name);

  if (closed == NULL)
    PyErr_Clear ();
  Py_XDECREF (closed);

  return closed != Py_False;
}

/* The method named gives the exception for a status. */
static void
raise_failed (PyObject   *self,
              const char *method,
              int         status)
{
  PyObject *error = PyObject_CallMethod (self, method, "i", status);

  if (error != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);
  Py_XDECREF (error);
}

/* --- Putting ------------------------------------------------------------------------------- */

static int
put_once (gpointer data,
          gint64   usec)
{
  const Putting *putting = data;

  return mp_queue_put_data (putting->queue, putting->encoding, putting->data, putting->size, usec);
}

PyObject *
mp_native_encode (PyObject *value,
                  PyObject *options,
                  guint    *encoding)
{
  PyObject *before = met;
  PyObject *arguments;
  PyObject *data = NULL;

  *encoding = MP_ENCODING_BYTES;
  if (PyBytes_CheckExact (value))
    return Py_NewRef (value);

  *encoding = MP_ENCODING_PICKLE;
  met = Py_False;
  arguments = PyTuple_Pack (1, value);
  if (arguments != NULL)
    data = PyObject_Call (mp_native_hooks.dumps, arguments, options);
  Py_XDECREF (arguments);
  met = before;
  if (data == NULL && PyErr_ExceptionMatches (PyExc_Exception))
    PyErr_Clear ();

  return data;
}

static int
put_data (Putting  *putting,
          PyObject *data,
          gint64    usec)
{
  char *bytes;
  Py_ssize_t size;

  if (PyBytes_AsStringAndSize (data, &bytes, &size) < 0)
    return -1;

  putting->data = (const guint8 *) bytes;
  putting->size = (gsize) size;
  return size < MP_NATIVE_LARGE ? mp_native_attempt (put_once, putting, usec)
                      : mp_native_wait (put_once, putting, usec);
}

static PyObject *
queue_put (PyObject        *self,
           PyObject *const *values,
           Py_ssize_t       n_values,
           PyObject        *given)
{
  static const char *const names[] = { "obj", "block", "timeout" };
  const MpNativeCall call = { self, values, n_values, given };
  Putting putting = { mp_native_get_object (self), 0, NULL, 0 };
  PyObject *arguments[3];
  PyObject *data;
  gint64 usec;
  int status;

  if (putting.queue == NULL || !mp_native_get_arguments (&call, names, 3, 1, arguments) ||
      !mp_native_get_usec (arguments[1], arguments[2], &usec) || is_closed (self))
    return mp_native_call_slow (&call, "_slow_put");

  data = mp_native_encode (arguments[0], mp_native_hooks.options, &putting.encoding);
  if (data == NULL)
    return PyErr_Occurred () ? NULL : mp_native_call_slow (&call, "_slow_put");

  status = put_data (&putting, data, usec);
  Py_DECREF (data);
  if (G_LIKELY (status == MP_STATUS_OK))
    Py_RETURN_NONE;
  if (status == MP_STATUS_TIMED_OUT)
    PyErr_SetNone (mp_native_hooks.Full);
  else if (status > 0)
    raise_failed (self, "_put_failed", status);
  return NULL;
}

/* --- Getting ------------------------------------------------------------------------------- */

static int
get_once (gpointer data,
          gint64   usec)
{
  Getting *getting = data;

  return mp_queue_take_data (getting->queue, MP_ENCODING_PICKLE, usec, &getting->encoding,
                             &getting->data, &getting->size, &getting->block);
}

PyObject *
mp_native_copy_bytes (gconstpointer data,
                      gsize         size)
{
  PyObject *bytes = PyBytes_FromStringAndSize (size < MP_NATIVE_LARGE ? data : NULL,
                                               (Py_ssize_t) size);

  if (bytes != NULL && size >= MP_NATIVE_LARGE)
    {
      char *to = PyBytes_AsString (bytes);

      Py_BEGIN_ALLOW_THREADS
      memcpy (to, data, size);
      Py_END_ALLOW_THREADS
    }

  return bytes;
}

/* Calls what makes a value of @data, which it consumes. */
static PyObject *
load (PyObject *function,
      PyObject *data)
{
  PyObject *value = NULL;

  if (data != NULL)
    value = PyObject_CallFunctionObjArgs (function, data, NULL);
  Py_XDECREF (data);

  return value;
}

PyObject *
mp_native_load (guint         encoding,
                const guint8 *data,
                gsize         size)
{
  PyObject *view, *value, *released;

  if (encoding == MP_ENCODING_BYTES)
    return mp_native_copy_bytes (data, size);
  if (encoding != MP_ENCODING_PICKLE || size == 0)
    return PyObject_CallFunction (mp_native_hooks.decode, "Iy#", encoding, data,
                                  (Py_ssize_t) size);
  if (data[size - 1] != '.')
    return load (mp_native_hooks.load_block, mp_native_copy_bytes (data, size));
  if (size < MP_NATIVE_LARGE)
    return load (mp_native_hooks.loads, mp_native_copy_bytes (data, size));

  view = PyMemoryView_FromMemory ((char *) data, (Py_ssize_t) size, PyBUF_READ);
  value = load (mp_native_hooks.loads, Py_XNewRef (view));
  released = value != NULL ? PyObject_CallMethod (view, "release", NULL) : NULL;
  if (released == NULL)
    Py_CLEAR (value);
  Py_XDECREF (released);
  Py_XDECREF (view);

  return value;
}

/* A pickle with buffers behind it does not end as one does, see _MpBuffers.py. */
PyObject *
mp_native_finish_message (guint         encoding,
                          const guint8 *data,
                          gsize         size,
                          MpBlock      *block)
{
  gboolean in_place = data == NULL && block != NULL;

  if (in_place)
    data = mp_block_get_data (block, NULL);
  if (data == NULL)
    size = 0;
  if (encoding == MP_ENCODING_BYTES)
    return mp_native_copy_bytes (data, size);
  if (!in_place || size == 0)
    return load (mp_native_hooks.loads, mp_native_copy_bytes (data, size));

  return load (data[size - 1] == '.' ? mp_native_hooks.loads : mp_native_hooks.load_block,
               mp_native_block_new (mp_block_ref (block), FALSE));
}

/* The message says why it could not be converted. */
static void
raise_not_plain (PyObject      *self,
                 const Getting *getting)
{
  const guint8 *data = getting->data != NULL || getting->block == NULL
                       ? getting->data : mp_block_get_data (getting->block, NULL);
  PyObject *bytes = mp_native_copy_bytes (data, data != NULL ? getting->size : 0);
  PyObject *error = bytes != NULL ? PyObject_CallMethod (self, "_not_plain", "IO",
                                                         getting->encoding, bytes)
                                  : NULL;

  if (error != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);
  Py_XDECREF (error);
  Py_XDECREF (bytes);
}

static PyObject *
take (PyObject *self,
      MpQueue  *queue,
      gint64    usec)
{
  Getting getting = { queue, 0, NULL, 0, NULL };
  int status = mp_native_attempt (get_once, &getting, usec);
  PyObject *value = NULL;

  if (G_LIKELY (status == MP_STATUS_OK))
    value = mp_native_finish_message (getting.encoding, getting.data, getting.size,
                                      getting.block);
  else if (status == MP_STATUS_NOT_PLAIN)
    raise_not_plain (self, &getting);
  else if (status == MP_STATUS_TIMED_OUT)
    PyErr_SetNone (mp_native_hooks.Empty);
  else if (status > 0)
    raise_failed (self, "_get_failed", status);

  g_free (getting.data);
  if (getting.block != NULL)
    mp_block_unref (getting.block);
  return value;
}

static PyObject *
queue_get (PyObject        *self,
           PyObject *const *values,
           Py_ssize_t       n_values,
           PyObject        *given)
{
  static const char *const names[] = { "block", "timeout" };
  const MpNativeCall call = { self, values, n_values, given };
  MpQueue *queue = mp_native_get_object (self);
  PyObject *arguments[2];
  gint64 usec;

  if (queue == NULL || !mp_native_get_arguments (&call, names, 2, 0, arguments) ||
      !mp_native_get_usec (arguments[0], arguments[1], &usec) || is_closed (self))
    return mp_native_call_slow (&call, "_slow_get");

  return take (self, queue, usec);
}

PyMethodDef mp_native_queue_methods[] = {
  { "put", MP_NATIVE_METHOD (queue_put), METH_FASTCALL | METH_KEYWORDS,
    "put($self, /, obj, block=True, timeout=None)\n--\n\n"
    "Appends a value. queue.Full if there was no room in time (seconds)." },
  { "get", MP_NATIVE_METHOD (queue_get), METH_FASTCALL | METH_KEYWORDS,
    "get($self, /, block=True, timeout=None)\n--\n\n"
    "Takes the oldest value. queue.Empty if none came in time (seconds)." },
  { NULL }
};
