/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * How processes end together, and what they leave: daemons, the duties of a process that ends,
 * children that somebody else reaps, descriptors, main contexts. Whether a process is gone is seen
 * by the end of a pipe whose write end only it and its relatives hold.
 */

#include "config.h"

#include "process-common.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "mproc/process/mp-process-private.h"

static char *self_path;

/* ── Death of the parent ─────────────────────────────────────────────────────────────────────── */

typedef struct
{
  MpProcessFunc work;   /* of the daemon; or else it is a shell that never ends */
  gboolean daemon;
  int fds[2];
} Family;

/* The kernel has to stop this: no call is made in which a signal could be handled. */
static gboolean
spin (MpProcess  *process,
      gpointer    data,
      GError    **error)
{
  sigset_t all;

  sigfillset (&all);
  sigprocmask (SIG_BLOCK, &all, NULL);
  for (volatile int i = 0;; i++)
    continue;

  return TRUE;
}

static gboolean
sleep_a_second (MpProcess  *process,
                gpointer    data,
                GError    **error)
{
  g_usleep (G_USEC_PER_SEC);
  return TRUE;
}

/* Starts its child, says so, and waits for its own death. */
static gboolean
have_child (MpProcess  *process,
            gpointer    data,
            GError    **error)
{
  const char *argv[] = { "sh", "-c", "while :; do :; done", NULL };
  Family *family = data;
  g_autoptr (MpProcess) child = NULL;

  child = family->work != NULL ? mp_process_new (NULL, family->work, NULL, NULL)
                               : mp_process_new_command (NULL, argv);
  if (!mp_process_set_daemon (child, family->daemon, error) || !mp_process_start (child, error) ||
      write (family->fds[1], "x", 1) != 1)
    return FALSE;

  for (;;)
    pause ();
}

static void
assert_dies_with_parent (MpProcessFunc work,
                         gboolean      daemon)
{
  Family family = { work, daemon };
  g_autoptr (MpProcess) parent = mp_process_new (NULL, have_child, &family, NULL);
  g_autoptr (MpProcess) sibling = new_daemon (sleep_long, NULL);
  struct pollfd poll_fd = { .events = POLLIN };
  char byte;

  start (sibling);
  g_assert_cmpint (pipe (family.fds), ==, 0);
  start (parent);
  close (family.fds[1]);
  poll_fd.fd = family.fds[0];
  g_assert_cmpint (read (family.fds[0], &byte, 1), ==, 1);
  g_assert_cmpint (poll (&poll_fd, 1, 50), ==, 0);

  mp_process_kill (parent, NULL);
  join (parent);
  if (!daemon)
    g_assert_cmpint (poll (&poll_fd, 1, 200), ==, 0);
  g_assert_true (wait_for_eof (family.fds[0], 30));

  close (family.fds[0]);
  mp_process_kill (sibling, NULL);
  join (sibling);
}

static void
test_daemon_dies_with_parent (void)
{
  assert_dies_with_parent (sleep_long, TRUE);
  assert_dies_with_parent (spin, TRUE);
  assert_dies_with_parent (NULL, TRUE);
}

static void
test_others_survive_parent (void)
{
  assert_dies_with_parent (sleep_a_second, FALSE);
}

static gpointer
start_daemon (gpointer data)
{
  start (data);
  return NULL;
}

static void
test_end_of_thread (void)
{
  g_autoptr (MpProcess) process = new_daemon (sleep_long, NULL);

  g_thread_join (g_thread_new ("start", start_daemon, process));
  g_usleep (100000);
  g_assert_true (mp_process_is_alive (process));
  mp_process_terminate (process, NULL);
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGTERM);
}

/* ── Duties of a process that ends ───────────────────────────────────────────────────────────── */

static gboolean
say_done (MpProcess  *process,
          gpointer    data,
          GError    **error)
{
  g_usleep (200000);
  printf ("done\n");
  return TRUE;
}

static gboolean
ignore_sigterm (MpProcess  *process,
                gpointer    data,
                GError    **error)
{
  signal (SIGTERM, SIG_IGN);
  if (write (GPOINTER_TO_INT (data), "x", 1) != 1)
    return FALSE;
  return sleep_long (process, NULL, error);
}

static void
say_bye (void)
{
  printf ("bye\n");
}

static void
say_term (int number)
{
  if (write (STDOUT_FILENO, "term\n", 5) == 5)
    _exit (0);
}

