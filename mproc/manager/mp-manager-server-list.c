/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Lists in the server. Indices are as in Python: negative ones count from the end, slices are
 * clipped to the list.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-object-private.h"

static GPtrArray *
new_items (gsize room)
{
  return g_ptr_array_new_full (MIN (room, G_MAXUINT), mp_server_value_unref);
}

static void
list_init (MpServerObject *self)
{
  self->items = new_items (0);
}

static void
list_clear (MpServerObject *self)
{
  g_clear_pointer (&self->items, g_ptr_array_unref);
}

/* An existing index, or FALSE with the error in the reply. */
static gboolean
find_index (MpServerObject *self,
            MpServerCall   *call,
            guint          *index)
{
  gint64 wanted = call->request->start;

  if (wanted < 0)
    wanted += self->items->len;
  if (wanted >= 0 && wanted < self->items->len)
    {
      *index = wanted;
      return TRUE;
    }

  mp_server_reply_error (call->reply, MP_ERROR_NO_SUCH_KEY, "list index out of range");
  return FALSE;
}

/* A position between two items or at an end. */
static guint
clip (MpServerObject *self,
      gint64          position)
{
  if (position < 0)
    position += self->items->len;

  return CLAMP (position, 0, (gint64) self->items->len);
}

static void
copy_items (GPtrArray *to,
            GPtrArray *from,
            guint      start,
            guint      end)
{
  for (guint i = start; i < end; i++)
    g_ptr_array_add (to, mp_server_value_ref (from->pdata[i]));
}

/* Puts the values of the call in the place of items @start to @end. */
static void
splice (MpServerObject *self,
        MpServerCall   *call,
        guint           start,
        guint           end)
{
  GPtrArray *items = self->items;
  GPtrArray *result;

  call->changed = TRUE;
  if (start == items->len)
    {
      copy_items (items, call->values, 0, call->values->len);
      return;
    }

  result = new_items ((gsize) items->len - (end - start) + call->values->len);
  copy_items (result, items, 0, start);
  copy_items (result, call->values, 0, call->values->len);
  copy_items (result, items, end, items->len);
  g_ptr_array_unref (items);
  self->items = result;
}

static void
list_length (MpServerObject *self,
             MpServerCall   *call)
{
  call->reply->number = self->items->len;
}

static void
list_empty (MpServerObject *self,
            MpServerCall   *call)
{
  splice (self, call, 0, self->items->len);
}

static void
list_get_all (MpServerObject *self,
              MpServerCall   *call)
{
  mp_server_reply_values (call->reply, (MpServerValue **) self->items->pdata, self->items->len);
}

static void
list_replace (MpServerObject *self,
              MpServerCall   *call)
{
  splice (self, call, 0, self->items->len);
  call->reply->number = 1;
}

static void
list_replace_if_version (MpServerObject *self,
                         MpServerCall   *call)
{
  if (call->request->version == self->version)
    list_replace (self, call);
}

static void
list_get (MpServerObject *self,
          MpServerCall   *call)
{
  guint index;

  if (find_index (self, call, &index))
    mp_server_reply_values (call->reply, (MpServerValue **) &self->items->pdata[index], 1);
}

static void
list_set (MpServerObject *self,
          MpServerCall   *call)
{
  guint index;

  if (!find_index (self, call, &index))
    return;

  mp_server_value_unref (self->items->pdata[index]);
  self->items->pdata[index] = mp_server_value_ref (call->values->pdata[0]);
  call->changed = TRUE;
}

static void
remove_index (MpServerObject *self,
              MpServerCall   *call,
              guint           index)
{
  g_ptr_array_remove_index (self->items, index);
  call->changed = TRUE;
}

static void
list_pop (MpServerObject *self,
          MpServerCall   *call)
{
  guint index;

  if (find_index (self, call, &index)
      && mp_server_value_readable (self->items->pdata[index], call)
      && mp_server_reply_values (call->reply, (MpServerValue **) &self->items->pdata[index], 1))
    remove_index (self, call, index);
}

static void
list_remove_at (MpServerObject *self,
                MpServerCall   *call)
{
  guint index;

  if (find_index (self, call, &index))
    remove_index (self, call, index);
}

/* The first item from @start that equals the value of the call; @end if there is none. */
static guint
search (MpServerObject *self,
        MpServerCall   *call,
        guint           start,
        guint           end)
{
  while (start < end
         && !mp_server_value_equal (call->values->pdata[0], self->items->pdata[start]))
    start++;

  return start;
}

