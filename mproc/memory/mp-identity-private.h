/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Who is who in the arena: a slot per thread, with a life word that the kernel marks when the
 * thread dies, and a slot per process.
 *
 * An id word names a thread for ever: generation << 16 | slot + 1. A slot that is used again has
 * another generation, so that nothing left behind by the dead can be taken for the living.
 */

#pragma once

#include "mproc/memory/mp-arena-private.h"

G_BEGIN_DECLS

#define MP_ID_MASK 0x7fffffffu

typedef struct {
  guint32       id;             /* 0: this thread has no slot yet */
  MpThreadSlot *slot;
} MpSelf;

extern __thread MpSelf mp_self_tls __attribute__ ((tls_model ("initial-exec")));

/* Gets this thread a slot. FALSE if the arena has none left, or this process is cut off. */
gboolean      mp_identity_attach_thread  (void);
/* For the creator of the arena and for an exec'ed member. */
gboolean      mp_identity_attach_process (GError      **error);

/* This thread's id, or 0 if it cannot have one. The arena must be attached. */
static inline guint32
mp_self (void)
{
  if (G_UNLIKELY (mp_self_tls.id == 0) && !mp_identity_attach_thread ())
    return 0;

  return mp_self_tls.id;
}

static inline MpThreadSlot *
mp_self_slot (void)
{
  return mp_self_tls.slot;
}

static inline guint32 *
mp_life_word (MpThreadSlot *slot)
{
  return (guint32 *) &slot->life;       /* glibc: __data.__lock is the first member */
}

static inline MpThreadSlot *
mp_id_slot (guint32 id)
{
  return &mp_arena.threads[((id & 0xffff) - 1) % MP_MAX_THREADS];
}

/* This thread's slot belongs to the parent it was forked from. */
void          mp_identity_forget_thread  (void);

/* A clean process slot, RESERVED with the state word *@reserved; -1 if there is none. */
gint64        mp_identity_reserve_process (guint64      *reserved);

/* Writes what tells this process from a later one with the same pid. */
void          mp_identity_describe_process (MpProcessSlot *slot);

/* Whether the thread named by @id will never run again as that. */
gboolean      mp_id_is_dead              (guint32       id);

/* Whether the process of @slot (whose state word is @state) is gone for certain; if that is
 * RESERVED for a child, whether the child will never come. */
gboolean      mp_identity_process_gone   (MpProcessSlot *slot,
                                          guint64        state);

/* Whether there is no process @pid, or only a zombie. @pid_namespace: where it has that pid; 0 if
 * not known. */
gboolean      mp_identity_pid_gone       (int            pid,
                                          guint64        pid_namespace);

/* Now, as the start times of processes are counted. */
guint64       mp_identity_ticks          (void);

/* Whether a process runs that began between @from and @until (ticks), is no member of the family,
 * and is a child of @parent (0: of anybody): it may be one that has not yet come to its slot. */
gboolean      mp_identity_child_on_way   (int            parent,
                                          guint64        from,
                                          guint64        until);

G_END_DECLS
