/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Addresses of sockets as texts, and back. Runs in the caller; asking the name service for a host
 * that is not given by its number blocks.
 */

#include "config.h"

#include "mproc/channel/mp-listener-address-private.h"

#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#define UNIX_SIZE(length) ((socklen_t) (offsetof (struct sockaddr_un, sun_path) + (length)))

static GArray *
refuse (GError     **error,
        const char  *text,
        const char  *why)
{
  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "“%s” is not an address: %s", text, why);
  return NULL;
}

/* "@name" has a zero byte in place of the first; a path ends with one. */
static GArray *
unix_address (const char  *text,
              GError     **error)
{
  MpSocketAddress address = { 0 };
  struct sockaddr_un *unix_part = (struct sockaddr_un *) &address.storage;
  gsize length = strlen (text);
  GArray *found;

  if (length < 2 || length >= sizeof unix_part->sun_path)
    return refuse (error, text, "its length is not allowed");

  unix_part->sun_family = AF_UNIX;
  memcpy (unix_part->sun_path, text, length);
  address.size = UNIX_SIZE (length + 1);
  if (text[0] == '@')
    {
      unix_part->sun_path[0] = '\0';
      address.size = UNIX_SIZE (length);
    }

  found = g_array_new (FALSE, FALSE, sizeof address);
  return g_array_append_val (found, address);
}

static GArray *
collect (const struct addrinfo *infos)
{
  GArray *found = g_array_new (FALSE, TRUE, sizeof (MpSocketAddress));

  for (const struct addrinfo *info = infos; info != NULL; info = info->ai_next)
    if (info->ai_addrlen <= sizeof (struct sockaddr_storage))
      {
        MpSocketAddress address = { .size = info->ai_addrlen };

        memcpy (&address.storage, info->ai_addr, info->ai_addrlen);
        g_array_append_val (found, address);
      }

  return found;
}

static GArray *
internet_addresses (const char  *text,
                    gboolean     to_listen,
                    GError     **error)
{
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                            .ai_flags = AI_NUMERICSERV | (to_listen ? AI_PASSIVE : 0) };
  const char *colon = strrchr (text, ':');
  g_autofree char *host = NULL;
  struct addrinfo *infos;
  GArray *found;
  gsize length;
  int code;

  if (colon == NULL || colon[1] == '\0')
    return refuse (error, text, "there is no port");
  host = g_strndup (text, (gsize) (colon - text));
  length = strlen (host);
  if (length > 2 && host[0] == '[' && host[length - 1] == ']')
    {
      memmove (host, host + 1, length - 2);
      host[length - 2] = '\0';
    }
  else if (strchr (host, ':') != NULL)
    return refuse (error, text, "a number with colons is to be in brackets");

  code = getaddrinfo (host[0] != '\0' ? host : NULL, colon + 1, &hints, &infos);
  if (code != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_HOST_NOT_FOUND, "“%s” is not found: %s", text,
                   gai_strerror (code));
      return NULL;
    }

  found = collect (infos);
  freeaddrinfo (infos);
  return found;
}

GArray *
mp_socket_addresses (const char  *text,
                     gboolean     to_listen,
                     GError     **error)
{
  if (text[0] == '/' || text[0] == '@')
    return unix_address (text, error);

  return internet_addresses (text, to_listen, error);
}

char *
mp_socket_address_random (void)
{
  guint64 random[2];

  if (getrandom (random, sizeof random, 0) != sizeof random)
    return NULL;

  return g_strdup_printf ("@mproc-%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", random[0],
                          random[1]);
}

static char *
unix_to_text (const struct sockaddr_un *address,
              socklen_t                 size)
{
  gsize length = size - offsetof (struct sockaddr_un, sun_path);

  if (size <= offsetof (struct sockaddr_un, sun_path))
    return NULL;
  if (address->sun_path[0] != '\0')
    return g_strndup (address->sun_path, length);

  return g_strdup_printf ("@%.*s", (int) length - 1, address->sun_path + 1);
}

char *
mp_socket_address_to_text (const MpSocketAddress *address)
{
  const struct sockaddr *generic = (const struct sockaddr *) &address->storage;
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];

  if (address->storage.ss_family == AF_UNIX)
    return unix_to_text ((const struct sockaddr_un *) generic, address->size);
  if (getnameinfo (generic, address->size, host, sizeof host, port, sizeof port,
                   NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return NULL;

  return g_strdup_printf (strchr (host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}
