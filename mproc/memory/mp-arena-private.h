/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The layout of the family arena, and how its parts are reached.
 *
 * One memfd per family, its size fixed and sealed when it is created, mapped whole by every member.
 * Inside there are only offsets. In order: this header, the thread slots, the process slots, the
 * table of spans, the heap. All tables are sparse: pages exist once they are populated.
 *
 * Every word below is changed by atomic stores only, and in an order that leaves a survivor able
 * to finish or forget what a dead process was doing; the file that owns a field says how.
 */

#pragma once

#include <glib.h>
#include <pthread.h>

#include "mproc/base/mp-error.h"

G_BEGIN_DECLS

typedef guint64 MpOffset;       /* from the arena's start; 0 is none */

#define MP_ARENA_MAGIC G_GUINT64_CONSTANT (0x6d70726f632d3031)
#define MP_ARENA_LAYOUT 3
#define MP_SPAN_SHIFT 16
#define MP_SPAN_SIZE (1u << MP_SPAN_SHIFT)
#define MP_MAX_THREADS 16384
#define MP_MAX_PROCESSES 4096
#define MP_N_CLASSES 17
#define MP_N_LEASE_CHUNKS 20
#define MP_N_HANDS 5
#define MP_HAND_REFILL 2
#define MP_HAND_GRAVE 3
#define MP_HAND_PARKED 4
#define MP_N_STRIPES 64
#define MP_N_WARM 4

/* What moves a block from a hand to an object (GIVE) or back (TAKE) by one commit store.
 * It lies beside the lock that protects the object, and counts only while that is held. */
typedef struct {
  guint64  op;                  /* MpIntentOp, written last */
  MpOffset word;                /* of the u64 whose store is the commit */
  guint64  value;               /* what it holds once committed */
  MpOffset hand;                /* of the u64 that holds the block meanwhile */
  guint64  block;
} MpIntent;

typedef enum {
  MP_INTENT_NONE,
  MP_INTENT_GIVE,
  MP_INTENT_TAKE,
} MpIntentOp;

typedef enum {
  MP_SLOT_FREE,
  MP_SLOT_LIVE,
  MP_SLOT_RESERVED,
} MpSlotState;

/* pid << 32 | generation << 2 | MpSlotState, always changed by one compare-and-swap. */
#define MP_SLOT_WORD(pid, generation, state) \
  (((guint64) (guint32) (pid) << 32) | ((guint64) ((generation) & 0x7fff) << 2) | (state))
#define MP_SLOT_PID(word) ((int) ((word) >> 32))
#define MP_SLOT_GENERATION(word) ((guint32) ((word) >> 2) & 0x7fff)
#define MP_SLOT_STATE(word) ((MpSlotState) ((word) & 3))

/* One per attached thread. */
typedef struct {
  pthread_mutex_t life;         /* robust, held for life: the kernel marks its first word */
  guint64  state;
  guint32  process;             /* index of its process slot */
  guint32  kick;                /* bumped and woken to make the thread look up from a sleep */
  guint32  recover_guard;       /* held by whoever recovers this slot */
  guint32  heap_op;             /* 1 + class, or MP_HEAP_OP_RUNS, while in the allocator */
  MpOffset object;              /* the object it is changing or waiting for */
  guint64  hands[MP_N_HANDS];   /* blocks owned in flight; MP_HAND_RUN: a run of spans */
  guint64  waiting;             /* condition that counts this thread as a waiter */
  guint64  dying;               /* object that may have to be destroyed… */
  guint64  dying_serial;        /* …if it still is the one with this serial */
  MpOffset dying_entry;         /* the one word that may refer to it all the same, or 0 */
  MpOffset parked;              /* free blocks that could not be given back, see mp-heap.c */
  MpOffset graves;              /* objects that this thread has to destroy, see mp-lease.c */
  MpOffset emptying;            /* the one that it is just freeing the contents of */
  guint64  heir_of;             /* 1 + index of the dead thread whose graves these are, or 0… */
  guint64  heir_state;          /* …and that one's state word */
} __attribute__ ((aligned (128))) MpThreadSlot;

