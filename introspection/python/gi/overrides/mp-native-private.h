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

  /* Given by setup_pool(); NULL before. */
  PyObject *whole;              /* options of dumps() by which large buffers are in the pickle */
  PyObject *decode;             /* decode (encoding, data): the value */
  PyObject *failure;            /* failure (details, status): the exception of a task */
  PyObject *TimeoutError;
  PyObject *deferred;           /* a list of what callbacks have raised; mostly empty */
  PyObject *raise_deferred;     /* raise_deferred () */
  PyObject *Pickler;            /* Pickler (file, protocol) */
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

/* The same for what may be anything: NULL. */
gpointer  mp_native_get_gobject (PyObject            *object);

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

/* What the value is as bytes: a new reference; or NULL, with an exception that is to be raised, or
 * without one if Python shall encode it. @options: those of dumps(). */
PyObject *mp_native_encode      (PyObject            *value,
                                 PyObject            *options,
                                 guint               *encoding);

/* A copy, with the interpreter's lock given up if that takes long. */
PyObject *mp_native_copy_bytes  (gconstpointer        data,
                                 gsize                size);

/* The value that lies there in that encoding; nothing of it is looked at later. */
PyObject *mp_native_load        (guint                encoding,
                                 const guint8        *data,
                                 gsize                size);

/* The value of a message that was taken: a pickle, or bytes; it lies in @data, or in @block. */
PyObject *mp_native_finish_message (guint             encoding,
                                    const guint8     *data,
                                    gsize             size,
                                    MpBlock          *block);

/* Whether there is an exception to raise that came up in a callback; then it is set. */
gboolean  mp_native_raise_deferred (void);
PyObject *mp_native_take_error     (void);

extern PyMethodDef mp_native_connection_methods[];
extern PyMethodDef mp_native_queue_methods[];
extern PyMethodDef mp_native_lock_methods[];
extern PyMethodDef mp_native_semaphore_methods[];
extern PyMethodDef mp_native_condition_methods[];
extern PyMethodDef mp_native_pool_methods[];

/* Of these very classes no method was overridden. */
void      mp_native_lock_add_class (PyTypeObject     *type);

/* What _MpCodec keeps per thread while it encodes: an instance of that class, or an exception. */
PyObject *mp_native_state_new      (void);

/* Adds the buffer_callback to the options of dumps(). */
gboolean  mp_native_queue_setup    (PyObject         *module);

/* --- Pools; see mp-native-pool.c ----------------------------------------------------------- */

/* Bytes for whose copying no other thread need wait. */
#define MP_NATIVE_LARGE 65536

/* What a pool in Python has beside itself: the pool in C, and what tells whether somebody must see
 * to callbacks or to iterators whenever something is waited for. */
typedef struct {
  PyObject_HEAD
  MpPool       *pool;
  PyObject     *known;          /* a dict: function → (data, namespace, things, …) */
  PyObject     *calls;          /* a dict: empty if there are no callbacks to run */
  PyObject     *feeding;        /* a list: empty if no iterator has to be fed */
  PyTypeObject *result_type;    /* of apply_async() */
  char          open;           /* FALSE: leave everything to Python */
} MpNativeCore;

PyObject *mp_native_core_type_new      (void);
PyObject *mp_native_submitter_type_new (void);
PyObject *mp_native_task_type_new      (void);
PyObject *mp_native_stream_type_new    (void);

/* The `_core` of a pool, or NULL without an exception. Borrowed: the pool has it. */
MpNativeCore *mp_native_get_core       (PyObject      *pool);

/* The class of pools; a subclass may mean something else by its methods. */
void          mp_native_set_pool_type  (PyTypeObject  *type);

/* Whether only Python can wait for @core's pool, because it does more meanwhile. */
gboolean      mp_native_is_busy        (MpNativeCore  *core);

/* A Task; consumes @result. @pool: (nullable) the pool in Python. */
PyObject     *mp_native_task_new       (PyTypeObject  *type,
                                        MpResult      *result,
                                        PyObject      *pool);
extern PyTypeObject *mp_native_task_type;

/* Its result, or NULL with an exception if it is none. */
MpResult     *mp_native_task_get_result (PyObject      *task);

/* Waits until it is ready. An MpStatus, or -1 with an exception; INTERRUPTED: only Python can. */
int           mp_native_result_wait    (MpResult      *result,
                                        MpNativeCore  *core,
                                        gint64         usec);

/* What became of a result that is ready: the value, or with @good FALSE the exception. A new
 * reference; NULL with an exception that is no task's. */
PyObject     *mp_native_result_read    (MpResult      *result,
                                        gboolean      *good);

/* --- In a main loop; see mp-native-async.c ------------------------------------------------- */

PyObject *mp_native_when_ready     (PyObject *module,
                                    PyObject *arguments);

/* call (argument), of which both are consumed; an exception is printed. */
void      mp_native_call_from_loop (PyObject *call,
                                    PyObject *argument);

/* --- Large values in pieces; see mp-native-pieces.c ---------------------------------------- */

typedef int (*MpNativeSendPieces) (gpointer             target,
                                   const guint8 *const *data,
                                   const gsize         *sizes,
                                   guint                n_pieces);

/* Whether it, or the first or last thing in it, has many bytes. */
gboolean      mp_native_is_bulky       (PyObject          *value);

/* What it is as a pickle; or NULL, with an exception that is to be raised, or without one if it is
 * to be encoded otherwise. */
PyObject     *mp_native_write_pieces   (PyObject          *value);

/* Calls @send, without the interpreter's lock, and gives what that returns. */
int           mp_native_send_pieces    (PyObject          *pieces,
                                        MpNativeSendPieces send,
                                        gpointer           target);
gboolean      mp_native_pieces_setup   (void);

/* From now on malloc() keeps that much of what was freed, unless the user has said otherwise. */
void          mp_native_keep_memory    (gsize              most);

/* Sets what the thread is encoding, see mp-native-queue.c; gives what was set. No reference. */
PyObject     *mp_native_set_met        (PyObject          *value);

/* serve (loop): what a worker does, see mp-native-worker.c. */
PyObject     *mp_native_serve          (PyObject      *module,
                                        PyObject      *loop);
gboolean      mp_native_worker_setup   (void);

/* The class of blocks. */
PyObject *mp_native_block_type_new (void);

/* @block: (transfer full) */
PyObject *mp_native_block_new      (MpBlock          *block,
                                    gboolean          writable);
/* (nullable) (transfer none): with an exception if it was released. */
MpBlock  *mp_native_block_get      (PyObject         *self);

/* mp-native-process.c */
extern PyMethodDef mp_native_process_methods[];

PyObject *mp_native_new_process    (PyObject         *module,
                                    PyObject         *name);
PyObject *mp_native_setup_process  (PyObject         *module,
                                    PyObject         *arguments,
                                    PyObject         *named);
PyObject *mp_native_setup_children (PyObject         *module,
                                    PyObject         *arguments,
                                    PyObject         *named);

G_END_DECLS
