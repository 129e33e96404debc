/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a child starts with: its environment, folder and standard streams, its limits and its share
 * of the CPUs. All of it is said before the start.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mproc/process/mp-process.h"

G_BEGIN_DECLS

/**
 * MpStream:
 * @MP_STREAM_INHERIT: the one that this process has.
 * @MP_STREAM_NULL: `/dev/null`.
 * @MP_STREAM_PIPE: a pipe, whose other end this process has.
 *
 * What one of the standard streams of a child is.
 *
 * Since: 0.1
 */
typedef enum {
  MP_STREAM_INHERIT,
  MP_STREAM_NULL,
  MP_STREAM_PIPE,
} MpStream;

/**
 * MpLimit:
 * @MP_LIMIT_CPU_TIME: seconds of CPU time; SIGXCPU, then SIGKILL end who takes more.
 * @MP_LIMIT_FILE_SIZE: bytes of a file that is written.
 * @MP_LIMIT_DATA: bytes of data: heap and other private writable memory.
 * @MP_LIMIT_STACK: bytes of the main thread's stack.
 * @MP_LIMIT_CORE: bytes of a core file.
 * @MP_LIMIT_PROCESSES: processes and threads of the user.
 * @MP_LIMIT_FILES: one more than the highest file descriptor.
 * @MP_LIMIT_LOCKED_MEMORY: bytes of memory locked in RAM.
 * @MP_LIMIT_ADDRESS_SPACE: bytes of address space, beside the range in which the family's shared
 *   memory lies.
 *
 * What the system can limit, for a process, see setrlimit(2).
 *
 * Since: 0.1
 */
typedef enum {
  MP_LIMIT_CPU_TIME,
  MP_LIMIT_FILE_SIZE,
  MP_LIMIT_DATA,
  MP_LIMIT_STACK,
  MP_LIMIT_CORE,
  MP_LIMIT_PROCESSES,
  MP_LIMIT_FILES,
  MP_LIMIT_LOCKED_MEMORY,
  MP_LIMIT_ADDRESS_SPACE,
} MpLimit;

MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_environment       (MpProcess            *self,
                                                 const char * const   *environment,
                                                 GError              **error);
MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_variable          (MpProcess            *self,
                                                 const char           *name,
                                                 const char           *value,
                                                 GError              **error);
MP_AVAILABLE_IN_0_1
char         **mp_process_get_environment       (MpProcess            *self);
MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_working_directory (MpProcess            *self,
                                                 const char           *path,
                                                 GError              **error);
MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_streams           (MpProcess            *self,
                                                 MpStream              standard_input,
                                                 MpStream              standard_output,
                                                 MpStream              standard_error,
                                                 GError              **error);
MP_AVAILABLE_IN_0_1
MpStream       mp_process_get_input_kind        (MpProcess            *self);
MP_AVAILABLE_IN_0_1
GOutputStream *mp_process_get_stdin_pipe        (MpProcess            *self);
MP_AVAILABLE_IN_0_1
GInputStream  *mp_process_get_stdout_pipe       (MpProcess            *self);
MP_AVAILABLE_IN_0_1
GInputStream  *mp_process_get_stderr_pipe       (MpProcess            *self);
MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_limit             (MpProcess            *self,
                                                 MpLimit               limit,
                                                 gint64                soft,
                                                 gint64                hard,
                                                 GError              **error);
MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_affinity          (MpProcess            *self,
                                                 const guint          *cpus,
                                                 gsize                 n_cpus,
                                                 GError              **error);
MP_AVAILABLE_IN_0_1
gboolean       mp_process_set_nice              (MpProcess            *self,
                                                 int                   increment,
                                                 GError              **error);

G_END_DECLS