/* One per process. */
typedef struct {
  guint64  state;
  guint64  start_time;          /* of /proc/PID/stat; 0 while not known */
  guint64  pid_namespace;       /* inode */
  int      forked_pid;          /* while RESERVED by a fork: the child's pid once it is known */
  guint32  lease_guard;
  guint32  armed;               /* wants its doorbell rung */
  guint32  doorbell_size;
  guint64  free_lease;          /* 1 + index of the first free lease entry; 0 none */
  guint64  n_leases;            /* entries in use, and free ones before the last of them */
  MpOffset lease_chunks[MP_N_LEASE_CHUNKS];     /* chunk k has 64 << k entries */
  char     doorbell[64];        /* abstract socket address */
  guint64  forked_from;         /* while RESERVED by a fork: when that began, in ticks since boot */
} __attribute__ ((aligned (128))) MpProcessSlot;

typedef struct {
  guint32  guard;
  guint32  reclaiming;          /* spans may be marked */
  guint64  head;                /* offset of the first free block */
  MpIntent intent;
} __attribute__ ((aligned (64))) MpHeapClass;

/* Free spans that have memory; 0: none. */
typedef struct {
  guint64  index;
  guint64  length;
} MpWarmSpans;

/* For the counts of the objects whose offsets fall to it. Not in the objects, because who looks for
 * one may find that it is gone, and its memory somebody else's. */
typedef struct {
  guint32  guard;
  guint32  unused;
  MpIntent intent;
} __attribute__ ((aligned (64))) MpStripe;

typedef struct {
  guint64  magic;
  guint32  layout;
  guint32  serial;              /* of the newest shared object */
  guint64  size;
  guint64  token[2];
  MpOffset threads;
  MpOffset processes;
  MpOffset spans;
  MpOffset heap;
  guint64  limit;               /* bytes the heap may have */
  guint32  n_threads;           /* slots ever used */
  guint32  n_processes;
  guint32  n_armed;             /* processes that want doorbells, roughly */

  guint32  heap_guard __attribute__ ((aligned (64)));
  guint64  heap_ready;          /* bytes of heap that have memory */
  guint64  heap_hint;           /* span index, always at the edge of a run */
  MpWarmSpans heap_warm[MP_N_WARM];     /* freed last, to be used first */
  guint64  heap_used;           /* spans in runs */
  guint64  heap_punched;        /* free spans that have lost their memory */
  guint64  heap_usual;          /* spans in the large runs that are freed lately */
  MpIntent heap_intent;
  MpHeapClass classes[MP_N_CLASSES];
  MpStripe stripes[MP_N_STRIPES];
} MpArenaHeader;

/* This process's view; `base` is NULL until attached. */
typedef struct {
  guint8        *base;
  MpArenaHeader *header;
  MpThreadSlot  *threads;
  MpProcessSlot *processes;
  guint64       *spans;         /* run length | (1 + class) << 32; 0: free, or inside a run */
  int            fd;
  gboolean       cut_off;       /* a forked child that got no process slot */
  guint32        process;       /* index of this process's slot */
} MpArena;

extern MpArena mp_arena;

static inline gpointer
mp_arena_pointer (MpOffset offset)
{
  return mp_arena.base + offset;
}

static inline MpOffset
mp_arena_offset (gconstpointer pointer)
{
  return (MpOffset) ((const guint8 *) pointer - mp_arena.base);
}

/* Whether @size bytes at @offset lie inside the heap. */
gboolean mp_arena_contains (MpOffset offset,
                            gsize    size);

/* Gives memory to a range of the arena: TRUE, or FALSE if the system has none. */
gboolean mp_arena_populate (MpOffset offset,
                            gsize    size);

G_END_DECLS
