/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Task: one result of a pool, without the wrapper that introspection would make for it.
 *
 * It has the methods of Mp.Result that mproc.results uses of the parts of a result, and is the base
 * of what apply_async() gives: then the value or the exception is kept once it was read, and the
 * Python pool is known, which may have callbacks to run while somebody waits.
 *
 * A Task belongs to the process that gave the task; any of its threads may use it.
 */

#include "mp-native-private.h"

/* Of the memory that large results were read into. */
#define KEEP_MOST (128 << 20)

typedef enum {
  UNREAD,
  GOOD,
  BAD,
} TaskState;

typedef struct {
  PyObject_HEAD
  MpResult *result;
  PyObject *pool;               /* in Python, or NULL */
  PyObject *value;              /* once it was read: the value or the exception */
  TaskState state;
} Task;

PyTypeObject *mp_native_task_type;

PyObject *
mp_native_task_new (PyTypeObject *type,
                    MpResult     *result,
                    PyObject     *pool)
{
  Task *self = (Task *) PyType_GenericAlloc (type, 0);

  if (self == NULL)
    {
      g_object_unref (result);
      return NULL;
    }

  self->result = result;
  self->pool = Py_XNewRef (pool);
  return (PyObject *) self;
}

MpResult *
mp_native_task_get_result (PyObject *task)
{
  if (PyObject_TypeCheck (task, mp_native_task_type))
    return ((Task *) task)->result;

  PyErr_SetString (PyExc_TypeError, "not a task of a pool");
  return NULL;
}

/* --- Reading ------------------------------------------------------------------------------- */

static PyObject *
detail_to_python (GVariant *value)
{
  gsize size;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return PyUnicode_FromString (g_variant_get_string (value, NULL));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT32))
    return PyLong_FromLong (g_variant_get_int32 (value));
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    {
      const char *data = g_variant_get_fixed_array (value, &size, 1);

      return PyBytes_FromStringAndSize (data, (Py_ssize_t) size);
    }

  return Py_NewRef (Py_None);
}

/* The a{sv} as a dict; NULL with an exception. */
static PyObject *
details_to_python (GVariant *details)
{
  PyObject *dict = PyDict_New ();
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, details);
  while (dict != NULL && g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      PyObject *plain = detail_to_python (value);

      if (plain == NULL || PyDict_SetItemString (dict, key, plain) < 0)
        Py_CLEAR (dict);
      Py_XDECREF (plain);
      g_variant_unref (value);
    }

  return dict;
}

static PyObject *
make_failure (MpResult *result,
              int       status)
{
  g_autoptr (GVariant) details = mp_result_get_error_details (result);
  PyObject *dict = details != NULL && g_variant_is_of_type (details, G_VARIANT_TYPE_VARDICT)
                     ? details_to_python (details) : Py_NewRef (Py_None);
  PyObject *failure = NULL;

  if (dict != NULL)
    failure = PyObject_CallFunction (mp_native_hooks.failure, "Oi", dict, status);
  Py_XDECREF (dict);

  return failure;
}

/* What Python has to have decoded, in an encoding that it reads. */
static PyObject *
load_payload (MpResult  *result,
              MpPayload *payload,
              gboolean  *good)
{
  g_autoptr (MpPayload) converted = NULL;
  g_autoptr (GError) error = NULL;
  guint encoding = mp_payload_get_encoding (payload);
  gconstpointer data;
  gsize size;

  if (encoding == MP_ENCODING_PICKLE || encoding == MP_ENCODING_BYTES)
    converted = mp_payload_ref (payload);
  else
    converted = mp_payload_convert (payload, MP_ENCODING_PICKLE, &error);

  if (converted == NULL)
    {
      *good = FALSE;
      return make_failure (result, g_error_matches (error, MP_ERROR, MP_ERROR_NOT_PLAIN)
                                     ? MP_STATUS_NOT_PLAIN : MP_STATUS_INVALID);
    }

  data = g_bytes_get_data (mp_payload_get_bytes (converted), &size);
  if (size >= MP_NATIVE_LARGE)
    mp_native_keep_memory (KEEP_MOST);
  return mp_native_load (mp_payload_get_encoding (converted), data, size);
}

