/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpManagerLink: this process's connection to one manager's server.
 *
 * The server counts references per connection: an object lives as long as some connection holds
 * it, and what a killed process held goes with its connection. All proxies of one process share
 * one connection under a mutex; requests are answered one by one.
 *
 * Fork. Two processes must never write to one connection. So before a fork the parent opens a
 * second connection and lets the server copy to it all the references of the first; the child
 * takes it over as its own and closes the inherited one, the parent closes its copy of it. From
 * the first instant of its life the child holds what its proxies refer to; if the fork fails, or
 * the child dies at once, closing the connection undoes it. The table and every link are locked
 * from before the fork until after it, in both processes. The handlers allocate nothing.
 *
 * Where that was not possible (the server did not answer in time, or the fork was made without
 * its handlers), the process finds at its next call that the connection is not its own, opens one
 * and takes its references anew.
 *
 * Locks: the table's before a link's; a call holds only the link's. A link that found its server
 * gone stays dead: a server never comes back under the same address.
 */

#include "config.h"

#include "mproc/manager/mp-manager-link-private.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "mproc/base/mp-at-fork-private.h"
#include "mproc/base/mp-error-private.h"

/* Seconds a connection may take to be accepted; shorter while a fork waits for it. */
#define CONNECT_SECONDS 30
#define FORK_SECONDS 5

struct _MpManagerLink
{
  guint8      address[MP_MANAGER_KEY_SIZE];
  guint8      token[MP_MANAGER_KEY_SIZE];
  guint       refs;             /* under the table's lock */

  GMutex      mutex;
  pid_t       pid;              /* whose connection it is */
  int         fd;               /* or -1 */
  guint64     number;           /* the server's name for it */
  int         child_fd;         /* only while a fork goes on */
  guint64     child_number;
  gboolean    forking;          /* whether the mutex is locked for it */
  gboolean    in_vain;          /* whether the server had no answer for a fork, the last time */
  gboolean    dead;
  GHashTable *held;             /* object → how often */
};

static GMutex table_mutex;
static GPtrArray *table;

/* ── Connecting ──────────────────────────────────────────────────────────────────────────────── */

/* A connection that has been welcomed, or -1 with errno. Allocates nothing. */
static int
shake_hands (MpManagerLink *self,
             guint64        clone_of,
             int            seconds,
             guint64       *number)
{
  MpManagerHello hello = { MP_MANAGER_MAGIC, 0, { 0 }, clone_of };
  MpManagerWelcome welcome;
  struct timeval unlimited = { 0, 0 };
  int fd = mp_manager_connect (self->address, seconds);
  int saved;

  if (fd < 0)
    return -1;

  memcpy (hello.token, self->token, sizeof hello.token);
  if (mp_manager_send (fd, &hello, sizeof hello, NULL, 0)
      && mp_manager_receive (fd, &welcome, sizeof welcome))
    {
      setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &unlimited, sizeof unlimited);
      setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &unlimited, sizeof unlimited);
      *number = welcome.number;
      return fd;
    }

  saved = errno == ECONNRESET || errno == EPIPE ? EACCES : errno;
  close (fd);
  errno = saved;
  return -1;
}

static gboolean
set_died (MpManagerLink  *self,
          GError        **error)
{
  self->dead = TRUE;
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  g_set_error_literal (error, MP_ERROR, MP_ERROR_SERVER_DIED, "The manager's server is gone");

  return FALSE;
}

static gboolean
set_connect_error (MpManagerLink  *self,
                   int             saved,
                   GError        **error)
{
  if (saved == ECONNREFUSED || saved == ENOENT)
    return set_died (self, error);

  if (saved == EAGAIN)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                         "The manager's server does not answer");
  else if (saved == EACCES)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_AUTHENTICATION,
                         "The manager's server refused the connection");
  else
    mp_error_set_errno (error, saved, "Cannot connect to the manager's server");

  return FALSE;
}

