/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Named shared memory: files of a tmpfs, which outlive their processes.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define MP_MEMORY_NAME_MAX 240u         /* bytes */
#define MP_MEMORY_DIRECTORY_ENVIRONMENT "MPROC_SHM_DIR"

/* A mapped file. */
typedef struct {
  guint8  *base;                /* of the header page */
  guint8  *data;
  gsize    length;              /* of the mapping */
  guint64  size;                /* of the data */
  guint64  device;              /* which file it was */
  guint64  inode;
} MpMemoryFile;

/* Whether @name can be one. */
gboolean   mp_memory_name_check   (const char    *name,
                                   GError       **error);

/* A new zeroed file, complete before it has its name. */
gboolean   mp_memory_file_create  (const char    *name,
                                   guint64        size,
                                   MpMemoryFile  *file,
                                   GError       **error);
gboolean   mp_memory_file_open    (const char    *name,
                                   MpMemoryFile  *file,
                                   GError       **error);
void       mp_memory_file_close   (MpMemoryFile  *file);
gboolean   mp_memory_file_unlink  (const char    *name,
                                   GError       **error);
/* The names of this user's files. */
char     **mp_memory_file_list    (GError       **error);

G_END_DECLS
