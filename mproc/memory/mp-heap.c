/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The arena's allocator: lists of blocks per size class, runs of spans below them.
 *
 * The table of spans has one word per 64 KiB of heap: at the first span of a run its length (and
 * 1 + class if it is cut into blocks), else 0. A walk from run to run therefore needs no other
 * marks, and taking or giving a run is one store. `heap_used` and `heap_hint` (before which nothing
 * is free) only help; they are computed anew after a lock was stolen.
 *
 * Runs are taken from what was freed last (`heap_warm`), which is still in the caches, or else at
 * the lowest place that has its memory.
 *
 * Runs by any thread of any member. Locks: one per class and one for the runs, never two at once;
 * memory is populated with no lock held.
 */

#include "config.h"

#include "mproc/memory/mp-heap-private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define SMALL_MAX 32768u
#define GROW_LEAST (256u << 10)
#define GROW_MOST (16u << 20)
#define WARM_LEAST (G_GUINT64_CONSTANT (64) << 20)
#define WARM_RUNS 12            /* of the usual size: a queue with eight places and both its ends */
#define USUAL_WEIGHT 256

const guint32 mp_heap_class_sizes[MP_N_CLASSES] = {
  64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384,
  SMALL_MAX,
};

static guint
class_for (gsize size)
{
  guint class = 0;

  while (mp_heap_class_sizes[class] < size)
    class++;

  return class;
}

guint64
mp_heap_n_spans_ready (void)
{
  return __atomic_load_n (&mp_arena.header->heap_ready, __ATOMIC_ACQUIRE) >> MP_SPAN_SHIFT;
}

MpOffset
mp_heap_span_offset (guint64 index)
{
  return mp_arena.header->heap + (index << MP_SPAN_SHIFT);
}

guint64
mp_heap_span_index (MpOffset offset)
{
  return (offset - mp_arena.header->heap) >> MP_SPAN_SHIFT;
}

/* --- The locks ----------------------------------------------------------------------------- */

static void
fix_runs (void)
{
  MpArenaHeader *header = mp_arena.header;
  guint64 n = mp_heap_n_spans_ready ();
  guint64 used = 0;
  guint64 punched = 0;

  mp_intent_fix (&header->heap_intent);
  for (guint64 i = 0; i < n; i += MAX (MP_SPAN_LENGTH (mp_arena.spans[i]), 1))
    {
      used += MP_SPAN_LENGTH (mp_arena.spans[i]);
      punched += (mp_arena.spans[i] & MP_SPAN_PUNCHED) != 0;
    }
  header->heap_used = used;
  header->heap_punched = punched;
  header->heap_hint = 0;
  memset (header->heap_warm, 0, sizeof header->heap_warm);
}

MpStatus
mp_heap_lock_runs (const MpWaitLimits *limits)
{
  MpGuardResult result;

  mp_self ();
  if (mp_self_slot () != NULL)
    mp_self_slot ()->heap_op = MP_HEAP_OP_RUNS;
  result = mp_guard_lock (&mp_arena.header->heap_guard, NULL, limits);
  if (result == MP_GUARD_STOLEN)
    fix_runs ();
  if (result > MP_GUARD_STOLEN && mp_self_slot () != NULL)
    mp_self_slot ()->heap_op = 0;

  return mp_guard_status (result);
}

void
mp_heap_unlock_runs (void)
{
  mp_guard_unlock (&mp_arena.header->heap_guard);
  mp_self_slot ()->heap_op = 0;
}

MpStatus
mp_heap_lock_class (guint               class,
                    const MpWaitLimits *limits)
{
  MpHeapClass *list = &mp_arena.header->classes[class];
  MpGuardResult result;

  if (mp_self () != 0)
    mp_self_slot ()->heap_op = class + 1;
  result = mp_guard_lock (&list->guard, NULL, limits);
  if (result == MP_GUARD_STOLEN)
    {
      mp_intent_fix (&list->intent);
      if (list->reclaiming)
        mp_heap_unlink_marked (class);
    }
  if (result > MP_GUARD_STOLEN && mp_self_slot () != NULL)
    mp_self_slot ()->heap_op = 0;

  return mp_guard_status (result);
}

void
mp_heap_unlock_class (guint class)
{
  mp_guard_unlock (&mp_arena.header->classes[class].guard);
  mp_self_slot ()->heap_op = 0;
}

