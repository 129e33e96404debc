/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * MpManager: starts the server program and makes objects in it.
 *
 * Start. The creator listens on an abstract socket of a random name and gives that name to the
 * server as its argument. The server connects, which tells each who the other is (SO_PEERCRED),
 * and says at which address and with which token clients can reach it; no secret is ever in an
 * argument list. Then this rendezvous is closed and forgotten.
 *
 * End. The server is a daemon process of its creator, watches the creator itself too, and is
 * terminated when the manager is shut down or finalized in the creator. In a process forked from
 * there, the inherited manager can make objects, but does not end the server.
 */

#include "config.h"

#include "mproc/manager/mp-manager.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mproc/base/mp-deadline-private.h"
#include "mproc/base/mp-error-private.h"
#include "mproc/manager/mp-manager-values-private.h"
#include "mproc/manager/mp-proxy-private.h"
#include "mproc/process/mp-process-private.h"

#define SERVER_PROGRAM "mp-manager-server"

/* Seconds the server has until it is ready, and until it is killed after SIGTERM. */
#define START_SECONDS 30.0
#define STOP_SECONDS 2.0

typedef struct
{
  MpProcess *process;
  MpManagerLink *link;
  pid_t creator;
  int pid;
  char *address;
  gboolean stopped;
} MpManagerPrivate;

enum {
  PROP_0,
  PROP_PID,
  PROP_ADDRESS,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

static void mp_manager_initable_init (GInitableIface *iface);

/**
 * MpManager:
 *
 * A process of its own that holds lists and dicts for any number of other processes.
 *
 * ```c
 * GVariant *content = g_variant_new_parsed ("[1, 2]");
 * g_autoptr (MpManager) manager = mp_manager_new (&error);
 * g_autoptr (MpListProxy) list = mp_manager_create_list (manager, content, &error);
 *
 * mp_list_proxy_append (list, g_variant_new_int64 (3), &error);
 * ```
 *
 * What it makes are proxies: objects that can be used in this process, in all processes forked
 * from it, and by their handles in any other process of the same user. Each call of a proxy is
 * done by the server as one step.
 *
 * The server ends with its creator: when the manager is shut down or finalized there, and also
 * when that process ends in any way. From then on every call of a proxy, in any process, fails
 * with [error@Mp.Error.SERVER_DIED].
 *
 * Since: 0.1
 */
G_DEFINE_TYPE_WITH_CODE (MpManager, mp_manager, G_TYPE_OBJECT,
                         G_ADD_PRIVATE (MpManager)
                         G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, mp_manager_initable_init))

static MpManagerPrivate *
get_private (MpManager *self)
{
  return mp_manager_get_instance_private (self);
}

/* ── Starting the server ─────────────────────────────────────────────────────────────────────── */

static char *
find_program (GError **error)
{
  const char *folder = secure_getenv ("MPROC_LIBEXECDIR");
  g_autofree char *path = NULL;

  path = g_build_filename (folder != NULL ? folder : MP_LIBEXECDIR, SERVER_PROGRAM, NULL);
  if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&path);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
               "The manager's server program was not found: %s", path);
  return NULL;
}

static gboolean
set_not_started (MpManagerPrivate  *priv,
                 GError           **error)
{
  if (mp_process_is_alive (priv->process))
    g_set_error_literal (error, MP_ERROR, MP_ERROR_TIMED_OUT,
                         "The manager's server did not get ready");
  else
    g_set_error (error, MP_ERROR, MP_ERROR_SERVER_DIED,
                 "The manager's server ended before it was ready, with exit code %d",
                 mp_process_get_exit_code (priv->process));

  return FALSE;
}

/* Until @fd can be read. What the server said before its end is still read. */
static gboolean
wait_readable (MpManagerPrivate  *priv,
               int                fd,
               gint64             deadline,
               GError           **error)
{
  int sentinel = mp_process_get_sentinel (priv->process);

  for (;;)
    {
      struct pollfd fds[] = { { fd, POLLIN, 0 }, { sentinel, POLLIN, 0 } };
      gint64 left = mp_deadline_left (deadline, G_USEC_PER_SEC);
      int n = poll (fds, 2, (left + 999) / 1000);
      int saved = n < 0 ? errno : 0;

      if (n > 0 && fds[0].revents != 0)
        return TRUE;
      if ((n > 0 && fds[1].revents != 0) || left == 0 || !mp_process_is_alive (priv->process))
        return set_not_started (priv, error);
      if (n < 0 && saved != EINTR)
        {
          mp_error_set_errno (error, saved, "Cannot wait for the manager's server");
          return FALSE;
        }
    }
}

/* Connections of others are dropped. */
static int
accept_server (MpManagerPrivate  *priv,
               int                listener,
               gint64             deadline,
               GError           **error)
{
  while (wait_readable (priv, listener, deadline, error))
    {
      int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
      pid_t pid = 0;

      if (fd >= 0 && mp_manager_peer (fd, &pid) && pid == mp_process_get_pid (priv->process))
        return fd;
      if (fd >= 0)
        close (fd);
      else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        {
          mp_error_set_errno (error, errno, "Cannot accept the manager's server");
          return -1;
        }
    }

  return -1;
}

