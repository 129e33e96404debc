/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Locks, semaphores, and the lock of a condition: acquire, release and `with`.
 *
 * A lock that is free is taken with the interpreter's lock held: two atomic operations, and no
 * other thread gets in between.
 */

#include "mp-native-private.h"

typedef struct {
  int (*acquire) (gpointer object,
                  gint64   usec);
  int (*release) (gpointer object);
} LockFunctions;

static int
acquire_lock (gpointer lock,
              gint64   usec)
{
  return mp_lock_acquire_raw (lock, usec);
}

static int
release_lock (gpointer lock)
{
  return mp_lock_release_raw (lock);
}

static int
acquire_semaphore (gpointer semaphore,
                   gint64   usec)
{
  return mp_semaphore_acquire_raw (semaphore, usec);
}

static int
release_semaphore (gpointer semaphore)
{
  return mp_semaphore_release_raw (semaphore);
}

/* A subclass in Python, which is a GType, may have methods of its own: NULL. */
static MpLock *
get_plain_lock (MpCondition *condition)
{
  MpLock *lock = mp_condition_get_lock (condition);
  GType type = lock != NULL ? G_OBJECT_TYPE (lock) : G_TYPE_INVALID;

  return type == MP_TYPE_LOCK || type == MP_TYPE_RLOCK ? lock : NULL;
}

static int
acquire_condition (gpointer condition,
                   gint64   usec)
{
  MpLock *lock = get_plain_lock (condition);

  return lock != NULL ? mp_lock_acquire_raw (lock, usec) : MP_STATUS_INVALID;
}

static int
release_condition (gpointer condition)
{
  MpLock *lock = get_plain_lock (condition);

  return lock != NULL ? mp_lock_release_raw (lock) : MP_STATUS_INVALID;
}

static const LockFunctions of_lock = { acquire_lock, release_lock };
static const LockFunctions of_semaphore = { acquire_semaphore, release_semaphore };
static const LockFunctions of_condition = { acquire_condition, release_condition };

#define MAX_CLASSES 8

static PyTypeObject *classes[MAX_CLASSES];

void
mp_native_lock_add_class (PyTypeObject *type)
{
  for (guint i = 0; i < MAX_CLASSES; i++)
    if (classes[i] == NULL || classes[i] == type)
      {
        classes[i] = type;
        return;
      }
}

/* Whether nobody can have overridden acquire() and release(). */
static gboolean
is_plain (PyObject *self)
{
  for (guint i = 0; i < MAX_CLASSES && classes[i] != NULL; i++)
    if (Py_IS_TYPE (self, classes[i]))
      return TRUE;

  return FALSE;
}

/* --- acquire() and release() --------------------------------------------------------------- */

static PyObject *
acquire (const MpNativeCall  *call,
         const LockFunctions *functions)
{
  static const char *const names[] = { "block", "timeout" };
  gpointer object = mp_native_get_object (call->self);
  PyObject *arguments[2];
  gint64 usec = -1;
  int status;

  if (object == NULL)
    return mp_native_call_slow (call, "_slow_acquire");
  if ((call->n_values > 0 || call->names != NULL) &&
      (!mp_native_get_arguments (call, names, 2, 0, arguments) ||
       !mp_native_get_usec (arguments[0], arguments[1], &usec)))
    return mp_native_call_slow (call, "_slow_acquire");

  status = mp_native_attempt (functions->acquire, object, usec);
  if (G_LIKELY (status == MP_STATUS_OK))
    Py_RETURN_TRUE;
  if (status == MP_STATUS_TIMED_OUT)
    Py_RETURN_FALSE;

  return status < 0 ? NULL : mp_native_call_slow (call, "_slow_acquire");
}

/* The exception is the lock's own: `_not_owner` is its class and its text. */
static void
raise_not_owner (PyObject            *self,
                 const LockFunctions *functions)
{
  PyObject *lock = functions == &of_condition ? PyObject_CallMethod (self, "get_lock", NULL)
                                              : Py_NewRef (self);
  PyObject *pair = lock != NULL ? PyObject_GetAttrString (lock, "_not_owner") : NULL;
  PyObject *kind, *text;

  if (pair != NULL && PyArg_ParseTuple (pair, "OO", &kind, &text))
    PyErr_SetObject (kind, text);
  Py_XDECREF (pair);
  Py_XDECREF (lock);
}

static PyObject *
release (PyObject            *self,
         const LockFunctions *functions)
{
  const MpNativeCall call = { self, NULL, 0, NULL };
  gpointer object = mp_native_get_object (self);
  int status = object != NULL ? functions->release (object) : MP_STATUS_INVALID;

  if (G_LIKELY (status == MP_STATUS_OK))
    Py_RETURN_NONE;
  if (status != MP_STATUS_NOT_OWNER)
    return mp_native_call_slow (&call, "_slow_release");

  raise_not_owner (self, functions);
  return NULL;
}

/* --- with ---------------------------------------------------------------------------------- */

static PyObject *
enter (PyObject            *self,
       const LockFunctions *functions)
{
  const MpNativeCall call = { self, NULL, 0, NULL };
  PyObject *result = functions != &of_condition && is_plain (self)
                       ? acquire (&call, functions)
                       : PyObject_CallMethod (self, "acquire", NULL);

  if (result == NULL)
    return NULL;

  Py_DECREF (result);
  Py_RETURN_TRUE;
}

static PyObject *
leave (PyObject            *self,
       const LockFunctions *functions)
{
  PyObject *result = functions != &of_condition && is_plain (self)
                       ? release (self, functions)
                       : PyObject_CallMethod (self, "release", NULL);

  if (result == NULL)
    return NULL;

  Py_DECREF (result);
  Py_RETURN_NONE;
}

/* --- The methods of each kind -------------------------------------------------------------- */

#define DEFINE_METHODS(kind)                                                                      \
  static PyObject *kind##_acquire (PyObject *self, PyObject *const *values, Py_ssize_t n_values,  \
                                   PyObject *names)                                               \
  {                                                                                               \
    const MpNativeCall call = { self, values, n_values, names };                                  \
    return acquire (&call, &of_##kind);                                                           \
  }                                                                                               \
  static PyObject *kind##_release (PyObject *self, PyObject *nothing)                             \
  {                                                                                               \
    return release (self, &of_##kind);                                                            \
  }                                                                                               \
  static PyObject *kind##_enter (PyObject *self, PyObject *nothing)                               \
  {                                                                                               \
    return enter (self, &of_##kind);                                                              \
  }                                                                                               \
  static PyObject *kind##_exit (PyObject *self, PyObject *const *values, Py_ssize_t n_values)     \
  {                                                                                               \
    return leave (self, &of_##kind);                                                              \
  }                                                                                               \
  PyMethodDef mp_native_##kind##_methods[] = {                                                    \
    { "acquire", MP_NATIVE_METHOD (kind##_acquire), METH_FASTCALL | METH_KEYWORDS,                \
      "acquire($self, /, block=True, timeout=None)\n--\n\n"                                       \
      "Takes it. False if that was not possible in time (seconds)." },                            \
    { "release", kind##_release, METH_NOARGS, "release($self, /)\n--\n\nGives it back." },        \
    { "__enter__", kind##_enter, METH_NOARGS, "__enter__($self, /)\n--\n\nTakes it." },           \
    { "__exit__", MP_NATIVE_METHOD (kind##_exit), METH_FASTCALL,                                  \
      "__exit__($self, /, *details)\n--\n\nGives it back." },                                     \
    { NULL }                                                                                      \
  };

DEFINE_METHODS (lock)
DEFINE_METHODS (semaphore)
DEFINE_METHODS (condition)
