/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * References to C functions: which file a function is in, and how far from the file's start.
 *
 * That works for static functions too, and across address space randomization. The reference is
 * the text "OFFSET STAMP PATH"; PATH is empty for the program itself, whose path follows a second
 * blank then. The stamp tells one build of the file from another (its build id, or else its size
 * and time): an offset means nothing in any other build, so a stamp that differs is an error and
 * never a call into the middle of something.
 *
 * Resolved references are cached for the life of the process; what was loaded for them stays.
 */

#include "config.h"

#include "mproc/process/mp-function-private.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

/* A file of code as it is loaded here. It is looked for by what is known of it: an address in it,
 * that it is the program, or where a library begins. */
typedef struct
{
  guintptr address;      /* of the function */
  guintptr offset;       /* of the function, if the address is not known */
  guintptr base;
  gboolean is_program;
  gboolean found;
  gboolean is_code;      /* the address is in a part that may be executed */
  char *path;
  char *build_id;
} Module;

static void
module_clear (Module *module)
{
  g_free (module->path);
  g_free (module->build_id);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Module, module_clear)

/* ── What is loaded ──────────────────────────────────────────────────────────────────────────── */

static char *
to_hex (const guint8 *bytes,
        gsize         size)
{
  GString *text = g_string_sized_new (2 * size);

  for (gsize i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", bytes[i]);

  return g_string_free (text, FALSE);
}

/* A segment of notes is a row of {name size, data size, type, name, data}, padded to words. */
static char *
find_build_id (const guint8 *notes,
               gsize         size)
{
  gsize at = 0;

  while (at + sizeof (ElfW (Nhdr)) <= size)
    {
      const ElfW (Nhdr) *note = (gconstpointer) (notes + at);
      gsize name = at + sizeof *note;
      gsize data = name + ((note->n_namesz + 3) & ~(gsize) 3);

      if (data + note->n_descsz > size)
        break;
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
          memcmp (notes + name, "GNU", 4) == 0)
        return to_hex (notes + data, note->n_descsz);
      at = data + ((note->n_descsz + 3) & ~(gsize) 3);
    }

  return NULL;
}

static void
read_segments (Module              *module,
               struct dl_phdr_info *info)
{
  for (int i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *segment = &info->dlpi_phdr[i];
      guintptr start = info->dlpi_addr + segment->p_vaddr;

      if (segment->p_type == PT_NOTE && module->build_id == NULL)
        module->build_id = find_build_id ((const guint8 *) start, segment->p_memsz);
      if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
          module->address >= start && module->address - start < segment->p_memsz)
        module->is_code = TRUE;
    }
}

static gboolean
is_inside (struct dl_phdr_info *info,
           guintptr             address)
{
  for (int i = 0; i < info->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *segment = &info->dlpi_phdr[i];

      if (segment->p_type == PT_LOAD &&
          address - (info->dlpi_addr + segment->p_vaddr) < segment->p_memsz)
        return TRUE;
    }

  return FALSE;
}

/* The program is the object without a name. */
static int
visit_object (struct dl_phdr_info *info,
              size_t               size,
              void                *data)
{
  Module *module = data;
  gboolean is_program = info->dlpi_name == NULL || info->dlpi_name[0] == '\0';
  gboolean wanted;

  if (module->address != 0)
    wanted = is_inside (info, module->address);
  else
    wanted = is_program == module->is_program && (is_program || info->dlpi_addr == module->base);
  if (!wanted)
    return 0;

  module->found = TRUE;
  module->base = info->dlpi_addr;
  module->is_program = is_program;
  module->path = is_program ? g_file_read_link ("/proc/self/exe", NULL)
                            : g_canonicalize_filename (info->dlpi_name, NULL);
  if (module->address == 0)
    module->address = module->base + module->offset;
  read_segments (module, info);

  return 1;
}