void
mp_heap_recover (guint32 heap_op)
{
  if (heap_op == MP_HEAP_OP_RUNS)
    {
      if (mp_heap_lock_runs (NULL) == MP_STATUS_OK)
        mp_heap_unlock_runs ();
    }
  else if (heap_op > 0 && heap_op <= MP_N_CLASSES)
    {
      if (mp_heap_lock_class (heap_op - 1, NULL) == MP_STATUS_OK)
        mp_heap_unlock_class (heap_op - 1);
      if (mp_arena.header->classes[heap_op - 1].reclaiming)
        mp_heap_reclaim (heap_op - 1);
    }
}

void
mp_heap_recover_all (void)
{
  mp_heap_recover (MP_HEAP_OP_RUNS);
  for (guint class = 0; class < MP_N_CLASSES; class++)
    mp_heap_recover (class + 1);
}

/* --- Runs of spans ------------------------------------------------------------------------- */

/* The first of @n free spans in a row between @from and @to, or -1; if @warm, of such as have their
 * memory. @from: an edge of a run. */
static gint64
find_run (guint64  n,
          guint64  from,
          guint64  to,
          gboolean warm)
{
  guint64 start = from;

  for (guint64 i = from; i < to;)
    {
      guint32 length = MP_SPAN_LENGTH (mp_arena.spans[i]);

      if (length != 0)
        {
          i += length;
          start = i;
        }
      else if (warm && mp_arena.spans[i] != 0)
        start = ++i;
      else if (++i - start == n)
        return (gint64) start;
    }

  return -1;
}

/* Gives memory to more of the heap, with no lock held: two growers at once do it twice, which
 * costs time and nothing else. */
static MpStatus
grow (guint64             n,
      const MpWaitLimits *limits)
{
  MpArenaHeader *header = mp_arena.header;
  guint64 ready = __atomic_load_n (&header->heap_ready, __ATOMIC_ACQUIRE);
  guint64 room = MIN (__atomic_load_n (&header->limit, __ATOMIC_RELAXED),
                      header->size - header->heap);
  guint64 least = n << MP_SPAN_SHIFT;
  guint64 more = MAX (CLAMP (ready / 8, GROW_LEAST, GROW_MOST), least);
  MpStatus status;

  more = (more + MP_SPAN_SIZE - 1) / MP_SPAN_SIZE * MP_SPAN_SIZE;
  if (ready + more > room)
    more = least;
  if (ready + more > room || ready + more < ready ||
      !mp_arena_populate (header->spans + (ready >> MP_SPAN_SHIFT) * sizeof (guint64),
                          (more >> MP_SPAN_SHIFT) * sizeof (guint64)) ||
      !mp_arena_populate (header->heap + ready, more))
    return MP_STATUS_NO_SPACE;

  status = mp_heap_lock_runs (limits);
  if (status != MP_STATUS_OK)
    return status;
  if (header->heap_ready < ready + more)
    __atomic_store_n (&header->heap_ready, ready + more, __ATOMIC_RELEASE);
  mp_heap_unlock_runs ();

  return MP_STATUS_OK;
}

/* The spans that were freed last are taken first, without a search: they are in the caches. A
 * neighbour of some that are known joins them; else the oldest are forgotten. */
static void
note_warm (guint64 index,
           guint64 n)
{
  MpWarmSpans *warm = mp_arena.header->heap_warm;
  guint last;

  for (guint i = 0; i < MP_N_WARM; i++)
    if (warm[i].length > 0 &&
        (index + n == warm[i].index || warm[i].index + warm[i].length == index))
      {
        warm[i].index = MIN (warm[i].index, index);
        warm[i].length += n;
        return;
      }

  for (last = MP_N_WARM - 1; last > 0 && warm[last].length > 0; last--)
    continue;
  if (last == 0)
    last = MP_N_WARM - 1;
  memmove (&warm[1], &warm[0], last * sizeof *warm);
  warm[0] = (MpWarmSpans) { index, n };
}

/* TRUE: all of these were known to be warm. */
static gboolean
use_warm (guint64 index,
          guint64 n)
{
  MpWarmSpans *warm = mp_arena.header->heap_warm;
  gboolean known = FALSE;

  for (guint i = 0; i < MP_N_WARM; i++)
    if (index == warm[i].index && n <= warm[i].length)
      {
        warm[i].index += n;
        warm[i].length -= n;
        known = TRUE;
      }
    else if (index < warm[i].index + warm[i].length && warm[i].index < index + n)
      warm[i].length = 0;

  return known;
}

