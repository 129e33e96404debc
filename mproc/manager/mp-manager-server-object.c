/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The objects in the server: their table, who holds them, and how a request finds its method.
 *
 * An object lives as long as some connection holds it. Each connection has a table of what it
 * holds and how often; the object counts all of them. A method runs from its beginning to its end
 * before the next request is looked at, and changes nothing if it fails: that is what makes every
 * call atomic. Numbers of objects are never used again.
 */

#include "config.h"

#include "mproc/manager/mp-manager-server-object-private.h"

static GHashTable *objects;
static guint64 last_id;

static void
object_free (gpointer data)
{
  MpServerObject *self = data;

  self->klass->clear (self);
  g_free (self);
}

static MpServerObject *
find_object (guint64 id)
{
  return objects != NULL ? g_hash_table_lookup (objects, &id) : NULL;
}

static MpServerObject *
add_object (MpObjectType type)
{
  MpServerObject *self = g_new0 (MpServerObject, 1);

  if (objects == NULL)
    objects = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, object_free);
  self->id = ++last_id;
  self->version = 1;
  self->klass = type == MP_OBJECT_DICT ? &mp_server_dict_class : &mp_server_list_class;
  self->klass->init (self);
  g_hash_table_insert (objects, &self->id, self);

  return self;
}

void
mp_server_objects_free (void)
{
  g_clear_pointer (&objects, g_hash_table_unref);
}

/* ── Who holds what ──────────────────────────────────────────────────────────────────────────── */

GHashTable *
mp_server_held_new (void)
{
  return g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
}

static void
hold (GHashTable     *held,
      MpServerObject *object,
      guint64         times)
{
  guint64 *count = g_hash_table_lookup (held, &object->id);

  object->holders += times;
  if (count != NULL)
    *count += times;
  else
    g_hash_table_insert (held, g_memdup2 (&object->id, sizeof object->id),
                         g_memdup2 (&times, sizeof times));
}

static void
let_go (MpServerObject *object,
        guint64         times)
{
  object->holders -= times;
  if (object->holders == 0)
    g_hash_table_remove (objects, &object->id);
}

static void
release (GHashTable *held,
         guint64     id)
{
  guint64 *count = g_hash_table_lookup (held, &id);
  MpServerObject *object = find_object (id);

  if (count == NULL || object == NULL)
    return;
  if (--*count == 0)
    g_hash_table_remove (held, &id);
  let_go (object, 1);
}

void
mp_server_held_copy (GHashTable *from,
                     GHashTable *to)
{
  GHashTableIter iter;
  gpointer id, count;

  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &id, &count))
    hold (to, find_object (*(guint64 *) id), *(guint64 *) count);
}

void
mp_server_held_free (GHashTable *held)
{
  GHashTableIter iter;
  gpointer id, count;

  g_hash_table_iter_init (&iter, held);
  while (g_hash_table_iter_next (&iter, &id, &count))
    let_go (find_object (*(guint64 *) id), *(guint64 *) count);
  g_hash_table_unref (held);
}

/* One reference that no connection has. */
void
mp_server_object_let_go (guint64 id)
{
  let_go (find_object (id), 1);
}

/* ── Requests ────────────────────────────────────────────────────────────────────────────────── */

static gboolean
read_values (const guint8  *body,
             gsize          size,
             GPtrArray     *values,
             MpServerReply *reply)
{
  MpFrameReader reader;
  MpFrameValue value;
  guint32 count;

  if (!mp_frame_check (body, size, &count))
    {
      mp_server_reply_error (reply, MP_ERROR_INVALID_DATA, "The values are not framed");
      return FALSE;
    }

  mp_frame_reader_init (&reader, body, size);
  while (mp_frame_reader_next (&reader, &value))
    {
      MpServerValue *copy = mp_server_value_new (&value);

      if (copy == NULL)
        {
          mp_server_reply_error (reply, MP_ERROR_NO_SPACE, "The manager's server has no memory");
          return FALSE;
        }
      g_ptr_array_add (values, copy);
    }

  return TRUE;
}

/* MP_METHOD_NONE in the table of a class means: not of this class. */
static const MpServerMethod *
find_method (MpServerObject *object,
             MpServerCall   *call)
{
  const MpServerMethod *method = &object->klass->methods[call->request->method];
  guint n = call->values->len;

  if (method->run == NULL)
    mp_server_reply_error (call->reply, MP_ERROR_INVALID_ARGUMENT,
                           "The object has no such method");
  else if (n < method->min_values || n > method->max_values || (method->in_pairs && n % 2 != 0))
    mp_server_reply_error (call->reply, MP_ERROR_INVALID_ARGUMENT,
                           "The method takes another number of values");
  else
    return method;

  return NULL;
}

static void
run_method (MpServerObject *object,
            MpServerCall   *call)
{
  const MpServerMethod *method = find_method (object, call);

  if (method == NULL)
    return;

  method->run (object, call);
  if (call->changed)
    object->version++;
  call->reply->version = object->version;
}

static void
create (MpServerCall *call,
        GHashTable   *held)
{
  MpManagerRequest filling = { .method = MP_METHOD_REPLACE };
  MpServerObject *object;

  if (call->request->start != MP_OBJECT_LIST && call->request->start != MP_OBJECT_DICT)
    {
      mp_server_reply_error (call->reply, MP_ERROR_INVALID_ARGUMENT, "No such type of object");
      return;
    }

  object = add_object (call->request->start);
  hold (held, object, 1);
  call->request = &filling;
  run_method (object, call);
  if (call->reply->status == 0)
    call->reply->number = object->id;
  else
    release (held, object->id);
}

/* Holds the object for a ticket, the one value of the call. */
static void
hold_for_ticket (MpServerObject *object,
                 MpServerCall   *call)
{
  MpServerValue *value = call->values->len == 1 ? call->values->pdata[0] : NULL;

  if (value == NULL || value->shared == NULL)
    {
      mp_server_reply_error (call->reply, MP_ERROR_NOT_SUPPORTED,
                             "The manager's server is of another family of processes");
      return;
    }

  object->holders++;
  mp_server_tickets_add (value->shared->pdata[0], object->id);
}

static void
call_object (MpServerCall *call,
             GHashTable   *held)
{
  const MpManagerRequest *request = call->request;
  MpServerObject *object = find_object (request->object);

  if (object == NULL)
    {
      mp_server_reply_error (call->reply, MP_ERROR_NO_SUCH_OBJECT,
                             "The manager's object does not exist any more");
      return;
    }

  if (request->method == MP_METHOD_OPEN)
    {
      hold (held, object, 1);
      call->reply->number = object->klass->type;
    }
  else if (request->method == MP_METHOD_HOLD)
    hold_for_ticket (object, call);
  else
    run_method (object, call);
}

/* Answers @request, whose body is at @body, for a connection that holds @held. */
void
mp_server_objects_call (const MpManagerRequest *request,
                        const guint8           *body,
                        GHashTable             *held,
                        MpServerReply          *reply)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (mp_server_value_unref);
  MpServerCall call = { request, values, reply, FALSE };

  if (request->method == MP_METHOD_RELEASE)
    release (held, request->object);
  else if (request->method == MP_METHOD_NONE || request->method >= MP_N_METHODS)
    mp_server_reply_error (reply, MP_ERROR_INVALID_ARGUMENT, "No such method");
  else if (!read_values (body, request->body_size, values, reply))
    return;
  else if (request->method == MP_METHOD_CREATE)
    create (&call, held);
  else
    call_object (&call, held);
}
