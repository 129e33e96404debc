/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the tests of pools share: functions that are tasks, short forms of giving them, and a check
 * that a case leaves no descriptor, child or thread.
 */

#pragma once

#include "process-common.h"
#include "threads-common.h"

#include <signal.h>

#include "mproc/pool/mp-pool.h"
#include "mproc/pool/mp-result-private.h"

/* A domain of the tests' own, as an application has. */
G_GNUC_UNUSED static G_DEFINE_QUARK (pool-test-error-quark, pool_test_error)

#define POOL_TEST_ERROR (pool_test_error_quark ())

/* ── Tasks ──────────────────────────────────────────────────────────────────────────────────── */

static inline GVariant *
square (GVariant  *argument,
        GError   **error)
{
  gint64 number = g_variant_get_int64 (argument);

  return g_variant_new_int64 (number * number);
}

/* Fails for 13. */
static inline GVariant *
square_but_13 (GVariant  *argument,
               GError   **error)
{
  if (g_variant_get_int64 (argument) != 13)
    return square (argument, error);

  g_set_error (error, POOL_TEST_ERROR, 4, "thirteen");
  return NULL;
}

static inline GVariant *
echo (GVariant  *argument,
      GError   **error)
{
  return g_variant_ref (argument);
}

static inline GVariant *
get_worker_pid (GVariant  *argument,
                GError   **error)
{
  return g_variant_new_int32 (getpid ());
}

/* Sleeps so many milliseconds and returns them. */
static inline GVariant *
nap (GVariant  *argument,
     GError   **error)
{
  g_usleep (g_variant_get_int64 (argument) * G_TIME_SPAN_MILLISECOND);

  return g_variant_ref (argument);
}

/* Sends itself a signal, or for numbers from 1000 up exits with what is above that. */
static inline GVariant *
end_worker (GVariant  *argument,
            GError   **error)
{
  gint64 how = g_variant_get_int64 (argument);

  if (how >= 1000)
    exit (how - 1000);
  raise (how);

  return g_variant_new_boolean (FALSE);
}

/* ── Short forms ────────────────────────────────────────────────────────────────────────────── */

static inline MpPool *
new_pool (guint n_workers)
{
  g_autoptr (GError) error = NULL;
  MpPool *pool = mp_pool_new (n_workers, &error);

  g_assert_no_error (error);

  return pool;
}

static inline MpResult *
submit (MpPool     *pool,
        MpTaskFunc  func,
        gint64      argument)
{
  g_autoptr (GError) error = NULL;
  MpResult *result = mp_pool_submit (pool, func, g_variant_new_int64 (argument), &error);

  g_assert_no_error (error);

  return result;
}

static inline gint64
get_int64 (MpResult *result)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_result_get (result, 30, NULL, &error);

  g_assert_no_error (error);

  return g_variant_get_int64 (value);
}

/* The text of the error with which it has to fail. */
static inline char *
get_failure (MpResult *result,
             GQuark    domain,
             int       code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_result_get (result, 30, NULL, &error);

  g_assert_error (error, domain, code);
  g_assert_null (value);

  return g_strdup (error->message);
}

static inline GVariant *
new_range (gint64 n)
{
  g_autofree gint64 *numbers = g_new (gint64, n);

  for (gint64 i = 0; i < n; i++)
    numbers[i] = i;

  return g_variant_new_fixed_array (G_VARIANT_TYPE_INT64, numbers, n, sizeof *numbers);
}

static inline void
assert_squares (GVariant *list,
                gint64    n)
{
  g_assert_cmpstr (g_variant_get_type_string (list), ==, "av");
  g_assert_cmpuint (g_variant_n_children (list), ==, n);
  for (gint64 i = 0; i < n; i++)
    {
      g_autoptr (GVariant) box = g_variant_get_child_value (list, i);
      g_autoptr (GVariant) value = g_variant_get_variant (box);

      g_assert_cmpint (g_variant_get_int64 (value), ==, i * i);
    }
}

static inline void
close_and_join (MpPool *pool)
{
  g_autoptr (GError) error = NULL;

  mp_pool_close (pool);
  mp_pool_join (pool, 30, NULL, &error);
  g_assert_no_error (error);
}

/* ── Cases ──────────────────────────────────────────────────────────────────────────────────── */

static inline void
run_pool_case (gconstpointer data)
{
  int before = count_threads ();

  run_case (data);
  wait_for_threads (before);
}

static inline void
add_pool_case (const char *path,
               GTestFunc   func)
{
  g_test_add_data_func (path, (gconstpointer) func, run_pool_case);
}
