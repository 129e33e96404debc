/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The manager in many processes: proxies over fork and by handle, what becomes of everybody when
 * somebody dies (server, creator, client), and forks that fail or go past their handlers.
 */

#include "config.h"

#include "manager-common.h"

#include <signal.h>
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const char *own_path;

/* ── Helpers ─────────────────────────────────────────────────────────────────────────────────── */

/* Whether @pid, which need not be a child, ends within five seconds. */
static gboolean
ends (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);

  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *text = NULL;
      const char *rest;

      if (!g_file_get_contents (path, &text, NULL, NULL))
        return TRUE;
      rest = strrchr (text, ')');
      if (rest != NULL && strchr ("ZX", rest[2]) != NULL)
        return TRUE;
      g_usleep (10000);
    }

  return FALSE;
}

static gboolean
says_server_died (MpListProxy *list)
{
  g_autoptr (GError) error = NULL;

  return !mp_list_proxy_append (list, integer (0), &error)
         && g_error_matches (error, MP_ERROR, MP_ERROR_SERVER_DIED);
}

/* ── Sharing ─────────────────────────────────────────────────────────────────────────────────── */

#define PROCESSES 8
#define APPENDS 200

static void
test_processes (Fixture       *fixture,
                gconstpointer  data)
{
  MpListProxy *list = fixture->list;
  pid_t children[PROCESSES];

  for (gint64 i = 0; i < PROCESSES; i++)
    {
      children[i] = fork ();
      if (children[i] != 0)
        continue;
      for (guint j = 0; j < APPENDS; j++)
        if (!mp_list_proxy_append (list, integer (i), NULL))
          _exit (1);
      _exit (0);
    }
  for (guint i = 0; i < PROCESSES; i++)
    assert_child_succeeds (children[i]);

  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (list), NULL), ==, PROCESSES * APPENDS);
  for (gint64 i = 0; i < PROCESSES; i++)
    g_assert_cmpint (mp_list_proxy_count (list, integer (i), NULL), ==, APPENDS);
}

static gpointer
append_many (gpointer data)
{
  for (guint i = 0; i < APPENDS; i++)
    g_assert_true (mp_list_proxy_append (data, integer (i), NULL));

  return NULL;
}

/* Also while processes are forked. */
static void
test_threads (Fixture       *fixture,
              gconstpointer  data)
{
  MpListProxy *list = fixture->list;
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new (NULL, append_many, list);
  for (guint i = 0; i < 20; i++)
    {
      pid_t child = fork ();

      if (child == 0)
        _exit (mp_list_proxy_append (list, integer (-1), NULL) ? 0 : 1);
      assert_child_succeeds (child);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (list), NULL), ==, 4 * APPENDS + 20);
}

/* A forked child makes objects with the inherited manager, and does not end the server. */
static void
test_inherited (Fixture       *fixture,
                gconstpointer  data)
{
  MpListProxy *list = fixture->list;
  pid_t child = fork ();

  if (child == 0)
    {
      MpDictProxy *dict = mp_manager_create_dict (fixture->manager, parse ("{'a': 1}"), NULL);
      gboolean fine = dict != NULL && mp_manager_is_alive (fixture->manager);

      g_clear_object (&dict);
      mp_manager_shutdown (fixture->manager);
      g_object_unref (fixture->manager);
      _exit (fine && mp_list_proxy_append (list, integer (1), NULL) ? 0 : 1);
    }
  assert_child_succeeds (child);
  g_assert_true (mp_manager_is_alive (fixture->manager));
  assert_text (list, "[1]");
}

/* A process that knows nothing but the handle. */
static void
test_handle (Fixture       *fixture,
             gconstpointer  data)
{
  g_autoptr (MpListProxy) list = new_list (fixture, "[int64 1]");
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (list));
  const char *argv[] = { own_path, "--append-to", handle, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  assert_text (list, "[1, 'appended']");
}