static gboolean
hear_of_ready (MpManagerPrivate  *priv,
               int                listener,
               MpManagerReady    *ready,
               GError           **error)
{
  gint64 deadline = mp_deadline_from_seconds (START_SECONDS);
  int fd = accept_server (priv, listener, deadline, error);
  gboolean success;

  if (fd < 0)
    return FALSE;

  success = wait_readable (priv, fd, deadline, error);
  if (success && (!mp_manager_receive (fd, ready, sizeof *ready)
                  || ready->magic != MP_MANAGER_MAGIC))
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_SERVER_DIED,
                           "The manager's server is of another version, or ended while it started");
      success = FALSE;
    }
  close (fd);

  return success;
}

static gboolean
launch (MpManagerPrivate  *priv,
        const guint8      *rendezvous,
        GError           **error)
{
  g_autofree char *program = find_program (error);
  char name[MP_MANAGER_HEX_SIZE + 1];
  const char *argv[] = { program, name, NULL };

  if (program == NULL)
    return FALSE;

  mp_manager_key_to_hex (rendezvous, name);
  priv->process = mp_process_new_command ("Manager", argv);
  mp_process_private (priv->process)->deaf_to_interrupts = TRUE;

  return mp_process_set_daemon (priv->process, TRUE, error)
         && mp_process_start (priv->process, error);
}

static gboolean
start_server (MpManagerPrivate  *priv,
              MpManagerReady    *ready,
              GError           **error)
{
  guint8 rendezvous[MP_MANAGER_KEY_SIZE];
  gboolean success;
  int listener;

  if (!mp_manager_random (rendezvous, error))
    return FALSE;
  listener = mp_manager_listen (rendezvous);
  if (listener < 0)
    {
      mp_error_set_errno (error, errno, "Cannot listen for the manager's server");
      return FALSE;
    }

  success = launch (priv, rendezvous, error) && hear_of_ready (priv, listener, ready, error);
  close (listener);

  return success;
}

static void
stop_server (MpManagerPrivate *priv)
{
  if (priv->stopped || priv->process == NULL || priv->creator != getpid ())
    return;

  priv->stopped = TRUE;
  mp_process_terminate (priv->process, NULL);
  if (mp_process_join (priv->process, STOP_SECONDS, NULL, NULL))
    return;
  mp_process_kill (priv->process, NULL);
  mp_process_join (priv->process, -1, NULL, NULL);
}

