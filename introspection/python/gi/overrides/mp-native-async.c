/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Waiting for Tasks in a main loop: a Python function is called when one is ready.
 *
 * It is called by the main context that was the thread's default one, which runs without the
 * interpreter's lock. Whatever it raises is printed.
 */

#include "mp-native-private.h"

void
mp_native_call_from_loop (PyObject *call,
                          PyObject *argument)
{
  PyObject *result = argument != NULL ? PyObject_CallFunctionObjArgs (call, argument, NULL) : NULL;

  if (result == NULL)
    PyErr_WriteUnraisable (call);
  Py_XDECREF (result);
  Py_XDECREF (argument);
  Py_DECREF (call);
}

static void
on_ready (GObject      *source G_GNUC_UNUSED,
          GAsyncResult *result G_GNUC_UNUSED,
          gpointer      call)
{
  PyGILState_STATE state = PyGILState_Ensure ();

  mp_native_call_from_loop (call, Py_NewRef (Py_None));
  PyGILState_Release (state);
}

/* when_ready (task, call): call (None) */
PyObject *
mp_native_when_ready (PyObject *module G_GNUC_UNUSED,
                      PyObject *arguments)
{
  PyObject *task, *call;
  MpResult *result;

  if (!PyArg_ParseTuple (arguments, "OO", &task, &call))
    return NULL;

  result = mp_native_task_get_result (task);
  if (result == NULL)
    return NULL;

  Py_INCREF (call);
  Py_BEGIN_ALLOW_THREADS
  mp_result_get_async (result, NULL, on_ready, call);
  Py_END_ALLOW_THREADS

  Py_RETURN_NONE;
}