static int
append_to (const char *handle)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpProxy) proxy = mp_proxy_open (handle, &error);

  g_assert_no_error (error);

  return mp_list_proxy_append (MP_LIST_PROXY (proxy), string ("appended"), NULL) ? 0 : 1;
}

static void
test_same_process_opens (Fixture       *fixture,
                         gconstpointer  data)
{
  g_autoptr (MpDictProxy) dict = new_dict (fixture, "{'a': 1}");
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (dict));
  g_autoptr (MpProxy) other = mp_proxy_open (handle, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (MP_IS_DICT_PROXY (other));
  g_clear_object (&dict);
  assert_text (other, "{'a': 1}");
  g_clear_object (&other);
  g_assert_null (mp_proxy_open (handle, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT);
}


/* ── Death ───────────────────────────────────────────────────────────────────────────────────── */

/* Everybody is told at once, also who calls for the first time, and who waits for a reply. */
static void
test_server_killed (Fixture       *fixture,
                    gconstpointer  data)
{
  pid_t children[4];

  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    {
      children[i] = fork ();
      if (children[i] != 0)
        continue;
      while (mp_list_proxy_append (fixture->list, integer (i), NULL))
        continue;
      _exit (says_server_died (fixture->list) ? 0 : 1);
    }
  while (mp_proxy_get_length (MP_PROXY (fixture->list), NULL) < 100)
    g_usleep (1000);

  kill (mp_manager_get_pid (fixture->manager), SIGKILL);
  for (guint i = 0; i < G_N_ELEMENTS (children); i++)
    assert_child_succeeds (children[i]);
  while (mp_manager_is_alive (fixture->manager))
    g_usleep (1000);
  g_assert_true (says_server_died (fixture->list));
  g_assert_null (mp_manager_create_list (fixture->manager, NULL, NULL));

  children[0] = fork ();
  if (children[0] == 0)
    _exit (says_server_died (fixture->list) ? 0 : 1);
  assert_child_succeeds (children[0]);
}

static void
test_shutdown (Fixture       *fixture,
               gconstpointer  data)
{
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (fixture->list));
  g_autoptr (GError) error = NULL;
  int pid = mp_manager_get_pid (fixture->manager);

  mp_manager_shutdown (fixture->manager);
  g_assert_cmpint (kill (pid, 0), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH);
  g_assert_true (says_server_died (fixture->list));
  g_assert_false (mp_manager_is_alive (fixture->manager));
  g_assert_null (mp_proxy_open (handle, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_SERVER_DIED);
  mp_manager_shutdown (fixture->manager);
}

/* A server that does not even react to SIGTERM. */
static void
test_shutdown_stopped (Fixture       *fixture,
                       gconstpointer  data)
{
  int pid = mp_manager_get_pid (fixture->manager);

  kill (pid, SIGSTOP);
  mp_manager_shutdown (fixture->manager);
  g_assert_cmpint (kill (pid, 0), ==, -1);
}

/* The terminal's Ctrl-C is the creator's business. */
static void
test_interrupt (Fixture       *fixture,
                gconstpointer  data)
{
  kill (mp_manager_get_pid (fixture->manager), SIGINT);
  g_usleep (20000);
  assert_server_fine (fixture);
}

/* The child makes a manager and a grandchild, which has a proxy too, and is killed. */
static void
test_creator_killed (Fixture       *fixture,
                     gconstpointer  data)
{
  int told[2];
  pid_t pids[2], child;
  int status;

  g_assert_cmpint (pipe (told), ==, 0);
  child = fork ();
  if (child == 0)
    {
      MpManager *manager = mp_manager_new (NULL);
      MpListProxy *list = manager != NULL ? mp_manager_create_list (manager, NULL, NULL) : NULL;

      if (list == NULL)
        _exit (1);
      pids[0] = mp_manager_get_pid (manager);
      pids[1] = fork ();
      if (pids[1] == 0)
        {
          while (mp_list_proxy_append (list, integer (1), NULL))
            g_usleep (1000);
          _exit (0);
        }
      g_assert_cmpint (write (told[1], pids, sizeof pids), ==, sizeof pids);
      for (;;)
        pause ();
    }

  close (told[1]);
  g_assert_cmpint (read (told[0], pids, sizeof pids), ==, sizeof pids);
  close (told[0]);
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (ends (pids[0]));
  g_assert_true (ends (pids[1]));
}

/* A creator that just ends, without a word, takes the server with it too. */
static void
test_creator_ends (Fixture       *fixture,
                   gconstpointer  data)
{
  int told[2];
  pid_t server, child;

  g_assert_cmpint (pipe (told), ==, 0);
  child = fork ();
  if (child == 0)
    {
      MpManager *manager = mp_manager_new (NULL);

      server = manager != NULL ? mp_manager_get_pid (manager) : 0;
      g_assert_cmpint (write (told[1], &server, sizeof server), ==, sizeof server);
      _exit (0);
    }

  close (told[1]);
  g_assert_cmpint (read (told[0], &server, sizeof server), ==, sizeof server);
  close (told[0]);
  assert_child_succeeds (child);
  g_assert_cmpint (server, >, 0);
  g_assert_true (ends (server));
}

static gboolean
exists (const char *handle)
{
  g_autoptr (MpProxy) proxy = mp_proxy_open (handle, NULL);

  return proxy != NULL;
}

/* What only a killed process held is gone; what it shared is not. */
static void
test_client_killed (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autofree char *shared = mp_proxy_get_handle (MP_PROXY (fixture->list));
  int told[2];
  char handle[200] = "";
  pid_t child;

  g_assert_cmpint (pipe (told), ==, 0);
  child = fork ();
  if (child == 0)
    {
      MpListProxy *own = mp_manager_create_list (fixture->manager, NULL, NULL);
      char *text = mp_proxy_get_handle (MP_PROXY (own));

      g_assert_cmpint (write (told[1], text, strlen (text) + 1), >, 0);
      for (;;)
        pause ();
    }

  g_assert_cmpint (read (told[0], handle, sizeof handle - 1), >, 0);
  close (told[0]);
  close (told[1]);
  g_assert_true (exists (handle));
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  assert_server_fine (fixture);
  g_assert_false (exists (handle));
  g_assert_true (exists (shared));
}

/* The child holds from its first instant what its parent held, and for itself. */
static void
test_child_holds (Fixture       *fixture,
                  gconstpointer  data)
{
  g_autoptr (MpListProxy) list = mp_manager_create_list (fixture->manager, NULL, NULL);
  g_autofree char *handle = mp_proxy_get_handle (MP_PROXY (list));
  int go[2];
  char byte = 0;
  pid_t child;

  g_assert_cmpint (pipe (go), ==, 0);
  child = fork ();
  if (child == 0)
    _exit (read (go[0], &byte, 1) == 1 && mp_list_proxy_append (list, integer (1), NULL)
           && mp_proxy_get_length (MP_PROXY (list), NULL) == 1 ? 0 : 1);

  g_clear_object (&list);
  g_assert_true (exists (handle));
  g_assert_cmpint (write (go[1], &byte, 1), ==, 1);
  close (go[0]);
  close (go[1]);
  assert_child_succeeds (child);
  assert_server_fine (fixture);
  g_assert_false (exists (handle));
}

/* ── Fork ────────────────────────────────────────────────────────────────────────────────────── */

static void
forbid_fork (void)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  g_assert_cmpint (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
  g_assert_cmpint (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), ==, 0);
}