static gboolean
handle_sigterm (MpProcess  *process,
                gpointer    data,
                GError    **error)
{
  signal (SIGTERM, say_term);
  if (write (GPOINTER_TO_INT (data), "x", 1) != 1)
    return FALSE;
  return sleep_long (process, NULL, error);
}

/* A program with one child of each kind, which ends as any program does. */
static int
program_duties (void)
{
  int fds[2];
  char byte;
  MpProcess *worker = mp_process_new (NULL, say_done, NULL, NULL);
  MpProcess *easy, *stubborn;

  if (pipe (fds) != 0)
    return 1;
  atexit (say_bye);
  printf ("hello\n");
  easy = new_daemon (handle_sigterm, GINT_TO_POINTER (fds[1]));
  stubborn = new_daemon (ignore_sigterm, GINT_TO_POINTER (fds[1]));
  start (worker);
  start (easy);
  start (stubborn);
  /* The objects are dropped: the library knows its children. */
  g_object_unref (worker);
  g_object_unref (easy);
  g_object_unref (stubborn);

  for (int i = 0; i < 2; i++)
    if (read (fds[0], &byte, 1) != 1)
      return 1;

  return 0;
}

static gboolean
end_with_children (MpProcess  *process,
                   gpointer    data,
                   GError    **error)
{
  g_autoptr (MpProcess) worker = mp_process_new (NULL, say_done, NULL, NULL);
  g_autoptr (MpProcess) easy = new_daemon (sleep_long, NULL);

  printf ("child\n");
  return mp_process_start (easy, error) && mp_process_start (worker, error);
}

/* The same one floor lower, and with what a buffer held at the fork. */
static int
program_nested (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, end_with_children, NULL, NULL);

  printf ("hello\n");
  start_and_join (process);
  printf ("bye\n");

  return mp_process_get_exit_code (process);
}

static int
count_words (const char *text,
             const char *word)
{
  g_auto (GStrv) parts = g_strsplit (text, word, -1);

  return g_strv_length (parts) - 1;
}

/* That the output ends means that nobody holds it open any more; what comes after the work of the
 * children has waited for them. */
static void
assert_program (const char *name,
                const char *extra,
                const char *after)
{
  const char *argv[] = { "sh", "-c", "\"$0\" --program $1 && echo end", self_path, name, NULL };
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, &status,
                &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, NULL));
  g_assert_cmpint (count_words (output, "hello\n"), ==, 1);
  g_assert_cmpint (count_words (output, "done\n"), ==, 1);
  g_assert_cmpint (count_words (output, "bye\n"), ==, 1);
  g_assert_cmpint (count_words (output, extra), ==, 1);
  g_assert_true (strstr (output, "done\n") < strstr (output, after));
}

static void
test_duties (void)
{
  assert_program ("duties", "term\n", "end\n");
  assert_program ("nested", "child\n", "bye\n");
}

static gboolean
exit_by_itself (MpProcess  *process,
                gpointer    data,
                GError    **error)
{
  exit (3);
}

static void
test_exit_spares_siblings (void)
{
  g_autoptr (MpProcess) daemon = new_daemon (sleep_long, NULL);
  g_autoptr (MpProcess) process = mp_process_new (NULL, exit_by_itself, NULL, NULL);

  start (daemon);
  g_assert_cmpint (start_and_join (process), ==, 3);
  if (fork () == 0)
    exit (4);
  g_assert_cmpint (waitpid (-1, NULL, 0), >, 0);
  g_assert_true (mp_process_is_alive (daemon));
  mp_process_kill (daemon, NULL);
  join (daemon);
}

/* A thread that waits for input must not hold up a start. */
static gpointer
read_line (gpointer data)
{
  return GINT_TO_POINTER (getchar ());
}

static void
test_reader_of_stdin (void)
{
  int fds[2], former = dup (STDIN_FILENO);
  g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);
  GThread *thread;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  dup2 (fds[0], STDIN_FILENO);
  thread = g_thread_new ("reader", read_line, NULL);
  g_usleep (50000);
  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_cmpint (write (fds[1], "a", 1), ==, 1);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, 'a');
  dup2 (former, STDIN_FILENO);
  close (former);
  close (fds[0]);
  close (fds[1]);
}

/* ── Reaped by others ────────────────────────────────────────────────────────────────────────── */

