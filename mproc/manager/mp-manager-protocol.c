/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The words of the manager's protocol and the socket calls below it, for both ends.
 *
 * Addresses are abstract: a name of 128 random bits that leaves nothing in the file system and is
 * gone with the server. Who connects proves that it is the same user (SO_PEERCRED) and knows the
 * server's token; the client checks the server's user too.
 */

#include "config.h"

#include "mproc/manager/mp-manager-protocol-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "mproc/base/mp-error-private.h"

#define ADDRESS_PREFIX "mproc-manager-"

static const char * const method_names[MP_N_METHODS] = {
  [MP_METHOD_LENGTH]             = "length",
  [MP_METHOD_CLEAR]              = "clear",
  [MP_METHOD_GET_ALL]            = "get_all",
  [MP_METHOD_REPLACE]            = "replace",
  [MP_METHOD_REPLACE_IF_VERSION] = "replace_if_version",
  [MP_METHOD_CONTAINS]           = "contains",
  [MP_METHOD_GET]                = "get",
  [MP_METHOD_SET]                = "set",
  [MP_METHOD_POP]                = "pop",
  [MP_METHOD_REMOVE]             = "remove",
  [MP_METHOD_EXTEND]             = "extend",
  [MP_METHOD_INSERT]             = "insert",
  [MP_METHOD_REMOVE_AT]          = "remove_at",
  [MP_METHOD_GET_SLICE]          = "get_slice",
  [MP_METHOD_REPLACE_SLICE]      = "replace_slice",
  [MP_METHOD_INDEX_OF]           = "index_of",
  [MP_METHOD_COUNT]              = "count",
  [MP_METHOD_REVERSE]            = "reverse",
  [MP_METHOD_POP_ITEM]           = "pop_item",
  [MP_METHOD_SET_DEFAULT]        = "set_default",
  [MP_METHOD_UPDATE]             = "update",
  [MP_METHOD_GET_KEYS]           = "get_keys",
  [MP_METHOD_GET_VALUES]         = "get_values",
};

/* MP_METHOD_NONE if there is none that a proxy may call by this name. */
MpManagerMethod
mp_manager_method_from_name (const char *name)
{
  for (guint i = 0; i < MP_N_METHODS; i++)
    if (g_strcmp0 (method_names[i], name) == 0 && name != NULL)
      return i;

  return MP_METHOD_NONE;
}

void
mp_frame_append (GByteArray    *frame,
                 guint32        encoding,
                 gconstpointer  data,
                 gsize          size)
{
  guint32 count = 0;
  guint64 wide = size;

  if (frame->len == 0)
    g_byte_array_append (frame, (const guint8 *) &count, sizeof count);
  memcpy (&count, frame->data, sizeof count);
  count++;
  memcpy (frame->data, &count, sizeof count);

  g_byte_array_append (frame, (const guint8 *) &encoding, sizeof encoding);
  g_byte_array_append (frame, (const guint8 *) &wide, sizeof wide);
  if (size > 0)
    g_byte_array_append (frame, data, size);
}

/* Only for frames that mp_frame_check() has accepted. */
void
mp_frame_reader_init (MpFrameReader *self,
                      gconstpointer  data,
                      gsize          size)
{
  self->at = data;
  self->end = size > 0 ? self->at + size : self->at;
  self->left = 0;
  if (size < MP_FRAME_HEAD_SIZE)
    return;

  memcpy (&self->left, data, sizeof self->left);
  self->at += MP_FRAME_HEAD_SIZE;
}

/* FALSE at the end, and where the frame is broken. */
gboolean
mp_frame_reader_next (MpFrameReader *self,
                      MpFrameValue  *value)
{
  guint64 size;

  if (self->left == 0 || self->end - self->at < MP_FRAME_VALUE_SIZE)
    return FALSE;

  memcpy (&value->encoding, self->at, sizeof value->encoding);
  memcpy (&size, self->at + sizeof value->encoding, sizeof size);
  self->at += MP_FRAME_VALUE_SIZE;
  if (size > (guint64) (self->end - self->at)
      || value->encoding < MP_ENCODING_VARIANT || value->encoding > MP_ENCODING_BYTES)
    return FALSE;

  value->data = self->at;
  value->size = size;
  self->at += size;
  self->left--;

  return TRUE;
}

/* Whether @data is a whole frame and nothing else. */
gboolean
mp_frame_check (gconstpointer  data,
                gsize          size,
                guint32       *count)
{
  MpFrameReader reader;
  MpFrameValue value;
  guint32 found = 0;
  guint32 announced;

  *count = 0;
  if (size == 0)
    return TRUE;
  if (size < MP_FRAME_HEAD_SIZE)
    return FALSE;

  mp_frame_reader_init (&reader, data, size);
  announced = reader.left;
  while (mp_frame_reader_next (&reader, &value))
    found++;
  *count = found;

  return found == announced && reader.at == reader.end;
}

