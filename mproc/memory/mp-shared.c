/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The GObject face of what lives in the arena: an MpShared is one process's lease on one shared
 * object. Any number of them, in any number of processes, may stand for the same object; when the
 * last is gone, so is the object. Kinds register themselves when the library is loaded.
 */

#include "config.h"

#include "mproc/memory/mp-shared.h"

#include <stdio.h>
#include <string.h>

#include "mproc/base/mp-error-private.h"
#include "mproc/memory/mp-attach-private.h"
#include "mproc/memory/mp-family-private.h"
#include "mproc/memory/mp-lease-private.h"

/**
 * MpShared:
 *
 * An object in the shared memory of a family of processes.
 *
 * The processes of a family, a program and all its descendants, share one range of memory.
 * Queues and locks live there; what a program holds is a lease on them. A forked child has
 * everything its parent had. To any other process of the family an object is given by its handle,
 * a short text: [method@Mp.Shared.get_handle] on one side, [func@Mp.Shared.open] on the other.
 *
 * The shared object exists as long as any process holds it. A process that dies, however it
 * dies, lets go of all it held.
 *
 * Since: 0.1
 */

typedef struct {
  char     *handle;             /* given at construction */
  GError   *error;              /* why there is no object */
  MpOffset  offset;
  guint32   lease;
  gboolean  leased;
} MpSharedPrivate;

enum {
  PROP_HANDLE = 1,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];
static const MpKindInfo *kinds[MP_N_KINDS];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (MpShared, mp_shared, G_TYPE_OBJECT)

#define PRIVATE(self) ((MpSharedPrivate *) mp_shared_get_instance_private (self))

void
mp_kind_register (MpKind            kind,
                  const MpKindInfo *info)
{
  kinds[kind] = info;
}

const MpKindInfo *
mp_kind_get_info (guint kind)
{
  return kind < MP_N_KINDS ? kinds[kind] : NULL;
}

static guint
kind_named (const char *name,
            gsize       length)
{
  for (guint kind = 1; kind < MP_N_KINDS; kind++)
    if (kinds[kind] != NULL && kinds[kind]->get_type != NULL &&
        strlen (kinds[kind]->name) == length &&
        strncmp (kinds[kind]->name, name, length) == 0)
      return kind;

  return 0;
}

/* A handle is KIND:OFFSET:SERIAL:TOKEN, the numbers in hexadecimal. */
static guint
parse_handle (const char *handle,
              MpOffset   *offset,
              guint32    *serial,
              guint64    *token)
{
  const char *colon = handle != NULL ? strchr (handle, ':') : NULL;
  int end = 0;

  if (colon == NULL ||
      sscanf (colon, ":%" G_GINT64_MODIFIER "x:%x:%" G_GINT64_MODIFIER "x%n", offset, serial,
              token, &end) != 3 || colon[end] != '\0')
    return 0;

  return kind_named (handle, (gsize) (colon - handle));
}

static gboolean
open_object (MpShared *self,
             MpKind    kind)
{
  MpSharedPrivate *priv = PRIVATE (self);
  guint64 token = 0;
  guint32 serial = 0;
  MpStatus status;

  if (parse_handle (priv->handle, &priv->offset, &serial, &token) != (guint) kind)
    {
      g_set_error (&priv->error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT,
                   "“%s” is not the handle of a %s", priv->handle, kinds[kind]->name);
      return FALSE;
    }

  status = token == mp_arena.header->token[0]
             ? mp_lease_take (priv->offset, kind, serial, &priv->lease)
             : MP_STATUS_INVALID;
  if (status == MP_STATUS_INVALID)
    g_set_error (&priv->error, MP_ERROR, MP_ERROR_NO_SUCH_OBJECT,
                 "The %s with the handle “%s” does not exist in this family of processes",
                 kinds[kind]->name, priv->handle);
  else
    mp_status_to_error (status, &priv->error);

  return status == MP_STATUS_OK;
}

gpointer
mp_shared_construct (MpShared *self,
                     MpKind    kind,
                     gboolean *is_new)
{
  MpSharedPrivate *priv = PRIVATE (self);

  *is_new = priv->handle == NULL;
  if (!mp_family_ensure (&priv->error))
    return NULL;

  if (*is_new)
    priv->leased = mp_status_to_error (mp_lease_create (kind, &priv->offset, &priv->lease),
                                       &priv->error);
  else
    priv->leased = open_object (self, kind);

  return mp_shared_get_data (self);
}

gpointer
mp_shared_get_data (MpShared *self)
{
  MpSharedPrivate *priv = PRIVATE (self);

  return priv->leased && !mp_arena.cut_off ? mp_arena_pointer (priv->offset) : NULL;
}

void
mp_shared_fail_error (MpShared *self,
                      GError   *error)
{
  MpSharedPrivate *priv = PRIVATE (self);

  g_clear_error (&priv->error);
  priv->error = error;
  if (priv->leased)
    mp_lease_drop (priv->lease);
  priv->leased = FALSE;
}

