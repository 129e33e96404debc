/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * When the system refuses another process: whoever wanted one gets the system's reason, and neither
 * descriptors nor children, slots or shared memory are left of the attempt.
 *
 * Each case runs in a child of the test, which forbids itself to fork by a seccomp filter that
 * gives the error wanted: no special user, limit or preloaded library is needed, and vfork() is
 * refused like anything else.
 */

#include "config.h"

#include "process-common.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "mproc/manager/mp-manager.h"
#include "mproc/pool/mp-pool.h"
#include "mproc/process/mp-function.h"
#include "mproc/process/mp-process-setup.h"
#include "tests/c/step-common.h"

#define REFUSE(call, number) \
  BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), \
  BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number))

static gboolean
refuse_processes (int number)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    REFUSE (SYS_clone, (guint) number),
#ifdef SYS_clone3
    REFUSE (SYS_clone3, (guint) number),
#endif
#ifdef SYS_fork
    REFUSE (SYS_fork, (guint) number),
    REFUSE (SYS_vfork, (guint) number),
#endif
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* --- What wants a process ------------------------------------------------------------------ */

static gboolean
start_and_drop (MpProcess  *made,
                GError    **error)
{
  g_autoptr (MpProcess) process = made;
  gboolean started = mp_process_start (process, error);

  if (!started)
    {
      g_assert_cmpint (mp_process_get_pid (process), <=, 0);
      g_assert_false (mp_process_is_alive (process));
    }
  else
    join (process);     /* so that it takes nothing with it while the next case counts */
  return started;
}

static gboolean
want_fork (GError **error)
{
  return start_and_drop (mp_process_new (NULL, do_nothing, NULL, NULL), error);
}

static gboolean
want_fork_with_setup (GError **error)
{
  MpProcess *process = mp_process_new (NULL, do_nothing, NULL, NULL);

  g_assert_true (mp_process_set_nice (process, 1, NULL));
  return start_and_drop (process, error);
}

static gboolean
want_daemon (GError **error)
{
  MpProcess *process = mp_process_new (NULL, do_nothing, NULL, NULL);

  g_assert_true (mp_process_set_daemon (process, TRUE, NULL));
  return start_and_drop (process, error);
}

static gboolean
want_command (GError **error)
{
  const char *const words[] = { "true", NULL };

  return start_and_drop (mp_process_new_command (NULL, words), error);
}

static GVariant *
give_nothing (GVariant  *argument,
              gpointer   user_data,
              GError   **error)
{
  return g_variant_new_boolean (TRUE);
}

static MpProcess *
new_function (MpStartMethod method)
{
  MpProcess *process = mp_process_new_function (NULL, NULL, NULL, "nothing", NULL, NULL);

  g_assert_true (mp_process_set_start_method (process, method, NULL));
  return process;
}

static gboolean
want_spawn (GError **error)
{
  return start_and_drop (new_function (MP_START_METHOD_SPAWN), error);
}

static gboolean
want_fork_server (GError **error)
{
  return start_and_drop (new_function (MP_START_METHOD_FORKSERVER), error);
}

static gboolean
want_pool (GError **error)
{
  g_autoptr (MpPool) pool = mp_pool_new (2, error);

  return pool != NULL;
}

static gboolean
want_manager (GError **error)
{
  g_autoptr (MpManager) manager = mp_manager_new (error);

  return manager != NULL;
}

typedef struct {
  const char *name;
  gboolean  (*want) (GError **error);
} Case;

static const Case cases[] = {
  { "fork", want_fork },
  { "fork-with-setup", want_fork_with_setup },
  { "daemon", want_daemon },
  { "command", want_command },
  { "spawn", want_spawn },
  { "fork-server", want_fork_server },
  { "pool", want_pool },
  { "manager", want_manager },
};

/* --- The cases ----------------------------------------------------------------------------- */

typedef struct {
  int     fds;
  guint64 bytes;
  guint64 leases;
  guint   slots;
} Use;

static Use
count_use (void)
{
  mp_recover_sweep ();
  return (Use) { count_fds (), step_bytes_in_use (), step_leases_in_use (), step_slots_in_use () };
}

static void
expect_refusal (const Case *wanted,
                int         number)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (wanted->want (&error));
  g_assert_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (number));
  g_assert_nonnull (strstr (error->message, g_strerror (number)));
}

static void
live_with_refusals (const Case *wanted,
                    int         number)
{
  Use before, after;

  expect_refusal (wanted, number);      /* the first may open what stays for good */
  before = count_use ();
  for (guint i = 0; i < 5; i++)
    expect_refusal (wanted, number);
  after = count_use ();

  g_assert_cmpint (after.fds, ==, before.fds);
  g_assert_cmpuint (after.bytes, ==, before.bytes);
  g_assert_cmpuint (after.leases, ==, before.leases);
  /* Those of relatives that were just ending may have become free meanwhile. */
  g_assert_cmpuint (after.slots, <=, before.slots);
  assert_no_children ();
}

#define SKIPPED 77

static void
run_refused (gconstpointer data)
{
  static const int numbers[] = { EAGAIN, ENOMEM };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      pid_t pid = fork ();
      int status = 0;

      if (pid == 0)
        {
          if (!refuse_processes (numbers[i]))
            _exit (SKIPPED);
          live_with_refusals (data, numbers[i]);
          _exit (0);
        }
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      if (WIFEXITED (status) && WEXITSTATUS (status) == SKIPPED)
        {
          g_test_skip ("this system has no seccomp filters");
          return;
        }
      g_assert_cmpint (status, ==, 0);
    }
  /* Here nothing is refused. */
  g_assert_true (((const Case *) data)->want (NULL));
  mp_process_stop_servers ();
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (MpProcess) first = NULL;

  mp_function_register ("nothing", give_nothing, NULL, NULL);
  mp_process_serve ();
  g_test_init (&argc, &argv, NULL);
  first = mp_process_new (NULL, do_nothing, NULL, NULL);
  start_and_join (first);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/process-faults/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], run_refused);
    }

  return g_test_run ();
}
