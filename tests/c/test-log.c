/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What is logged, where it goes and who is named in it: in this process and in a forked child. The
 * program has a writer of GLib's, which can be set only once; children hand what they see to their
 * parent through a queue.
 */

#include "config.h"

#include "process-common.h"

#include "mproc/channel/mp-queue.h"
#include "mproc/process/mp-log.h"

static MpQueue *seen;

static char *
find_field (const GLogField *fields,
            gsize            n,
            const char      *name)
{
  for (gsize i = 0; i < n; i++)
    {
      if (g_str_equal (fields[i].key, name))
        return fields[i].length < 0 ? g_strdup (fields[i].value)
                                    : g_strndup (fields[i].value, fields[i].length);
    }

  return NULL;
}

static GLogWriterOutput
write_fields (GLogLevelFlags   flags,
              const GLogField *fields,
              gsize            n,
              gpointer         user_data)
{
  g_autofree char *domain = find_field (fields, n, "GLIB_DOMAIN");
  g_autofree char *message = find_field (fields, n, "MESSAGE");
  g_autofree char *level = find_field (fields, n, "MPROC_LEVEL");
  g_autofree char *pid = find_field (fields, n, "MPROC_PID");
  g_autofree char *process = find_field (fields, n, "MPROC_PROCESS");

  if (seen == NULL || g_strcmp0 (domain, "mproc") != 0)
    return g_log_writer_default (flags, fields, n, user_data);

  mp_queue_put (seen, g_variant_new ("(ussss)", flags, message, level, pid, process), 0, NULL,
                NULL);

  return G_LOG_WRITER_HANDLED;
}

/* The next message that was seen is this one. */
static void
assert_seen (guint       flags,
             const char *message,
             const char *level,
             int         pid,
             const char *process)
{
  g_autofree char *number = g_strdup_printf ("%d", pid);
  g_autoptr (GVariant) found = mp_queue_get (seen, 0, NULL, NULL);
  g_autoptr (GVariant) expected =
    g_variant_ref_sink (g_variant_new ("(ussss)", flags, message, level, number, process));
  g_autofree char *text = found != NULL ? g_variant_print (found, FALSE) : g_strdup ("nothing");
  g_autofree char *wanted = g_variant_print (expected, FALSE);

  g_assert_cmpstr (text, ==, wanted);
}

static gboolean
speak (MpProcess  *process,
       gpointer    data,
       GError    **error)
{
  mp_log_message (MP_LOG_LEVEL_WARNING, "from the child");
  mp_log_message (MP_LOG_LEVEL_DEBUG, "too detailed");

  return TRUE;
}

static void
test_fields (void)
{
  g_autoptr (MpProcess) process = mp_process_new ("Child", speak, NULL, NULL);
  g_autofree char *born = NULL;
  int pid;

  mp_log_message (MP_LOG_LEVEL_ERROR, "nothing is logged by default");
  mp_log_set_level (MP_LOG_LEVEL_INFO);
  g_assert_cmpint (mp_log_get_level (), ==, MP_LOG_LEVEL_INFO);
  mp_log_message (MP_LOG_LEVEL_SUBWARNING, "look");
  assert_seen (G_LOG_LEVEL_MESSAGE, "look", "25", getpid (), "MainProcess");

  g_assert_cmpint (start_and_join (process), ==, 0);
  pid = mp_process_get_pid (process);
  mp_log_set_level (MP_LOG_LEVEL_OFF);
  born = g_strdup_printf ("process Child has pid %d", pid);
  for (guint i = 0; i < 2; i++)
    {
      /* Parent and child speak at once. */
      g_autoptr (GVariant) first = mp_queue_get (seen, 0, NULL, NULL);
      const char *message;

      g_assert_nonnull (first);
      g_variant_get_child (first, 1, "&s", &message);
      g_assert_true (g_str_equal (message, born) || g_str_equal (message, "from the child"));
      if (g_str_equal (message, "from the child"))
        {
          g_autofree char *text = g_variant_print (first, FALSE);
          g_autofree char *wanted = g_strdup_printf ("(%u, 'from the child', '30', '%d', 'Child')",
                                                     G_LOG_LEVEL_WARNING, pid);

          g_assert_cmpstr (text, ==, wanted);
        }
    }
  assert_seen (G_LOG_LEVEL_INFO, "process Child has ended with exit code 0", "20", getpid (),
               "MainProcess");
  g_assert_true (mp_queue_empty (seen));
}

static void
count_message (int         level,
               const char *message,
               gpointer    user_data)
{
  guint *count = user_data;

  g_assert_cmpint (level, ==, MP_LOG_LEVEL_INFO);
  g_assert_cmpstr (message, ==, "a word");
  ++*count;
}

static void
forget_count (gpointer user_data)
{
  guint *count = user_data;

  *count += 100;
}

static void
test_function (void)
{
  guint count = 0;

  mp_log_set_level (MP_LOG_LEVEL_INFO);
  mp_log_set_func (count_message, &count, forget_count);
  mp_log_message (MP_LOG_LEVEL_DEBUG, "not a word");
  mp_log_message (MP_LOG_LEVEL_INFO, "a word");
  g_assert_cmpuint (count, ==, 1);
  mp_log_set_func (NULL, NULL, NULL);
  g_assert_cmpuint (count, ==, 101);
  g_assert_true (mp_queue_empty (seen));
  mp_log_message (MP_LOG_LEVEL_INFO, "another word");
  mp_log_set_level (MP_LOG_LEVEL_OFF);
  assert_seen (G_LOG_LEVEL_INFO, "another word", "20", getpid (), "MainProcess");
}

static gboolean
speak_on_stderr (MpProcess  *process,
                 gpointer    data,
                 GError    **error)
{
  mp_log_message (MP_LOG_LEVEL_WARNING, "a line");

  return TRUE;
}

static void
test_stderr (void)
{
  g_autoptr (MpProcess) process = mp_process_new ("Child", speak_on_stderr, NULL, NULL);
  char line[100] = "";
  int ends[2], saved = dup (STDERR_FILENO);

  g_assert_cmpint (pipe (ends), ==, 0);
  mp_log_set_level (MP_LOG_LEVEL_WARNING);
  mp_log_set_to_stderr (TRUE);
  g_assert_true (mp_log_get_to_stderr ());
  dup2 (ends[1], STDERR_FILENO);
  start_and_join (process);
  dup2 (saved, STDERR_FILENO);
  mp_log_set_to_stderr (FALSE);
  mp_log_set_level (MP_LOG_LEVEL_OFF);

  g_assert_cmpint (read (ends[0], line, sizeof line - 1), >, 0);
  g_assert_cmpstr (line, ==, "[WARNING/Child] a line\n");
  g_assert_true (mp_queue_empty (seen));
  close (ends[0]);
  close (ends[1]);
  close (saved);
}

int
main (int    argc,
      char **argv)
{
  int code;

  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_fields, NULL, NULL);
  seen = mp_queue_new (0, NULL);
  add_case ("/log/fields", test_fields);
  add_case ("/log/function", test_function);
  add_case ("/log/stderr", test_stderr);
  code = g_test_run ();
  g_object_unref (seen);

  return code;
}
