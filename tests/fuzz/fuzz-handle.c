/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fuzz target of handles: the texts by which shared objects travel, in values and outside of
 * them. In the input each byte 0x01 stands for the family's token, which nobody can guess, and each
 * 0x02 for the handle of a queue that exists. So what is behind the check of the token is reached,
 * with places in the memory where no object is.
 *
 * No input may open anything but that queue, and none may leave a lease on it.
 */

#include "config.h"

#include <stdint.h>
#include <string.h>

#include "mproc/base/mp-error.h"
#include "mproc/base/mp-payload.h"
#include "mproc/channel/mp-queue.h"
#include "mproc/memory/mp-shared.h"

#define TOKEN 1
#define HANDLE 2
#define MAX_SIZE 4096

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static MpQueue *queue;
static char *handle;

static void
begin (void)
{
  g_autoptr (GError) error = NULL;

  if (queue != NULL)
    return;

  queue = mp_queue_new (0, &error);
  g_assert_no_error (error);
  handle = mp_shared_get_handle (MP_SHARED (queue));
}

static GString *
fill_in (const uint8_t *data,
         size_t         size)
{
  GString *text = g_string_sized_new (size);

  for (size_t i = 0; i < MIN (size, MAX_SIZE); i++)
    if (data[i] == TOKEN)
      g_string_append (text, strrchr (handle, ':') + 1);
    else if (data[i] == HANDLE)
      g_string_append (text, handle);
    else
      g_string_append_c (text, (char) data[i]);

  return text;
}

static void
check_opened (MpShared     *opened,
              const GError *error)
{
  if (opened == NULL)
    {
      g_assert_true (error->domain == MP_ERROR);
      g_assert_true (error->code == MP_ERROR_INVALID_ARGUMENT ||
                     error->code == MP_ERROR_INVALID_DATA ||
                     error->code == MP_ERROR_NO_SUCH_OBJECT);
    }
  else
    {
      g_autofree char *its = mp_shared_get_handle (opened);

      g_assert_no_error (error);
      g_assert_true (MP_IS_QUEUE (opened));
      g_assert_cmpstr (its, ==, handle);
    }
}

static void
open_text (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) opened = mp_shared_open (text, &error);

  check_opened (opened, error);
}

/* As what stands for a shared object in a value. */
static void
open_variant (const GString *text)
{
  GVariant *inner = g_utf8_validate (text->str, (gssize) text->len, NULL)
                      ? g_variant_new_string (text->str)
                      : g_variant_new_bytestring (text->str);
  g_autoptr (GVariant) value =
    g_variant_ref_sink (g_variant_new ("m(sv)", TRUE, "mp.object", inner));
  g_autoptr (MpPayload) payload = mp_payload_new_variant (value);
  g_autoptr (GError) error = NULL;
  g_autoptr (MpShared) opened = mp_shared_from_variant (value, &error);

  check_opened (opened, error);
  for (MpEncoding to = MP_ENCODING_VARIANT; to <= MP_ENCODING_BYTES; to++)
    {
      g_autoptr (MpPayload) converted = mp_payload_convert (payload, to, NULL);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  g_autoptr (GString) text = NULL;

  begin ();
  text = fill_in (data, size);
  open_text (text->str);
  open_variant (text);

  return 0;
}
