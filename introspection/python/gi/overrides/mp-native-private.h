/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the files of the accelerator share. See mp-native.c for what it is.
 *
 * All of it runs in threads that hold the interpreter's lock, except inside of an attempt that
 * mp_native_wait() makes.
 */

#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <mproc/mproc.h>

G_BEGIN_DECLS

#define MP_NATIVE_METHOD(function) ((PyCFunction) (void (*) (void)) (function))

/* As _MpBuffers.LARGE: such a buffer goes beside the pickle. */
#define MP_NATIVE_LARGE_BUFFER 32768

/* What the override gives at import; see setup() in mp-native.c. */
typedef struct {
  PyObject *dumps;              /* dumps (value, **options): a pickle */
  PyObject *options;            /* a dict, into which buffer_callback comes */
  PyObject *loads;              /* loads (data): the value */
  PyObject *load_block;         /* load_block (block): the value of a pickle with buffers */
  PyObject *from_status;        /* from_status (status): an exception */
  PyObject *Empty;
  PyObject *Full;
} MpNativeHooks;

extern MpNativeHooks mp_native_hooks;

/* The arguments of one call, as METH_FASTCALL | METH_KEYWORDS gives them. */
typedef struct {
  PyObject        *self;
  PyObject *const *values;
  Py_ssize_t       n_values;
  PyObject        *names;       /* (nullable) */
} MpNativeCall;

/* One try of something that may have to wait; an MpStatus. */
typedef int (*MpNativeAttempt) (gpointer data,
                                gint64   usec);

/* The GObject behind a wrapper; NULL if it was never initialized. */
gpointer  mp_native_get_object  (PyObject            *wrapper);

/* The same for what may be no queue: NULL. */
MpQueue  *mp_native_get_queue   (PyObject            *object);

/* Puts the arguments in the order of @names. FALSE if they are not what the method takes. */
gboolean  mp_native_get_arguments (const MpNativeCall *call,
                                   const char *const  *names,
                                   Py_ssize_t          n_names,
                                   Py_ssize_t          n_required,
                                   PyObject          **arguments);

/* The microseconds that `block` and `timeout` (either may be NULL) mean. FALSE if only the method
 * in Python can tell. */
gboolean  mp_native_get_usec    (PyObject            *block,
                                 PyObject            *timeout,
                                 gint64              *usec);

/* What the method in Python does with the same arguments; @name is "_slow_" and its name. */
PyObject *mp_native_call_slow   (const MpNativeCall  *call,
                                 const char          *name);

/* Tries at once, with the interpreter's lock held; waits without it. -1 with the exception of a
 * signal handler that raised meanwhile: then nothing was done. */
int       mp_native_attempt     (MpNativeAttempt      attempt,
                                 gpointer             data,
                                 gint64               usec);
int       mp_native_wait        (MpNativeAttempt      attempt,
                                 gpointer             data,
                                 gint64               usec);

/* Raises what a status means. */
void      mp_native_raise       (int                  status);

extern PyMethodDef mp_native_queue_methods[];
extern PyMethodDef mp_native_lock_methods[];
extern PyMethodDef mp_native_semaphore_methods[];
extern PyMethodDef mp_native_condition_methods[];

/* Of these very classes no method was overridden. */
void      mp_native_lock_add_class (PyTypeObject     *type);

/* What _MpCodec keeps per thread while it encodes: an instance of that class, or an exception. */
PyObject *mp_native_state_new      (void);

/* Adds the buffer_callback to the options of dumps(). */
gboolean  mp_native_queue_setup    (PyObject         *module);

/* The class of blocks. */
PyObject *mp_native_block_type_new (void);

/* @block: (transfer full) */
PyObject *mp_native_block_new      (MpBlock          *block,
                                    gboolean          writable);
/* (nullable) (transfer none): with an exception if it was released. */
MpBlock  *mp_native_block_get      (PyObject         *self);

G_END_DECLS
