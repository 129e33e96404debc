/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Makes and maps the family arena.
 *
 * The first use of the library in a process attaches it: an exec'ed child follows the invitation in
 * its environment, everybody else founds a family. A forked child has the mapping already. The
 * creator fixes the size of the range for the whole family and seals the memfd against both
 * shrinking and growing, so that no access inside it can ever raise SIGBUS because of its size, and
 * populating inside it is not subject to RLIMIT_FSIZE.
 */

#include "config.h"

#include "mproc/memory/mp-arena-private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-available-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-fork-private.h"
#include "mproc/memory/mp-identity-private.h"
#include "mproc/memory/mp-sleep-private.h"

#define MIN_RANGE (G_GUINT64_CONSTANT (1) << 26)
#define MAX_RANGE (G_GUINT64_CONSTANT (1) << 40)
#define PAGE 4096u
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

MpArena mp_arena = { .fd = -1 };

static gboolean joined;         /* this process has its place in a family */
static char *invitation;        /* what the environment said when the library was loaded */

static guint64
round_up (guint64 value,
          guint64 unit)
{
  return (value + unit - 1) / unit * unit;
}

gboolean
mp_arena_contains (MpOffset offset,
                   gsize    size)
{
  const MpArenaHeader *header = mp_arena.header;

  return header != NULL && offset >= header->heap && offset < header->size &&
         size <= header->size - offset;
}

gboolean
mp_arena_populate (MpOffset offset,
                   gsize    size)
{
  /* Any signal makes the kernel undo the whole call: so in pieces, and again. */
  while (size > 0)
    {
      gsize piece = MIN (size, 1u << 20);
      guint tries = 0;

      while (fallocate (mp_arena.fd, 0, (off_t) offset, (off_t) piece) != 0)
        if (errno != EINTR || ++tries > 1000)
          return FALSE;

      offset += piece;
      size -= piece;
    }

  return TRUE;
}

/* ftruncate() beyond RLIMIT_FSIZE raises SIGXFSZ: hold it back, and take it if it came. */
static int
set_size (int     fd,
          guint64 size)
{
  const struct timespec none = { 0, 0 };
  sigset_t set, old;
  int result;

  sigemptyset (&set);
  sigaddset (&set, SIGXFSZ);
  pthread_sigmask (SIG_BLOCK, &set, &old);
  result = ftruncate (fd, (off_t) size) == 0 ? 0 : errno;
  if (result == EFBIG && !sigismember (&old, SIGXFSZ))
    sigtimedwait (&set, NULL, &none);
  pthread_sigmask (SIG_SETMASK, &old, NULL);

  return result;
}

static gpointer
map_fd (int     fd,
        guint64 size)
{
  gpointer base = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

  if (base == MAP_FAILED)
    return NULL;

  madvise (base, size, MADV_DONTDUMP);
  return base;
}

static void
use_mapping (guint8 *base,
             int     fd)
{
  MpArenaHeader *header = (MpArenaHeader *) base;

  mp_arena.fd = fd;
  mp_arena.header = header;
  mp_arena.threads = (MpThreadSlot *) (base + header->threads);
  mp_arena.processes = (MpProcessSlot *) (base + header->processes);
  mp_arena.spans = (guint64 *) (base + header->spans);
  __atomic_store_n (&mp_arena.base, base, __ATOMIC_RELEASE);
}

static void
forget_mapping (void)
{
  munmap (mp_arena.base, mp_arena.header->size);
  close (mp_arena.fd);
  memset (&mp_arena, 0, sizeof mp_arena);
  mp_arena.fd = -1;
}

/* Where the tables lie in a range of @size bytes. */
static void
lay_out (MpArenaHeader *header,
         guint64        size)
{
  header->layout = MP_ARENA_LAYOUT;
  header->size = size;
  header->threads = round_up (sizeof *header, PAGE);
  header->processes = header->threads + MP_MAX_THREADS * sizeof (MpThreadSlot);
  header->spans = round_up (header->processes + MP_MAX_PROCESSES * sizeof (MpProcessSlot), PAGE);
  header->heap = round_up (header->spans + (size >> MP_SPAN_SHIFT) * sizeof (guint64),
                           MP_SPAN_SIZE);
  header->limit = mp_available_memory () / 2;
}

/* Twice the machine's memory, unless MPROC_RANGE_MIB says less: tools that read all that is mapped,
 * such as valgrind's search for leaks, give memory to every page of it. */
static guint64
wanted_range (void)
{
  guint64 memory = (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE);
  const char *text = getenv ("MPROC_RANGE_MIB");
  guint64 asked = text != NULL ? strtoull (text, NULL, 10) << 20 : 0;
  guint64 wanted = asked > 0 ? asked : memory * 2;
  guint64 range = MIN_RANGE;

  while (range < wanted && range < MAX_RANGE)
    range *= 2;

  return range;
}

/* Less address space, or a file size limit: the largest range that this process may have. */
static gpointer
create_range (int      fd,
              guint64 *size,
              int     *saved_errno)
{
  for (*size = wanted_range (); *size >= MIN_RANGE; *size /= 2)
    {
      gpointer base = NULL;

      *saved_errno = set_size (fd, *size);
      if (*saved_errno == 0)
        base = map_fd (fd, *size);
      if (base != NULL)
        return base;
      if (*saved_errno == 0)
        *saved_errno = ENOMEM;
    }

  return NULL;
}