static void
test_fork_fails (Fixture       *fixture,
                 gconstpointer  data)
{
  pid_t child = fork ();

  if (child == 0)
    {
      guint fds = count_fds ("self");

      forbid_fork ();
      for (guint i = 0; i < 10; i++)
        if (fork () >= 0)
          _exit (1);
      _exit (mp_list_proxy_append (fixture->list, integer (1), NULL)
             && count_fds ("self") == fds ? 0 : 1);
    }
  assert_child_succeeds (child);
  assert_server_fine (fixture);
}

/* A child that no handler knows of opens its own connection and holds its own references. */
static void
test_fork_past_handlers (Fixture       *fixture,
                         gconstpointer  data)
{
  pid_t child = syscall (SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

  if (child == 0)
    {
      for (guint i = 0; i < 50; i++)
        if (!mp_list_proxy_append (fixture->list, integer (2), NULL))
          _exit (1);
      _exit (0);
    }
  for (guint i = 0; i < 50; i++)
    g_assert_true (mp_list_proxy_append (fixture->list, integer (1), NULL));
  assert_child_succeeds (child);
  g_assert_cmpint (mp_list_proxy_count (fixture->list, integer (1), NULL), ==, 50);
  g_assert_cmpint (mp_list_proxy_count (fixture->list, integer (2), NULL), ==, 50);
  assert_server_fine (fixture);
}

/* The server did not answer while the fork waited for it; the child makes up for it later. */
static void
test_fork_without_server (Fixture       *fixture,
                          gconstpointer  data)
{
  int pid = mp_manager_get_pid (fixture->manager);
  pid_t child;

  kill (pid, SIGSTOP);
  child = fork ();
  if (child == 0)
    {
      kill (pid, SIGCONT);
      _exit (mp_list_proxy_append (fixture->list, integer (1), NULL) ? 0 : 1);
    }
  assert_child_succeeds (child);
  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (fixture->list), NULL), ==, 1);
  assert_server_fine (fixture);
}