/* What can be known then depends on the kernel. */
static void
assert_code_or_unknown (MpProcess *process,
                        int        code)
{
  struct utsname names;
  int major = 0, minor = 0;

  uname (&names);
  g_assert_cmpint (sscanf (names.release, "%d.%d", &major, &minor), ==, 2);
  if (major > 6 || (major == 6 && minor >= 15))
    g_assert_cmpint (mp_process_get_exit_code (process), ==, code);
  else
    g_assert_cmpint (mp_process_get_exit_code (process), ==, MP_EXIT_CODE_UNKNOWN);
}

static void
test_sigchld_ignored (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, exit_by_itself, NULL, NULL);
  g_autoptr (MpProcess) killed = mp_process_new (NULL, sleep_long, NULL, NULL);

  signal (SIGCHLD, SIG_IGN);
  start (process);
  join (process);
  start (killed);
  g_assert_true (mp_process_is_alive (killed));
  mp_process_kill (killed, NULL);
  join (killed);
  signal (SIGCHLD, SIG_DFL);

  assert_code_or_unknown (killed, -SIGKILL);
  if (mp_process_get_exit_code (process) != MP_EXIT_CODE_UNKNOWN)
    g_assert_cmpint (mp_process_get_exit_code (process), ==, 3);
}

static void
test_reaped_by_others (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);

  start (process);
  mp_process_terminate (process, NULL);
  g_assert_cmpint (waitpid (-1, NULL, 0), ==, mp_process_get_pid (process));
  join (process);
  assert_code_or_unknown (process, -SIGTERM);
}

static void
test_reaped_without_pidfd (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);

  mp_process_without_pidfd = TRUE;
  start (process);
  mp_process_terminate (process, NULL);
  g_assert_cmpint (waitpid (-1, NULL, 0), ==, mp_process_get_pid (process));
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, MP_EXIT_CODE_UNKNOWN);
  mp_process_without_pidfd = FALSE;
}

/* ── Nothing is left ─────────────────────────────────────────────────────────────────────────── */

static void
test_many (void)
{
  g_autoptr (GPtrArray) processes = g_ptr_array_new_with_free_func (g_object_unref);

  for (int i = 0; i < 200; i++)
    {
      g_ptr_array_add (processes, new_daemon (i % 2 ? do_nothing : sleep_long, NULL));
      start (processes->pdata[i]);
    }
  for (int i = 0; i < 200; i++)
    {
      mp_process_terminate (processes->pdata[i], NULL);
      join (processes->pdata[i]);
    }
}

/* Started and forgotten: whoever starts the next one clears away. */
static void
test_forgotten (void)
{
  int before = count_fds ();

  for (int i = 0; i < 50; i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);

      start (process);
      g_assert_true (wait_for_eof (mp_process_get_sentinel (process), 60));
      g_assert_cmpint (count_fds (), <=, before + 2);
    }

  /* The last one ends unseen. */
  g_usleep (100000);
}

static gboolean
exit_with_fds (MpProcess  *process,
               gpointer    data,
               GError    **error)
{
  _exit (count_fds ());
}

static void
test_nothing_of_siblings (void)
{
  g_autoptr (MpProcess) first = new_daemon (exit_with_fds, NULL);
  g_autoptr (MpProcess) last = new_daemon (exit_with_fds, NULL);
  MpProcess *siblings[5];
  int alone = start_and_join (first);

  for (int i = 0; i < 5; i++)
    {
      siblings[i] = new_daemon (sleep_long, NULL);
      start (siblings[i]);
    }
  g_assert_cmpint (start_and_join (last), ==, alone);
  for (int i = 0; i < 5; i++)
    {
      mp_process_kill (siblings[i], NULL);
      join (siblings[i]);
      g_assert_finalize_object (siblings[i]);
    }
}

/* ── Main contexts ───────────────────────────────────────────────────────────────────────────── */

static int
find_eventfd (GMainContext *context)
{
  GPollFD fds[16];
  int timeout, n_fds, result = -1;

  g_assert_true (g_main_context_acquire (context));
  n_fds = g_main_context_query (context, G_MAXINT, &timeout, fds, G_N_ELEMENTS (fds));
  for (int i = 0; i < n_fds; i++)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fds[i].fd);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (g_strcmp0 (target, "anon_inode:[eventfd]") == 0)
        result = fds[i].fd;
    }
  g_main_context_release (context);
  g_assert_cmpint (result, >=, 0);

  return result;
}

static gboolean
is_readable (int fd)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) == 1;
}

static int go_fds[2];