static PyObject *
take_exception (void)
{
  PyObject *type, *value, *traceback;

  PyErr_Fetch (&type, &value, &traceback);
  PyErr_NormalizeException (&type, &value, &traceback);
  if (traceback != NULL)
    PyException_SetTraceback (value, traceback);
  Py_XDECREF (type);
  Py_XDECREF (traceback);

  return value;
}

PyObject *
mp_native_result_read (MpResult *result,
                       gboolean *good)
{
  g_autoptr (MpPayload) payload = mp_result_get_payload (result, 0, NULL, NULL);
  PyObject *value;

  *good = payload != NULL;
  if (payload != NULL)
    value = load_payload (result, payload, good);
  else
    value = make_failure (result, MP_STATUS_FAILED);

  if (value == NULL && PyErr_ExceptionMatches (PyExc_Exception))
    {
      *good = FALSE;
      value = take_exception ();
    }

  return value;
}

static gboolean
read_once (Task *self)
{
  gboolean good;
  PyObject *value;

  if (self->value != NULL)
    return TRUE;

  value = mp_native_result_read (self->result, &good);
  if (value == NULL)
    return FALSE;

  /* Another thread may have been here meanwhile: all get the same. */
  if (self->value == NULL)
    {
      self->value = value;
      self->state = good ? GOOD : BAD;
    }
  else
    {
      Py_DECREF (value);
    }

  return TRUE;
}

/* --- Waiting ------------------------------------------------------------------------------- */

static int
wait_once (MpResult *result,
           gint64    usec)
{
  int status;

  Py_BEGIN_ALLOW_THREADS
  status = mp_result_wait_raw (result, usec);
  Py_END_ALLOW_THREADS

  return status;
}

int
mp_native_result_wait (MpResult     *result,
                       MpNativeCore *core,
                       gint64        usec)
{
  gint64 end = usec > 0 ? g_get_monotonic_time () + usec : 0;

  for (;;)
    {
      int status;

      if (core != NULL && mp_native_is_busy (core))
        return MP_STATUS_INTERRUPTED;

      status = wait_once (result, usec);
      if (mp_native_raise_deferred ())
        return -1;
      if (status != MP_STATUS_INTERRUPTED)
        return status;
      if (PyErr_CheckSignals () < 0)
        return -1;
      if (usec > 0)
        usec = MAX (0, end - g_get_monotonic_time ());
    }
}

static int
wait_in_python (Task     *self,
                PyObject *timeout)
{
  PyObject *wait = PyObject_GetAttrString ((PyObject *) self, "wait_raw");
  PyObject *status = NULL;
  long number;

  if (self->pool == NULL)
    PyErr_SetString (PyExc_RuntimeError, "the pool of this task is gone");
  else if (wait != NULL)
    status = PyObject_CallMethod (self->pool, "_wait", "OO", wait, timeout);
  Py_XDECREF (wait);
  if (status == NULL)
    return -1;

  number = PyLong_AsLong (status);
  Py_DECREF (status);
  return (int) number;
}

/* Waits so many seconds; a status, or -1 with an exception. */
static int
wait_for_task (Task     *self,
               PyObject *timeout)
{
  MpNativeCore *core = self->pool != NULL ? mp_native_get_core (self->pool) : NULL;
  int status = MP_STATUS_INTERRUPTED;
  gint64 usec;

  if (self->state != UNREAD)
    return MP_STATUS_OK;
  if (core != NULL && mp_native_get_usec (NULL, timeout, &usec))
    status = mp_native_result_wait (self->result, core, usec);
  if (status == MP_STATUS_INTERRUPTED)
    status = wait_in_python (self, timeout);

  return status;
}

static gboolean
get_timeout (const MpNativeCall  *call,
             PyObject           **timeout)
{
  static const char *const names[] = { "timeout" };

  *timeout = NULL;
  if (!mp_native_get_arguments (call, names, 1, 0, timeout))
    {
      PyErr_SetString (PyExc_TypeError, "the only argument is the timeout");
      return FALSE;
    }
  if (*timeout == NULL)
    *timeout = Py_None;

  return TRUE;
}

