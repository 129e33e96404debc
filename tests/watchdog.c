/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Runs one test: watchdog SECONDS COMMAND [ARGUMENT…]
 *
 * A test of processes can fail in two ways that its own exit status does not show: it hangs, or it
 * leaves processes behind. The watchdog is the subreaper of everything the test starts, so that no
 * orphan escapes it, and ends with
 *
 *  - the test's own status, if all its processes ended with it (or soon after);
 *  - LEFT_BEHIND, if some are still there GRACE seconds after the test; it names and kills them;
 *  - TIMED_OUT, when the time is over; it names what runs and what that waits for, and kills it.
 *
 * The test runs in a process group of its own, so that it may signal its group. The variable
 * MPROC_TEST_WRAPPER holds words to put before COMMAND, such as a call of valgrind, and
 * MPROC_TEST_SLOWNESS what to multiply SECONDS with.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

/* Seconds that daemons and servers have to notice that the test is over. */
#define GRACE 3.0
#define LEFT_BEHIND 70
#define TIMED_OUT 71

typedef struct
{
  pid_t pid;
  pid_t parent;
  char state;
} Entry;

static double
now (void)
{
  return g_get_monotonic_time () / (double) G_USEC_PER_SEC;
}

/* The line of /proc/PID/stat is "pid (any text) state parent …". */
static gboolean
read_entry (const char *name,
            Entry      *entry)
{
  g_autofree char *path = g_build_filename ("/proc", name, "stat", NULL);
  g_autofree char *text = NULL;
  const char *rest;

  if (!g_ascii_isdigit (name[0]) || !g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;

  rest = strrchr (text, ')');
  entry->pid = atoi (name);
  return rest != NULL && sscanf (rest, ") %c %d", &entry->state, &entry->parent) == 2;
}

static GArray *
read_all (void)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      Entry entry;

      if (read_entry (name, &entry))
        g_array_append_val (all, entry);
    }

  return all;
}

static gboolean
contains (GArray *entries,
          pid_t   pid)
{
  for (guint i = 0; i < entries->len; i++)
    if (g_array_index (entries, Entry, i).pid == pid)
      return TRUE;

  return FALSE;
}

/* Everything below this process; parents before their children. */
static GArray *
read_descendants (void)
{
  g_autoptr (GArray) all = read_all ();
  GArray *found = g_array_new (FALSE, FALSE, sizeof (Entry));
  gboolean more = TRUE;

  while (more)
    {
      more = FALSE;
      for (guint i = 0; i < all->len; i++)
        {
          Entry entry = g_array_index (all, Entry, i);

          if (contains (found, entry.pid)
              || (entry.parent != getpid () && !contains (found, entry.parent)))
            continue;
          g_array_append_val (found, entry);
          more = TRUE;
        }
    }

  return found;
}

static char *
read_proc (pid_t       pid,
           const char *what)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int) pid, what);
  char *text = NULL;
  gsize length = 0;

  if (!g_file_get_contents (path, &text, &length, NULL))
    return g_strdup ("?");
  for (gsize i = 0; i + 1 < length; i++)
    if (text[i] == '\0' || text[i] == '\n')
      text[i] = ' ';

  return g_strchomp (text);
}

static void
describe (GArray *entries)
{
  for (guint i = 0; i < entries->len; i++)
    {
      Entry entry = g_array_index (entries, Entry, i);
      g_autofree char *command = read_proc (entry.pid, "cmdline");
      g_autofree char *wchan = read_proc (entry.pid, "wchan");
      g_autofree char *call = read_proc (entry.pid, "syscall");

      fprintf (stderr, "watchdog:   pid %d, parent %d, state %c, in %s, system call %s: %s\n",
               (int) entry.pid, (int) entry.parent, entry.state, wchan, call, command);
    }
}

/* Again and again, since what is killed may just have forked. */
static void
kill_descendants (void)
{
  for (int round = 0; round < 500; round++)
    {
      g_autoptr (GArray) left = read_descendants ();

      if (left->len == 0)
        return;
      for (guint i = 0; i < left->len; i++)
        kill (g_array_index (left, Entry, i).pid, SIGKILL);
      g_usleep (10000);
      while (waitpid (-1, NULL, WNOHANG) > 0)
        continue;
    }
}

