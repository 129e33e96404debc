/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * For code that every forked child runs before its work begins.
 *
 * What a child pays for is pages: each one of code that it runs first, and each one of data that
 * it writes first, is a fault, which costs more than what is then done there. So such functions lie
 * together (the compiler gathers what is "hot"), call little outside this library, and write only
 * where something has to be written anyway.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MP_AT_FORK __attribute__ ((hot))

/* In the child, of a mutex that the forking thread has locked: there is nobody to wake up. */
static inline void
mp_mutex_reset (GMutex *mutex)
{
  *mutex = (GMutex) { 0 };
}

G_END_DECLS
