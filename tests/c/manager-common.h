/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the tests of the manager share: each case has a manager and a list in it, and has to leave
 * no child and no descriptor, neither here nor in the server.
 */

#pragma once

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mproc/manager/mp-manager-protocol-private.h"
#include "mproc/manager/mp-manager.h"

typedef struct
{
  guint fds;
  guint server_fds;
  MpManager *manager;
  MpListProxy *list;                    /* empty */
  guint8 address[MP_MANAGER_KEY_SIZE];
  guint8 token[MP_MANAGER_KEY_SIZE];
  guint64 object;                       /* the list */
} Fixture;

typedef struct
{
  const char *path;
  void (*run) (Fixture *, gconstpointer);
} Case;

static inline guint
count_fds (const char *process)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/fd", process);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

static inline guint
count_server_fds (MpManager *manager)
{
  g_autofree char *pid = g_strdup_printf ("%d", mp_manager_get_pid (manager));

  return count_fds (pid);
}

static inline GVariant *
integer (gint64 value)
{
  return g_variant_new_int64 (value);
}

static inline void
assert_text (gpointer    proxy,
             const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = mp_proxy_to_string (proxy, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
}

static inline void
assert_value (GVariant   *value,
              const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_nonnull (value);
  text = g_variant_print (value, FALSE);
  g_assert_cmpstr (text, ==, expected);
  g_variant_unref (value);
}

static inline GVariant *
parse (const char *text)
{
  return g_variant_new_parsed (text);
}

static inline GVariant *
string (const char *value)
{
  return g_variant_new_string (value);
}

static inline MpListProxy *
new_list (Fixture    *fixture,
          const char *content)
{
  g_autoptr (GError) error = NULL;
  MpListProxy *list = mp_manager_create_list (fixture->manager,
                                              content != NULL ? parse (content) : NULL, &error);

  g_assert_no_error (error);
  g_assert_true (MP_IS_LIST_PROXY (list));

  return list;
}

static inline MpDictProxy *
new_dict (Fixture    *fixture,
          const char *content)
{
  g_autoptr (GError) error = NULL;
  MpDictProxy *dict = mp_manager_create_dict (fixture->manager,
                                              content != NULL ? parse (content) : NULL, &error);

  g_assert_no_error (error);
  g_assert_true (MP_IS_DICT_PROXY (dict));

  return dict;
}

static inline void
assert_child_succeeds (pid_t child)
{
  int status;

  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static inline void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *handle = NULL;
  char *hex;

  fixture->fds = count_fds ("self");
  fixture->manager = mp_manager_new (&error);
  g_assert_no_error (error);
  fixture->server_fds = count_server_fds (fixture->manager);
  fixture->list = mp_manager_create_list (fixture->manager, NULL, &error);
  g_assert_no_error (error);

  handle = mp_proxy_get_handle (MP_PROXY (fixture->list));
  hex = handle + strlen (MP_MANAGER_HANDLE_PREFIX);
  g_assert_true (mp_manager_key_from_hex (hex, fixture->address));
  hex += MP_MANAGER_HEX_SIZE + 1;
  g_assert_true (mp_manager_key_from_hex (hex, fixture->token));
  fixture->object = g_ascii_strtoull (hex + MP_MANAGER_HEX_SIZE + 1, NULL, 10);
}

static inline void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_assert_finalize_object (fixture->list);
  g_assert_finalize_object (fixture->manager);
  g_assert_cmpuint (count_fds ("self"), ==, fixture->fds);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
}

/* The server serves, and soon has no connection but this process's. */
static inline void
assert_server_fine (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  gint64 deadline = g_get_monotonic_time () + 5 * G_USEC_PER_SEC;

  g_assert_true (mp_list_proxy_append (fixture->list, integer (1), &error));
  g_assert_no_error (error);
  while (count_server_fds (fixture->manager) != fixture->server_fds)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (1000);
    }
}

static inline void
add_cases (const Case *cases,
           guint       n_cases)
{
  /* What the library keeps from its first use on is there before descriptors are counted. */
  g_object_unref (mp_manager_new (NULL));

  for (guint i = 0; i < n_cases; i++)
    g_test_add (cases[i].path, Fixture, NULL, set_up, cases[i].run, tear_down);
}