/* The server answers that there is no object 0. */
static gboolean
ping (MpManagerPrivate  *priv,
      GError           **error)
{
  g_auto (MpManagerCall) call = { .method = MP_METHOD_OPEN };
  g_autoptr (GError) local_error = NULL;

  if (mp_manager_link_call (priv->link, &call, &local_error)
      || g_error_matches (local_error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT))
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static gboolean
mp_manager_real_init (GInitable     *initable,
                      GCancellable  *cancellable,
                      GError       **error)
{
  MpManagerPrivate *priv = get_private (MP_MANAGER (initable));
  MpManagerReady ready;
  char hex[MP_MANAGER_HEX_SIZE + 1];

  if (priv->link != NULL)
    return TRUE;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;

  priv->creator = getpid ();
  if (start_server (priv, &ready, error))
    {
      priv->pid = mp_process_get_pid (priv->process);
      priv->link = mp_manager_link_get (ready.address, ready.token);
      mp_manager_key_to_hex (ready.address, hex);
      priv->address = g_strconcat ("@mproc-manager-", hex, NULL);
      if (ping (priv, error))
        return TRUE;
    }

  stop_server (priv);
  return FALSE;
}

/* ── The class ───────────────────────────────────────────────────────────────────────────────── */

static void
mp_manager_get_property (GObject    *object,
                         guint       id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  MpManager *self = MP_MANAGER (object);

  switch (id)
    {
    case PROP_PID:
      g_value_set_int (value, mp_manager_get_pid (self));
      break;
    case PROP_ADDRESS:
      g_value_set_string (value, mp_manager_get_address (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mp_manager_finalize (GObject *object)
{
  MpManagerPrivate *priv = get_private (MP_MANAGER (object));

  stop_server (priv);
  g_clear_object (&priv->process);
  g_clear_pointer (&priv->link, mp_manager_link_unref);
  g_free (priv->address);

  G_OBJECT_CLASS (mp_manager_parent_class)->finalize (object);
}

static void
mp_manager_class_init (MpManagerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mp_manager_get_property;
  object_class->finalize = mp_manager_finalize;

  /**
   * MpManager:pid: (getter get_pid)
   *
   * The process id of the server.
   *
   * Since: 0.1
   */
  properties[PROP_PID] = g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0,
                                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * MpManager:address: (getter get_address)
   *
   * The name of the abstract Unix socket at which the server listens, after an `@`.
   *
   * Since: 0.1
   */
  properties[PROP_ADDRESS] = g_param_spec_string ("address", NULL, NULL, NULL,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_manager_init (MpManager *self)
{
}

static void
mp_manager_initable_init (GInitableIface *iface)
{
  iface->init = mp_manager_real_init;
}

/**
 * mp_manager_new:
 * @error: return location for an error
 *
 * Starts a server process and makes the manager of it. A class that derives from #MpManager is
 * made with g_initable_new(), with the same effect.
 *
 * Errors: %G_IO_ERROR_NOT_FOUND if the server program is not installed;
 * [error@Mp.Error.SERVER_DIED] if it ends at once; [error@Mp.Error.TIMED_OUT] if it is not ready
 * after half a minute; a #GIOErrorEnum if a system call fails.
 *
 * Returns: (transfer full): a new manager
 *
 * Since: 0.1
 */
MpManager *
mp_manager_new (GError **error)
{
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return g_initable_new (MP_TYPE_MANAGER, NULL, error, NULL);
}

static MpProxy *
create (MpManager     *self,
        MpObjectType   type,
        GVariant      *content,
        GError       **error)
{
  MpManagerPrivate *priv = get_private (self);
  g_autoptr (GByteArray) frame = mp_values_new_content (type, content, error);
  guint64 object;

  if (frame == NULL)
    return NULL;
  if (priv->link == NULL)
    {
      g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_STATE,
                           "The manager has not been started");
      return NULL;
    }
  if (!mp_manager_link_create (priv->link, type, frame, &object, error))
    return NULL;

  return mp_proxy_make (priv->link, type, object);
}

/**
 * mp_manager_create_list:
 * @self: a manager
 * @content: (nullable): an array or tuple; a floating reference is sunk
 * @error: return location for an error
 *
 * Makes a list in the server, with the items of @content, or empty.
 *
 * This works in every process that has the manager, also in a forked child.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @content is no array or tuple;
 * [error@Mp.Error.SERVER_DIED] if the server is gone.
 *
 * Returns: (transfer full): a proxy of the list
 *
 * Since: 0.1
 */
MpListProxy *
mp_manager_create_list (MpManager  *self,
                        GVariant   *content,
                        GError    **error)
{
  g_return_val_if_fail (MP_IS_MANAGER (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return (MpListProxy *) create (self, MP_OBJECT_LIST, content, error);
}

/**
 * mp_manager_create_dict:
 * @self: a manager
 * @content: (nullable): a dictionary; a floating reference is sunk
 * @error: return location for an error
 *
 * Makes a dict in the server, with the keys and values of @content, or empty.
 *
 * This works in every process that has the manager, also in a forked child.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @content is no dictionary;
 * [error@Mp.Error.NOT_PLAIN] if a key cannot be one; [error@Mp.Error.SERVER_DIED] if the server is
 * gone.
 *
 * Returns: (transfer full): a proxy of the dict
 *
 * Since: 0.1
 */
MpDictProxy *
mp_manager_create_dict (MpManager  *self,
                        GVariant   *content,
                        GError    **error)
{
  g_return_val_if_fail (MP_IS_MANAGER (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return (MpDictProxy *) create (self, MP_OBJECT_DICT, content, error);
}

/**
 * mp_manager_shutdown:
 * @self: a manager
 *
 * Ends the server and waits until it is gone; all objects in it are lost. Does nothing if it was
 * done before, or in another process than the one that made the manager.
 *
 * Since: 0.1
 */
void
mp_manager_shutdown (MpManager *self)
{
  g_return_if_fail (MP_IS_MANAGER (self));

  stop_server (get_private (self));
}

/**
 * mp_manager_is_alive:
 * @self: a manager
 *
 * Checks whether the server answers. This works in every process that has the manager.
 *
 * Returns: whether it does
 *
 * Since: 0.1
 */
gboolean
mp_manager_is_alive (MpManager *self)
{
  MpManagerPrivate *priv;

  g_return_val_if_fail (MP_IS_MANAGER (self), FALSE);

  priv = get_private (self);

  return priv->link != NULL && ping (priv, NULL);
}

/**
 * mp_manager_get_pid: (get-property pid)
 * @self: a manager
 *
 * Gets the process id of the server, which it keeps when it has ended.
 *
 * Returns: the process id; 0 if it was never started
 *
 * Since: 0.1
 */
int
mp_manager_get_pid (MpManager *self)
{
  g_return_val_if_fail (MP_IS_MANAGER (self), 0);

  return get_private (self)->pid;
}

/**
 * mp_manager_get_address: (get-property address)
 * @self: a manager
 *
 * Gets the name of the abstract Unix socket at which the server listens, after an `@`, as tools
 * that list sockets show it. To reach an object, use its handle.
 *
 * Returns: (transfer none) (nullable): the address; %NULL if the server was never started
 *
 * Since: 0.1
 */
const char *
mp_manager_get_address (MpManager *self)
{
  g_return_val_if_fail (MP_IS_MANAGER (self), NULL);

  return get_private (self)->address;
}
