/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Deadlines: an absolute monotonic time in microseconds, computed once when a call begins, so that
 * no chain of partial waits can add up to more than was asked. 0 means not to wait at all.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MP_DEADLINE_NEVER G_MAXINT64
#define MP_DEADLINE_NOW 0

/* Seconds; negative, NaN or absurdly long: no limit. */
static inline gint64
mp_deadline_from_seconds (double seconds)
{
  if (!(seconds >= 0) || seconds > 1e9)
    return MP_DEADLINE_NEVER;
  if (seconds == 0)
    return MP_DEADLINE_NOW;

  return g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
}

/* Microseconds; negative: no limit. */
static inline gint64
mp_deadline_from_usec (gint64 usec)
{
  if (usec < 0 || usec > G_GINT64_CONSTANT (1000000000000000))
    return MP_DEADLINE_NEVER;
  if (usec == 0)
    return MP_DEADLINE_NOW;

  return g_get_monotonic_time () + usec;
}

/* The clock costs as much as a message: it is not asked in vain. */
static inline gboolean
mp_deadline_passed (gint64 deadline)
{
  return deadline != MP_DEADLINE_NEVER &&
         (deadline == MP_DEADLINE_NOW || deadline <= g_get_monotonic_time ());
}

/* What is left, never negative; at most @cap. */
static inline gint64
mp_deadline_left (gint64 deadline,
                  gint64 cap)
{
  gint64 now;

  if (deadline == MP_DEADLINE_NEVER)
    return cap;

  now = g_get_monotonic_time ();
  return deadline <= now ? 0 : MIN (deadline - now, cap);
}

G_END_DECLS
