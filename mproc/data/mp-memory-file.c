/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The files behind named shared memory: /dev/shm/mproc-NAME, mode 0600, a header page and the data.
 *
 * A file gets all its memory before it is mapped, so that no access can fail later, and its name
 * when it is complete: whoever finds it may use it, and who dies while making one leaves nothing.
 * What is opened is looked at first: another program's file, one cut short, or somebody else's is
 * an error. No descriptor stays open.
 */

#include "config.h"

#include "mproc/data/mp-memory-file-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-available-private.h"

#define PREFIX "mproc-"
#define HEADER_SIZE 4096u
#define MAGIC G_GUINT64_CONSTANT (0x6d70726f632d7368)
#define LAYOUT 1u
#define PIECE (1u << 20)
#define MAX_TRIES 1000
#define SMALL (16u << 20)

typedef struct {
  guint64 magic;
  guint32 layout;
  guint32 header_size;
  guint64 size;                 /* of the data */
} FileHeader;

static const char *
directory (void)
{
  const char *path = g_getenv (MP_MEMORY_DIRECTORY_ENVIRONMENT);

  return path != NULL && *path != '\0' ? path : "/dev/shm";
}

static char *
path_of (const char *name)
{
  return g_strconcat (directory (), "/" PREFIX, name, NULL);
}

static gboolean
fail (const char  *what,
      const char  *name,
      int          saved_errno,
      GError     **error)
{
  g_autofree char *text = g_strdup_printf ("Failed to %s the shared memory “%s”", what, name);

  mp_error_set_errno (error, saved_errno, text);
  return FALSE;
}

static gboolean
refuse (const char  *name,
        const char  *why,
        GError     **error)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA, "The shared memory “%s” cannot be used: %s",
               name, why);
  return FALSE;
}

gboolean
mp_memory_name_check (const char  *name,
                      GError     **error)
{
  if (*name != '\0' && strlen (name) <= MP_MEMORY_NAME_MAX && strchr (name, '/') == NULL &&
      g_utf8_validate (name, -1, NULL))
    return TRUE;

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
               "“%.60s” cannot be the name of shared memory: names have 1 to %u bytes and no “/”",
               name, MP_MEMORY_NAME_MAX);
  return FALSE;
}

/* --- Memory for a file --------------------------------------------------------------------- */

/* Any signal makes the kernel undo a whole call: so in pieces, and again. */
static int
allocate_pieces (int     fd,
                 guint64 length)
{
  guint64 offset = 0;
  guint tries = 0;

  while (offset < length)
    {
      guint64 piece = MIN (length - offset, PIECE);

      if (fallocate (fd, 0, (off_t) offset, (off_t) piece) == 0)
        {
          offset += piece;
          tries = 0;
        }
      else if (errno != EINTR || ++tries > MAX_TRIES)
        return errno;
    }

  return 0;
}

/* Beyond RLIMIT_FSIZE the kernel sends SIGXFSZ, too: hold it back, and take it if it came. */
static int
allocate (int     fd,
          guint64 length)
{
  const struct timespec none = { 0, 0 };
  sigset_t set, old, pending;
  int result;

  sigpending (&pending);
  sigemptyset (&set);
  sigaddset (&set, SIGXFSZ);
  pthread_sigmask (SIG_BLOCK, &set, &old);
  result = allocate_pieces (fd, length);
  if (result == EFBIG && !sigismember (&pending, SIGXFSZ))
    sigtimedwait (&set, NULL, &none);
  pthread_sigmask (SIG_SETMASK, &old, NULL);

  return result;
}

static gboolean
check_size (const char  *name,
            guint64      size,
            GError     **error)
{
  if (size == 0 || size > G_MAXINT64 - HEADER_SIZE || size > G_MAXSIZE - HEADER_SIZE)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "Shared memory cannot have a size of %" G_GUINT64_FORMAT " bytes", size);
      return FALSE;
    }

  /* Asking takes longer than making a small one. */
  return size <= SMALL || size <= mp_available_memory () || fail ("create", name, ENOSPC, error);
}

/* --- Opening and making -------------------------------------------------------------------- */

static gboolean
map_file (const char    *name,
          int            fd,
          guint64        size,
          MpMemoryFile  *file,
          GError       **error)
{
  struct stat status;
  gpointer base;

  file->length = (gsize) (HEADER_SIZE + size);
  base = mmap (NULL, file->length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED || fstat (fd, &status) != 0)
    {
      fail ("map", name, errno, error);
      if (base != MAP_FAILED)
        munmap (base, file->length);
      return FALSE;
    }

  madvise (base, file->length, MADV_DONTDUMP);
  file->base = base;
  file->data = file->base + HEADER_SIZE;
  file->size = size;
  file->device = status.st_dev;
  file->inode = status.st_ino;
  return TRUE;
}