static PyObject *
task_wait (PyObject        *object,
           PyObject *const *values,
           Py_ssize_t       n_values,
           PyObject        *names)
{
  const MpNativeCall call = { object, values, n_values, names };
  PyObject *timeout;

  if (!get_timeout (&call, &timeout) || wait_for_task ((Task *) object, timeout) < 0)
    return NULL;

  Py_RETURN_NONE;
}

static PyObject *
task_get (PyObject        *object,
          PyObject *const *values,
          Py_ssize_t       n_values,
          PyObject        *names)
{
  const MpNativeCall call = { object, values, n_values, names };
  Task *self = (Task *) object;
  PyObject *timeout;
  int status;

  if (!get_timeout (&call, &timeout))
    return NULL;

  status = wait_for_task (self, timeout);
  if (status < 0)
    return NULL;
  if (status != MP_STATUS_OK && !mp_result_is_ready (self->result))
    {
      PyErr_SetNone (mp_native_hooks.TimeoutError);
      return NULL;
    }
  if (!read_once (self))
    return NULL;
  if (self->state == GOOD)
    return Py_NewRef (self->value);

  PyErr_SetObject ((PyObject *) Py_TYPE (self->value), self->value);
  return NULL;
}

/* --- What parts can tell ------------------------------------------------------------------- */

static PyObject *
task_wait_raw (PyObject *object,
               PyObject *usec)
{
  long long most = PyLong_AsLongLong (usec);

  if (most == -1 && PyErr_Occurred ())
    return NULL;

  return PyLong_FromLong (wait_once (((Task *) object)->result, most));
}

static PyObject *
task_is_ready (PyObject *object,
               PyObject *nothing)
{
  gboolean ready;

  Py_BEGIN_ALLOW_THREADS
  ready = mp_result_is_ready (((Task *) object)->result);
  Py_END_ALLOW_THREADS

  return PyBool_FromLong (ready);
}

static PyObject *
task_is_successful (PyObject *object,
                    PyObject *nothing)
{
  return PyBool_FromLong (mp_result_is_successful (((Task *) object)->result));
}

static PyObject *
task_outcome (PyObject *object,
              PyObject *nothing)
{
  Task *self = (Task *) object;
  gboolean good = self->state == GOOD;
  PyObject *value = self->value != NULL ? Py_NewRef (self->value)
                                        : mp_native_result_read (self->result, &good);

  return value != NULL ? Py_BuildValue ("NN", PyBool_FromLong (good), value) : NULL;
}

/* As outcome(), but what it was is kept. */
static PyObject *
task_fetch (PyObject *object,
            PyObject *nothing)
{
  return read_once ((Task *) object) ? task_outcome (object, NULL) : NULL;
}

static PyObject *
task_cancel (PyObject *object,
             PyObject *nothing)
{
  gboolean cancelled;

  Py_BEGIN_ALLOW_THREADS
  cancelled = mp_result_cancel (((Task *) object)->result);
  Py_END_ALLOW_THREADS

  return mp_native_raise_deferred () ? NULL : PyBool_FromLong (cancelled);
}

static PyObject *
task_get_id (PyObject *object,
             PyObject *nothing)
{
  return PyLong_FromUnsignedLongLong (mp_result_get_id (((Task *) object)->result));
}

static PyObject *
task_get_progress (PyObject *object,
                   PyObject *nothing)
{
  return PyFloat_FromDouble (mp_result_get_progress (((Task *) object)->result));
}

static PyObject *
text_or_none (char *text)
{
  PyObject *object = text != NULL ? PyUnicode_FromString (text) : Py_NewRef (Py_None);

  g_free (text);
  return object;
}

static PyObject *
task_dup_progress_text (PyObject *object,
                        PyObject *nothing)
{
  return text_or_none (mp_result_dup_progress_text (((Task *) object)->result));
}

static PyObject *
task_dup_output (PyObject *object,
                 PyObject *nothing)
{
  return text_or_none (mp_result_dup_output (((Task *) object)->result));
}

/* --- The type ------------------------------------------------------------------------------ */

