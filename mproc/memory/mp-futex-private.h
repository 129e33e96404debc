/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The futex system calls, as thin as can be: futex(2), futex_waitv(2). Shared between processes,
 * so never FUTEX_PRIVATE. Times are absolute CLOCK_MONOTONIC microseconds, always finite: a sleep
 * without limit would not be broken by a signal whose handler has SA_RESTART.
 */

#pragma once

#include <errno.h>
#include <glib.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

G_BEGIN_DECLS

#define MP_FUTEX_MAX_WORDS 32

/* 0 if woken or *word != value, else EINTR or ETIMEDOUT. */
static inline int
mp_futex_wait (guint32 *word,
               guint32  value,
               gint64   until)
{
  struct timespec ts = { until / G_USEC_PER_SEC, (until % G_USEC_PER_SEC) * 1000 };

  if (syscall (SYS_futex, word, FUTEX_WAIT_BITSET, value, &ts, NULL,
               FUTEX_BITSET_MATCH_ANY) == 0)
    return 0;

  return errno == EAGAIN ? 0 : errno;
}

static inline void
mp_futex_wake (guint32 *word,
               int      n)
{
  syscall (SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

/* Sleeps on several words at once; ENOSYS before Linux 5.16 and under some sandboxes. */
static inline int
mp_futex_wait_any (const struct futex_waitv *words,
                   guint                     n_words,
                   gint64                    until)
{
  struct timespec ts = { until / G_USEC_PER_SEC, (until % G_USEC_PER_SEC) * 1000 };

  if (syscall (SYS_futex_waitv, words, n_words, 0, &ts, CLOCK_MONOTONIC) >= 0)
    return 0;

  return errno == EAGAIN ? 0 : errno;
}

static inline void
mp_futex_word (struct futex_waitv *slot,
               guint32            *word,
               guint32             value)
{
  slot->uaddr = (guintptr) word;
  slot->val = value;
  slot->flags = FUTEX_32;
  slot->__reserved = 0;
}

static inline void
mp_cpu_relax (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("yield");
#else
  __asm__ volatile ("" ::: "memory");
#endif
}

G_END_DECLS
