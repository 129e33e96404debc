/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the files of MpProcess share.
 *
 *  mp-process.c          the class: properties, constructors, signals to the child
 *  mp-process-start.c    from "new" to "running": fork, and the parent's bookkeeping
 *  mp-process-setup.c    what a child starts with (see mp-process-setup-private.h)
 *  mp-process-command.c  the exec of a command
 *  mp-process-story.c    what the new program is told of itself
 *  mp-process-wait.c     from "running" to "ended": pidfd, exit code, the exited signal
 *  mp-process-join.c     waiting for that
 *  mp-process-close.c    whether it ended well; letting go
 *  mp-process-key.c      the authentication key
 *  mp-process-call.c     functions by name, in a process of any language
 *  mp-fork-client.c      processes that a fork server makes
 *  mp-fork-server.c      the server
 *  mp-process-child.c    the table of this process: itself, its parent, its children, its exit
 *  mp-process-context.c  what a forked child does about the main contexts it inherited
 *
 * One lock guards the table and the changing part of every MpProcess. It is never held while
 * code outside of this floor runs, and pthread_atfork() handlers hold it across fork(), so that a
 * child always finds it free and what it guards whole. In the child those handlers take the
 * table's children away: each becomes FOREIGN, with its file descriptors closed.
 */

#pragma once

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "mproc/process/mp-process.h"

G_BEGIN_DECLS

typedef enum {
  MP_PROCESS_NEW,
  MP_PROCESS_STARTING,
  MP_PROCESS_RUNNING,   /* a child of this process */
  MP_PROCESS_ENDED,     /* was one; the exit code is known, or known to be unknown */
  MP_PROCESS_SELF,      /* this process */
  MP_PROCESS_PARENT,    /* the process that started this one */
  MP_PROCESS_FOREIGN,   /* a child of the process from which this one was forked */
  MP_PROCESS_CLOSED,    /* was ENDED */
} MpProcessState;

/* The default one, and that of the thread. */
#define MP_PROCESS_CONTEXTS 2

typedef struct _MpProcessSetup MpProcessSetup;
typedef struct _MpBirth MpBirth;
typedef struct _MpProcessWatch MpProcessWatch;

typedef struct
{
  char           *name;
  char           *identity;       /* "1:2": the numbers of its ancestors, and its own */
  MpProcessFunc   func;
  gpointer        user_data;
  GDestroyNotify  notify;
  char          **argv;           /* of a command, else NULL */
  MpProcessSetup *setup;          /* NULL if nothing was said of what the child starts with */
  GBytes         *authkey;
  MpQueue        *boot;           /* what a worker is to do, and then why it failed */
  char           *failure;        /* that, once it was taken from there */
  char           *worker;         /* "KIND HANDLE", if the child is a worker */
  char           *language;       /* of the worker; NULL for the program itself */
  gboolean        by_server;      /* a fork server makes it */
  MpBirth        *birth;          /* in a fork server: whose child it will be */
  MpForkFunc      fork_func;      /* of this start; NULL: the process's own */
  gpointer        fork_data;

  /* All that follows is under the lock. */
  MpProcessState  state;
  gboolean        daemon;
  gboolean        deaf_to_interrupts; /* of a command: its program begins with SIGINT ignored */
  gboolean        hidden;         /* not among the children that others are told of */
  gboolean        announced;      /* `exited` was emitted, or never will be */
  gboolean        sentinel_taken; /* somebody outside has the number of pidfd */
  guint           pollers;        /* calls that poll pidfd right now */
  int             pid;
  int             exit_code;
  int             pidfd;          /* of a server's child: what tells its status … */
  int             signal_fd;      /* … and this is its pidfd, else -1 */
  int             control_read;   /* of a daemon: the child's end of the control pipe … */
  int             control_write;  /* … and the parent's */
  int             report_write;   /* open until the child has begun */
  int             extra_fd;       /* kept open in the program of a command, or -1 */
  pid_t           parent_pid;     /* of a child that is being started: who starts it … */
  gboolean        purges_input;   /* … whether it has read from stdin … */
  sigset_t        signals;        /* … which signals are blocked there … */
  int             wakeups[MP_PROCESS_CONTEXTS]; /* … and what wakes its main contexts */
  MpProcessWatch *watch;          /* announces the end; NULL before the start, and after */
  gboolean        blind;          /* … and has to ask for it */
  MpProcess      *next;           /* in the table's list, which owns a reference */
} MpProcessPrivate;

/* What an exec'ed child is told of itself. Written before the exec, read when the library is
 * loaded. */
#define MP_PROCESS_ENVIRONMENT "MPROC_PROCESS"
#define MP_PROCESS_PID_DIGITS 10

/* What a program that was run again is to do: "KIND HANDLE". */
#define MP_WORKER_ENVIRONMENT "MPROC_WORKER"

typedef struct
{
  pid_t   parent_pid;
  int     control_fd;
  int     daemon;
  char   *identity;
  char   *name;
  char   *parent_name;
  GBytes *authkey;      /* NULL if none came */
} MpProcessStory;

/* What a fork server is told of a child it is to make. */
struct _MpBirth
{
  MpProcessStory story;
  int            parent_pidfd;
  int            log_level;      /* the child's; the server itself says nothing */
  gboolean       log_to_stderr;
};

/* Microseconds between two looks at a process that cannot be polled. */
#define MP_PROCESS_BLIND_SLICE 10000

