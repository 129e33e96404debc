/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The timeline of a pool: which worker ran which task from when to when. Workers tell the times
 * with the outcomes; the owner notes them under the mutex, and writes them out as the JSON that
 * Chrome's and Perfetto's viewers read.
 */

#include "config.h"

#include "mproc/pool/mp-pool-private.h"

#include "mproc/base/mp-error-private.h"
#include "mproc/pool/mp-result-private.h"

/* Beyond so many tasks the oldest are forgotten. */
#define MAX_ENTRIES (1024 * 1024)

typedef struct {
  guint64   id;
  int       pid;
  guint     seat;
  gboolean  failed;
  gint64    began;
  gint64    ended;
  char     *name;       /* (owned) (nullable) */
} Entry;

struct _MpPoolTrace
{
  GArray *entries;
  guint   next;         /* to be overwritten, once it is full */
};

static void
entry_clear (gpointer data)
{
  g_free (((Entry *) data)->name);
}

static MpPoolTrace *
trace_new (void)
{
  MpPoolTrace *self = g_new0 (MpPoolTrace, 1);

  self->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (self->entries, entry_clear);

  return self;
}

void
mp_pool_trace_free (MpPoolTrace *self)
{
  g_array_unref (self->entries);
  g_free (self);
}

void
mp_pool_trace_add (MpPoolPrivate        *priv,
                   MpResult             *result,
                   const MpResultHeader *header,
                   const MpTaskTimes    *times)
{
  MpPoolTrace *self;
  Entry entry = {
    .id = header->id,
    .pid = header->pid,
    .seat = header->seat,
    .failed = header->outcome == MP_OUTCOME_FAILED,
    .began = times->began,
    .ended = times->ended,
    .name = result->extra != NULL ? g_strdup (result->extra->name) : NULL,
  };

  if (priv->trace == NULL)
    priv->trace = trace_new ();
  self = priv->trace;

  if (self->entries->len < MAX_ENTRIES)
    {
      g_array_append_val (self->entries, entry);
      return;
    }
  entry_clear (&g_array_index (self->entries, Entry, self->next));
  g_array_index (self->entries, Entry, self->next) = entry;
  self->next = (self->next + 1) % MAX_ENTRIES;
}

/* ── Writing ────────────────────────────────────────────────────────────────────────────────── */

static void
append_text (GString    *json,
             const char *text)
{
  g_string_append_c (json, '"');
  for (const char *p = text; *p != '\0'; p++)
    {
      if (*p == '"' || *p == '\\')
        g_string_append_printf (json, "\\%c", *p);
      else if ((guchar) *p < 0x20)
        g_string_append_printf (json, "\\u%04x", *p);
      else
        g_string_append_c (json, *p);
    }
  g_string_append_c (json, '"');
}

static void
append_entry (GString     *json,
              const Entry *entry)
{
  g_autofree char *valid = entry->name != NULL ? g_utf8_make_valid (entry->name, -1) : NULL;
  g_autofree char *number = g_strdup_printf ("task %" G_GUINT64_FORMAT, entry->id);

  g_string_append (json, "{\"name\":");
  append_text (json, valid != NULL ? valid : number);
  g_string_append_printf (json,
                          ",\"cat\":\"%s\",\"ph\":\"X\",\"ts\":%" G_GINT64_FORMAT
                          ",\"dur\":%" G_GINT64_FORMAT ",\"pid\":%d,\"tid\":%d,"
                          "\"args\":{\"id\":%" G_GUINT64_FORMAT ",\"seat\":%u,\"failed\":%s}}",
                          entry->failed ? "failed" : "task", entry->began,
                          MAX (0, entry->ended - entry->began), entry->pid, entry->pid, entry->id,
                          entry->seat, entry->failed ? "true" : "false");
}

/* Under the mutex. */
static char *
write_json (const MpPoolTrace *self,
            int                owner)
{
  GString *json = g_string_new ("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");

  g_string_append_printf (json, "\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,"
                          "\"args\":{\"name\":\"owner\"}}", owner);
  for (guint i = 0; self != NULL && i < self->entries->len; i++)
    {
      g_string_append (json, ",\n");
      append_entry (json, &g_array_index (self->entries, Entry, i));
    }
  g_string_append (json, "\n]}\n");

  return g_string_free (json, FALSE);
}

/**
 * mp_pool_save_trace:
 * @self: a pool
 * @path: (type filename): the file
 * @error: return location for an error
 *
 * Saves which worker ran which task from when to when, in the JSON format of Chrome's traces, which
 * `chrome://tracing` and Perfetto open and `python3 -m mproc.trace` draws.
 *
 * Only tasks are in it that were done while [property@Mp.Pool:trace] was set; of more than a
 * million the last.
 *
 * It fails as g_file_set_contents() does, and with [error@Mp.Error.INVALID_STATE] in a process
 * other than the pool's.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
mp_pool_save_trace (MpPool      *self,
                    const char  *path,
                    GError     **error)
{
  g_autofree char *json = NULL;
  MpPoolPrivate *priv;

  g_return_val_if_fail (MP_IS_POOL (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  if (!mp_pool_is_owner (self, error))
    return FALSE;

  priv = mp_pool_get_private (self);
  mp_pool_attend (self, FALSE);
  mp_pool_lock ();
  json = write_json (priv->trace, priv->owner);
  mp_pool_unlock ();

  return g_file_set_contents (path, json, -1, error);
}
