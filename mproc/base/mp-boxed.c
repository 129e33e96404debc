/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Bytes and moments as the GVariants that doc/values.md has for them. Nothing here keeps state.
 *
 * A moment goes as text with microseconds and an offset. It is written and read by the same
 * functions that the transcoders use, so that what one language has written is the same moment for
 * all; GLib's own reader takes the fraction of a second through a double.
 */

#include "config.h"

#include "mproc/base/mp-boxed.h"

#include <string.h>

#include "mproc/base/mp-plain-private.h"

#define DATE_TAG "mp.datetime"

/**
 * mp_bytes_to_variant:
 * @bytes: bytes
 *
 * Makes the value that bytes are in all languages, of the type `ay`, without copying them.
 *
 * Returns: (transfer floating): the value
 *
 * Since: 0.1
 */
GVariant *
mp_bytes_to_variant (GBytes *bytes)
{
  g_return_val_if_fail (bytes != NULL, NULL);

  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

/**
 * mp_bytes_from_variant:
 * @value: a value of the type `ay`
 * @error: return location for an error
 *
 * Gives the bytes that a value is, without copying them. While they are held, so is the message
 * in which they came.
 *
 * Errors: [error@Mp.Error.INVALID_DATA] if the value is of another type.
 *
 * Returns: (transfer full): the bytes
 *
 * Since: 0.1
 */
GBytes *
mp_bytes_from_variant (GVariant  *value,
                       GError   **error)
{
  g_return_val_if_fail (value != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    return g_variant_get_data_as_bytes (value);

  g_set_error (error, MP_ERROR, MP_ERROR_INVALID_DATA, "The value is no bytes, but of the type %s",
               g_variant_get_type_string (value));
  return NULL;
}

/**
 * mp_date_time_to_variant:
 * @date_time: a moment with a zone
 *
 * Makes the value that a moment is in all languages: a `datetime` in Python, a `Date` in
 * JavaScript. Of the zone the offset goes along, its name does not.
 *
 * Returns: (transfer floating): the value
 *
 * Since: 0.1
 */
GVariant *
mp_date_time_to_variant (GDateTime *date_time)
{
  char text[MP_ISO8601_SIZE];
  MpPlainValue moment = { .kind = MP_PLAIN_DATETIME };
  g_autofree char *copy = NULL;
  gint64 offset;

  g_return_val_if_fail (date_time != NULL, NULL);

  offset = g_date_time_get_utc_offset (date_time) / G_USEC_PER_SEC;
  moment.as.i = g_date_time_to_unix (date_time) * G_USEC_PER_SEC +
                g_date_time_get_microsecond (date_time);
  moment.length = (guint32) (gint32) offset;
  copy = g_strndup (text, mp_plain_iso8601 (moment, text));

  return g_variant_new_maybe (NULL, g_variant_new ("(sv)", DATE_TAG, g_variant_new_string (copy)));
}

/* The text of a moment, or NULL. */
static char *
get_text (GVariant *value)
{
  g_autoptr (GVariant) pair = NULL;
  g_autoptr (GVariant) content = NULL;
  const char *tag = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("m(sv)")))
    pair = g_variant_get_maybe (value);
  if (pair == NULL)
    return NULL;

  g_variant_get (pair, "(&sv)", &tag, &content);
  return strcmp (tag, DATE_TAG) == 0 && g_variant_is_of_type (content, G_VARIANT_TYPE_STRING)
         ? g_variant_dup_string (content, NULL) : NULL;
}

static GDateTime *
make_date_time (MpPlainValue moment)
{
  gint32 offset = (gint32) moment.length;
  g_autoptr (GTimeZone) zone = offset == 0 ? g_time_zone_new_utc ()
                                           : g_time_zone_new_offset (offset);
  gint64 seconds = moment.as.i / G_USEC_PER_SEC;
  gint64 fraction = moment.as.i % G_USEC_PER_SEC;
  g_autoptr (GDateTime) start = NULL;
  g_autoptr (GDateTime) exact = NULL;

  start = g_date_time_new_from_unix_utc (seconds - (fraction < 0));
  if (start != NULL)
    exact = g_date_time_add (start, fraction + (fraction < 0 ? G_USEC_PER_SEC : 0));

  return exact != NULL ? g_date_time_to_timezone (exact, zone) : NULL;
}

/**
 * mp_date_time_from_variant:
 * @value: a value that was made by [func@Mp.date_time_to_variant], or by a moment of another
 *   language
 * @error: return location for an error
 *
 * Gives the moment that a value stands for, with the offset from UTC that it was written with.
 *
 * Errors: [error@Mp.Error.INVALID_DATA] if the value stands for no moment, or for one outside of
 * the years 1 to 9999.
 *
 * Returns: (transfer full): the moment
 *
 * Since: 0.1
 */
GDateTime *
mp_date_time_from_variant (GVariant  *value,
                           GError   **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GDateTime) date_time = NULL;
  gsize length;
  MpPlain *plain;

  g_return_val_if_fail (value != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  text = get_text (value);
  length = text != NULL ? strlen (text) : 0;
  plain = mp_plain_open (text, length);
  if (text != NULL && mp_plain_push_iso8601 (plain, text, length))
    date_time = make_date_time (plain->stack[0]);
  mp_plain_close (plain);
  if (date_time == NULL)
    g_set_error_literal (error, MP_ERROR, MP_ERROR_INVALID_DATA, "The value stands for no moment");

  return g_steal_pointer (&date_time);
}