/* Never a standard stream, even in a process that has closed them. */
static int
make_memfd (void)
{
  int fd = memfd_create ("mproc", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  int higher;

  if (fd < 0 || fd > STDERR_FILENO)
    return fd;

  higher = fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  close (fd);
  return higher;
}

static gboolean
create_arena (GError **error)
{
  int fd = make_memfd ();
  int saved_errno = 0;
  guint64 size;
  MpArenaHeader *header;

  if (fd < 0)
    {
      mp_error_set_errno (error, errno, "Failed to create the shared memory");
      return FALSE;
    }

  mp_arena.fd = fd;
  header = create_range (fd, &size, &saved_errno);
  if (header == NULL || !mp_arena_populate (0, round_up (sizeof *header, PAGE)))
    {
      mp_error_set_errno (error, saved_errno ? saved_errno : ENOMEM,
                          "Failed to map the shared memory");
      if (header != NULL)
        munmap (header, size);
      close (fd);
      mp_arena.fd = -1;
      return FALSE;
    }

  fcntl (fd, F_ADD_SEALS, SEALS);
  lay_out (header, size);
  if (getrandom (header->token, sizeof header->token, 0) != sizeof header->token)
    header->token[0] = (guint64) g_get_monotonic_time () ^ (guintptr) header;
  header->magic = MP_ARENA_MAGIC;
  use_mapping ((guint8 *) header, fd);

  return TRUE;
}

static gboolean
refuse (GError     **error,
        const char  *why)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA,
               "The invitation to a family's shared memory cannot be followed: %s", why);
  return FALSE;
}

static gboolean
header_matches (const MpArenaHeader *header,
                guint64              size,
                const guint64        token[2])
{
  return header->magic == MP_ARENA_MAGIC && header->layout == MP_ARENA_LAYOUT &&
         header->size == size && header->token[0] == token[0] && header->token[1] == token[1];
}

static gboolean
parse_invitation (const char *text,
                  int        *fd,
                  guint64     token[2])
{
  return sscanf (text, "%d:%16" G_GINT64_MODIFIER "x%16" G_GINT64_MODIFIER "x", fd, &token[0],
                 &token[1]) == 3 && *fd > STDERR_FILENO;
}

static gboolean
follow_invitation (const char  *text,
                   GError     **error)
{
  guint64 token[2];
  struct stat status;
  gpointer base;
  int fd;

  if (!parse_invitation (text, &fd, token))
    return refuse (error, "it is malformed");
  if (fstat (fd, &status) != 0 || (guint64) status.st_size < MIN_RANGE ||
      (fcntl (fd, F_GET_SEALS) & SEALS) != SEALS)
    return refuse (error, "its descriptor is no arena");

  base = map_fd (fd, (guint64) status.st_size);
  if (base == NULL)
    return refuse (error, "there is no address space for it");
  if (!header_matches (base, (guint64) status.st_size, token))
    {
      munmap (base, (gsize) status.st_size);
      return refuse (error, "it belongs to another family or version");
    }

  use_mapping (base, fd);
  return TRUE;
}

/* With the fork lock held, so that this is done once per process, and never half in a child. */
static gboolean
join_family (GError **error)
{
  if (joined)
    return TRUE;
  if (!(invitation != NULL ? follow_invitation (invitation, error) : create_arena (error)))
    return FALSE;
  if (!mp_identity_attach_process (error))
    {
      forget_mapping ();
      return FALSE;
    }

  mp_fork_run_join_hooks ();
  mp_can_spin ();               /* what it finds out is inherited */
  __atomic_store_n (&joined, TRUE, __ATOMIC_RELEASE);
  return TRUE;
}

gboolean
mp_family_ensure (GError **error)
{
  if (G_UNLIKELY (!__atomic_load_n (&joined, __ATOMIC_ACQUIRE)))
    {
      gboolean done;

      mp_fork_lock ();
      done = join_family (error);
      mp_fork_unlock ();
      if (!done)
        return FALSE;
    }

  return (!mp_arena.cut_off && mp_self () != 0) || mp_status_to_error (MP_STATUS_INVALID, error);
}

int
mp_family_get_fd (void)
{
  return mp_arena.fd;
}

char *
mp_family_get_invitation (int fd)
{
  const MpArenaHeader *header = mp_arena.header;

  return g_strdup_printf ("%d:%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", fd,
                          header->token[0], header->token[1]);
}

/* Read when the library is loaded, and taken out of the environment then, so that it reaches only
 * the process it was meant for. */
__attribute__ ((constructor)) static void
read_invitation (void)
{
  const char *text = getenv (MP_FAMILY_ENVIRONMENT);
  guint64 token[2];
  int fd;

  if (text == NULL)
    return;

  invitation = strdup (text);
  if (parse_invitation (text, &fd, token))
    fcntl (fd, F_SETFD, FD_CLOEXEC);
  unsetenv (MP_FAMILY_ENVIRONMENT);
}