static PyObject *
task_new (PyTypeObject *type,
          PyObject     *arguments,
          PyObject     *named)
{
  PyObject *given, *pool = NULL;
  gpointer result;

  if (!PyArg_ParseTuple (arguments, "O|O", &given, &pool))
    return NULL;
  result = PyObject_TypeCheck (given, mp_native_task_type) ? ((Task *) given)->result
                                                           : mp_native_get_gobject (given);
  if (result == NULL || !MP_IS_RESULT (result))
    return PyErr_Format (PyExc_TypeError, "a task has an Mp.Result");

  return mp_native_task_new (type, g_object_ref (result), pool);
}

static int
task_traverse (PyObject  *object,
               visitproc  visit,
               void      *arg)
{
  Task *self = (Task *) object;

  Py_VISIT (Py_TYPE (object));
  Py_VISIT (self->pool);
  Py_VISIT (self->value);
  return 0;
}

static int
task_clear (PyObject *object)
{
  Task *self = (Task *) object;

  Py_CLEAR (self->pool);
  Py_CLEAR (self->value);
  return 0;
}

static void
task_dealloc (PyObject *object)
{
  Task *self = (Task *) object;
  PyTypeObject *type = Py_TYPE (object);

  PyObject_GC_UnTrack (object);
  Py_CLEAR (self->pool);
  Py_CLEAR (self->value);
  g_clear_object (&self->result);
  PyObject_GC_Del (object);
  Py_DECREF (type);
}

static PyObject *
task_get_pool (PyObject *object,
               void     *closure)
{
  Task *self = (Task *) object;

  return Py_NewRef (self->pool != NULL ? self->pool : Py_None);
}

static PyObject *
task_get_value (PyObject *object,
                void     *closure)
{
  return PyBool_FromLong (((Task *) object)->state != UNREAD);
}

static PyMethodDef methods[] = {
  { "get", MP_NATIVE_METHOD (task_get), METH_FASTCALL | METH_KEYWORDS,
    "get($self, /, timeout=None)\n--\n\nThe value; the exception of the task is raised here." },
  { "wait", MP_NATIVE_METHOD (task_wait), METH_FASTCALL | METH_KEYWORDS,
    "wait($self, /, timeout=None)\n--\n\nWaits until it is ready, or for so many seconds." },
  { "cancel", task_cancel, METH_NOARGS,
    "cancel($self, /)\n--\n\nCancels it, if it is not done. Whether it was not." },
  { "wait_raw", task_wait_raw, METH_O, NULL },
  { "is_ready", task_is_ready, METH_NOARGS, NULL },
  { "is_successful", task_is_successful, METH_NOARGS, NULL },
  { "outcome", task_outcome, METH_NOARGS, NULL },
  { "_fetch", task_fetch, METH_NOARGS, NULL },
  { "get_id", task_get_id, METH_NOARGS, NULL },
  { "get_progress", task_get_progress, METH_NOARGS, NULL },
  { "dup_progress_text", task_dup_progress_text, METH_NOARGS, NULL },
  { "dup_output", task_dup_output, METH_NOARGS, NULL },
  { NULL }
};

static PyGetSetDef properties[] = {
  { "_pool", task_get_pool, NULL, NULL, NULL },
  { "_was_read", task_get_value, NULL, NULL, NULL },
  { NULL }
};

static PyType_Slot slots[] = {
  { Py_tp_doc, (char *) "Task(result, pool=None, /)\n--\n\nOne result of a pool." },
  { Py_tp_new, task_new },
  { Py_tp_traverse, task_traverse },
  { Py_tp_clear, task_clear },
  { Py_tp_dealloc, task_dealloc },
  { Py_tp_methods, methods },
  { Py_tp_getset, properties },
  { 0, NULL }
};

static PyType_Spec spec = {
  .name = "gi.overrides._MpNative.Task",
  .basicsize = sizeof (Task),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
  .slots = slots,
};

PyObject *
mp_native_task_type_new (void)
{
  PyObject *type = PyType_FromSpec (&spec);

  mp_native_task_type = (PyTypeObject *) Py_XNewRef (type);
  return type;
}