void
mp_shared_fail (MpShared *self,
                MpStatus  status)
{
  GError *error = NULL;

  mp_status_to_error (status, &error);
  mp_shared_fail_error (self, error);
}

gpointer
mp_shared_check (gpointer   self,
                 GError   **error)
{
  MpSharedPrivate *priv = PRIVATE (MP_SHARED (self));

  if (priv->leased)
    return self;

  g_propagate_error (error, g_steal_pointer (&priv->error));
  g_object_unref (self);
  return NULL;
}

static char *
mp_shared_default_to_string (MpShared *self)
{
  g_autofree char *handle = mp_shared_get_handle (self);

  return g_strdup_printf ("<%s %s>", G_OBJECT_TYPE_NAME (self) + strlen ("Mp"), handle);
}

static void
mp_shared_finalize (GObject *object)
{
  MpSharedPrivate *priv = PRIVATE (MP_SHARED (object));

  if (priv->leased && !mp_arena.cut_off)
    mp_lease_drop (priv->lease);
  g_clear_error (&priv->error);
  g_free (priv->handle);

  G_OBJECT_CLASS (mp_shared_parent_class)->finalize (object);
}

static void
mp_shared_get_property (GObject    *object,
                        guint       property,
                        GValue     *value,
                        GParamSpec *pspec)
{
  if (property == PROP_HANDLE)
    g_value_take_string (value, mp_shared_get_handle (MP_SHARED (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_shared_set_property (GObject      *object,
                        guint         property,
                        const GValue *value,
                        GParamSpec   *pspec)
{
  if (property == PROP_HANDLE)
    PRIVATE (MP_SHARED (object))->handle = g_value_dup_string (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property, pspec);
}

static void
mp_shared_class_init (MpSharedClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->finalize = mp_shared_finalize;
  object_class->get_property = mp_shared_get_property;
  object_class->set_property = mp_shared_set_property;
  class->to_string = mp_shared_default_to_string;
  mp_attach_install ();

  /**
   * MpShared:handle: (getter get_handle)
   *
   * The text by which another process of the family opens the object. Given at construction, the
   * object with that handle is opened; else a new one is made.
   *
   * Since: 0.1
   */
  properties[PROP_HANDLE] =
    g_param_spec_string ("handle", NULL, NULL, NULL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mp_shared_init (MpShared *self G_GNUC_UNUSED)
{
}

/**
 * mp_shared_get_handle: (get-property handle)
 * @self: a shared object
 *
 * Gets the text by which any process of the family can open the object.
 *
 * The handle holds nothing: the object must be held by somebody until it has been opened.
 *
 * Returns: (transfer full) (nullable): the handle, or %NULL if the object could not be made
 *
 * Since: 0.1
 */
char *
mp_shared_get_handle (MpShared *self)
{
  const MpSharedHeader *shared;

  g_return_val_if_fail (MP_IS_SHARED (self), NULL);

  shared = mp_shared_get_data (self);
  if (shared == NULL)
    return NULL;

  return g_strdup_printf ("%s:%" G_GINT64_MODIFIER "x:%x:%" G_GINT64_MODIFIER "x",
                          kinds[shared->kind]->name, PRIVATE (self)->offset, shared->serial,
                          mp_arena.header->token[0]);
}

/**
 * mp_shared_open:
 * @handle: what [method@Mp.Shared.get_handle] returned in a process of the same family
 * @error: return location for an error
 *
 * Opens a shared object: [class@Mp.Queue] for a queue's handle, and so on.
 *
 * Errors: [error@Mp.Error.INVALID_ARGUMENT] if @handle is not a handle,
 * [error@Mp.Error.NO_SUCH_OBJECT] if the object does not exist any more or is another family's,
 * [error@Mp.Error.NO_SPACE].
 *
 * Returns: (transfer full): the object
 *
 * Since: 0.1
 */
MpShared *
mp_shared_open (const char  *handle,
                GError     **error)
{
  MpOffset offset;
  guint32 serial;
  guint64 token;
  guint kind;

  g_return_val_if_fail (handle != NULL, NULL);

  kind = parse_handle (handle, &offset, &serial, &token);
  if (kind == 0)
    {
      g_set_error (error, MP_ERROR, MP_ERROR_INVALID_ARGUMENT, "“%s” is not a handle", handle);
      return NULL;
    }

  return mp_shared_check (g_object_new (kinds[kind]->get_type (), "handle", handle, NULL), error);
}

/**
 * mp_shared_to_string:
 * @self: a shared object
 *
 * Describes the object's kind and state, for people to read.
 *
 * Returns: (transfer full): the description
 *
 * Since: 0.1
 */
char *
mp_shared_to_string (MpShared *self)
{
  g_return_val_if_fail (MP_IS_SHARED (self), NULL);

  if (mp_shared_get_data (self) == NULL)
    return g_strdup_printf ("<%s unusable>", G_OBJECT_TYPE_NAME (self) + strlen ("Mp"));

  return MP_SHARED_GET_CLASS (self)->to_string (self);
}