static int
check_left_behind (int status)
{
  double deadline = now () + GRACE;

  for (;;)
    {
      g_autoptr (GArray) left = NULL;

      while (waitpid (-1, NULL, WNOHANG) > 0)
        continue;
      left = read_descendants ();
      if (left->len == 0)
        return status;
      if (now () > deadline)
        {
          fprintf (stderr, "watchdog: the test left %u processes behind:\n", left->len);
          describe (left);
          kill_descendants ();
          return LEFT_BEHIND;
        }
      g_usleep (20000);
    }
}

static int
give_up (const char *why)
{
  g_autoptr (GArray) running = read_descendants ();

  fprintf (stderr, "watchdog: %s; what was running:\n", why);
  describe (running);
  kill_descendants ();
  printf ("\nBail out! %s\n", why);

  return TIMED_OUT;
}

/* A test that was killed by signal N ends as a shell would say it, 128 + N. */
static int
translate (int status)
{
  if (WIFEXITED (status))
    return WEXITSTATUS (status);

  fprintf (stderr, "watchdog: the test was killed by signal %d (%s)\n", WTERMSIG (status),
           strsignal (WTERMSIG (status)));
  return 128 + WTERMSIG (status);
}

static int
watch (pid_t           child,
       double          seconds,
       const sigset_t *signals)
{
  double deadline = now () + seconds;

  for (;;)
    {
      double left = deadline - now ();
      struct timespec slice = { 0, 100000000 };
      int status, number;
      pid_t pid;

      while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
        if (pid == child)
          return check_left_behind (translate (status));
      if (left <= 0)
        return give_up ("the time for this test is over");

      number = sigtimedwait (signals, NULL, &slice);
      if (number > 0 && number != SIGCHLD)
        return give_up ("interrupted");
    }
}

static pid_t
start (char           **argv,
       const sigset_t  *old_signals)
{
  const char *wrapper = g_getenv ("MPROC_TEST_WRAPPER");
  g_auto (GStrv) words = NULL;
  g_autoptr (GPtrArray) command = g_ptr_array_new ();
  pid_t parent = getpid ();
  pid_t child;

  if (wrapper != NULL && g_shell_parse_argv (wrapper, NULL, &words, NULL))
    for (char **word = words; *word != NULL; word++)
      g_ptr_array_add (command, *word);
  for (char **word = argv; *word != NULL; word++)
    g_ptr_array_add (command, *word);
  g_ptr_array_add (command, NULL);

  child = fork ();
  if (child != 0)
    return child;

  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != parent)
    _exit (TIMED_OUT);
  sigprocmask (SIG_SETMASK, old_signals, NULL);
  execvp (command->pdata[0], (char **) command->pdata);
  fprintf (stderr, "watchdog: cannot run %s: %s\n", argv[0], g_strerror (errno));
  _exit (127);
}

int
main (int    argc,
      char **argv)
{
  sigset_t signals, old_signals;
  const char *slowness = g_getenv ("MPROC_TEST_SLOWNESS");
  double seconds = argc > 2 ? g_ascii_strtod (argv[1], NULL) : 0;
  pid_t child;

  if (seconds <= 0)
    {
      fprintf (stderr, "Usage: watchdog SECONDS COMMAND [ARGUMENT…]\n");
      return 2;
    }
  if (slowness != NULL)
    seconds *= g_ascii_strtod (slowness, NULL);

  prctl (PR_SET_CHILD_SUBREAPER, 1);
  sigemptyset (&signals);
  sigaddset (&signals, SIGCHLD);
  sigaddset (&signals, SIGTERM);
  sigaddset (&signals, SIGINT);
  sigaddset (&signals, SIGHUP);
  sigprocmask (SIG_BLOCK, &signals, &old_signals);

  child = start (argv + 2, &old_signals);
  if (child < 0)
    {
      perror ("watchdog: fork");
      return 2;
    }

  return watch (child, seconds, &signals);
}
