/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What must hold for any bytes at all, given to the transcoders as any encoding. The tests with
 * broken input and the fuzzer share it. A violation aborts.
 */

#pragma once

#include <string.h>

#include "mproc/base/mp-transcode-private.h"

/* A failed call must tell why, with one of the errors that are documented. */
static inline GBytes *
transcode_checked (MpEncoding    from,
                   GBytes       *bytes,
                   MpEncoding    to)
{
  g_autoptr (GError) error = NULL;
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  GBytes *result = mp_transcode (from, data, size, to, &error);

  if (result == NULL)
    {
      g_assert_true (error->domain == MP_ERROR);
      g_assert_true (error->code == MP_ERROR_NOT_PLAIN || error->code == MP_ERROR_INVALID_DATA);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
  else
    g_assert_no_error (error);

  return result;
}

static inline void
transcode_check_normal (GBytes *variant)
{
  g_autoptr (GVariant) box = g_variant_new_from_bytes (G_VARIANT_TYPE_VARIANT, variant, FALSE);

  g_variant_ref_sink (box);
  g_assert_true (g_variant_is_normal_form (box));
}

/* Output in GVariant form must be normal and survive further conversions. */
static inline void
transcode_check_variant (GBytes *variant)
{
  g_autoptr (GBytes) pickle = NULL, json = NULL, again = NULL, once_more = NULL;

  transcode_check_normal (variant);

  /* JSON can hold all that a GVariant made by us holds but arrays; Python lacks some keys. */
  json = transcode_checked (MP_ENCODING_VARIANT, variant, MP_ENCODING_JSON);
  if (json == NULL)
    g_assert_nonnull (memmem (g_bytes_get_data (variant, NULL), g_bytes_get_size (variant),
                              "mp.ndarray", strlen ("mp.ndarray")));
  pickle = transcode_checked (MP_ENCODING_VARIANT, variant, MP_ENCODING_PICKLE);
  if (pickle == NULL)
    return;

  again = transcode_checked (MP_ENCODING_PICKLE, pickle, MP_ENCODING_VARIANT);
  g_assert_nonnull (again);
  once_more = transcode_checked (MP_ENCODING_VARIANT, again, MP_ENCODING_PICKLE);
  g_assert_nonnull (once_more);
  g_assert_true (g_bytes_equal (pickle, once_more));
}

/* JSON is text up to the NUL, if there is one, behind which bytes are attached. */
static inline void
transcode_check_json (GBytes *json)
{
  gsize size;
  const char *text = g_bytes_get_data (json, &size);

  g_assert_true (g_utf8_validate (text, strnlen (text, size), NULL));
}

static inline void
transcode_check_expected (MpEncoding  from,
                          GBytes     *bytes)
{
  static const char * const types[] = {
    "ax", "ad", "as", "ay", "a{sv}", "a{xv}", "av", "(xs)", "mx", "a(sd)", "aa{sx}", "m(sv)", "v",
    "a{s(ybnqiuxtd)}", "()", "*", "a*",
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) value = NULL;
      const GVariantType *type = G_VARIANT_TYPE (types[i]);

      value = mp_transcode_to_variant (from, bytes, type, &error);
      g_assert_true ((value == NULL) == (error != NULL));
      if (value == NULL)
        continue;
      g_assert_true (g_variant_is_of_type (value, type));
      if (from != MP_ENCODING_VARIANT)
        g_assert_true (g_variant_is_normal_form (value));
    }
}

static inline void
transcode_check (MpEncoding    from,
                 gconstpointer data,
                 gsize         size)
{
  /* A copy of exactly this size, so that a sanitizer sees what lies behind it. */
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GBytes) canonical = NULL;
  g_autoptr (GVariant) value = NULL;

  for (MpEncoding to = MP_ENCODING_VARIANT; to <= MP_ENCODING_BYTES; to++)
    {
      g_autoptr (GBytes) result = transcode_checked (from, bytes, to);

      if (to == MP_ENCODING_VARIANT && from != to && result != NULL)
        transcode_check_variant (result);
      if (to == MP_ENCODING_JSON && result != NULL && from != to)
        transcode_check_json (result);
    }

  canonical = mp_transcode_canonical (from, g_bytes_get_data (bytes, NULL), size, NULL);
  if (canonical != NULL)
    {
      g_autoptr (GBytes) again = mp_transcode_canonical (MP_ENCODING_VARIANT,
                                                         g_bytes_get_data (canonical, NULL),
                                                         g_bytes_get_size (canonical), NULL);

      if (again != NULL)
        g_assert_true (g_bytes_equal (canonical, again));

      /* What was read may be trusted. */
      if (from == MP_ENCODING_VARIANT)
        transcode_check_normal (bytes);
    }

  transcode_check_expected (from, bytes);
  value = mp_transcode_to_variant (from, bytes, NULL, NULL);
  if (value != NULL)
    g_free (g_variant_print (value, TRUE));
}