/* As soon as the parent says so; and it must be this process that it wakes. */
static gboolean
wake_up (MpProcess  *process,
         gpointer    data,
         GError    **error)
{
  char byte;

  if (read (go_fds[0], &byte, 1) != 1)
    return FALSE;
  while (g_main_context_iteration (data, FALSE))
    continue;
  g_main_context_wakeup (data);

  return is_readable (find_eventfd (data));
}

/* Attaching a source wakes the context too. */
static void
drain (GMainContext *context)
{
  while (g_main_context_iteration (context, FALSE))
    continue;
  g_assert_false (is_readable (find_eventfd (context)));
}

static void
assert_context_is_own (GMainContext *context)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, wake_up, context, NULL);
  int fd = find_eventfd (context);

  g_assert_cmpint (pipe2 (go_fds, O_CLOEXEC), ==, 0);

  /* A fork that does not care does reach the parent. */
  drain (context);
  g_assert_cmpint (write (go_fds[1], "x", 1), ==, 1);
  if (fork () == 0)
    _exit (wake_up (NULL, context, NULL) ? 0 : 1);
  waitpid (-1, NULL, 0);
  g_assert_true (is_readable (fd));

  start (process);
  drain (context);
  g_assert_cmpint (write (go_fds[1], "x", 1), ==, 1);
  g_assert_true (wait_for_eof (mp_process_get_sentinel (process), 60));
  g_assert_false (is_readable (fd));
  join (process);
  g_assert_cmpint (mp_process_get_exit_code (process), ==, 0);

  close (go_fds[0]);
  close (go_fds[1]);
}

static void
test_contexts (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();

  assert_context_is_own (g_main_context_default ());
  g_main_context_push_thread_default (context);
  assert_context_is_own (context);
  g_main_context_pop_thread_default (context);
}

/* One look at the context is enough to be rid of them: only what wakes it is left. */
static gboolean
has_no_sources (MpProcess  *process,
                gpointer    data,
                GError    **error)
{
  GMainContext *context = g_main_context_default ();
  GPollFD fds[16];
  int timeout;

  g_main_context_iteration (context, FALSE);

  return g_main_context_acquire (context) && !g_main_context_pending (context) &&
         g_main_context_query (context, G_MAXINT, &timeout, fds, G_N_ELEMENTS (fds)) == 1;
}

static void
not_called (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  *(int *) data = getpid ();
}

/* The parent's sources end by themselves in a child that iterates their context. */
static void
test_inherited_sources (void)
{
  g_autoptr (MpProcess) sibling = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (MpProcess) process = mp_process_new (NULL, has_no_sources, NULL, NULL);
  int caller = 0;

  start (sibling);
  mp_process_join_async (sibling, NULL, not_called, &caller);
  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_cmpint (caller, ==, 0);
  mp_process_kill (sibling, NULL);
  while (caller == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (caller, ==, getpid ());
  g_assert_false (mp_process_is_alive (sibling));
}

int
main (int    argc,
      char **argv)
{
  self_path = g_file_read_link ("/proc/self/exe", NULL);
  if (argc > 2 && strcmp (argv[1], "--program") == 0)
    return strcmp (argv[2], "duties") == 0 ? program_duties () : program_nested ();

  g_test_init (&argc, &argv, NULL);

  /* The first task opens descriptors of GLib's own, for good. */
  g_object_unref (g_task_new (NULL, NULL, NULL, NULL));

  add_case ("/process/end/daemon-dies-with-parent", test_daemon_dies_with_parent);
  add_case ("/process/end/others-survive-parent", test_others_survive_parent);
  add_case ("/process/end/thread", test_end_of_thread);
  add_case ("/process/end/duties", test_duties);
  add_case ("/process/end/exit-spares-siblings", test_exit_spares_siblings);
  add_case ("/process/end/reader-of-stdin", test_reader_of_stdin);
  add_case ("/process/end/sigchld-ignored", test_sigchld_ignored);
  add_case ("/process/end/reaped-by-others", test_reaped_by_others);
  add_case ("/process/end/reaped-without-pidfd", test_reaped_without_pidfd);
  add_case ("/process/end/many", test_many);
  add_case ("/process/end/forgotten", test_forgotten);
  add_case ("/process/end/nothing-of-siblings", test_nothing_of_siblings);
  add_case ("/process/context/own", test_contexts);
  add_case ("/process/context/inherited-sources", test_inherited_sources);

  return g_test_run ();
}
