/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The results that wait, by the number of their task. Everything here is under the pools' mutex.
 */

#include "config.h"

#include "mproc/pool/mp-pool-waiting-private.h"

#define PAGE_SIZE 512

struct _MpWaitingPage
{
  guint64   number;         /* the key */
  guint     n;              /* results in it */
  MpResult *results[PAGE_SIZE];
};

void
mp_waiting_init (MpWaiting *self)
{
  *self = (MpWaiting) {
    .pages = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free),
  };
}

static void
drop_if_empty (MpWaiting     *self,
               MpWaitingPage *page)
{
  if (page != NULL && page->n == 0)
    g_hash_table_remove (self->pages, &page->number);
}

/* The page that was used last stays even if it is empty: the next task is mostly in it, too. */
static MpWaitingPage *
find_page (MpWaiting *self,
           guint64    id)
{
  guint64 number = id / PAGE_SIZE;

  if (self->last != NULL && self->last->number == number)
    return self->last;

  drop_if_empty (self, self->last);
  self->last = g_hash_table_lookup (self->pages, &number);

  return self->last;
}

void
mp_waiting_insert (MpWaiting *self,
                   guint64    id,
                   MpResult  *result)
{
  MpWaitingPage *page = find_page (self, id);

  if (page == NULL)
    {
      page = self->last = g_new0 (MpWaitingPage, 1);
      page->number = id / PAGE_SIZE;
      g_hash_table_insert (self->pages, &page->number, page);
    }

  page->results[id % PAGE_SIZE] = result;
  page->n++;
  self->size++;
}

MpResult *
mp_waiting_lookup (MpWaiting *self,
                   guint64    id)
{
  MpWaitingPage *page = find_page (self, id);

  return page != NULL ? page->results[id % PAGE_SIZE] : NULL;
}

MpResult *
mp_waiting_steal (MpWaiting *self,
                  guint64    id)
{
  MpWaitingPage *page = find_page (self, id);
  MpResult *result;

  if (page == NULL || page->results[id % PAGE_SIZE] == NULL)
    return NULL;

  result = g_steal_pointer (&page->results[id % PAGE_SIZE]);
  self->size--;
  page->n--;

  return result;
}

MpResult *
mp_waiting_find (MpWaiting     *self,
                 MpWaitingFunc  func,
                 gpointer       data)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->pages);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      MpWaitingPage *page = value;

      for (guint i = 0; i < PAGE_SIZE; i++)
        {
          if (page->results[i] != NULL && !func (page->results[i], data))
            return page->results[i];
        }
    }

  return NULL;
}

static gboolean
add_to_list (MpResult *result,
             gpointer  list)
{
  g_ptr_array_add (list, g_object_ref (result));

  return TRUE;
}

GPtrArray *
mp_waiting_list (MpWaiting *self)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_object_unref);

  mp_waiting_find (self, add_to_list, list);

  return list;
}

static gboolean
unref_page (gpointer key,
            gpointer value,
            gpointer data)
{
  MpWaitingPage *page = value;

  for (guint i = 0; i < PAGE_SIZE; i++)
    g_clear_object (&page->results[i]);

  return TRUE;
}

void
mp_waiting_clear (MpWaiting *self)
{
  g_hash_table_foreach_remove (self->pages, unref_page, NULL);
  g_clear_pointer (&self->pages, g_hash_table_unref);
  self->last = NULL;
  self->size = 0;
}
