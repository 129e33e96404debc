/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The authentication key of a process: a secret by which processes that are connected by sockets
 * know each other.
 *
 * A process has the key of the one that made it, unless told otherwise; the first one draws it at
 * random when it is first needed. A forked child inherits it. The program of a command reads it
 * from a file in memory that only it inherits; it is never in the environment or on a command line,
 * where others could read it.
 */

#include "config.h"

#include "mproc/process/mp-process-private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define KEY_SIZE 32
#define MAX_KEY_SIZE 65536

static GBytes *
draw_key (void)
{
  guint8 bytes[KEY_SIZE];
  gsize done = 0;

  while (done < sizeof bytes)
    {
      ssize_t n = getrandom (bytes + done, sizeof bytes - done, 0);

      if (n > 0)
        done += n;
      else if (n < 0 && errno != EINTR)
        g_error ("The system has no random numbers: %s", g_strerror (errno));
    }

  return g_bytes_new (bytes, sizeof bytes);
}

static GBytes *
ref_self_key (void)
{
  GBytes **place = mp_process_self_key ();
  g_autoptr (GBytes) spare = NULL;
  GBytes *key;

  if (g_atomic_pointer_get (place) == NULL)
    spare = draw_key ();

  mp_process_lock ();
  if (*place == NULL)
    *place = g_steal_pointer (&spare);
  key = g_bytes_ref (*place);
  mp_process_unlock ();

  return key;
}

/* NULL, or a process that is or was this one's place in the family, stands for this process. */
static gboolean
is_self (MpProcess *self)
{
  return self == NULL || mp_process_private (self)->state == MP_PROCESS_SELF ||
         mp_process_private (self)->state == MP_PROCESS_PARENT;
}

/**
 * mp_process_get_authkey:
 * @self: (nullable): a process, or %NULL for this one
 *
 * Gets the authentication key of the process: the secret by which it proves to others who it is
 * when they connect over sockets. By default all processes of a program have the same one.
 *
 * Returns: (transfer full): the key
 *
 * Since: 0.1
 */
GBytes *
mp_process_get_authkey (MpProcess *self)
{
  g_return_val_if_fail (self == NULL || MP_IS_PROCESS (self), NULL);

  return is_self (self) ? ref_self_key () : g_bytes_ref (mp_process_private (self)->authkey);
}

/**
 * mp_process_set_authkey:
 * @self: (nullable): a process, or %NULL for this one
 * @authkey: the key: up to 65536 bytes
 *
 * Sets the authentication key. Set for this process, it is what processes made from now on
 * inherit; for another one, it must be set before the start.
 *
 * Since: 0.1
 */
void
mp_process_set_authkey (MpProcess *self,
                        GBytes    *authkey)
{
  GBytes *former, **place;

  g_return_if_fail (self == NULL || MP_IS_PROCESS (self));
  g_return_if_fail (authkey != NULL);
  g_return_if_fail (g_bytes_get_size (authkey) <= MAX_KEY_SIZE);

  place = is_self (self) ? mp_process_self_key () : &mp_process_private (self)->authkey;
  g_bytes_ref (authkey);
  mp_process_lock ();
  former = *place;
  *place = authkey;
  mp_process_unlock ();
  if (former != NULL)
    g_bytes_unref (former);
}

/* A descriptor from which the program of a command reads its key, or -1 with errno set. */
int
mp_process_copy_key (MpProcess *self)
{
  GBytes *key = mp_process_private (self)->authkey;
  gsize size = g_bytes_get_size (key);
  int fd = memfd_create ("mproc-key", MFD_CLOEXEC);

  if (fd >= 0 && write (fd, g_bytes_get_data (key, NULL), size) != (ssize_t) size)
    mp_clear_fd (&fd);

  return fd;
}

/* Uses up the descriptor. NULL if there is no key in it. */
GBytes *
mp_process_read_key (int fd)
{
  g_autofree guint8 *buffer = NULL;
  ssize_t length;

  if (fd < 0)
    return NULL;

  buffer = g_malloc (MAX_KEY_SIZE);
  length = pread (fd, buffer, MAX_KEY_SIZE, 0);
  close (fd);

  return length >= 0 ? g_bytes_new (buffer, length) : NULL;
}