/* ── Calls ───────────────────────────────────────────────────────────────────────────────────── */

static gboolean
reply_is_sane (const MpManagerReply *reply)
{
  return reply->body_size <= MP_MANAGER_MAX_BODY && reply->status <= MP_ERROR_ABANDONED + 1;
}

static gboolean
take_reply (MpManagerLink   *self,
            MpManagerReply  *reply,
            MpManagerCall   *call,
            GError         **error)
{
  g_autofree guint8 *body = NULL;
  guint32 count;

  if (!mp_manager_receive (self->fd, reply, sizeof *reply) || !reply_is_sane (reply))
    return set_died (self, error);

  body = g_try_malloc (reply->body_size + 1);
  if (body == NULL)
    {
      set_died (self, NULL);
      g_set_error_literal (error, MP_ERROR, MP_ERROR_NO_SPACE, "No memory for the reply");
      return FALSE;
    }
  if (!mp_manager_receive (self->fd, body, reply->body_size)
      || !mp_frame_check (body, reply->body_size, &count))
    return set_died (self, error);

  call->number = reply->number;
  call->new_version = reply->version;
  call->reply = g_steal_pointer (&body);
  call->reply_size = reply->body_size;

  return TRUE;
}

static gboolean
set_remote_error (const MpManagerReply  *reply,
                  MpManagerCall         *call,
                  GError               **error)
{
  MpFrameReader reader;
  MpFrameValue value = { 0 };
  g_autofree char *message = NULL;

  mp_frame_reader_init (&reader, call->reply, call->reply_size);
  if (mp_frame_reader_next (&reader, &value))
    message = g_utf8_make_valid ((const char *) value.data, value.size);
  g_set_error_literal (error, MP_ERROR, reply->status - 1,
                       message != NULL ? message : "The manager's server failed");
  mp_manager_call_clear (call);

  return FALSE;
}

/* One request on an open connection; the link is locked. */
static gboolean
exchange (MpManagerLink  *self,
          MpManagerCall  *call,
          GError        **error)
{
  MpManagerRequest request = {
    .body_size = call->frame_size,
    .object = call->object,
    .start = call->start,
    .end = call->end,
    .version = call->version,
    .method = call->method,
    .wanted = call->wanted,
  };
  MpManagerReply reply;

  if (!mp_manager_send (self->fd, &request, sizeof request, call->frame, call->frame_size))
    return set_died (self, error);
  if (call->method == MP_METHOD_RELEASE)
    return TRUE;
  if (!take_reply (self, &reply, call, error))
    return FALSE;

  self->in_vain = FALSE;
  return reply.status == 0 || set_remote_error (&reply, call, error);
}

/* The references of the proxies that were inherited, on a connection that has none. An object
 * that is gone meanwhile is found missing when it is used. */
static gboolean
hold_again (MpManagerLink  *self,
            GError        **error)
{
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, self->held);
  while (g_hash_table_iter_next (&iter, &key, &value))
    for (guint i = GPOINTER_TO_UINT (value); i > 0; i--)
      {
        g_auto (MpManagerCall) call = { .method = MP_METHOD_OPEN, .object = *(guint64 *) key };

        if (!exchange (self, &call, error))
          {
            if (self->dead)
              return FALSE;
            g_clear_error (error);
          }
      }

  return TRUE;
}

static gboolean
ensure_connected (MpManagerLink  *self,
                  GError        **error)
{
  if (self->dead)
    return set_died (self, error);
  if (self->fd >= 0 && self->pid == getpid ())
    return TRUE;

  if (self->fd >= 0)
    close (self->fd);
  self->pid = getpid ();
  self->fd = shake_hands (self, 0, CONNECT_SECONDS, &self->number);
  if (self->fd < 0)
    return set_connect_error (self, errno, error);

  return hold_again (self, error);
}

