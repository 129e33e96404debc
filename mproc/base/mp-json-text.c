/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Numbers and base64 in JSON text, both ways.
 *
 * A double is written with enough digits to read back as the same double, and always so that it
 * reads back as one: 1.0 is "1.0", since "1" would be an integer. Most doubles that people write
 * have few decimals; for them one multiplication and one division, both exact where it matters,
 * give the short text. The others get 17 digits, which is faster than a search for fewer.
 */

#include "config.h"

#include "mproc/base/mp-json-private.h"

#include <math.h>

#define EXACT_POWER 22      /* 10^22 is the largest power of ten that a double holds exactly */

static const char base64_digits[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const double powers[EXACT_POWER + 1] = {
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
};

/* A number as it is written: digits, where the point was, and the exponent. */
typedef struct {
  gboolean negative;
  gboolean integral;       /* neither point nor exponent */
  gboolean exact;          /* @mantissa holds all digits */
  guint64  mantissa;
  int      exponent;
} JsonNumber;

static const guint8 *
scan_digits (JsonNumber   *number,
             const guint8 *text,
             const guint8 *end)
{
  for (; text < end && g_ascii_isdigit (*text); text++)
    number->exact = number->exact &&
                    g_uint64_checked_mul (&number->mantissa, number->mantissa, 10) &&
                    g_uint64_checked_add (&number->mantissa, number->mantissa, *text - '0');

  return text;
}

static const guint8 *
scan_exponent (JsonNumber   *number,
               const guint8 *text,
               const guint8 *end)
{
  gboolean negative;
  const guint8 *start;
  int exponent = 0;

  if (++text < end && (*text == '+' || *text == '-'))
    text++;
  negative = text[-1] == '-';
  for (start = text; text < end && g_ascii_isdigit (*text); text++)
    exponent = MIN (exponent * 10 + (*text - '0'), 100000);

  number->exponent += negative ? -exponent : exponent;
  return text > start ? text : NULL;
}

/* Follows the grammar of JSON; returns the end of the number, or NULL. */
static const guint8 *
scan_number (JsonNumber   *number,
             const guint8 *text,
             const guint8 *end)
{
  const guint8 *start;

  *number = (JsonNumber) { .integral = TRUE, .exact = TRUE };
  if (text < end && *text == '-')
    {
      number->negative = TRUE;
      text++;
    }

  start = text;
  text = scan_digits (number, text, end);
  if (text == start || (*start == '0' && text > start + 1))
    return NULL;
  if (text < end && *text == '.')
    {
      number->integral = FALSE;
      start = ++text;
      text = scan_digits (number, text, end);
      if (text == start)
        return NULL;
      number->exponent = -(int) MIN (text - start, 100000);
    }
  if (text < end && (*text == 'e' || *text == 'E'))
    {
      number->integral = FALSE;
      text = scan_exponent (number, text, end);
    }

  return text;
}

/* The general way: GLib's, which is exact but slow and wants a terminated text. */
static gboolean
push_slow_double (MpPlain      *plain,
                  const guint8 *text,
                  gsize         length)
{
  char small[64];
  g_autofree char *large = NULL;
  char *copy = small;
  double number;

  if (length >= sizeof small)
    {
      copy = large = g_try_malloc (length + 1);
      if (copy == NULL)
        return mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for a number");
    }
  memcpy (copy, text, length);
  copy[length] = '\0';

  number = g_ascii_strtod (copy, NULL);
  if (!isfinite (number))
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A number in JSON is out of range");

  return mp_plain_push_double (plain, number);
}

/* Pushes the number that begins at @text: an integer if it is written as one of 64 bits. */
gboolean
mp_json_push_number (MpPlain       *plain,
                     const guint8  *text,
                     const guint8  *end,
                     const guint8 **after)
{
  JsonNumber number;
  guint64 limit;
  double value;

  *after = scan_number (&number, text, end);
  if (*after == NULL)
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "A number in JSON is malformed");

  limit = (guint64) G_MAXINT64 + number.negative;
  if (number.integral && number.exact && number.mantissa <= limit)
    return mp_plain_push_simple (plain, MP_PLAIN_INT,
                                 (gint64) (number.negative ? -number.mantissa
                                                           : number.mantissa));

  if (!number.exact || number.mantissa > (guint64) MP_JSON_SAFE ||
      ABS (number.exponent) > EXACT_POWER)
    return push_slow_double (plain, text, *after - text);

  value = number.mantissa;
  value = number.exponent < 0 ? value / powers[-number.exponent]
                              : value * powers[number.exponent];
  return mp_plain_push_double (plain, number.negative ? -value : value);
}

