/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Giving back what is free: first the spans of the classes all of whose blocks are, then the memory
 * of free runs.
 *
 * A span leaves its class in three steps, under the class's lock: it is marked, its blocks go out
 * of the list by one store each, and it moves to a hand by one store that takes the mark away.
 * Whoever steals the lock finishes the second step; what is marked then is nobody's, and the next
 * who reclaims takes it. No system call is made under a lock.
 */

#include "config.h"

#include "mproc/memory/mp-heap-private.h"

#define MOST_AT_ONCE 256u       /* spans */

static guint64
load_entry (guint64 index)
{
  return __atomic_load_n (&mp_arena.spans[index], __ATOMIC_ACQUIRE);
}

static gboolean
is_of_class (guint64 entry,
             guint   class)
{
  return MP_SPAN_LENGTH (entry) == 1 && MP_SPAN_CLASS (entry) == class + 1;
}

/* --- Spans of a class ---------------------------------------------------------------------- */

/* Under the lock. */
static void
count_free (guint    class,
            guint16 *counts,
            guint64  n_spans)
{
  MpOffset block = mp_arena.header->classes[class].head;

  while (block != 0)
    {
      guint64 index = mp_heap_span_index (block);

      if (index < n_spans)
        counts[index]++;
      block = *(guint64 *) mp_arena_pointer (block);
    }
}

/* Under the lock. Whether there are any. */
static gboolean
mark_free (guint    class,
           guint16 *counts,
           guint64  n_spans)
{
  gboolean any = FALSE;

  for (guint64 i = 0; i < n_spans; i++)
    {
      guint64 entry = load_entry (i);

      if (!is_of_class (entry, class))
        continue;
      if (counts[i] == MP_SPAN_SIZE / mp_heap_class_sizes[class])
        __atomic_store_n (&mp_arena.spans[i], entry | MP_SPAN_MARKED, __ATOMIC_RELEASE);
      any |= (load_entry (i) & MP_SPAN_MARKED) != 0;
    }

  return any;
}

void
mp_heap_unlink_marked (guint class)
{
  guint64 *link = &mp_arena.header->classes[class].head;

  while (*link != 0)
    {
      guint64 *next = mp_arena_pointer (*link);

      if (load_entry (mp_heap_span_index (*link)) & MP_SPAN_MARKED)
        __atomic_store_n (link, *next, __ATOMIC_RELEASE);
      else
        link = next;
    }
}

/* The first marked span from *@from on, in *@hand. */
static gboolean
take_marked (guint    class,
             guint64 *from,
             guint64  n_spans,
             guint64 *hand)
{
  MpHeapClass *list = &mp_arena.header->classes[class];
  gboolean taken = FALSE;

  if (mp_heap_lock_class (class, NULL) != MP_STATUS_OK)
    return FALSE;

  for (; *from < n_spans && !taken; ++*from)
    {
      guint64 *word = &mp_arena.spans[*from];
      guint64 entry = load_entry (*from);

      if (!is_of_class (entry, class) || (entry & MP_SPAN_MARKED) == 0)
        continue;
      mp_intent_begin (&list->intent, MP_INTENT_TAKE, word, entry & ~MP_SPAN_MARKED, hand,
                       mp_heap_span_offset (*from) | MP_HAND_RUN);
      mp_intent_commit (&list->intent, word, hand);
      taken = TRUE;
    }
  if (!taken)
    __atomic_store_n (&list->reclaiming, FALSE, __ATOMIC_RELEASE);
  mp_heap_unlock_class (class);

  return taken;
}

void
mp_heap_reclaim (guint class)
{
  MpHeapClass *list = &mp_arena.header->classes[class];
  guint64 *hand = &mp_self_slot ()->hands[MP_HAND_REFILL];
  guint64 n_spans = mp_heap_n_spans_ready ();
  g_autofree guint16 *counts = g_new0 (guint16, n_spans + 1);
  guint64 from = 0;

  if (mp_heap_lock_class (class, NULL) != MP_STATUS_OK)
    return;
  count_free (class, counts, n_spans);
  __atomic_store_n (&list->reclaiming, TRUE, __ATOMIC_RELEASE);
  if (mark_free (class, counts, n_spans))
    mp_heap_unlink_marked (class);
  mp_heap_unlock_class (class);

  while (take_marked (class, &from, n_spans, hand))
    mp_heap_give_run (hand, FALSE, NULL);
}

void
mp_heap_reclaim_all (void)
{
  for (guint class = 0; class < MP_N_CLASSES; class++)
    mp_heap_reclaim (class);
}

/* --- Free runs ----------------------------------------------------------------------------- */

/* Under the lock: the next free spans, from *@index on, that have memory. 0: there are none. The
 * walk begins at the start, since what was an edge of a run may lie inside one by now. */
static guint64
find_warm (guint64 *index,
           guint64  n_spans)
{
  guint64 i = 0;
  guint64 n = 0;

  while (i < n_spans && (i < *index || load_entry (i) != 0))
    i += MAX (MP_SPAN_LENGTH (load_entry (i)), 1);
  while (n < MOST_AT_ONCE && i + n < n_spans && load_entry (i + n) == 0)
    n++;

  *index = i;
  return n;
}

void
mp_heap_trim (void)
{
  guint64 *hand;
  guint64 index = 0;
  guint64 n_spans, n = 1;

  if (mp_self () == 0)
    return;

  hand = &mp_self_slot ()->hands[MP_HAND_REFILL];
  mp_heap_reclaim_all ();

  n_spans = mp_heap_n_spans_ready ();
  while (n > 0 && mp_heap_lock_runs (NULL) == MP_STATUS_OK)
    {
      n = find_warm (&index, n_spans);
      if (n > 0)
        mp_heap_take_found (index, n, n, 0, hand);
      mp_heap_unlock_runs ();
      if (n > 0)
        mp_heap_give_run (hand, TRUE, NULL);
      index += n;
    }
}