/* The shortest that will do: who wants much finds it whole. */
static gint64
find_warm (guint64 n)
{
  const MpWarmSpans *warm = mp_arena.header->heap_warm;
  const MpWarmSpans *best = NULL;

  for (guint i = 0; i < MP_N_WARM; i++)
    if (n <= warm[i].length && (best == NULL || warm[i].length < best->length))
      best = &warm[i];

  return best != NULL ? (gint64) best->index : -1;
}

/* Under the lock: the run at @index moves to *@hand. TRUE if part of it had lost its memory. */
gboolean
mp_heap_take_found (guint64  index,
                    guint64  n,
                    guint64  entry,
                    guint64  tag,
                    guint64 *hand)
{
  MpArenaHeader *header = mp_arena.header;
  guint64 *word = &mp_arena.spans[index];
  gboolean punched = FALSE;
  gboolean known = use_warm (index, n);

  for (guint64 i = index; !known && i < index + n; i++)
    if (mp_arena.spans[i] & MP_SPAN_PUNCHED)
      {
        punched = TRUE;
        header->heap_punched -= header->heap_punched > 0;
        mp_arena.spans[i] = 0;
      }

  mp_intent_begin (&header->heap_intent, MP_INTENT_TAKE, word, entry, hand,
                   mp_heap_span_offset (index) | tag);
  mp_intent_commit (&header->heap_intent, word, hand);
  header->heap_used += n;
  if (header->heap_hint == index)
    header->heap_hint = index + n;

  return punched;
}

/* Under the lock. Spans that have lost their memory are taken last: else they would get it back
 * while others lose theirs, for ever. */
static gint64
find_place (guint64 n,
            guint64 ready)
{
  const MpArenaHeader *header = mp_arena.header;
  guint64 hint = MIN (header->heap_hint, ready);
  gint64 index = find_warm (n);

  if (index < 0 && header->heap_punched > 0 &&
      header->heap_used + header->heap_punched + n <= ready)
    index = find_run (n, hint, ready, TRUE);
  return index >= 0 ? index : find_run (n, hint, ready, FALSE);
}

static MpStatus
take_run (guint64             n,
          guint64             entry,
          guint64             tag,
          guint64            *hand,
          const MpWaitLimits *limits)
{
  gboolean reclaimed = FALSE;
  MpStatus status;

  while ((status = mp_heap_lock_runs (limits)) == MP_STATUS_OK)
    {
      guint64 ready = mp_heap_n_spans_ready ();
      gint64 index = find_place (n, ready);
      gboolean punched = FALSE;

      if (index >= 0)
        punched = mp_heap_take_found ((guint64) index, n, entry, tag, hand);
      mp_heap_unlock_runs ();

      if (punched && !mp_arena_populate (mp_heap_span_offset ((guint64) index), n << MP_SPAN_SHIFT))
        {
          mp_heap_free (hand);
          return MP_STATUS_NO_SPACE;
        }
      if (index >= 0)
        return MP_STATUS_OK;

      status = grow (n, limits);
      if (status == MP_STATUS_NO_SPACE && !reclaimed)
        {
          mp_heap_reclaim_all ();
          reclaimed = TRUE;
          continue;
        }
      if (status != MP_STATUS_OK)
        return status;
    }

  return status;
}

static gboolean
punch (MpOffset offset,
       guint64  n)
{
  return fallocate (mp_arena.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) offset,
                    (off_t) (n << MP_SPAN_SHIFT)) == 0;
}

/* Under the lock. Who frees large runs will want such again: what is usual follows the largest at
 * once, and goes down step by step while only smaller ones are freed. */
static void
note_usual (guint64 n)
{
  guint64 *usual = &mp_arena.header->heap_usual;

  *usual = *usual > n ? *usual - *usual / USUAL_WEIGHT - 1 : n;
}

/* Free memory is kept warm up to a share, because the first touch of a page costs more than
 * copying it. How many of @n more free spans are beyond that. */
static guint64
n_too_warm (guint64 n)
{
  const MpArenaHeader *header = mp_arena.header;
  guint64 used = header->heap_used << MP_SPAN_SHIFT;
  guint64 cold = used + (header->heap_punched << MP_SPAN_SHIFT);
  guint64 warm = header->heap_ready > cold ? header->heap_ready - cold : 0;
  guint64 runs = WARM_RUNS * (MAX (n, header->heap_usual) << MP_SPAN_SHIFT);
  guint64 most = MAX (MAX (WARM_LEAST, used / 4), MIN (runs, header->limit / 8));
  guint64 all = warm + (n << MP_SPAN_SHIFT);

  /* A little more does no harm; else small runs would be cooled whenever large ones are free. */
  return all > most + most / 8 ? MIN (n, (all - most) >> MP_SPAN_SHIFT) : 0;
}

