/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Dicts in the server: a hash table by the canonical form of the key, and a queue that keeps the
 * order in which keys were added. A key keeps the bytes of who added it first.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-object-private.h"

typedef struct
{
  GBytes *canonical;
  MpServerValue *key;
  MpServerValue *value;
  GList link;               /* in the object's order */
} Entry;

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_bytes_unref (entry->canonical);
  mp_server_value_unref (entry->key);
  mp_server_value_unref (entry->value);
  g_free (entry);
}

static void
dict_init (MpServerObject *self)
{
  self->entries = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, NULL, entry_free);
  g_queue_init (&self->order);
}

static void
dict_clear (MpServerObject *self)
{
  g_clear_pointer (&self->entries, g_hash_table_unref);
}

static void
put (MpServerObject *self,
     GBytes         *canonical,
     MpServerValue  *key,
     MpServerValue  *value)
{
  Entry *entry = g_hash_table_lookup (self->entries, canonical);

  if (entry != NULL)
    {
      mp_server_value_ref (value);
      mp_server_value_unref (entry->value);
      entry->value = value;
      return;
    }

  entry = g_new0 (Entry, 1);
  entry->canonical = g_bytes_ref (canonical);
  entry->key = mp_server_value_ref (key);
  entry->value = mp_server_value_ref (value);
  entry->link.data = entry;
  g_queue_push_tail_link (&self->order, &entry->link);
  g_hash_table_insert (self->entries, entry->canonical, entry);
}

static void
drop (MpServerObject *self,
      Entry          *entry)
{
  g_queue_unlink (&self->order, &entry->link);
  g_hash_table_remove (self->entries, entry->canonical);
}

static void
drop_all (MpServerObject *self)
{
  g_queue_init (&self->order);
  g_hash_table_remove_all (self->entries);
}

/* The keys of a call, or NULL with the error in the reply: then nothing was changed. */
static GPtrArray *
canonical_keys (MpServerCall *call)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < call->values->len; i += 2)
    {
      GBytes *canonical = mp_server_value_canonical (call->values->pdata[i], call->reply);

      if (canonical == NULL)
        return NULL;
      g_ptr_array_add (keys, canonical);
    }

  return g_steal_pointer (&keys);
}

static void
put_all (MpServerObject *self,
         MpServerCall   *call,
         gboolean        empty_first)
{
  g_autoptr (GPtrArray) keys = canonical_keys (call);

  if (keys == NULL)
    return;

  if (empty_first)
    drop_all (self);
  for (guint i = 0; i < keys->len; i++)
    put (self, keys->pdata[i], call->values->pdata[2 * i], call->values->pdata[2 * i + 1]);
  call->changed = TRUE;
  call->reply->number = 1;
}

/* The entry of the key in a call. NULL without one, or if the key cannot be one: then the error is
 * in the reply. */
static Entry *
find (MpServerObject *self,
      MpServerCall   *call)
{
  g_autoptr (GBytes) canonical = NULL;

  canonical = mp_server_value_canonical (call->values->pdata[0], call->reply);

  return canonical != NULL ? g_hash_table_lookup (self->entries, canonical) : NULL;
}

static Entry *
find_existing (MpServerObject *self,
               MpServerCall   *call)
{
  Entry *entry = find (self, call);

  if (entry == NULL && call->reply->status == 0)
    mp_server_reply_error (call->reply, MP_ERROR_NO_SUCH_KEY, "the key is not in the dict");

  return entry;
}

static void
dict_length (MpServerObject *self,
             MpServerCall   *call)
{
  call->reply->number = self->order.length;
}

static void
dict_empty (MpServerObject *self,
            MpServerCall   *call)
{
  drop_all (self);
  call->changed = TRUE;
}

static void
reply_all (MpServerObject *self,
           MpServerCall   *call,
           gboolean        keys,
           gboolean        values)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new ();

  for (GList *link = self->order.head; link != NULL; link = link->next)
    {
      Entry *entry = link->data;

      if (keys)
        g_ptr_array_add (all, entry->key);
      if (values)
        g_ptr_array_add (all, entry->value);
    }
  mp_server_reply_values (call->reply, (MpServerValue **) all->pdata, all->len);
}

static void
dict_get_all (MpServerObject *self,
              MpServerCall   *call)
{
  reply_all (self, call, TRUE, TRUE);
}

