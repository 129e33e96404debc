/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Functions by name in spawned processes and in those of a fork server; whether a process ended
 * well; closing; keys; sources; messages. The program spawned is this one.
 */

#include "config.h"

#include "process-common.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "mproc/process/mp-function.h"
#include "mproc/process/mp-log.h"
#include "mproc/process/mp-process-private.h"
#include "mproc/process/mp-process-setup.h"

/* Set in the environment of a run of this program that is to start a process too early. */
#define EARLY "MPROC_TEST_EARLY"

/* ── Functions ───────────────────────────────────────────────────────────────────────────────── */

static gint64 data = 40;

static GVariant *
tell (GVariant  *argument,
      gpointer   user_data,
      GError   **error)
{
  g_autoptr (MpShared) queue = mp_shared_from_variant (argument, error);
  g_autoptr (GBytes) key = mp_process_get_authkey (NULL);
  MpProcess *self = mp_process_get_current (), *parent = mp_process_get_parent ();
  GVariant *story;

  if (queue == NULL)
    return NULL;

  story = g_variant_new ("(sisixib)", mp_process_get_name (self), (int) getpid (),
                         mp_process_get_name (parent), mp_process_get_pid (parent),
                         *(gint64 *) user_data, mp_log_get_level (),
                         (int) g_bytes_get_size (key) == 5 && mp_process_is_alive (parent));
  if (!mp_queue_put (MP_QUEUE (queue), story, -1, NULL, error))
    return NULL;

  return g_variant_new_boolean (TRUE);
}

static GVariant *
fail (GVariant  *argument,
      gpointer   user_data,
      GError   **error)
{
  if (g_variant_is_of_type (argument, G_VARIANT_TYPE_INT64))
    kill (getpid (), g_variant_get_int64 (argument));
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "Too busy");

  return NULL;
}

static GVariant *
stay (GVariant  *argument,
      gpointer   user_data,
      GError   **error)
{
  for (;;)
    pause ();

  return NULL;
}

static MpProcess *
new_call (const char    *function,
          GVariant      *argument,
          MpStartMethod  method)
{
  g_autoptr (GError) error = NULL;
  MpProcess *process = mp_process_new_function ("Named", NULL, NULL, function, argument, &error);

  g_assert_no_error (error);
  mp_process_set_start_method (process, method, &error);
  g_assert_no_error (error);

  return process;
}

static void
check_told (MpStartMethod method)
{
  g_autoptr (MpQueue) queue = mp_queue_new (0, NULL);
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GVariant) story = NULL;
  g_autoptr (GBytes) key = g_bytes_new_static ("12345", 5);
  const char *name, *parent;
  int pid, parent_pid, level;
  gint64 number;
  gboolean well;

  process = new_call ("tell", mp_shared_to_variant (MP_SHARED (queue)), method);
  mp_process_set_authkey (process, key);
  mp_log_set_level (MP_LOG_LEVEL_ERROR);
  start (process);
  mp_log_set_level (MP_LOG_LEVEL_OFF);
  story = mp_queue_get (queue, -1, NULL, NULL);
  g_assert_cmpstr (g_variant_get_type_string (story), ==, "(sisixib)");
  g_variant_get (story, "(&si&sixib)", &name, &pid, &parent, &parent_pid, &number, &level, &well);

  g_assert_cmpstr (name, ==, "Named");
  g_assert_cmpint (pid, ==, mp_process_get_pid (process));
  g_assert_cmpstr (parent, ==, mp_process_get_name (mp_process_get_current ()));
  g_assert_cmpint (parent_pid, ==, getpid ());
  g_assert_cmpint (number, ==, 40);
  g_assert_cmpint (level, ==, MP_LOG_LEVEL_ERROR);
  g_assert_true (well);
  join (process);
  g_assert_true (mp_process_check (process, NULL));
}

static void
test_told (void)
{
  check_told (MP_START_METHOD_SPAWN);
  check_told (MP_START_METHOD_FORKSERVER);
}

static void
assert_check_fails (const char    *function,
                    GVariant      *argument,
                    MpStartMethod  method,
                    int            exit_code,
                    int            code,
                    const char    *text)
{
  g_autoptr (MpProcess) process = new_call (function, argument, method);
  g_autoptr (GError) error = NULL;

  mp_process_set_streams (process, MP_STREAM_NULL, MP_STREAM_NULL, MP_STREAM_NULL, NULL);
  g_assert_cmpint (start_and_join (process), ==, exit_code);
  g_assert_false (mp_process_check (process, &error));
  g_assert_error (error, MP_ERROR, code);
  g_assert_nonnull (strstr (error->message, text));
}

