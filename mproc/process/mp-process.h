/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * A child process, and what a process may know of itself and its relatives.
 */

#pragma once

#if !defined(MP_INSIDE) && !defined(MP_COMPILATION)
#error "Only <mproc/mproc.h> can be included directly."
#endif

#include "mproc/base/mp-error.h"
#include "mproc/channel/mp-queue.h"

G_BEGIN_DECLS

/**
 * MP_EXIT_CODE_NONE:
 *
 * The exit code of a process that was not started or still runs.
 *
 * Since: 0.1
 */
#define MP_EXIT_CODE_NONE (-2147483647 - 1)

/**
 * MP_EXIT_CODE_UNKNOWN:
 *
 * The exit code of a process that ended, but whose status was taken by somebody else's wait(2)
 * and that the kernel does not tell any more.
 *
 * Since: 0.1
 */
#define MP_EXIT_CODE_UNKNOWN (2147483647)

#define MP_TYPE_PROCESS (mp_process_get_type ())

MP_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE (MpProcess, mp_process, MP, PROCESS, GObject)

/**
 * MpProcessFunc:
 * @process: the process that runs, as it is seen inside the child
 * @user_data: the data given with the function
 * @error: return location for an error, which ends the child with exit code 1
 *
 * The work of a child process.
 *
 * Returns: %TRUE if it succeeded, %FALSE with @error set
 *
 * Since: 0.1
 */
typedef gboolean (*MpProcessFunc) (MpProcess  *process,
                                   gpointer    user_data,
                                   GError    **error);

/**
 * MpForkFunc:
 * @process: the process to start
 * @user_data: the data given with the function
 *
 * Forks for a language that must run its own code around fork(). It returns only in the parent;
 * in the child it calls [method@Mp.Process.enter_child], runs the work, calls
 * [method@Mp.Process.leave_child] and ends the process with _exit(2).
 *
 * Returns: the child's process id, or a negated errno value
 *
 * Since: 0.1
 */
typedef int (*MpForkFunc) (MpProcess *process,
                           gpointer   user_data);

/**
 * MpStartMethod:
 * @MP_START_METHOD_FORK: the child is a copy of its parent.
 * @MP_START_METHOD_SPAWN: the child is a program that is started anew.
 * @MP_START_METHOD_FORKSERVER: the child is a copy of a server, a program that was started anew
 *   once, has one thread, and does nothing but fork.
 *
 * How a child is made.
 *
 * Since: 0.1
 */
typedef enum {
  MP_START_METHOD_FORK,
  MP_START_METHOD_SPAWN,
  MP_START_METHOD_FORKSERVER,
} MpStartMethod;

/**
 * MpProcessClass:
 * @parent_class: the parent class
 * @run: the work, in the child; the default calls the function given to the constructor
 * @exited: the class handler of [signal@Mp.Process::exited]
 *
 * The class structure of [class@Mp.Process].
 *
 * Since: 0.1
 */
struct _MpProcessClass
{
  GObjectClass parent_class;

  gboolean (*run)    (MpProcess  *self,
                      GError    **error);
  void     (*exited) (MpProcess  *self,
                      int         exit_code);

  /*< private >*/
  gpointer padding[8];
};

MP_AVAILABLE_IN_0_1
MpProcess  *mp_process_new           (const char           *name,
                                      MpProcessFunc         func,
                                      gpointer              user_data,
                                      GDestroyNotify        notify);
MP_AVAILABLE_IN_0_1
MpProcess  *mp_process_new_command   (const char           *name,
                                      const char * const   *argv);
MP_AVAILABLE_IN_0_1
MpProcess  *mp_process_new_function  (const char           *name,
                                      const char           *language,
                                      const char           *module,
                                      const char           *function,
                                      GVariant             *argument,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_set_start_method (MpProcess         *self,
                                      MpStartMethod         method,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_start         (MpProcess            *self,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_start_by      (MpProcess            *self,
                                      MpForkFunc            func,
                                      gpointer              user_data,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_join          (MpProcess            *self,
                                      double                timeout,
                                      GCancellable         *cancellable,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
void        mp_process_join_async    (MpProcess            *self,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_join_finish   (MpProcess            *self,
                                      GAsyncResult         *result,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_terminate     (MpProcess            *self,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_kill          (MpProcess            *self,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_interrupt     (MpProcess            *self,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_close         (MpProcess            *self,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_check         (MpProcess            *self,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
GSource    *mp_process_create_source (MpProcess            *self,
                                      GCancellable         *cancellable);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_is_alive      (MpProcess            *self);
MP_AVAILABLE_IN_0_1
const char *mp_process_get_name      (MpProcess            *self);
MP_AVAILABLE_IN_0_1
void        mp_process_set_name      (MpProcess            *self,
                                      const char           *name);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_get_daemon    (MpProcess            *self);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_set_daemon    (MpProcess            *self,
                                      gboolean              daemon,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
int         mp_process_get_pid       (MpProcess            *self);
MP_AVAILABLE_IN_0_1
int         mp_process_get_exit_code (MpProcess            *self);
MP_AVAILABLE_IN_0_1
int         mp_process_get_sentinel  (MpProcess            *self);
MP_AVAILABLE_IN_0_1
GBytes     *mp_process_get_authkey   (MpProcess            *self);
MP_AVAILABLE_IN_0_1
void        mp_process_set_authkey   (MpProcess            *self,
                                      GBytes               *authkey);

MP_AVAILABLE_IN_0_1
MpProcess  *mp_process_get_current   (void);
MP_AVAILABLE_IN_0_1
MpProcess  *mp_process_get_parent    (void);
MP_AVAILABLE_IN_0_1
GPtrArray  *mp_process_get_children  (void);

MP_AVAILABLE_IN_0_1
void        mp_process_serve         (void);
MP_AVAILABLE_IN_0_1
void        mp_process_set_worker_command  (const char           *language,
                                            const char * const   *argv);
MP_AVAILABLE_IN_0_1
void        mp_process_set_server_options  (const char           *language,
                                            const char           *options);

MP_AVAILABLE_IN_0_1
void        mp_process_stop_servers  (void);
MP_AVAILABLE_IN_0_1
int         mp_process_await_server  (const char           *language,
                                      gint64                usec,
                                      GError              **error);

/* For bindings */
MP_AVAILABLE_IN_0_1
MpProcess  *mp_process_new_worker    (const char           *name,
                                      const char           *language,
                                      const char           *kind,
                                      MpQueue              *boot,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
const char *mp_process_get_worker    (MpProcess            *self);
MP_AVAILABLE_IN_0_1
gboolean    mp_process_serve_worker  (const char           *kind,
                                      const char           *handle,
                                      GError              **error);
MP_AVAILABLE_IN_0_1
void        mp_process_serve_forks   (int                   fd);
MP_AVAILABLE_IN_0_1
void        mp_process_set_fork_func (MpForkFunc            func,
                                      gpointer              user_data,
                                      GDestroyNotify        notify);
MP_AVAILABLE_IN_0_1
void        mp_process_enter_child   (MpProcess            *self);
MP_AVAILABLE_IN_0_1
void        mp_process_leave_child   (MpProcess            *self);
MP_AVAILABLE_IN_0_1
int         mp_process_join_raw      (MpProcess            *self,
                                      gint64                usec);

MP_AVAILABLE_IN_0_1
guint       mp_get_usable_cpus       (void);

G_END_DECLS