typedef enum {
  MP_REAP_ANNOUNCE,   /* emit `exited` now */
  MP_REAP_DEFER,      /* leave that to the main context, if anybody listens */
  MP_REAP_SILENT,     /* this process is about to end: nobody is told */
} MpReap;

/* mp-process.c */
MpProcessPrivate *mp_process_private         (MpProcess      *self);
MpProcess        *mp_process_new_relative    (const char     *name,
                                              int             pid,
                                              MpProcessState  state);
void              mp_process_emit_exited     (MpProcess      *self,
                                              int             exit_code);
gboolean          mp_process_has_listeners   (MpProcess      *self);
void              mp_process_notify_pid      (MpProcess      *self);

/* mp-process-start.c */
MpProcess        *mp_process_get_starting    (void);
gboolean          mp_process_open_pipe       (int            *read_end,
                                              int            *write_end);
gboolean          mp_process_raise_fd        (int            *fd);

pid_t             mp_process_fork_now        (MpProcess      *self,
                                              GError        **error);
gboolean          mp_process_wait_for_report (MpProcess      *self,
                                              int             report_read,
                                              pid_t           pid,
                                              GError        **error);
void              mp_process_send_report     (int             fd,
                                              int             saved_errno,
                                              int             step);

/* mp-process-command.c */
pid_t             mp_process_spawn           (MpProcess      *self,
                                              GError        **error);

/* mp-process-story.c */
char             *mp_process_tell_story      (MpProcess      *self,
                                              int             key_fd);
gboolean          mp_process_read_story      (MpProcessStory *story);

/* mp-process-key.c */
int               mp_process_copy_key        (MpProcess      *self);
GBytes           *mp_process_read_key        (int             fd);

/* mp-process-call.c: the words of the command that runs @language's workers; NULL with @error set
 * if there are none. @language is NULL for this program itself. */
GVariant         *mp_process_call_module     (const char     *module,
                                              const char     *function,
                                              GVariant       *argument,
                                              GError        **error);
char            **mp_process_worker_words    (const char     *language,
                                              GError        **error);
void              mp_process_set_pending     (void);
gboolean          mp_process_is_bootstrapping (void);
/* Runs the tasks of a pool; set by the floor of pools. */
extern gboolean (*mp_process_serve_pool) (const char  *handle,
                                         GError     **error);

gboolean          mp_process_run_worker      (const char     *worker,
                                              GError        **error);

/* mp-fork-client.c */
pid_t             mp_fork_client_start       (MpProcess      *self,
                                              GError        **error);
gboolean          mp_fork_client_take_status (MpProcessPrivate *priv);
void              mp_fork_client_forget      (void);

/* mp-fork-server.c */
void              mp_fork_server_forget      (void);

/* mp-process-wait.c */
gboolean          mp_process_reap            (MpProcess      *self,
                                              MpReap          how);
void              mp_process_drop_sentinel   (MpProcess      *self);
void              mp_process_adopt           (MpProcess      *self,
                                              pid_t           pid);
void              mp_process_close_pidfd     (MpProcess      *self);
int               mp_process_send_signal     (MpProcess      *self,
                                              int             number);
GSource          *mp_process_source_new      (int             fd,
                                              gpointer       *tag);
int               mp_pidfd_open              (pid_t           pid);
gboolean          mp_pidfd_has_ended         (int             pidfd);
int               mp_pidfd_get_exit_code     (int             pidfd);
int               mp_exit_code_from_status   (int             status);

/* mp-process-watch.c */
MpProcessWatch   *mp_process_watch_take      (void);
void              mp_process_watch_add       (MpProcess      *process,
                                              int             pidfd);
void              mp_process_watch_remove    (MpProcess      *process,
                                              int             pidfd);
void              mp_process_watch_hurry     (MpProcessWatch *self);
void              mp_process_watch_drop      (MpProcessWatch *self);
void              mp_process_watch_forget    (void);

/* mp-process-join.c */
gboolean          mp_process_wait_until      (MpProcess      *self,
                                              gint64          deadline,
                                              MpReap          how);

/* For tests: behave as on a kernel without pidfds. */
extern gboolean   mp_process_without_pidfd;

/* mp-process-child.c */
void              mp_process_lock            (void);
void              mp_process_unlock          (void);
guint             mp_process_get_generation  (void);
char             *mp_process_next_identity   (void);
gboolean          mp_process_default_daemon  (void);
GBytes          **mp_process_self_key        (void);
void              mp_process_list_add        (MpProcess      *self);
gboolean          mp_process_list_remove     (MpProcess      *self);
GPtrArray        *mp_process_list_copy       (void);
GPtrArray        *mp_process_list_collect    (MpProcessWatch *watch);
gboolean          mp_process_list_is_blind   (MpProcessWatch *watch);
void              mp_control_arm             (int             fd,
                                              pid_t           parent_pid);

/* mp-process-context.c */
void              mp_context_find_wakeups    (int             fds[MP_PROCESS_CONTEXTS]);
void              mp_context_leave_to_parent (const int       fds[MP_PROCESS_CONTEXTS]);

/* mp-cpus.c: the least quota of the control groups this process is in, in CPUs; 0 if there is
 * none. @root stands before every path that is read, for tests. */
double            mp_cpus_get_quota          (const char     *root);

/* Async-signal-safe. */
static inline void
mp_clear_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

G_END_DECLS