static void
test_check (void)
{
  for (int method = MP_START_METHOD_SPAWN; method <= MP_START_METHOD_FORKSERVER; method++)
    {
      assert_check_fails ("fail", g_variant_new_string ("x"), method, 1, MP_ERROR_TASK_FAILED,
                          "Too busy");
      assert_check_fails ("none", NULL, method, 1, MP_ERROR_TASK_FAILED, "“none”");
      assert_check_fails ("fail", g_variant_new_int64 (SIGKILL), method, -SIGKILL,
                          MP_ERROR_WORKER_DIED, "signal 9");
    }
}

/* ── Fork servers ────────────────────────────────────────────────────────────────────────────── */

static int
find_server (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) pids = NULL;
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/children", (int) getpid ());

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  pids = g_strsplit (g_strstrip (text), " ", -1);
  g_assert_cmpuint (g_strv_length (pids), ==, 1);

  return atoi (pids[0]);
}

/* When the server is killed its children live on, can be signalled and joined; and there is a new
 * one for the next. */
static void
test_server_dies (void)
{
  g_autoptr (MpProcess) process = new_call ("stay", NULL, MP_START_METHOD_FORKSERVER);
  int former, sentinel;

  start (process);
  former = find_server ();
  sentinel = mp_process_get_sentinel (process);
  g_assert_true (mp_process_is_alive (process));
  kill (former, SIGKILL);
  g_assert_false (mp_process_join (process, 0.2, NULL, NULL));
  g_assert_true (mp_process_is_alive (process));
  g_assert_true (mp_process_terminate (process, NULL));
  join (process);
  g_assert_true (mp_pidfd_has_ended (sentinel));
  g_assert_true (mp_process_get_exit_code (process) == -SIGTERM ||
                 mp_process_get_exit_code (process) == MP_EXIT_CODE_UNKNOWN);

  check_told (MP_START_METHOD_FORKSERVER);
  g_assert_cmpint (find_server (), !=, former);
}

/* A daemon of a server ends with its parent, not with the server. */
static gboolean
start_daemon_and_die (MpProcess  *process,
                      gpointer    fd,
                      GError    **error)
{
  g_autoptr (MpProcess) child = new_call ("stay", NULL, MP_START_METHOD_FORKSERVER);
  int pid;

  mp_process_set_daemon (child, TRUE, NULL);
  start (child);
  pid = mp_process_get_pid (child);
  g_assert_cmpint (write (GPOINTER_TO_INT (fd), &pid, sizeof pid), ==, sizeof pid);
  kill (getpid (), SIGKILL);

  return TRUE;
}

static void
test_server_daemons (void)
{
  int fds[2], pid = 0;
  g_autoptr (MpProcess) process = NULL;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  process = mp_process_new (NULL, start_daemon_and_die, GINT_TO_POINTER (fds[1]), NULL);
  start (process);
  g_assert_cmpint (read (fds[0], &pid, sizeof pid), ==, sizeof pid);
  join (process);
  while (kill (pid, 0) == 0)
    g_usleep (1000);
  close (fds[0]);
  close (fds[1]);
}

/* Like the forked ones, they are many and leave nothing. */
static void
test_server_many (void)
{
  g_autoptr (GPtrArray) processes = g_ptr_array_new_with_free_func (g_object_unref);

  for (int i = 0; i < 40; i++)
    {
      MpProcess *process = new_call ("stay", NULL, MP_START_METHOD_FORKSERVER);

      g_ptr_array_add (processes, process);
      start (process);
    }
  for (guint i = 0; i < processes->len; i++)
    {
      g_assert_true (mp_process_kill (processes->pdata[i], NULL));
      join (processes->pdata[i]);
      g_assert_cmpint (mp_process_get_exit_code (processes->pdata[i]), ==, -SIGKILL);
    }
}

/* ── What cannot be ──────────────────────────────────────────────────────────────────────────── */

