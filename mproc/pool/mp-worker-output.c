/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What a worker prints, for the pool's owner.
 *
 * The owner makes a file without a name for each worker and keeps it open; the worker opens the
 * same one and has its standard output and error go there. After each task it sends what the file
 * holds, as the task's, and empties it. So what a task printed before it crashed is not lost: the
 * owner finds it in the file.
 */

#include "config.h"

#include "mproc/pool/mp-worker-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of what a task prints beyond this, the beginning is dropped. */
#define MAX_OUTPUT (1024 * 1024)

/* ── The owner ──────────────────────────────────────────────────────────────────────────────── */

int
mp_worker_make_output (void)
{
  return memfd_create ("mproc-output", MFD_CLOEXEC);
}

static gssize
read_at (int     fd,
         guint8 *buffer,
         gsize   size,
         goffset at)
{
  gsize n = 0;

  while (n < size)
    {
      gssize got = pread (fd, buffer + n, size - n, at + n);

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0)
        break;
      n += got;
    }

  return n;
}

/* NULL: nothing. */
GBytes *
mp_worker_read_output (int fd)
{
  struct stat info;
  goffset at;
  guint8 *buffer;
  gsize size;

  if (fd < 0 || fstat (fd, &info) != 0 || info.st_size == 0)
    return NULL;

  at = MAX (0, info.st_size - MAX_OUTPUT);
  size = info.st_size - at;
  buffer = g_malloc (size);
  size = read_at (fd, buffer, size, at);

  return g_bytes_new_take (buffer, size);
}

/* ── The worker ─────────────────────────────────────────────────────────────────────────────── */

void
mp_worker_begin_output (MpWorker *self)
{
  g_autofree char *path = NULL;

  if (self->own->output < 0)
    return;

  path = g_strdup_printf ("/proc/%d/fd/%d", self->board->rules.owner, self->own->output);
  self->output = open (path, O_RDWR | O_APPEND | O_CLOEXEC);
  if (self->output < 0)
    return;

  fflush (stdout);
  fflush (stderr);
  dup2 (self->output, STDOUT_FILENO);
  dup2 (self->output, STDERR_FILENO);
}

/* Before the outcome of the task. What does not fit into the shared memory is dropped. */
void
mp_worker_send_output (MpWorker *self)
{
  g_autoptr (GBytes) bytes = NULL;
  gconstpointer data;
  gsize size;

  if (self->output < 0)
    return;

  fflush (stdout);
  fflush (stderr);
  bytes = mp_worker_read_output (self->output);
  if (bytes == NULL)
    return;

  data = g_bytes_get_data (bytes, &size);
  mp_worker_put_outcome (self, MP_OUTCOME_OUTPUT, MP_ENCODING_BYTES, data, size);
  if (ftruncate (self->output, 0) != 0)
    g_debug ("The file of a worker's output cannot be emptied: %s", g_strerror (errno));
}
