/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Block: shared memory as a Python buffer.
 *
 * It owns an MpBlock. Whatever looks at the memory (a memoryview, a slice of one, a numpy array)
 * holds the Block, so the memory stays as long as anything looks at it. release() gives it back at
 * once, and refuses while somebody looks.
 *
 * A block made here can be written; one that came in a message cannot: others may read it, too.
 */

#include "mp-native-private.h"

typedef struct {
  PyObject_HEAD
  MpBlock   *block;             /* NULL after release() */
  Py_ssize_t n_exports;
  gboolean   writable;
} Block;

static PyTypeObject *block_type;

PyObject *
mp_native_block_new (MpBlock  *block,
                     gboolean  writable)
{
  Block *self = PyObject_New (Block, block_type);

  if (self == NULL)
    {
      mp_block_unref (block);
      return NULL;
    }

  self->block = block;
  self->n_exports = 0;
  self->writable = writable;
  return (PyObject *) self;
}

MpBlock *
mp_native_block_get (PyObject *self)
{
  MpBlock *block = ((Block *) self)->block;

  if (block == NULL || mp_block_get_data (block, NULL) == NULL)
    {
      PyErr_SetString (PyExc_ValueError, "the block was released, or is not of this process");
      return NULL;
    }

  return block;
}

static PyObject *
block_new (PyTypeObject *type,
           PyObject     *arguments,
           PyObject     *named)
{
  static const char *const names[] = { "size", NULL };
  g_autoptr (GError) error = NULL;
  Py_ssize_t size;
  MpBlock *block;

  if (!PyArg_ParseTupleAndKeywords (arguments, named, "n", (char **) names, &size))
    return NULL;
  if (size < 0)
    return PyErr_Format (PyExc_ValueError, "the size of a block must be >= 0");

  block = mp_block_new ((gsize) size, &error);
  if (block != NULL)
    return mp_native_block_new (block, TRUE);

  if (g_error_matches (error, MP_ERROR, MP_ERROR_NO_SPACE))
    mp_native_raise (MP_STATUS_NO_SPACE);
  else
    PyErr_SetString (PyExc_OSError, error->message);
  return NULL;
}

static void
block_dealloc (PyObject *object)
{
  Block *self = (Block *) object;
  PyTypeObject *type = Py_TYPE (object);

  g_clear_pointer (&self->block, mp_block_unref);
  PyObject_Free (object);
  Py_DECREF (type);
}

static int
block_get_buffer (PyObject  *object,
                  Py_buffer *view,
                  int        flags)
{
  Block *self = (Block *) object;
  MpBlock *block = mp_native_block_get (object);
  gpointer data;
  gsize size;
  int result;

  view->obj = NULL;
  if (block == NULL)
    return -1;

  data = mp_block_get_data (block, &size);
  result = PyBuffer_FillInfo (view, object, data, (Py_ssize_t) size, !self->writable, flags);
  if (result == 0)
    self->n_exports++;

  return result;
}

static void
block_release_buffer (PyObject  *object,
                      Py_buffer *view)
{
  ((Block *) object)->n_exports--;
}

static Py_ssize_t
block_length (PyObject *object)
{
  MpBlock *block = mp_native_block_get (object);

  return block != NULL ? (Py_ssize_t) mp_block_get_size (block) : -1;
}

static PyObject *
block_release (PyObject *object,
               PyObject *nothing)
{
  Block *self = (Block *) object;

  if (self->n_exports > 0)
    return PyErr_Format (PyExc_BufferError, "%zd views of the block exist", self->n_exports);

  g_clear_pointer (&self->block, mp_block_unref);
  Py_RETURN_NONE;
}

typedef struct {
  MpQueue *queue;
  guint    encoding;
  MpBlock *block;
} Sending;

static int
send_once (gpointer data,
           gint64   usec)
{
  const Sending *sending = data;

  return mp_queue_put_block_data (sending->queue, sending->encoding, sending->block, usec);
}

static PyObject *
block_send (PyObject *object,
            PyObject *arguments)
{
  MpBlock *block = mp_native_block_get (object);
  Sending sending = { NULL, MP_ENCODING_BYTES, NULL };
  PyObject *queue;
  long long usec = -1;
  int status;

  if (block == NULL || !PyArg_ParseTuple (arguments, "O|IL", &queue, &sending.encoding, &usec))
    return NULL;
  sending.queue = mp_native_get_queue (queue);
  if (sending.queue == NULL)
    return PyErr_Format (PyExc_TypeError, "a block is sent to a queue");

  sending.block = mp_block_ref (block);
  status = mp_native_attempt (send_once, &sending, usec);
  mp_block_unref (sending.block);

  return status < 0 ? NULL : PyLong_FromLong (status);
}

static PyObject *
block_enter (PyObject *object,
             PyObject *nothing)
{
  return Py_NewRef (object);
}

static PyObject *
block_exit (PyObject        *object,
            PyObject *const *values,
            Py_ssize_t       n_values)
{
  return block_release (object, NULL);
}

static PyObject *
block_get_readonly (PyObject *object,
                    void     *closure)
{
  return PyBool_FromLong (!((Block *) object)->writable);
}

static PyMethodDef methods[] = {
  { "release", block_release, METH_NOARGS,
    "release($self, /)\n--\n\nGives the memory back now; BufferError if anything looks at it." },
  { "send", block_send, METH_VARARGS,
    "send($self, queue, encoding=BYTES, usec=-1, /)\n--\n\n"
    "Puts it into a queue, as it is, and returns an Mp.Status. Do not change it any more." },
  { "__enter__", block_enter, METH_NOARGS, NULL },
  { "__exit__", MP_NATIVE_METHOD (block_exit), METH_FASTCALL, NULL },
  { NULL }
};

static PyGetSetDef properties[] = {
  { "readonly", block_get_readonly, NULL, "Whether it came in a message.", NULL },
  { NULL }
};

static PyType_Slot slots[] = {
  { Py_tp_doc, (char *) "Block(size)\n--\n\nShared memory that can be sent as it is." },
  { Py_tp_new, block_new },
  { Py_tp_dealloc, block_dealloc },
  { Py_tp_methods, methods },
  { Py_tp_getset, properties },
  { Py_sq_length, block_length },
  { Py_bf_getbuffer, block_get_buffer },
  { Py_bf_releasebuffer, block_release_buffer },
  { 0, NULL }
};

static PyType_Spec spec = {
  .name = "gi.overrides._MpNative.Block",
  .basicsize = sizeof (Block),
  .flags = Py_TPFLAGS_DEFAULT,
  .slots = slots,
};

PyObject *
mp_native_block_type_new (void)
{
  PyObject *type = PyType_FromSpec (&spec);

  block_type = (PyTypeObject *) Py_XNewRef (type);
  return type;
}
