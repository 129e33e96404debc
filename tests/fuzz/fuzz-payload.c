/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fuzz target of MpPayload, through its public functions: an encoding (one byte), the type that
 * a reader expects (a type string that ends with a NUL), and the value.
 *
 * The value is converted to every encoding, what comes out to every encoding again, and each of
 * these payloads is read as a GVariant of the expected type and of none.
 */

#include "config.h"

#include <stdint.h>
#include <string.h>

#include "mproc/base/mp-payload.h"

#define MAX_TYPE 40

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_error (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (error->domain == MP_ERROR);
  g_assert_true (error->code == MP_ERROR_NOT_PLAIN || error->code == MP_ERROR_INVALID_DATA);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
read_as (MpPayload  *payload,
         const char *type)
{
  const GVariantType *expected = type[0] != '\0' ? G_VARIANT_TYPE (type) : NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = mp_payload_get_variant (payload, expected, &error);
  g_autoptr (MpPayload) again = NULL;

  if (value == NULL)
    {
      check_error (error);
      return;
    }

  g_assert_no_error (error);
  g_assert_true (expected == NULL || g_variant_is_of_type (value, expected));
  g_free (g_variant_print (value, TRUE));
  again = mp_payload_new_variant (value);
  g_assert_cmpint (mp_payload_get_encoding (again), ==, MP_ENCODING_VARIANT);
}

/* @left: how often what comes out is converted once more. */
static void
convert (MpPayload  *payload,
         const char *type,
         int         left)
{
  read_as (payload, "");
  read_as (payload, type);
  if (left == 0)
    return;

  for (MpEncoding to = MP_ENCODING_VARIANT; to <= MP_ENCODING_BYTES; to++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (MpPayload) converted = NULL;

      if (to == mp_payload_get_encoding (payload) && left < 2)
        continue;
      converted = mp_payload_convert (payload, to, &error);
      if (converted == NULL)
        {
          check_error (error);
          continue;
        }
      g_assert_cmpint (mp_payload_get_encoding (converted), ==, to);
      convert (converted, type, left - 1);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  const uint8_t *end = size > 1 ? memchr (data + 1, '\0', MIN (size - 1, MAX_TYPE)) : NULL;
  g_autoptr (MpPayload) payload = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const char *type;

  if (end == NULL)
    return 0;

  /* The length that the check takes is that without the NUL. */
  type = g_variant_type_string_is_valid ((const char *) data + 1) ? (const char *) data + 1 : "";
  bytes = g_bytes_new (end + 1, size - (gsize) (end + 1 - data));
  payload = mp_payload_new (MP_ENCODING_VARIANT + data[0] % 4, bytes);
  convert (payload, type, 2);

  return 0;
}