gboolean
mp_manager_random (guint8  *key,
                   GError **error)
{
  gssize n;

  do
    n = getrandom (key, MP_MANAGER_KEY_SIZE, 0);
  while (n < 0 && errno == EINTR);
  if (n == MP_MANAGER_KEY_SIZE)
    return TRUE;

  mp_error_set_errno (error, n < 0 ? errno : EIO, "Cannot get random bytes");
  return FALSE;
}

/* @hex has room for MP_MANAGER_HEX_SIZE + 1. */
void
mp_manager_key_to_hex (const guint8 *key,
                       char         *hex)
{
  static const char digits[] = "0123456789abcdef";

  for (guint i = 0; i < MP_MANAGER_KEY_SIZE; i++)
    {
      hex[2 * i] = digits[key[i] >> 4];
      hex[2 * i + 1] = digits[key[i] & 15];
    }
  hex[MP_MANAGER_HEX_SIZE] = '\0';
}

/* Reads exactly MP_MANAGER_HEX_SIZE digits; what follows them is the caller's. */
gboolean
mp_manager_key_from_hex (const char *hex,
                         guint8     *key)
{
  for (guint i = 0; i < MP_MANAGER_KEY_SIZE; i++)
    {
      int high = g_ascii_xdigit_value (hex[2 * i]);
      int low = high < 0 ? -1 : g_ascii_xdigit_value (hex[2 * i + 1]);

      if (low < 0)
        return FALSE;
      key[i] = high << 4 | low;
    }

  return TRUE;
}

socklen_t
mp_manager_fill_address (struct sockaddr_un *address,
                         const guint8       *key)
{
  gsize prefix = strlen (ADDRESS_PREFIX);

  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy (address->sun_path + 1, ADDRESS_PREFIX, prefix);
  mp_manager_key_to_hex (key, address->sun_path + 1 + prefix);

  return G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 1 + prefix + MP_MANAGER_HEX_SIZE;
}

/* A listening, non-blocking socket, or -1 with errno. */
int
mp_manager_listen (const guint8 *key)
{
  struct sockaddr_un address;
  socklen_t size = mp_manager_fill_address (&address, key);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd >= 0
      && (bind (fd, (struct sockaddr *) &address, size) < 0 || listen (fd, SOMAXCONN) < 0))
    {
      int saved = errno;

      close (fd);
      errno = saved;
      return -1;
    }

  return fd;
}

/* A blocking socket whose single calls take at most @seconds (0: no limit), or -1 with errno.
 * Whoever listens there must be the same user. */
int
mp_manager_connect (const guint8 *key,
                    int           seconds)
{
  struct timeval limit = { seconds, 0 };
  struct sockaddr_un address;
  socklen_t size = mp_manager_fill_address (&address, key);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int saved;

  if (fd < 0)
    return -1;

  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  while (connect (fd, (struct sockaddr *) &address, size) < 0)
    if (errno != EINTR)
      goto fail;

  errno = EACCES;
  if (mp_manager_peer (fd, NULL))
    return fd;

fail:
  saved = errno;
  close (fd);
  errno = saved;
  return -1;
}

/* Whether the other end is of the same user. */
gboolean
mp_manager_peer (int    fd,
                 pid_t *pid)
{
  struct ucred peer;
  socklen_t size = sizeof peer;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid ())
    return FALSE;
  if (pid != NULL)
    *pid = peer.pid;

  return TRUE;
}

/* Everything, or FALSE with errno. For blocking sockets. */
gboolean
mp_manager_send (int           fd,
                 gconstpointer head,
                 gsize         head_size,
                 gconstpointer body,
                 gsize         body_size)
{
  gsize done = 0;

  while (done < head_size + body_size)
    {
      gsize in_head = MIN (done, head_size);
      struct iovec parts[] = {
        { (guint8 *) head + in_head, head_size - in_head },
        { (guint8 *) body + (done - in_head), body_size - (done - in_head) },
      };
      struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
      gssize n = sendmsg (fd, &message, MSG_NOSIGNAL);

      if (n >= 0)
        done += n;
      else if (errno != EINTR)
        return FALSE;
    }

  return TRUE;
}

/* Everything, or FALSE with errno; ECONNRESET at the end of the stream. For blocking sockets. */
gboolean
mp_manager_receive (int       fd,
                    gpointer  data,
                    gsize     size)
{
  gsize done = 0;

  while (done < size)
    {
      gssize n = recv (fd, (guint8 *) data + done, size - done, 0);

      if (n > 0)
        done += n;
      else if (n == 0)
        errno = ECONNRESET;
      if (n == 0 || (n < 0 && errno != EINTR))
        return FALSE;
    }

  return TRUE;
}