gboolean
mp_manager_link_call (MpManagerLink  *self,
                      MpManagerCall  *call,
                      GError        **error)
{
  gboolean success;

  if (call->frame_size > MP_MANAGER_MAX_BODY)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "A call to a manager can carry at most %" G_GUINT64_FORMAT " bytes",
                   MP_MANAGER_MAX_BODY);
      return FALSE;
    }

  g_mutex_lock (&self->mutex);
  success = ensure_connected (self, error) && exchange (self, call, error);
  g_mutex_unlock (&self->mutex);

  return success;
}

/* ── References ──────────────────────────────────────────────────────────────────────────────── */

static void
count_held (MpManagerLink *self,
            guint64        object,
            int            change)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->held, &object)) + change;

  if (n == 0)
    g_hash_table_remove (self->held, &object);
  else
    g_hash_table_replace (self->held, g_memdup2 (&object, sizeof object), GUINT_TO_POINTER (n));
}

/* Counting happens under the same lock as the call, or a fork between them would lose it. */
static gboolean
call_and_hold (MpManagerLink  *self,
               MpManagerCall  *call,
               GError        **error)
{
  gboolean success;

  g_mutex_lock (&self->mutex);
  success = ensure_connected (self, error) && exchange (self, call, error);
  if (success)
    count_held (self, call->method == MP_METHOD_OPEN ? call->object : (guint64) call->number, 1);
  g_mutex_unlock (&self->mutex);

  return success;
}

gboolean
mp_manager_link_create (MpManagerLink  *self,
                        MpObjectType    type,
                        GByteArray     *content,
                        guint64        *object,
                        GError        **error)
{
  g_auto (MpManagerCall) call = {
    .method = MP_METHOD_CREATE,
    .start = type,
    .frame = content->data,
    .frame_size = content->len,
  };

  if (!call_and_hold (self, &call, error))
    return FALSE;
  *object = call.number;

  return TRUE;
}

gboolean
mp_manager_link_open (MpManagerLink  *self,
                      guint64         object,
                      MpObjectType   *type,
                      GError        **error)
{
  g_auto (MpManagerCall) call = { .method = MP_METHOD_OPEN, .object = object };

  if (!call_and_hold (self, &call, error))
    return FALSE;
  *type = call.number;

  return TRUE;
}

/* Nobody waits for an answer, and a server that is gone holds nothing. */
void
mp_manager_link_release (MpManagerLink *self,
                         guint64        object)
{
  g_mutex_lock (&self->mutex);
  count_held (self, object, -1);
  if (!self->dead && self->fd >= 0 && self->pid == getpid ())
    {
      MpManagerCall call = { .method = MP_METHOD_RELEASE, .object = object };

      exchange (self, &call, NULL);
    }
  g_mutex_unlock (&self->mutex);
}

/* "mproc-manager:ADDRESS:TOKEN:OBJECT"; the token makes it a secret. */
char *
mp_manager_link_get_handle (MpManagerLink *self,
                            guint64        object)
{
  char address[MP_MANAGER_HEX_SIZE + 1];
  char token[MP_MANAGER_HEX_SIZE + 1];

  mp_manager_key_to_hex (self->address, address);
  mp_manager_key_to_hex (self->token, token);

  return g_strdup_printf (MP_MANAGER_HANDLE_PREFIX "%s:%s:%" G_GUINT64_FORMAT, address, token,
                          object);
}

/* ── Fork ────────────────────────────────────────────────────────────────────────────────────── */

static guint
n_links (void)
{
  return table != NULL ? table->len : 0;
}

/* Another thread may be waiting for a server that somebody has stopped. */
static gboolean
lock_in_time (MpManagerLink *self)
{
  const gint64 end = self->in_vain ? 0 : g_get_monotonic_time () + FORK_SECONDS * G_USEC_PER_SEC;

  while (!g_mutex_trylock (&self->mutex))
    {
      if (g_get_monotonic_time () >= end)
        return FALSE;
      g_usleep (1000);
    }

  return TRUE;
}

