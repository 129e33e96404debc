/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Large messages that are not copied out, or not copied at all.
 *
 * A view: the producer puts 1 MiB as bytes, the consumer holds the block, looks at its ends, lets
 * go, and says so; then the next. So it is always the same block, warm in both processes, and what
 * is left beside the one copy is seen. In place: only the ends are written and read, because
 * filling is the program's own work whatever carries it; and never more is under way than the
 * family keeps warm, because faults on new pages are not what is compared.
 */

#include "config.h"

#include <string.h>
#include <sys/mman.h>

#include <mproc/mproc.h>

#include "bench-contest.h"
#include "bench-peers.h"
#include "bench-rows.h"

#define SMALL 64
#define MIB (1 << 20)

typedef struct {
  MpQueue *there;
  MpQueue *back;
  gsize    size;
  gboolean whole;               /* the consumer reads all of it */
  guint8  *data;
  guint64  sum;
} BenchView;

static void
look_at (BenchView *self,
         MpBlock   *block)
{
  gsize size;
  const guint64 *words = mp_block_get_data (block, &size);

  if (size != self->size)
    g_error ("A block has another size");
  if (self->whole)
    for (gsize i = 0; i < size / 8; i++)
      self->sum += words[i];
  else
    self->sum += words[0] + words[size / 8 - 1];
}

static void
take_block (BenchView *self)
{
  MpBlock *block = mp_queue_get_block (self->there, -1, NULL, NULL);

  if (block == NULL)
    g_error ("A block cannot be taken");
  look_at (self, block);
  mp_block_unref (block);
}

static void
touch_data (gpointer state,
            guint64  n G_GNUC_UNUSED)
{
  BenchView *self = state;

  memset (self->data, 1, self->size);
}

static void
put_copies (gpointer state,
            guint64  n)
{
  BenchView *self = state;
  guint8 answer[SMALL];

  for (guint64 i = 0; i < n; i++)
    {
      bench_mproc.put (self->there, self->data, self->size, 1);
      bench_mproc.get (self->back, answer, SMALL, 1);
    }
}

static void
take_views (gpointer state,
            guint64  n)
{
  BenchView *self = state;
  const guint8 answer[SMALL] = { 1 };

  for (guint64 i = 0; i < n; i++)
    {
      take_block (self);
      bench_mproc.put (self->back, answer, SMALL, 1);
    }
}

static void
put_blocks (gpointer state,
            guint64  n)
{
  BenchView *self = state;

  for (guint64 i = 0; i < n; i++)
    {
      MpBlock *block = mp_block_new (self->size, NULL);
      guint64 *words = block != NULL ? mp_block_get_data (block, NULL) : NULL;

      if (words == NULL)
        g_error ("A block cannot be had");
      words[0] = words[self->size / 8 - 1] = i;
      if (!mp_queue_put_block (self->there, block, -1, NULL, NULL))
        g_error ("A block cannot be put");
      mp_block_unref (block);
    }
}

static void
take_blocks (gpointer state,
             guint64  n)
{
  for (guint64 i = 0; i < n; i++)
    take_block (state);
}

static void
put_small (gpointer state,
           guint64  n)
{
  BenchView *self = state;

  bench_mproc.put (self->there, self->data, SMALL, n);
}

static void
take_small (gpointer state,
            guint64  n)
{
  BenchView *self = state;
  guint8 buffer[SMALL];

  bench_mproc.get (self->there, buffer, SMALL, n);
}

static double
copy (gpointer state,
      guint64  n)
{
  BenchView *self = state;
  static guint8 *target;
  gint64 start;

  if (target == NULL)
    target = mmap (NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert (target != MAP_FAILED);
  start = bench_now ();
  for (guint64 i = 0; i < n; i++)
    {
      memcpy (target, self->data, self->size);
      __asm__ volatile ("" ::: "memory");
    }

  return bench_now () - start;
}

/* --- The contests -------------------------------------------------------------------------- */

static BenchView *
view_new (guint n_slots,
          gsize size)
{
  BenchView *self = g_new0 (BenchView, 1);

  self->there = bench_mproc.open (n_slots, size);
  self->back = bench_mproc.open (n_slots, SMALL);
  self->size = size;
  self->data = g_malloc (size);
  memset (self->data, 1, size);

  return self;
}

static void
view_free (gpointer data)
{
  BenchView *self = data;

  g_object_unref (self->there);
  g_object_unref (self->back);
  g_free (self->data);
  g_free (self);
}

static void
enter_view (BenchContest *contest,
            GPtrArray    *views,
            const char   *name,
            BenchView    *view,
            BenchPart     puts,
            BenchPart     takes)
{
  const BenchMember members[] = { { touch_data, puts, 0 }, { NULL, takes, 1 } };

  g_ptr_array_add (views, view);
  bench_contest_team (contest, name, bench_team_new (view, members, 2), 0);
}

void
bench_views (void)
{
  g_autoptr (GPtrArray) views = g_ptr_array_new_with_free_func (view_free);
  BenchContest *contest = bench_contest_new ("1 MiB, put as bytes and viewed", "a message");
  BenchView *whole = view_new (4, MIB);
  BenchView *source = view_new (4, MIB);

  whole->whole = TRUE;
  enter_view (contest, views, "mproc", view_new (4, MIB), put_copies, take_views);
  enter_view (contest, views, "mproc, and all of it read", whole, put_copies, take_views);
  g_ptr_array_add (views, source);
  bench_contest_enter (contest, "one memcpy", copy, source, 0);
  bench_contest_run (contest);
  bench_contest_row (contest, "mproc", "one memcpy", BENCH_AT_MOST, 1.3);
  bench_contest_row (contest, "mproc, and all of it read", "one memcpy", BENCH_SHOWN, 0);
  bench_contest_free (contest);
}

static void
compete_in_place (const char *name,
                  guint       n_slots,
                  gsize       size,
                  guint       n_small,
                  const char *small)
{
  g_autoptr (GPtrArray) views = g_ptr_array_new_with_free_func (view_free);
  BenchContest *contest = bench_contest_new ("filled and read in place", "a message");

  enter_view (contest, views, small, view_new (n_small, SMALL), put_small, take_small);
  enter_view (contest, views, name, view_new (n_slots, size), put_blocks, take_blocks);
  bench_contest_run (contest);
  bench_contest_row (contest, name, small, BENCH_AT_MOST, 10);
  bench_contest_free (contest);
}

/* Each size by itself: others would take its memory, and getting new is not what is compared. */
void
bench_in_place (void)
{
  compete_in_place ("64 KiB", 64, MIB / 16, 4096, "64 bytes, copied");
  compete_in_place ("1 MiB", 8, MIB, 4096, "64 bytes, copied");
  compete_in_place ("16 MiB", 8, 16 * MIB, 4096, "64 bytes, copied");
}
