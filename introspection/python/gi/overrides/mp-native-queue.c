/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Queue.put() and Queue.get(): one call from Python for a whole value, pickling included.
 *
 * Bytes go as they are. Everything else is pickled here if that is all it takes: what pickle refuses
 * (functions, shared objects, whose handles only the codec may write) and whatever may have large
 * buffers inside is left to the Python method, before anything was put.
 *
 * A value that has been taken is returned: nothing runs signal handlers between its message and
 * its decoding. A large one is read where it lies, and its block is held until it was read.
 */

#include "mp-native-private.h"

#define LARGE 65536             /* bytes, whose copying others need not wait for */

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

/* Whether this process has closed it, or that cannot be told here. */
static gboolean
is_closed (PyObject *self)
{
  PyObject *closed = PyObject_GetAttrString (self, "_closed_here");

  if (closed == NULL)
    PyErr_Clear ();
  Py_XDECREF (closed);

  return closed != Py_False;
}

/* --- Putting ------------------------------------------------------------------------------- */

static int
put_once (gpointer data,
          gint64   usec)
{
  const Putting *putting = data;

  return mp_queue_put_data (putting->queue, putting->encoding, putting->data, putting->size, usec);
}

/* What the value is as bytes: a new reference; or NULL, with an exception that is to be raised, or
 * without one if the Python method shall encode it. */
static PyObject *
encode (PyObject *value,
        guint    *encoding)
{
  PyObject *data;

  *encoding = MP_ENCODING_BYTES;
  if (PyBytes_CheckExact (value))
    return Py_NewRef (value);
  if (PyObject_CheckBuffer (value))
    return NULL;

  *encoding = MP_ENCODING_PICKLE;
  data = PyObject_CallFunctionObjArgs (mp_native_hooks.dumps, value, mp_native_hooks.protocol,
                                       NULL);
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
  return size < LARGE ? mp_native_attempt (put_once, putting, usec)
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

  data = encode (arguments[0], &putting.encoding);
  if (data == NULL)
    return PyErr_Occurred () ? NULL : mp_native_call_slow (&call, "_slow_put");

  status = put_data (&putting, data, usec);
  Py_DECREF (data);
  if (G_LIKELY (status == MP_STATUS_OK))
    Py_RETURN_NONE;
  if (status < 0)
    return NULL;
  /* Nothing was put; the Python method tries once more and says why. */
  if (status != MP_STATUS_TIMED_OUT)
    return mp_native_call_slow (&call, "_slow_put");

  PyErr_SetNone (mp_native_hooks.Full);
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

static PyObject *
copy_bytes (gconstpointer data,
            gsize         size)
{
  PyObject *bytes = PyBytes_FromStringAndSize (size < LARGE ? data : NULL, (Py_ssize_t) size);

  if (bytes != NULL && size >= LARGE)
    {
      char *to = PyBytes_AsString (bytes);

      Py_BEGIN_ALLOW_THREADS
      memcpy (to, data, size);
      Py_END_ALLOW_THREADS
    }

  return bytes;
}

/* Consumes @data, which is bytes or a Block. */
static PyObject *
decode (guint     encoding,
        PyObject *data)
{
  PyObject *value;

  if (data == NULL || (encoding == MP_ENCODING_BYTES && PyBytes_CheckExact (data)))
    return data;

  if (encoding == MP_ENCODING_PICKLE)
    value = PyObject_CallFunctionObjArgs (mp_native_hooks.loads, data, NULL);
  else
    value = PyObject_CallFunction (mp_native_hooks.decode, "IO", encoding, data);
  Py_DECREF (data);

  return value;
}

/* The value of a message that was taken. */
static PyObject *
finish (Getting *getting)
{
  guint encoding = getting->encoding;
  PyObject *value;

  if (getting->data == NULL && getting->block != NULL && encoding != MP_ENCODING_BYTES)
    return decode (encoding, mp_native_block_new (g_steal_pointer (&getting->block), FALSE));

  if (getting->data != NULL || getting->block == NULL)
    value = copy_bytes (getting->data != NULL ? getting->data : (const guint8 *) "",
                        getting->size);
  else
    value = copy_bytes (mp_block_get_data (getting->block, NULL), getting->size);

  return decode (encoding, value);
}

static PyObject *
take (const MpNativeCall *call,
      MpQueue            *queue,
      gint64              usec)
{
  Getting getting = { queue };
  int status = mp_native_attempt (get_once, &getting, usec);
  PyObject *value = NULL;

  if (G_LIKELY (status == MP_STATUS_OK))
    value = finish (&getting);
  else if (status == MP_STATUS_TIMED_OUT)
    PyErr_SetNone (mp_native_hooks.Empty);
  else if (status == MP_STATUS_NOT_PLAIN)
    mp_native_raise (status);
  else if (status >= 0)
    /* Nothing was taken; the Python method tries once more and says why. */
    value = mp_native_call_slow (call, "_slow_get");

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

  return take (&call, queue, usec);
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
