/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The limit and the use of the family's shared memory, for programs. The limit lies in the arena:
 * it is one for the whole family.
 */

#include "config.h"

#include "mproc/memory/mp-memory.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-heap-private.h"
#include "mproc/memory/mp-recover-private.h"

/**
 * mp_memory_get_limit:
 *
 * Gets how much shared memory the family may have.
 *
 * Unless set, it is half of what was available when the family's first process began to use mproc,
 * memory cgroups included.
 *
 * Returns: the limit in bytes, or 0 if there can be no shared memory
 *
 * Since: 0.1
 */
guint64
mp_memory_get_limit (void)
{
  return mp_family_ensure (NULL) ? __atomic_load_n (&mp_arena.header->limit, __ATOMIC_RELAXED) : 0;
}

/**
 * mp_memory_set_limit:
 * @limit: the new limit in bytes
 * @error: return location for an error
 *
 * Sets how much shared memory the family may have.
 *
 * What is in use already stays, also above a lower limit. A call that would need more than the
 * limit fails with [error@Mp.Error.NO_SPACE] and changes nothing.
 *
 * Errors: a [error@Gio.IOErrorEnum] if there can be no shared memory here.
 *
 * Returns: %TRUE if the limit was set
 *
 * Since: 0.1
 */
gboolean
mp_memory_set_limit (guint64   limit,
                     GError  **error)
{
  if (!mp_family_ensure (error))
    return FALSE;

  __atomic_store_n (&mp_arena.header->limit, limit, __ATOMIC_RELAXED);
  return TRUE;
}

/**
 * mp_memory_get_used:
 *
 * Gets how much of the family's shared memory is in use, in whole spans of 64 KiB.
 *
 * Returns: the use in bytes
 *
 * Since: 0.1
 */
guint64
mp_memory_get_used (void)
{
  guint64 used = 0;
  guint64 ready;

  if (mp_family_ensure (NULL))
    mp_heap_measure (&used, &ready);

  return used;
}

/**
 * mp_memory_trim:
 *
 * Clears up after processes that died, and gives free shared memory back to the system.
 *
 * Otherwise up to 64 MiB, a quarter of what was in use when it was freed, or eight times what was
 * freed last, up to an eighth of the limit, is kept for the next use.
 *
 * Since: 0.1
 */
void
mp_memory_trim (void)
{
  if (!mp_family_ensure (NULL))
    return;

  mp_recover_sweep ();
  mp_heap_trim ();
}
