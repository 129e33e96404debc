/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Pieces: what a pickler writes, not copied.
 *
 * A pickler that writes to a file gives it large bytes and buffers as they are, between the pieces
 * of the pickle itself. Here they are only held, so that all of it is copied once: to where its
 * reader finds it. For small values pickle.dumps() is faster.
 */

#include "mp-native-private.h"

#include <malloc.h>

/* The most that mallopt() takes. */
#define MMAP_FROM (32 << 20)

#define MOST_PIECES 4096        /* then what is written is not worth to be held in pieces */

typedef struct {
  PyObject_HEAD
  GArray *views;                /* of Py_buffer */
} Pieces;

static PyTypeObject *pieces_type;

/* --- The file ------------------------------------------------------------------------------ */

static PyObject *
pieces_write (PyObject *object,
              PyObject *data)
{
  Pieces *self = (Pieces *) object;
  Py_buffer view;

  if (self->views->len == MOST_PIECES)
    {
      PyErr_SetNone (PyExc_BufferError);
      return NULL;
    }
  if (PyObject_GetBuffer (data, &view, PyBUF_ANY_CONTIGUOUS) < 0)
    return NULL;

  g_array_append_val (self->views, view);
  return PyLong_FromSsize_t (view.len);
}

static void
pieces_dealloc (PyObject *object)
{
  Pieces *self = (Pieces *) object;
  PyTypeObject *type = Py_TYPE (object);

  for (guint i = 0; i < self->views->len; i++)
    PyBuffer_Release (&g_array_index (self->views, Py_buffer, i));
  g_array_unref (self->views);
  PyObject_Free (object);
  Py_DECREF (type);
}

gboolean
mp_native_pieces_setup (void)
{
  static PyMethodDef methods[] = { { "write", pieces_write, METH_O, NULL }, { NULL } };
  static PyType_Slot slots[] = {
    { Py_tp_dealloc, pieces_dealloc },
    { Py_tp_methods, methods },
    { 0, NULL }
  };
  static PyType_Spec spec = {
    "gi.overrides._MpNative.Pieces", sizeof (Pieces), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots
  };

  if (pieces_type == NULL)
    pieces_type = (PyTypeObject *) PyType_FromSpec (&spec);

  return pieces_type != NULL;
}

/* --- When and how -------------------------------------------------------------------------- */

static gboolean
is_large (PyObject *value)
{
  Py_buffer view;
  gboolean large;

  if (PyBytes_CheckExact (value))
    return PyBytes_Size (value) >= MP_NATIVE_LARGE;
  if (!PyObject_CheckBuffer (value))
    return FALSE;
  if (PyObject_GetBuffer (value, &view, PyBUF_ANY_CONTIGUOUS) < 0)
    {
      PyErr_Clear ();
      return FALSE;
    }

  large = view.len >= MP_NATIVE_LARGE;
  PyBuffer_Release (&view);
  return large;
}

gboolean
mp_native_is_bulky (PyObject *value)
{
  Py_ssize_t n;

  if (PyList_CheckExact (value))
    return (n = PyList_Size (value)) > 0
           && (is_large (PyList_GetItem (value, 0)) || is_large (PyList_GetItem (value, n - 1)));
  if (PyTuple_CheckExact (value))
    return (n = PyTuple_Size (value)) > 0
           && (is_large (PyTuple_GetItem (value, 0)) || is_large (PyTuple_GetItem (value, n - 1)));

  return !PyBytes_CheckExact (value) && is_large (value);
}

static gboolean
dump (PyObject *value,
      PyObject *file)
{
  PyObject *pickler = PyObject_CallFunction (mp_native_hooks.Pickler, "Oi", file, 5);
  PyObject *done = pickler != NULL ? PyObject_CallMethod (pickler, "dump", "(O)", value) : NULL;

  Py_XDECREF (done);
  Py_XDECREF (pickler);
  return done != NULL;
}

/* NULL without an exception if it cannot be done this way. */
PyObject *
mp_native_write_pieces (PyObject *value)
{
  Pieces *self = PyObject_New (Pieces, pieces_type);
  PyObject *before;

  if (self == NULL)
    return NULL;

  self->views = g_array_new (FALSE, FALSE, sizeof (Py_buffer));
  before = mp_native_set_met (Py_False);
  if (!dump (value, (PyObject *) self))
    Py_CLEAR (self);
  mp_native_set_met (before);
  if (self == NULL && PyErr_ExceptionMatches (PyExc_Exception))
    PyErr_Clear ();

  return (PyObject *) self;
}

int
mp_native_send_pieces (PyObject          *object,
                       MpNativeSendPieces send,
                       gpointer           target)
{
  Pieces *self = (Pieces *) object;
  guint n = self->views->len;
  g_autofree const guint8 **data = g_new (const guint8 *, n);
  g_autofree gsize *sizes = g_new (gsize, n);
  int status;

  for (guint i = 0; i < n; i++)
    {
      const Py_buffer *view = &g_array_index (self->views, Py_buffer, i);

      data[i] = view->buf;
      sizes[i] = (gsize) view->len;
    }

  Py_BEGIN_ALLOW_THREADS
  status = send (target, data, sizes, n);
  Py_END_ALLOW_THREADS

  return status;
}

/* --- Memory -------------------------------------------------------------------------------- */

/* What large arguments and results needed is kept for the next, instead of being asked from the
 * system, page by page, for each: that costs several times what the copy does. */
void
mp_native_keep_memory (gsize most)
{
#ifdef M_TRIM_THRESHOLD
  static gsize kept;

  if (most <= kept || g_getenv ("MALLOC_TRIM_THRESHOLD_") != NULL
      || g_getenv ("MALLOC_MMAP_THRESHOLD_") != NULL || g_getenv ("GLIBC_TUNABLES") != NULL)
    return;

  kept = most;
  mallopt (M_TRIM_THRESHOLD, (int) most);
  mallopt (M_MMAP_THRESHOLD, MMAP_FROM);
#endif
}