gboolean
mp_json_put_integer (MpPlainOut *out,
                     guint64     magnitude,
                     gboolean    negative)
{
  char text[24];
  guint i = sizeof text;

  do
    text[--i] = '0' + magnitude % 10;
  while ((magnitude /= 10) > 0);
  if (negative)
    text[--i] = '-';

  return mp_plain_out_bytes (out, text + i, sizeof text - i);
}

/* Writes a double of few decimals; sets *@done if it is one. */
static gboolean
put_short_double (MpPlainOut *out,
                  double      number,
                  gboolean   *done)
{
  char decimals[10];
  double magnitude = fabs (number);

  *done = FALSE;
  if (!(magnitude < 1e9) || (magnitude < 1e-6 && magnitude > 0))
    return TRUE;

  for (guint n = 1; n <= 6; n++)
    {
      /* Below 2^53, so the rounded product is exact, and so is the quotient of two exact ones. */
      guint64 scaled = (guint64) (magnitude * powers[n] + 0.5);
      guint64 whole, rest;

      if (scaled / powers[n] != magnitude)
        continue;

      whole = scaled / (guint64) powers[n];
      rest = scaled % (guint64) powers[n];
      decimals[0] = '.';
      for (guint i = n; i > 0; i--, rest /= 10)
        decimals[i] = '0' + rest % 10;
      *done = TRUE;
      return mp_json_put_integer (out, whole, signbit (number)) &&
             mp_plain_out_bytes (out, decimals, n + 1);
    }

  return TRUE;
}

/* Writes a finite double. */
gboolean
mp_json_put_double (MpPlainOut *out,
                    double      number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  gboolean done;

  if (!put_short_double (out, number, &done) || done)
    return done;

  g_ascii_dtostr (text, sizeof text, number);
  return mp_plain_out_bytes (out, text, strlen (text)) &&
         (strpbrk (text, ".e") != NULL || mp_plain_out_text (out, ".0"));
}

gboolean
mp_json_put_base64 (MpPlainOut   *out,
                    const guint8 *data,
                    gsize         length)
{
  guint8 *space = mp_plain_out_take (out, (length + 2) / 3 * 4);

  if (space == NULL)
    return FALSE;

  for (; length >= 3; length -= 3, data += 3)
    {
      guint32 bits = data[0] << 16 | data[1] << 8 | data[2];

      *space++ = base64_digits[bits >> 18];
      *space++ = base64_digits[bits >> 12 & 63];
      *space++ = base64_digits[bits >> 6 & 63];
      *space++ = base64_digits[bits & 63];
    }
  if (length > 0)
    {
      guint32 bits = data[0] << 16 | (length > 1 ? data[1] << 8 : 0);

      *space++ = base64_digits[bits >> 18];
      *space++ = base64_digits[bits >> 12 & 63];
      *space++ = length > 1 ? base64_digits[bits >> 6 & 63] : '=';
      *space++ = '=';
    }

  return TRUE;
}

/* The value of each digit; 64 for what is none. */
static void
make_base64_values (guint8 *values)
{
  memset (values, 64, 256);
  for (guint i = 0; i < 64; i++)
    values[(guint8) base64_digits[i]] = i;
}

/* Pushes the bytes that the base64 text says, which may lie in the scratch area itself. */
gboolean
mp_json_push_base64 (MpPlain      *plain,
                     const guint8 *text,
                     gsize         length)
{
  g_autofree guint8 *decoded = g_try_malloc (length / 4 * 3 + 1);
  guint padding = length == 0 || text[length - 1] != '=' ? 0 : text[length - 2] != '=' ? 1 : 2;
  gsize n = 0, start = plain->n_scratch;
  guint8 values[256], wrong = length % 4 == 0 ? 0 : 64;
  guint8 *copy;

  if (decoded == NULL)
    return mp_plain_fail (plain, MP_ERROR_FAILED, "There is no memory for bytes");

  make_base64_values (values);
  for (gsize i = 0; i + 4 <= length; i += 4)
    {
      gboolean last = i + 4 == length;
      guint8 a = values[text[i]], b = values[text[i + 1]];
      guint8 c = last && padding > 1 ? 0 : values[text[i + 2]];
      guint8 d = last && padding > 0 ? 0 : values[text[i + 3]];

      wrong |= a | b | c | d;
      decoded[n++] = a << 2 | b >> 4;
      decoded[n++] = b << 4 | c >> 2;
      decoded[n++] = c << 6 | d;
    }
  if (wrong & 64)
    return mp_plain_fail (plain, MP_ERROR_INVALID_DATA, "Bytes in JSON are not base64");

  n -= padding;
  copy = mp_plain_scratch (plain, n);
  if (copy == NULL)
    return FALSE;
  memcpy (copy, decoded, n);
  return mp_plain_push_data (plain, MP_PLAIN_BYTES, start, n, MP_PLAIN_SCRATCH);
}