static void
dict_get_keys (MpServerObject *self,
               MpServerCall   *call)
{
  reply_all (self, call, TRUE, FALSE);
}

static void
dict_get_values (MpServerObject *self,
                 MpServerCall   *call)
{
  reply_all (self, call, FALSE, TRUE);
}

static void
dict_replace (MpServerObject *self,
              MpServerCall   *call)
{
  put_all (self, call, TRUE);
}

static void
dict_replace_if_version (MpServerObject *self,
                         MpServerCall   *call)
{
  if (call->request->version == self->version)
    put_all (self, call, TRUE);
}

static void
dict_update (MpServerObject *self,
             MpServerCall   *call)
{
  put_all (self, call, FALSE);
}

static void
dict_contains (MpServerObject *self,
               MpServerCall   *call)
{
  call->reply->number = find (self, call) != NULL;
}

static void
dict_get (MpServerObject *self,
          MpServerCall   *call)
{
  Entry *entry = find_existing (self, call);

  if (entry != NULL)
    mp_server_reply_values (call->reply, &entry->value, 1);
}

static void
dict_set_default (MpServerObject *self,
                  MpServerCall   *call)
{
  Entry *entry = find (self, call);

  if (call->reply->status != 0)
    return;
  if (entry != NULL)
    mp_server_reply_values (call->reply, &entry->value, 1);
  else if (mp_server_reply_values (call->reply, (MpServerValue **) &call->values->pdata[1], 1))
    put_all (self, call, FALSE);
}

static void
dict_pop (MpServerObject *self,
          MpServerCall   *call)
{
  Entry *entry = find_existing (self, call);

  if (entry == NULL || !mp_server_value_readable (entry->value, call)
      || !mp_server_reply_values (call->reply, &entry->value, 1))
    return;

  drop (self, entry);
  call->changed = TRUE;
}

static void
dict_pop_item (MpServerObject *self,
               MpServerCall   *call)
{
  Entry *entry = g_queue_peek_tail (&self->order);
  MpServerValue *pair[2];

  if (entry == NULL)
    {
      mp_server_reply_error (call->reply, MP_ERROR_NO_SUCH_KEY, "the dict is empty");
      return;
    }

  pair[0] = entry->key;
  pair[1] = entry->value;
  if (!mp_server_value_readable (entry->value, call)
      || !mp_server_reply_values (call->reply, pair, 2))
    return;

  drop (self, entry);
  call->changed = TRUE;
}

static void
dict_remove (MpServerObject *self,
             MpServerCall   *call)
{
  Entry *entry = find_existing (self, call);

  if (entry == NULL)
    return;

  drop (self, entry);
  call->changed = TRUE;
}

static const MpServerMethod dict_methods[MP_N_METHODS] = {
  [MP_METHOD_LENGTH]             = { dict_length, 0, 0 },
  [MP_METHOD_CLEAR]              = { dict_empty, 0, 0 },
  [MP_METHOD_GET_ALL]            = { dict_get_all, 0, 0 },
  [MP_METHOD_REPLACE]            = { dict_replace, 0, MP_SERVER_ANY, TRUE },
  [MP_METHOD_REPLACE_IF_VERSION] = { dict_replace_if_version, 0, MP_SERVER_ANY, TRUE },
  [MP_METHOD_CONTAINS]           = { dict_contains, 1, 1 },
  [MP_METHOD_GET]                = { dict_get, 1, 1 },
  [MP_METHOD_SET]                = { dict_update, 2, 2 },
  [MP_METHOD_POP]                = { dict_pop, 1, 1 },
  [MP_METHOD_REMOVE]             = { dict_remove, 1, 1 },
  [MP_METHOD_POP_ITEM]           = { dict_pop_item, 0, 0 },
  [MP_METHOD_SET_DEFAULT]        = { dict_set_default, 2, 2 },
  [MP_METHOD_UPDATE]             = { dict_update, 0, MP_SERVER_ANY, TRUE },
  [MP_METHOD_GET_KEYS]           = { dict_get_keys, 0, 0 },
  [MP_METHOD_GET_VALUES]         = { dict_get_values, 0, 0 },
};

const MpServerClass mp_server_dict_class = {
  MP_OBJECT_DICT, dict_methods, dict_init, dict_clear,
};