static gpointer
append_one (gpointer list)
{
  return GINT_TO_POINTER (mp_list_proxy_append (list, integer (1), NULL));
}

/* While a thread waits for a server that does not answer, another one forks. */
static void
test_fork_beside_thread (Fixture       *fixture,
                         gconstpointer  data)
{
  int pid = mp_manager_get_pid (fixture->manager);
  GThread *waiting;
  pid_t child;

  kill (pid, SIGSTOP);
  waiting = g_thread_new ("waiting", append_one, fixture->list);
  g_usleep (100000);
  for (int i = 0; i < 2; i++)
    {
      child = fork ();
      if (child == 0)
        _exit (0);
      assert_child_succeeds (child);
    }
  kill (pid, SIGCONT);
  g_assert_true (GPOINTER_TO_INT (g_thread_join (waiting)));
  g_assert_cmpint (mp_proxy_get_length (MP_PROXY (fixture->list), NULL), ==, 1);
  assert_server_fine (fixture);
}

int
main (int    argc,
      char **argv)
{
  static const Case cases[] = {
    { "/manager/processes", test_processes },
    { "/manager/threads", test_threads },
    { "/manager/inherited", test_inherited },
    { "/manager/handle", test_handle },
    { "/manager/same-process-opens", test_same_process_opens },
    { "/manager/death/server-killed", test_server_killed },
    { "/manager/death/shutdown", test_shutdown },
    { "/manager/death/shutdown-stopped", test_shutdown_stopped },
    { "/manager/death/interrupt", test_interrupt },
    { "/manager/death/creator-killed", test_creator_killed },
    { "/manager/death/creator-ends", test_creator_ends },
    { "/manager/death/client-killed", test_client_killed },
    { "/manager/fork/child-holds", test_child_holds },
    { "/manager/fork/fails", test_fork_fails },
    { "/manager/fork/past-handlers", test_fork_past_handlers },
    { "/manager/fork/without-server", test_fork_without_server },
    { "/manager/fork/beside-thread", test_fork_beside_thread },
  };

  if (argc == 3 && g_str_equal (argv[1], "--append-to"))
    return append_to (argv[2]);

  own_path = argv[0];
  g_test_init (&argc, &argv, NULL);
  add_cases (cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}