static char *
get_stamp (Module *module)
{
  struct stat status;

  if (module->build_id != NULL)
    return g_strdup (module->build_id);
  if (module->path == NULL || stat (module->path, &status) != 0)
    return g_strdup ("-");

  return g_strdup_printf ("%lld.%lld.%ld", (long long) status.st_size,
                          (long long) status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

/* ── Describing ──────────────────────────────────────────────────────────────────────────────── */

GBytes *
mp_function_describe (MpTaskFunc   func,
                      GError     **error)
{
  g_auto (Module) module = { .address = (guintptr) func };
  g_autofree char *stamp = NULL;
  char *text;

  if (func != NULL)
    dl_iterate_phdr (visit_object, &module);
  if (!module.found || !module.is_code || module.path == NULL)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NOT_SUPPORTED,
                   "The function at %p is part of no library or program, such as a closure made "
                   "at run time, and cannot be named in another process; register it by name",
                   (gpointer) module.address);
      return NULL;
    }

  stamp = get_stamp (&module);
  text = g_strdup_printf ("%" G_GINTPTR_MODIFIER "x %s %s%s", module.address - module.base, stamp,
                          module.is_program ? " " : "", module.path);

  return g_bytes_new_take (text, strlen (text));
}

/* ── Resolving ───────────────────────────────────────────────────────────────────────────────── */

/* What was loaded is never let go of: its address is cached, and its code may be running. */
static gboolean
load_library (Module      *module,
              const char  *path,
              GError     **error)
{
  void *handle = dlopen (path, RTLD_LAZY | RTLD_NOLOAD);
  struct link_map *map;

  if (handle == NULL)
    handle = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL || dlinfo (handle, RTLD_DI_LINKMAP, &map) != 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                   "The function is in the library %s, which this worker cannot load: %s", path,
                   dlerror ());
      return FALSE;
    }

  module->base = map->l_addr;
  return TRUE;
}

/* Finds what the reference's PATH and STAMP name among what is loaded here. */
static gboolean
find_module (Module      *module,
             const char  *stamp,
             const char  *path,
             GError     **error)
{
  g_autofree char *own_stamp = NULL;

  module->is_program = path[0] == ' ';
  if (module->is_program)
    path++;
  else if (!load_library (module, path, error))
    return FALSE;

  dl_iterate_phdr (visit_object, module);
  own_stamp = get_stamp (module);
  if (module->found && module->is_code && strcmp (stamp, own_stamp) == 0)
    return TRUE;

  if (module->is_program && g_strcmp0 (path, module->path) != 0)
    g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                 "The function is in the program %s, but this worker runs %s; put it in a library "
                 "or register it by name", path, module->path);
  else
    g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                 "The function is in %s, of which this worker has another build", path);

  return FALSE;
}

static MpTaskFunc
resolve (const char  *text,
         GError     **error)
{
  g_auto (GStrv) fields = g_strsplit (text, " ", 3);
  g_auto (Module) module = { .address = 0 };
  guint64 offset;

  if (g_strv_length (fields) != 3 ||
      !g_ascii_string_to_unsigned (fields[0], 16, 0, G_MAXSIZE, &offset, NULL))
    {
      g_set_error (error, MP_ERROR, MP_ERROR_NO_SUCH_FUNCTION,
                   "“%s” is no reference to a function", text);
      return NULL;
    }

  module.offset = offset;
  if (!find_module (&module, fields[1], fields[2], error))
    return NULL;

  return (MpTaskFunc) module.address;
}

MpTaskFunc
mp_function_resolve (const guint8  *function,
                     gsize          size,
                     GError       **error)
{
  static GHashTable *cache;
  g_autofree char *text = g_strndup ((const char *) function, size);
  MpTaskFunc func;

  mp_function_lock ();
  func = cache != NULL ? (MpTaskFunc) g_hash_table_lookup (cache, text) : NULL;
  mp_function_unlock ();
  if (func != NULL)
    return func;

  func = resolve (text, error);
  if (func == NULL)
    return NULL;

  mp_function_lock ();
  if (cache == NULL)
    cache = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_replace (cache, g_steal_pointer (&text), (gpointer) func);
  mp_function_unlock ();

  return func;
}