static void
test_refused (void)
{
  g_autoptr (MpProcess) forked = mp_process_new (NULL, do_nothing, NULL, NULL);
  g_autoptr (MpProcess) named = new_call ("tell", NULL, MP_START_METHOD_SPAWN);
  GError *error = NULL;

  g_assert_false (mp_process_set_start_method (forked, MP_START_METHOD_SPAWN, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_false (mp_process_set_start_method (named, MP_START_METHOD_FORK, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_null (mp_process_new_function (NULL, "cobol", "m", "f", NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
}

static void
test_no_interpreter (void)
{
  const char *nowhere[] = { "/nowhere/interpreter", NULL };
  g_autoptr (MpProcess) process = NULL;
  GError *error = NULL;

  mp_process_set_worker_command ("lua", nowhere);
  for (int method = MP_START_METHOD_SPAWN; method <= MP_START_METHOD_FORKSERVER; method++)
    {
      process = mp_process_new_function (NULL, "lua", "m", "f", NULL, &error);
      g_assert_no_error (error);
      g_assert_true (mp_process_set_start_method (process, method, NULL));
      g_assert_false (mp_process_start (process, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_clear_error (&error);
      g_clear_object (&process);
    }
  mp_process_set_worker_command ("lua", NULL);
}

/* A program that knows nothing of workers, and ends well. */
static void
test_no_worker (void)
{
  const char *does_nothing[] = { "true", NULL };
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  mp_process_set_worker_command ("lua", does_nothing);
  process = mp_process_new_function (NULL, "lua", "m", "f", NULL, NULL);
  g_assert_cmpint (start_and_join (process), ==, 0);
  g_assert_false (mp_process_check (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_TASK_FAILED);
  mp_process_set_worker_command ("lua", NULL);
}

/* A server that ends before it has answered: an error, not a wait. */
static void
test_dead_server (void)
{
  const char *ends_at_once[] = { "true", NULL };
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GError) error = NULL;

  mp_process_set_worker_command ("perl", ends_at_once);
  process = mp_process_new_function (NULL, "perl", "m", "f", NULL, NULL);
  g_assert_true (mp_process_set_start_method (process, MP_START_METHOD_FORKSERVER, NULL));
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_SERVER_DIED);
  mp_process_set_worker_command ("perl", NULL);
}

/* The program, run again for a function, that starts a process first: it is told, and does not run
 * itself for ever. */
static void
test_bootstrapping (void)
{
  for (int method = MP_START_METHOD_SPAWN; method <= MP_START_METHOD_FORKSERVER; method++)
    {
      g_autoptr (MpProcess) process = new_call ("stay", NULL, method);
      g_autoptr (GError) error = NULL;

      g_setenv (EARLY, "1", TRUE);
      if (mp_process_start (process, &error))
        {
          join (process);
          g_assert_cmpint (mp_process_get_exit_code (process), ==, 7);
        }
      else
        g_assert_error (error, MP_ERROR, MP_ERROR_SERVER_DIED);
      g_unsetenv (EARLY);
      g_assert_cmpint (error != NULL, ==, method == MP_START_METHOD_FORKSERVER);
      mp_process_stop_servers ();
    }
}

static void
start_early (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, do_nothing, NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_unsetenv (EARLY);
  if (!mp_process_start (process, &error) &&
      g_error_matches (error, MP_ERROR, MP_ERROR_INVALID_STATE) &&
      strstr (error->message, "mp_process_serve") != NULL)
    _exit (7);
  _exit (8);
}

/* A worker of "lua" that is this program, in one of the ways below. */
static void
check_stillborn (const char    *way,
                 MpStartMethod  method,
                 int            code)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  const char *words[] = { program, way, NULL };
  g_autoptr (MpProcess) process = NULL;
  g_autoptr (GError) error = NULL;
  int before = count_fds ();

  mp_process_set_worker_command ("lua", words);
  process = mp_process_new_function (NULL, "lua", "m", "f", NULL, NULL);
  g_assert_true (mp_process_set_start_method (process, method, NULL));
  mp_process_set_streams (process, MP_STREAM_NULL, MP_STREAM_NULL, MP_STREAM_NULL, NULL);
  if (mp_process_start (process, &error))
    {
      join (process);
      g_assert_false (mp_process_check (process, &error));
      g_assert_true (mp_process_close (process, NULL));
    }
  g_assert_error (error, MP_ERROR, code);
  mp_process_set_worker_command ("lua", NULL);
  mp_process_stop_servers ();
  g_assert_cmpint (count_fds (), ==, before);
}

/* Killed, or ended, before it has taken what it was to do; or it says what nobody understands. */
static void
test_stillborn (void)
{
  check_stillborn ("--be-killed", MP_START_METHOD_SPAWN, MP_ERROR_WORKER_DIED);
  check_stillborn ("--exit-3", MP_START_METHOD_SPAWN, MP_ERROR_TASK_FAILED);
  check_stillborn ("--be-killed", MP_START_METHOD_FORKSERVER, MP_ERROR_SERVER_DIED);
  check_stillborn ("--exit-3", MP_START_METHOD_FORKSERVER, MP_ERROR_SERVER_DIED);
  check_stillborn ("--talk-nonsense", MP_START_METHOD_FORKSERVER, MP_ERROR_SERVER_DIED);
}

static void
answer_nonsense (int fd)
{
  g_autofree char *much = g_strnfill (3000, 'x');
  struct msghdr message = { 0 };
  union { struct cmsghdr header; char space[1000]; } control;
  char bytes[100];
  struct iovec vector = { bytes, sizeof bytes };

  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  /* The second descriptor of a request is where the answer goes. */
  while (recvmsg (fd, &message, 0) > 0)
    {
      int fds[2];

      memcpy (fds, CMSG_DATA (&control.header), sizeof fds);
      send (fds[1], much, 17, MSG_NOSIGNAL);
      message.msg_controllen = sizeof control;
    }
}

static void
be_stillborn (const char *way,
              const char *fd)
{
  if (strcmp (way, "--be-killed") == 0)
    raise (SIGKILL);
  if (strcmp (way, "--exit-3") == 0)
    _exit (3);
  if (strcmp (way, "--talk-nonsense") == 0)
    {
      answer_nonsense (atoi (fd));
      _exit (0);
    }
}

/* ── Other ends ──────────────────────────────────────────────────────────────────────────────── */

static void
test_close (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  GError *error = NULL;

  start (process);
  g_assert_false (mp_process_close (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_process_check (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);

  g_assert_true (mp_process_interrupt (process, NULL));
  join (process);
  g_assert_cmpint (mp_process_get_sentinel (process), >=, 0);
  g_assert_true (mp_process_close (process, NULL));
  g_assert_true (mp_process_close (process, NULL));
  g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGINT);
  g_assert_false (mp_process_is_alive (process));
  g_assert_false (mp_process_join (process, 0, NULL, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_process_start (process, &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
  g_assert_false (mp_process_close (mp_process_get_current (), &error));
  g_assert_error (error, MP_ERROR, MP_ERROR_INVALID_STATE);
  g_clear_error (&error);
}

static gboolean
quit_cb (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static void
test_source (void)
{
  g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainLoop) loop = g_main_loop_new (context, FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  start (process);
  for (int i = 0; i < 3; i++)
    {
      g_autoptr (GSource) source = mp_process_create_source (process, i == 0 ? cancellable : NULL);

      g_source_set_callback (source, quit_cb, loop, NULL);
      g_source_attach (source, context);
      g_assert_false (i == 0 && g_main_context_iteration (context, FALSE));
      if (i == 0)
        g_cancellable_cancel (cancellable);
      else
        g_assert_true (mp_process_kill (process, NULL));
      g_main_loop_run (loop);
      g_assert_cmpint (mp_process_is_alive (process), ==, i == 0);
    }
}

/* ── Many ────────────────────────────────────────────────────────────────────────────────────── */

static glong
memory_of_self (void)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));

  return atol (strchr (text, ' ')) * sysconf (_SC_PAGESIZE);
}

static void
kill_many (int n)
{
  for (int i = 0; i < n; i++)
    {
      g_autoptr (MpProcess) process = mp_process_new (NULL, sleep_long, NULL, NULL);

      start (process);
      g_assert_true (mp_process_kill (process, NULL));
      join (process);
      g_assert_cmpint (mp_process_get_exit_code (process), ==, -SIGKILL);
    }
}

/* A thousand of them leave no descriptor, no zombie and no memory. */
static void
test_thousand (void)
{
  glong before;
  int fds;

  kill_many (200);
  fds = count_fds ();
  before = memory_of_self ();
  kill_many (800);
  g_assert_cmpint (count_fds (), ==, fds);
  g_assert_cmpint (memory_of_self () - before, <, 1024 * 1024);
}

static void
run_with_server (gconstpointer func)
{
  ((GTestFunc) func) ();
  mp_process_stop_servers ();
}

/* What is between two cases has no server. */
static void
add_server_case (const char *path,
                 GTestFunc   func)
{
  g_test_add_data_func (path, (gconstpointer) func, run_with_server);
}

int
main (int    argc,
      char **argv)
{
  if (argc == 4)
    be_stillborn (argv[1], argv[3]);
  if (g_getenv (EARLY) != NULL)
    start_early ();
  mp_function_register ("tell", tell, &data, NULL);
  mp_function_register ("fail", fail, NULL, NULL);
  mp_function_register ("stay", stay, NULL, NULL);
  mp_process_serve ();
  g_test_init (&argc, &argv, NULL);

  add_case ("/process-call/close", test_close);
  add_case ("/process-call/source", test_source);
  add_case ("/process-call/refused", test_refused);
  add_case ("/process-call/no-interpreter", test_no_interpreter);
  add_case ("/process-call/no-worker", test_no_worker);
  add_case ("/process-call/dead-server", test_dead_server);
  add_case ("/process-call/bootstrapping", test_bootstrapping);
  add_case ("/process-call/stillborn", test_stillborn);
  add_case ("/process-call/thousand", test_thousand);
  add_server_case ("/process-call/told", test_told);
  add_server_case ("/process-call/check", test_check);
  add_server_case ("/process-call/server-dies", test_server_dies);
  add_server_case ("/process-call/server-daemons", test_server_daemons);
  add_server_case ("/process-call/server-many", test_server_many);

  return g_test_run ();
}