MpStatus
mp_heap_give_run (guint64            *hand,
                  gboolean            cold,
                  const MpWaitLimits *limits)
{
  MpArenaHeader *header = mp_arena.header;
  MpStatus status;
  guint64 block = *hand;
  guint64 index = mp_heap_span_index (block & ~MP_HAND_RUN);
  guint64 *word = &mp_arena.spans[index];
  guint64 n = MP_SPAN_LENGTH (*word);
  guint64 n_punched = cold ? n : n_too_warm (n);

  /* Its end, since runs are taken at the lowest place. */
  if (n_punched > 0 && !punch (mp_heap_span_offset (index + n - n_punched), n_punched))
    n_punched = 0;

  status = mp_heap_lock_runs (limits);
  if (status != MP_STATUS_OK)
    return status;
  if (*hand != block)           /* who died here before us had done it */
    {
      mp_heap_unlock_runs ();
      return MP_STATUS_OK;
    }

  for (guint64 i = MAX (index + 1, index + n - n_punched); i < index + n; i++)
    mp_arena.spans[i] = MP_SPAN_PUNCHED;
  mp_intent_begin (&header->heap_intent, MP_INTENT_GIVE, word,
                   n_punched == n ? MP_SPAN_PUNCHED : 0, hand, block);
  mp_intent_commit (&header->heap_intent, word, hand);
  header->heap_used -= n;
  header->heap_hint = MIN (header->heap_hint, index);
  if (n_punched == 0)
    note_warm (index, n);
  header->heap_punched += n_punched;
  note_usual (n);
  mp_heap_unlock_runs ();

  return MP_STATUS_OK;
}

/* --- Blocks of a class --------------------------------------------------------------------- */

/* Cuts a new span into blocks, chained, and gives the chain to the class. */
static MpStatus
refill (guint               class,
        const MpWaitLimits *limits)
{
  MpHeapClass *list = &mp_arena.header->classes[class];
  guint64 *hand = &mp_self_slot ()->hands[MP_HAND_REFILL];
  guint32 size = mp_heap_class_sizes[class];
  MpOffset first, last;
  MpStatus status = take_run (1, 1 | (guint64) (class + 1) << 32, MP_HAND_RUN, hand, limits);

  if (status != MP_STATUS_OK)
    return status;

  first = *hand & ~MP_HAND_RUN;
  last = first + (MP_SPAN_SIZE / size - 1) * size;
  for (MpOffset block = first; block < last; block += size)
    *(guint64 *) mp_arena_pointer (block) = block + size;

  status = mp_heap_lock_class (class, limits);
  if (status != MP_STATUS_OK)
    {
      mp_heap_free (hand);
      return status;
    }
  *(guint64 *) mp_arena_pointer (last) = list->head;
  mp_intent_begin (&list->intent, MP_INTENT_GIVE, &list->head, first, hand, *hand);
  mp_intent_commit (&list->intent, &list->head, hand);
  mp_heap_unlock_class (class);

  return MP_STATUS_OK;
}

static MpStatus
take_block (guint               class,
            guint64            *hand,
            const MpWaitLimits *limits)
{
  MpHeapClass *list = &mp_arena.header->classes[class];
  MpStatus status;

  while ((status = mp_heap_lock_class (class, limits)) == MP_STATUS_OK)
    {
      MpOffset block = list->head;

      if (block != 0)
        {
          mp_intent_begin (&list->intent, MP_INTENT_TAKE, &list->head,
                           *(guint64 *) mp_arena_pointer (block), hand, block);
          mp_intent_commit (&list->intent, &list->head, hand);
        }
      mp_heap_unlock_class (class);
      if (block != 0)
        return MP_STATUS_OK;

      status = refill (class, limits);
      if (status != MP_STATUS_OK)
        return status;
    }

  return status;
}

static MpStatus
give_block (guint               class,
            guint64            *hand,
            const MpWaitLimits *limits)
{
  MpHeapClass *list = &mp_arena.header->classes[class];
  MpOffset block = *hand;
  MpStatus status = mp_heap_lock_class (class, limits);

  if (status != MP_STATUS_OK)
    return status;
  if (*hand != block)           /* who died here before us had done it */
    {
      mp_heap_unlock_class (class);
      return MP_STATUS_OK;
    }

  *(guint64 *) mp_arena_pointer (block) = list->head;
  mp_intent_begin (&list->intent, MP_INTENT_GIVE, &list->head, block, hand, block);
  mp_intent_commit (&list->intent, &list->head, hand);
  mp_heap_unlock_class (class);

  return MP_STATUS_OK;
}