/* Gives the file its name, unless that is taken. */
static gboolean
name_file (const char  *name,
           const char  *path,
           int          fd,
           GError     **error)
{
  char link[64];

  g_snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  return linkat (AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ||
         fail ("create", name, errno, error);
}

gboolean
mp_memory_file_create (const char    *name,
                       guint64        size,
                       MpMemoryFile  *file,
                       GError       **error)
{
  const FileHeader header = { MAGIC, LAYOUT, HEADER_SIZE, size };
  g_autofree char *path = path_of (name);
  gboolean done = FALSE;
  int fd, result;

  if (!mp_memory_name_check (name, error) || !check_size (name, size, error))
    return FALSE;

  fd = open (directory (), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail ("create", name, errno, error);

  result = allocate (fd, HEADER_SIZE + size);
  if (result != 0)
    fail ("create", name, result, error);
  else if (pwrite (fd, &header, sizeof header, 0) != sizeof header)
    fail ("write", name, errno, error);
  else if (map_file (name, fd, size, file, error))
    {
      done = name_file (name, path, fd, error);
      if (!done)
        mp_memory_file_close (file);
    }
  close (fd);

  return done;
}

/* Whether the open file is what this library makes; then its size. */
static gboolean
check_file (const char  *name,
            int          fd,
            guint64     *size,
            GError     **error)
{
  FileHeader header;
  struct stat status;

  if (fstat (fd, &status) != 0)
    return fail ("open", name, errno, error);
  if (!S_ISREG (status.st_mode))
    return refuse (name, "it is no regular file", error);
  if (status.st_uid != geteuid ())
    return refuse (name, "it belongs to another user", error);
  if (status.st_size < (off_t) HEADER_SIZE ||
      pread (fd, &header, sizeof header, 0) != sizeof header)
    return refuse (name, "it was cut short, or is another program’s", error);
  if (header.magic != MAGIC)
    return refuse (name, "it is another program’s, or damaged", error);
  if (header.layout != LAYOUT || header.header_size != HEADER_SIZE)
    return refuse (name, "it is of another version of mproc", error);
  if (header.size == 0 || header.size > (guint64) status.st_size - HEADER_SIZE)
    return refuse (name, "it was cut short", error);

  /* A file with holes has to get their memory before somebody touches them. */
  *size = header.size;
  if ((guint64) status.st_blocks * 512 < HEADER_SIZE + header.size)
    {
      int result = allocate (fd, HEADER_SIZE + header.size);

      if (result != 0)
        return fail ("open", name, result, error);
    }

  return TRUE;
}

gboolean
mp_memory_file_open (const char    *name,
                     MpMemoryFile  *file,
                     GError       **error)
{
  g_autofree char *path = path_of (name);
  gboolean done;
  guint64 size;
  int fd;

  if (!mp_memory_name_check (name, error))
    return FALSE;

  fd = open (path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return errno == ELOOP ? refuse (name, "it is a symbolic link", error)
                          : fail ("open", name, errno, error);

  done = check_file (name, fd, &size, error) && map_file (name, fd, size, file, error);
  close (fd);

  return done;
}

void
mp_memory_file_close (MpMemoryFile *file)
{
  if (file->base != NULL)
    munmap (file->base, file->length);
  memset (file, 0, sizeof *file);
}

gboolean
mp_memory_file_unlink (const char  *name,
                       GError     **error)
{
  g_autofree char *path = path_of (name);

  if (!mp_memory_name_check (name, error))
    return FALSE;

  return unlink (path) == 0 || fail ("remove", name, errno, error);
}

static int
compare_names (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

char **
mp_memory_file_list (GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GError) local = NULL;
  const char *entry;

  dir = g_dir_open (directory (), 0, &local);
  if (dir == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "Failed to list shared memory: %s",
                   local->message);
      return NULL;
    }

  while ((entry = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory (), entry, NULL);
      struct stat status;

      if (g_str_has_prefix (entry, PREFIX) && g_utf8_validate (entry, -1, NULL) &&
          lstat (path, &status) == 0 && S_ISREG (status.st_mode) && status.st_uid == geteuid ())
        g_ptr_array_add (names, g_strdup (entry + strlen (PREFIX)));
    }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);

  return (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}