/* What a server that does not answer costs, it costs one fork: the children of others find their
 * way when they make a call. */
static void
before_fork (void)
{
  g_mutex_lock (&table_mutex);
  for (guint i = 0; i < n_links (); i++)
    {
      MpManagerLink *self = table->pdata[i];

      self->child_fd = -1;
      self->forking = lock_in_time (self);
      if (self->forking && !self->in_vain && self->fd >= 0 && self->pid == getpid ())
        {
          self->child_fd = shake_hands (self, self->number, FORK_SECONDS, &self->child_number);
          self->in_vain = self->child_fd < 0;
        }
      else if (!self->forking)
        {
          self->in_vain = TRUE;
        }
    }
}

static void
after_fork_in_parent (void)
{
  for (guint i = 0; i < n_links (); i++)
    {
      MpManagerLink *self = table->pdata[i];

      if (self->child_fd >= 0)
        close (self->child_fd);
      self->child_fd = -1;
      if (self->forking)
        g_mutex_unlock (&self->mutex);
      self->forking = FALSE;
    }
  g_mutex_unlock (&table_mutex);
}

MP_AT_FORK static void
after_fork_in_child (void)
{
  for (guint i = 0; i < n_links (); i++)
    {
      MpManagerLink *self = table->pdata[i];

      if (self->fd >= 0)
        close (self->fd);
      self->fd = self->child_fd;
      self->number = self->child_number;
      self->pid = getpid ();
      self->child_fd = -1;
      self->forking = FALSE;
      mp_mutex_reset (&self->mutex);
    }
  mp_mutex_reset (&table_mutex);
}

/* When the library is loaded: a fork during the first use of the table must find them too. */
__attribute__ ((constructor)) static void
register_fork_handlers (void)
{
  pthread_atfork (before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

static MpManagerLink *
find_link (const guint8 *address,
           const guint8 *token)
{
  for (guint i = 0; i < table->len; i++)
    {
      MpManagerLink *self = table->pdata[i];

      if (memcmp (self->address, address, MP_MANAGER_KEY_SIZE) == 0
          && memcmp (self->token, token, MP_MANAGER_KEY_SIZE) == 0)
        return self;
    }

  return NULL;
}

static MpManagerLink *
add_link (const guint8 *address,
          const guint8 *token)
{
  MpManagerLink *self = g_new0 (MpManagerLink, 1);

  memcpy (self->address, address, MP_MANAGER_KEY_SIZE);
  memcpy (self->token, token, MP_MANAGER_KEY_SIZE);
  g_mutex_init (&self->mutex);
  self->fd = -1;
  self->child_fd = -1;
  self->held = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_ptr_array_add (table, self);

  return self;
}

/* The process's link to that server; does not connect yet. */
MpManagerLink *
mp_manager_link_get (const guint8 *address,
                     const guint8 *token)
{
  MpManagerLink *self;

  g_mutex_lock (&table_mutex);
  if (table == NULL)
    table = g_ptr_array_new ();
  self = find_link (address, token);
  if (self == NULL)
    self = add_link (address, token);
  self->refs++;
  g_mutex_unlock (&table_mutex);

  return self;
}

MpManagerLink *
mp_manager_link_ref (MpManagerLink *self)
{
  g_mutex_lock (&table_mutex);
  self->refs++;
  g_mutex_unlock (&table_mutex);

  return self;
}

void
mp_manager_link_unref (MpManagerLink *self)
{
  gboolean last;

  g_mutex_lock (&table_mutex);
  last = --self->refs == 0;
  if (last)
    {
      /* Under the lock, or a fork meanwhile would give the child a connection it knows not of. */
      g_ptr_array_remove_fast (table, self);
      if (self->fd >= 0)
        close (self->fd);
    }
  g_mutex_unlock (&table_mutex);
  if (!last)
    return;

  g_hash_table_unref (self->held);
  g_mutex_clear (&self->mutex);
  g_free (self);
}