static MpStatus
give (guint64            *hand,
      const MpWaitLimits *limits)
{
  guint class = MP_SPAN_CLASS (mp_arena.spans[mp_heap_span_index (*hand & ~MP_HAND_RUN)]);

  if (class == 0 || (*hand & MP_HAND_RUN) != 0)
    return mp_heap_give_run (hand, FALSE, limits);
  return give_block (class - 1, hand, limits);
}

/* --- Putting aside ------------------------------------------------------------------------- */

/* Waiting for a lock, but not for ever for somebody who is stopped with it. */
static const MpWaitLimits not_for_ever = { MP_DEADLINE_NOW, NULL, FALSE };

/* For a moment a hand and the list both name the block: then it counts as in the list. The tag of a
 * run goes with it. */
static void
park (MpThreadSlot *slot,
      guint64      *hand)
{
  *(guint64 *) mp_arena_pointer (*hand & ~MP_HAND_RUN) = slot->parked;
  __atomic_store_n (&slot->parked, *hand, __ATOMIC_RELEASE);
  __atomic_store_n (hand, 0, __ATOMIC_RELEASE);
}

static gboolean
unpark (MpThreadSlot       *slot,
        const MpWaitLimits *limits)
{
  guint64 *hand = &slot->hands[MP_HAND_PARKED];

  while (slot->parked != 0)
    {
      guint64 next = *(guint64 *) mp_arena_pointer (slot->parked & ~MP_HAND_RUN);

      __atomic_store_n (hand, slot->parked, __ATOMIC_RELEASE);
      __atomic_store_n (&slot->parked, next, __ATOMIC_RELEASE);
      if (give (hand, limits) != MP_STATUS_OK)
        {
          park (slot, hand);
          return FALSE;
        }
    }

  return TRUE;
}

void
mp_heap_free_parked (MpThreadSlot *slot)
{
  for (guint i = 0; i < MP_N_HANDS; i++)
    if (slot->parked != 0 && slot->hands[i] == slot->parked)
      __atomic_store_n (&slot->hands[i], 0, __ATOMIC_RELEASE);
  mp_heap_free (&slot->hands[MP_HAND_PARKED]);
  unpark (slot, NULL);
}

/* --- The public face ----------------------------------------------------------------------- */

MpStatus
mp_heap_allocate (gsize               size,
                  guint64            *hand,
                  const MpWaitLimits *limits)
{
  guint64 n;

  if (mp_self () == 0)
    return MP_STATUS_INVALID;
  if (size > mp_arena.header->size)
    return MP_STATUS_NO_SPACE;
  if (size <= SMALL_MAX)
    return take_block (class_for (size), hand, limits);

  n = ((guint64) size + MP_SPAN_SIZE - 1) >> MP_SPAN_SHIFT;
  if (n > G_MAXUINT32 || n > mp_arena.header->size >> MP_SPAN_SHIFT)
    return MP_STATUS_NO_SPACE;

  return take_run (n, n, 0, hand, limits);
}

void
mp_heap_free (guint64 *hand)
{
  MpThreadSlot *slot;
  gboolean own;

  if (*hand == 0 || mp_self () == 0)
    return;

  slot = mp_self_slot ();
  own = hand >= slot->hands && hand < slot->hands + MP_N_HANDS;
  if (give (hand, own ? &not_for_ever : NULL) != MP_STATUS_OK && own)
    park (slot, hand);
  else if (G_UNLIKELY (slot->parked != 0))
    unpark (slot, &not_for_ever);
}

MpOffset
mp_heap_block (MpOffset  offset,
               gsize    *size)
{
  guint64 index = mp_heap_span_index (offset);
  guint64 entry = mp_arena.spans[index];
  MpOffset start = mp_heap_span_offset (index);
  guint class = MP_SPAN_CLASS (entry);

  if (class == 0)
    {
      *size = (gsize) MP_SPAN_LENGTH (entry) << MP_SPAN_SHIFT;
      return start;
    }

  *size = mp_heap_class_sizes[class - 1];
  return start + (offset - start) / *size * *size;
}

void
mp_heap_measure (guint64 *used,
                 guint64 *ready)
{
  *used = mp_arena.header->heap_used << MP_SPAN_SHIFT;
  *ready = __atomic_load_n (&mp_arena.header->heap_ready, __ATOMIC_ACQUIRE);
}
