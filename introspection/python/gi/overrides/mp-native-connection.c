/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Connection.send() and Connection.recv(): one call from Python for a whole value, over a socket or
 * through the two queues of a pipe in shared memory.
 *
 * The method in Python is called for what it alone can do, before anything was sent or taken: for a
 * connection that is closed, goes the other way, or was made of a handle for one way only; for one
 * to multiprocessing; and for values that pickle refuses, or with large buffers in them. A socket's
 * message of which a part is out is sent to its end, or goes before the next: so what a signal
 * handler raises meanwhile does not break the line.
 */

#include "mp-native-private.h"

typedef struct {
  MpConnection *connection;
  MpQueue      *queue;          /* of a pipe in shared memory, or NULL */
  guint         encoding;
  const guint8 *data;
  gsize         size;
  gboolean      begun;
} Sending;

typedef struct {
  MpConnection *connection;
  MpQueue      *queue;
  guint         encoding;
  guint8       *data;
  gsize         size;
  MpBlock      *block;
} Receiving;

/* Whether the attribute, which is interned, is False: if not, Python has to see to the call. */
static gboolean
is_false (PyObject   *self,
          PyObject  **name,
          const char *text)
{
  PyObject *value;

  if (*name == NULL)
    *name = PyUnicode_InternFromString (text);
  value = *name != NULL ? PyObject_GetAttr (self, *name) : NULL;
  if (value == NULL)
    PyErr_Clear ();
  Py_XDECREF (value);

  return value == Py_False;
}

/* The method named gives the exception. */
static void
raise_by (PyObject   *self,
          const char *method,
          int         status)
{
  PyObject *error = PyObject_CallMethod (self, method, "i", status);

  if (error != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);
  Py_XDECREF (error);
}

/* The value's exception, not the connection's: who catches it can tell, see _MpConnection.py. */
static void
note_value_error (PyObject *self)
{
  PyObject *error = mp_native_take_error ();
  PyObject *number = error != NULL ? PyLong_FromVoidPtr (error) : NULL;

  if (number != NULL && PyObject_SetAttrString (self, "_value_error", number) < 0)
    PyErr_Clear ();
  Py_XDECREF (number);
  if (error != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);
  Py_XDECREF (error);
}

/* --- Sending ------------------------------------------------------------------------------- */

static int
send_once (gpointer data,
           gint64   usec)
{
  Sending *sending = data;

  if (sending->queue != NULL)
    return mp_queue_put_data (sending->queue, sending->encoding, sending->data, sending->size,
                              usec);
  if (sending->begun)
    return mp_connection_flush_raw (sending->connection, usec);

  return mp_connection_send_data (sending->connection, sending->encoding, sending->data,
                                  sending->size, usec, &sending->begun);
}

static gboolean
can_send (PyObject *self,
          Sending  *sending)
{
  static PyObject *name;

  if (sending->connection == NULL || mp_connection_is_closed (sending->connection) ||
      !mp_connection_get_writable (sending->connection) || !is_false (self, &name, "_no_output"))
    return FALSE;

  sending->queue = mp_connection_get_output (sending->connection);
  return sending->queue != NULL || !mp_connection_get_plain (sending->connection);
}

static int
send_data (Sending  *sending,
           PyObject *data)
{
  char *bytes;
  Py_ssize_t size;

  if (PyBytes_AsStringAndSize (data, &bytes, &size) < 0)
    return -1;

  sending->data = (const guint8 *) bytes;
  sending->size = (gsize) size;
  return size < MP_NATIVE_LARGE ? mp_native_attempt (send_once, sending, -1)
                                : mp_native_wait (send_once, sending, -1);
}

static PyObject *
connection_send (PyObject        *self,
                 PyObject *const *values,
                 Py_ssize_t       n_values,
                 PyObject        *given)
{
  static const char *const names[] = { "obj" };
  const MpNativeCall call = { self, values, n_values, given };
  Sending sending = { mp_native_get_object (self), NULL, 0, NULL, 0, FALSE };
  PyObject *object;
  PyObject *data;
  int status;

  if (!mp_native_get_arguments (&call, names, 1, 1, &object) || !can_send (self, &sending))
    return mp_native_call_slow (&call, "_slow_send");

  data = mp_native_encode (object, mp_native_hooks.options, &sending.encoding);
  if (data == NULL && PyErr_Occurred ())
    {
      note_value_error (self);
      return NULL;
    }
  if (data == NULL)
    return mp_native_call_slow (&call, "_slow_send");

  status = send_data (&sending, data);
  Py_DECREF (data);
  if (G_LIKELY (status == MP_STATUS_OK))
    Py_RETURN_NONE;
  if (status > 0)
    raise_by (self, "_send_failed", status);
  return NULL;
}

