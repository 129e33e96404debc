/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The errors a caller can act on. System errors keep their errno's GIOErrorEnum, cancellation is
 * G_IO_ERROR_CANCELLED; everything that is mproc's own is here.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mproc/mp-version.h"

G_BEGIN_DECLS

/**
 * MP_ERROR:
 *
 * The error domain of mproc. Its codes are [error@Mp.Error].
 *
 * Since: 0.1
 */
#define MP_ERROR (mp_error_quark ())

/**
 * MpError:
 * @MP_ERROR_FAILED: something failed that has no code of its own; the message tells what.
 * @MP_ERROR_EMPTY: there is nothing to take now.
 * @MP_ERROR_FULL: there is no room now.
 * @MP_ERROR_CLOSED: the object was closed, and what was in it has been taken.
 * @MP_ERROR_TIMED_OUT: the time allowed was over before the operation was done.
 * @MP_ERROR_NO_SPACE: the shared memory of the family has reached its limit.
 * @MP_ERROR_NOT_PLAIN: a value that only its own language can hold cannot be read here; the
 *   message names the language and type.
 * @MP_ERROR_INVALID_DATA: bytes that do not decode.
 * @MP_ERROR_INVALID_ARGUMENT: an argument outside its documented range.
 * @MP_ERROR_INVALID_STATE: the object is not in a state that allows the call (started twice,
 *   joined before it was started, used in a process it does not belong to…).
 * @MP_ERROR_NOT_OWNER: a lock was released by somebody who does not hold it, or is free.
 * @MP_ERROR_NOT_SUPPORTED: this language or kernel cannot do it; the message tells what to use.
 * @MP_ERROR_NO_SUCH_OBJECT: a handle names an object that does not exist any more.
 * @MP_ERROR_NO_SUCH_FUNCTION: a worker does not know the function asked for.
 * @MP_ERROR_NO_SUCH_KEY: a dict has no such key, or a list no such index.
 * @MP_ERROR_WORKER_DIED: the worker that ran the task ended before it was done; the message
 *   names the signal or exit code.
 * @MP_ERROR_TASK_FAILED: the task itself failed in a way that has no GError of its own, such as
 *   an exception; the message carries its text.
 * @MP_ERROR_TERMINATED: the pool was terminated before the task was done.
 * @MP_ERROR_SERVER_DIED: the manager's server process is gone.
 * @MP_ERROR_ABANDONED: the process that held the object died while it changed it.
 * @MP_ERROR_BROKEN: the barrier is broken: one of those who were to meet there gave up or died.
 * @MP_ERROR_TIME_LIMIT: the task ran longer than its limit, and its worker was killed.
 * @MP_ERROR_MEMORY_LIMIT: the task's worker became bigger than its pool allows, and was killed.
 * @MP_ERROR_AUTHENTICATION: the other side does not have the key, or says that this one has not.
 * @MP_ERROR_TOO_SHORT: a message is longer than there is room for, or than is allowed.
 *
 * What a caller of mproc can act on.
 *
 * Since: 0.1
 */
typedef enum {
  MP_ERROR_FAILED,
  MP_ERROR_EMPTY,
  MP_ERROR_FULL,
  MP_ERROR_CLOSED,
  MP_ERROR_TIMED_OUT,
  MP_ERROR_NO_SPACE,
  MP_ERROR_NOT_PLAIN,
  MP_ERROR_INVALID_DATA,
  MP_ERROR_INVALID_ARGUMENT,
  MP_ERROR_INVALID_STATE,
  MP_ERROR_NOT_OWNER,
  MP_ERROR_NOT_SUPPORTED,
  MP_ERROR_NO_SUCH_OBJECT,
  MP_ERROR_NO_SUCH_FUNCTION,
  MP_ERROR_NO_SUCH_KEY,
  MP_ERROR_WORKER_DIED,
  MP_ERROR_TASK_FAILED,
  MP_ERROR_TERMINATED,
  MP_ERROR_SERVER_DIED,
  MP_ERROR_ABANDONED,
  MP_ERROR_BROKEN,
  MP_ERROR_TIME_LIMIT,
  MP_ERROR_MEMORY_LIMIT,
  MP_ERROR_AUTHENTICATION,
  MP_ERROR_TOO_SHORT,
} MpError;

MP_AVAILABLE_IN_0_1
GQuark mp_error_quark (void);

/**
 * MpStatus:
 * @MP_STATUS_OK: done.
 * @MP_STATUS_TIMED_OUT: the time was over, or the call would have had to wait.
 * @MP_STATUS_CLOSED: the object is closed and empty.
 * @MP_STATUS_INTERRUPTED: a signal arrived; run its handlers and call again.
 * @MP_STATUS_CANCELLED: the #GCancellable was cancelled.
 * @MP_STATUS_NO_SPACE: the shared memory has reached its limit.
 * @MP_STATUS_NOT_PLAIN: the value cannot be read in the encoding asked for.
 * @MP_STATUS_NOT_OWNER: the lock is not held, or not by the caller.
 * @MP_STATUS_INVALID: bad arguments, or the object is not usable here.
 * @MP_STATUS_FAILED: the task ended with an error, or a system call failed.
 * @MP_STATUS_BROKEN: the barrier is broken.
 * @MP_STATUS_INVALID_DATA: the value does not decode.
 *
 * What the raw twins, the calls made for language bindings, return. The outcomes that are a
 * normal part of waiting never make a #GError there, because building one runs the
 * interpreter's own code at a moment when a signal may be pending.
 *
 * Since: 0.1
 */
typedef enum {
  MP_STATUS_OK,
  MP_STATUS_TIMED_OUT,
  MP_STATUS_CLOSED,
  MP_STATUS_INTERRUPTED,
  MP_STATUS_CANCELLED,
  MP_STATUS_NO_SPACE,
  MP_STATUS_NOT_PLAIN,
  MP_STATUS_NOT_OWNER,
  MP_STATUS_INVALID,
  MP_STATUS_FAILED,
  MP_STATUS_BROKEN,
  MP_STATUS_INVALID_DATA,
} MpStatus;

G_END_DECLS