static void
list_remove (MpServerObject *self,
             MpServerCall   *call)
{
  guint index = search (self, call, 0, self->items->len);

  if (index < self->items->len)
    remove_index (self, call, index);
  else
    mp_server_reply_error (call->reply, MP_ERROR_NO_SUCH_KEY, "the value is not in the list");
}

static void
list_contains (MpServerObject *self,
               MpServerCall   *call)
{
  call->reply->number = search (self, call, 0, self->items->len) < self->items->len;
}

static void
list_index_of (MpServerObject *self,
               MpServerCall   *call)
{
  guint start = clip (self, call->request->start);
  guint end = clip (self, call->request->end);
  guint index = search (self, call, start, end);

  call->reply->number = index < end ? (gint64) index : -1;
}

static void
list_count (MpServerObject *self,
            MpServerCall   *call)
{
  for (guint i = 0; i < self->items->len; i++)
    if (mp_server_value_equal (call->values->pdata[0], self->items->pdata[i]))
      call->reply->number++;
}

static void
list_extend (MpServerObject *self,
             MpServerCall   *call)
{
  splice (self, call, self->items->len, self->items->len);
}

static void
list_insert (MpServerObject *self,
             MpServerCall   *call)
{
  guint position = clip (self, call->request->start);

  if (call->values->len != 1)
    {
      splice (self, call, position, position);
      return;
    }

  g_ptr_array_insert (self->items, position, mp_server_value_ref (call->values->pdata[0]));
  call->changed = TRUE;
}

static void
list_get_slice (MpServerObject *self,
                MpServerCall   *call)
{
  guint start = clip (self, call->request->start);
  guint end = clip (self, call->request->end);

  if (start < end)
    mp_server_reply_values (call->reply, (MpServerValue **) self->items->pdata + start,
                            end - start);
}

static void
list_replace_slice (MpServerObject *self,
                    MpServerCall   *call)
{
  guint start = clip (self, call->request->start);
  guint end = clip (self, call->request->end);

  splice (self, call, start, MAX (start, end));
}

static void
list_reverse (MpServerObject *self,
              MpServerCall   *call)
{
  gpointer *items = self->items->pdata;
  guint n = self->items->len;

  for (guint i = 0; i < n / 2; i++)
    {
      gpointer item = items[i];

      items[i] = items[n - 1 - i];
      items[n - 1 - i] = item;
    }
  call->changed = TRUE;
}

static const MpServerMethod list_methods[MP_N_METHODS] = {
  [MP_METHOD_LENGTH]             = { list_length, 0, 0 },
  [MP_METHOD_CLEAR]              = { list_empty, 0, 0 },
  [MP_METHOD_GET_ALL]            = { list_get_all, 0, 0 },
  [MP_METHOD_REPLACE]            = { list_replace, 0, MP_SERVER_ANY },
  [MP_METHOD_REPLACE_IF_VERSION] = { list_replace_if_version, 0, MP_SERVER_ANY },
  [MP_METHOD_CONTAINS]           = { list_contains, 1, 1 },
  [MP_METHOD_GET]                = { list_get, 0, 0 },
  [MP_METHOD_SET]                = { list_set, 1, 1 },
  [MP_METHOD_POP]                = { list_pop, 0, 0 },
  [MP_METHOD_REMOVE]             = { list_remove, 1, 1 },
  [MP_METHOD_EXTEND]             = { list_extend, 0, MP_SERVER_ANY },
  [MP_METHOD_INSERT]             = { list_insert, 0, MP_SERVER_ANY },
  [MP_METHOD_REMOVE_AT]          = { list_remove_at, 0, 0 },
  [MP_METHOD_GET_SLICE]          = { list_get_slice, 0, 0 },
  [MP_METHOD_REPLACE_SLICE]      = { list_replace_slice, 0, MP_SERVER_ANY },
  [MP_METHOD_INDEX_OF]           = { list_index_of, 1, 1 },
  [MP_METHOD_COUNT]              = { list_count, 1, 1 },
  [MP_METHOD_REVERSE]            = { list_reverse, 0, 0 },
};

const MpServerClass mp_server_list_class = {
  MP_OBJECT_LIST, list_methods, list_init, list_clear,
};