/* --- Receiving ----------------------------------------------------------------------------- */

static int
take_once (gpointer data,
           gint64   usec)
{
  Receiving *receiving = data;

  if (receiving->queue != NULL)
    return mp_queue_take_data (receiving->queue, MP_ENCODING_PICKLE, usec, &receiving->encoding,
                               &receiving->data, &receiving->size, &receiving->block);

  return mp_connection_take_data (receiving->connection, MP_ENCODING_PICKLE, 0, usec,
                                  &receiving->encoding, &receiving->data, &receiving->size,
                                  &receiving->block);
}

static gboolean
can_receive (PyObject  *self,
             Receiving *receiving)
{
  static PyObject *name;

  if (receiving->connection == NULL || mp_connection_is_closed (receiving->connection) ||
      !mp_connection_get_readable (receiving->connection) || !is_false (self, &name, "_no_input"))
    return FALSE;

  receiving->queue = mp_connection_get_input (receiving->connection);
  return TRUE;
}

static void
raise_not_plain (PyObject        *self,
                 const Receiving *receiving)
{
  const guint8 *data = receiving->data;
  PyObject *error;

  if (data == NULL && receiving->block != NULL)
    data = mp_block_get_data (receiving->block, NULL);
  error = PyObject_CallMethod (self, "_not_plain", "Iy#", receiving->encoding,
                               data != NULL ? (const char *) data : "",
                               (Py_ssize_t) (data != NULL ? receiving->size : 0));
  if (error != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (error), error);
  Py_XDECREF (error);
}

static PyObject *
connection_recv (PyObject        *self,
                 PyObject *const *values,
                 Py_ssize_t       n_values,
                 PyObject        *given)
{
  static const char *const names[] = { "timeout" };
  const MpNativeCall call = { self, values, n_values, given };
  Receiving receiving = { mp_native_get_object (self), NULL, 0, NULL, 0, NULL };
  PyObject *timeout, *value = NULL;
  gint64 usec;
  int status;

  if (n_values > 0 || !mp_native_get_arguments (&call, names, 1, 0, &timeout) ||
      !mp_native_get_usec (NULL, timeout, &usec) || !can_receive (self, &receiving))
    return mp_native_call_slow (&call, "_slow_recv");

  /* Of a socket each look is a system call; mostly what is asked for is still on its way. */
  status = receiving.queue != NULL ? mp_native_attempt (take_once, &receiving, usec)
                                   : mp_native_wait (take_once, &receiving, usec);
  if (G_LIKELY (status == MP_STATUS_OK))
    {
      value = mp_native_finish_message (receiving.encoding, receiving.data, receiving.size,
                                        receiving.block);
      if (value == NULL)
        note_value_error (self);
    }
  else if (status == MP_STATUS_NOT_PLAIN)
    raise_not_plain (self, &receiving);
  else if (status > 0)
    raise_by (self, "_recv_failed", status);

  g_free (receiving.data);
  if (receiving.block != NULL)
    mp_block_unref (receiving.block);
  return value;
}

PyMethodDef mp_native_connection_methods[] = {
  { "send", MP_NATIVE_METHOD (connection_send), METH_FASTCALL | METH_KEYWORDS,
    "send($self, /, obj)\n--\n\nSends a value. BrokenPipeError if the other end is gone." },
  { "recv", MP_NATIVE_METHOD (connection_recv), METH_FASTCALL | METH_KEYWORDS,
    "recv($self, /, *, timeout=None, writable=False)\n--\n\n"
    "Receives a value. EOFError if nothing more will come; TimeoutError if nothing came in time "
    "(seconds). @writable: as for the get() of a queue." },
  { NULL }
};
