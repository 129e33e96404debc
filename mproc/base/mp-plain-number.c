/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Integers beyond 64 bits and moments in time, as the encodings write them.
 *
 * A big integer is decimal text in the tree, because two of three encodings want it so; Python
 * has it as two's complement, little end first. Both conversions are quadratic, which is why the
 * number of digits is limited. Dates are of the Gregorian calendar, years 1 to 9999.
 */

#include "config.h"

#include "mproc/base/mp-plain-private.h"

#define LIMB 1000000000u              /* nine decimal digits in one 32-bit number */
#define MAX_LONG (MP_PLAIN_MAX_DIGITS * 5 / 12)       /* bytes; a little more than they fill */
#define MAX_LIMBS (MAX_LONG * 3 / 11)                 /* 2.41 digits a byte, nine a limb */
#define DAY_SECONDS 86400
#define SECOND_US G_GINT64_CONSTANT (1000000)

static gboolean
too_large (MpPlain *self)
{
  return mp_plain_fail (self, MP_ERROR_NOT_PLAIN, "An integer of more than %d digits",
                        MP_PLAIN_MAX_DIGITS);
}

/* limbs = limbs * 2^32 + word; returns the new number of limbs. */
static gsize
multiply_add (guint32 *limbs,
              gsize    n,
              guint32  word)
{
  guint64 carry = word;

  for (gsize i = 0; i < n; i++)
    {
      carry += (guint64) limbs[i] << 32;
      limbs[i] = carry % LIMB;
      carry /= LIMB;
    }
  for (; carry > 0; carry /= LIMB)
    limbs[n++] = carry % LIMB;

  return n;
}

/* Byte @i of the number without its sign: of its two's complement if it is negative. */
static inline guint8
magnitude_byte (const guint8 *bytes,
                gsize         i,
                gboolean      negative,
                gsize         lowest)
{
  if (!negative || i < lowest)
    return bytes[i];
  return i == lowest ? -bytes[i] : ~bytes[i];
}

/* Fills @limbs with the absolute value; returns their number. */
static gsize
long_to_limbs (const guint8 *bytes,
               gsize         size,
               gboolean      negative,
               guint32      *limbs)
{
  gsize n = 0, lowest = 0;

  while (lowest < size && bytes[lowest] == 0)
    lowest++;
  for (gsize word = (size + 3) / 4; word-- > 0;)
    {
      guint32 value = 0;

      for (gsize i = MIN (word * 4 + 4, size); i-- > word * 4;)
        value = value << 8 | magnitude_byte (bytes, i, negative, lowest);
      n = multiply_add (limbs, n, value);
    }

  return n;
}

static gboolean
push_big (MpPlain      *self,
          const guint8 *bytes,
          gsize         size,
          gboolean      negative)
{
  guint32 limbs[MAX_LIMBS];
  gsize n = long_to_limbs (bytes, size, negative, limbs);
  gsize start = self->n_scratch;
  char *text = (char *) mp_plain_scratch (self, n * 9 + 2);
  gsize length;

  if (text == NULL)
    return FALSE;

  length = g_snprintf (text, 12, "%s%u", negative ? "-" : "", n > 0 ? limbs[n - 1] : 0);
  for (gsize i = n; i-- > 1; length += 9)
    {
      guint32 limb = limbs[i - 1];

      for (guint digit = 9; digit-- > 0; limb /= 10)
        text[length + digit] = '0' + limb % 10;
    }
  self->n_scratch = start + length;
  if (length - negative > MP_PLAIN_MAX_DIGITS)
    return too_large (self);

  return mp_plain_push_data (self, MP_PLAIN_BIGINT, start, length, MP_PLAIN_SCRATCH);
}

/* Pushes the integer that Python's LONG1 and LONG4 write. */
gboolean
mp_plain_push_long (MpPlain      *self,
                    const guint8 *little_endian,
                    gsize         size)
{
  gboolean negative = size > 0 && (little_endian[size - 1] & 0x80);
  guint8 fill = negative ? 0xff : 0;
  guint64 low = negative ? G_MAXUINT64 : 0;
  gsize used = size;

  while (used > 0 && little_endian[used - 1] == fill)
    used--;
  for (gsize i = MIN (used, 8); i-- > 0;)
    low = low << 8 | little_endian[i];

  if (used < 8 || (used == 8 && !negative))
    return negative ? mp_plain_push_simple (self, MP_PLAIN_INT, (gint64) low)
                    : mp_plain_push_unsigned (self, low);
  if (used == 8 && (low >> 63))
    return mp_plain_push_simple (self, MP_PLAIN_INT, (gint64) low);
  if (used > MAX_LONG)
    return too_large (self);

  /* One byte of the sign's fill, if there was any, so that the number is not taken for another. */
  return push_big (self, little_endian, MIN (used + 1, size), negative);
}

static gboolean
all_digits (const char *text,
            gsize       length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isdigit (text[i]))
      return FALSE;

  return length > 0;
}

/* Pushes the integer that the decimal text says: digits, perhaps with a minus before them. */
gboolean
mp_plain_push_decimal (MpPlain    *self,
                       const char *digits,
                       gsize       length)
{
  gboolean negative = length > 0 && digits[0] == '-';
  gsize start = self->n_scratch, i = negative;
  guint64 value = 0;
  gboolean fits = TRUE;
  guint8 *copy;

  if (!all_digits (digits + negative, length - negative))
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA, "A big integer is not decimal");

  while (i < length && digits[i] == '0')
    i++;
  if (length - i > MP_PLAIN_MAX_DIGITS)
    return too_large (self);

  for (gsize j = i; j < length && fits; j++)
    fits = g_uint64_checked_mul (&value, value, 10) &&
           g_uint64_checked_add (&value, value, digits[j] - '0');
  if (fits && !negative)
    return mp_plain_push_unsigned (self, value);
  if (fits && value <= (guint64) 1 << 63)
    return mp_plain_push_simple (self, MP_PLAIN_INT, (gint64) -value);

  copy = mp_plain_scratch (self, length - i + negative);
  if (copy == NULL)
    return FALSE;
  if (negative)
    copy[0] = '-';
  memcpy (copy + negative, digits + i, length - i);
  return mp_plain_push_data (self, MP_PLAIN_BIGINT, start, length - i + negative,
                             MP_PLAIN_SCRATCH);
}

/* Writes the two's complement of the decimal text, little end first; @little_endian has room for
 * @length bytes. Returns their number. */
gsize
mp_decimal_to_long (const char *digits,
                    gsize       length,
                    guint8     *little_endian)
{
  gboolean negative = digits[0] == '-';
  gsize n = 0, i = negative;
  guint carry = 1;

  while (i < length)
    {
      guint64 add = 0, factor = 1;

      for (guint k = 0; k < 9 && i < length; k++, factor *= 10)
        add = add * 10 + (digits[i++] - '0');
      for (gsize b = 0; b < n; b++, add >>= 8)
        {
          add += little_endian[b] * factor;
          little_endian[b] = add & 0xff;
        }
      for (; add > 0; add >>= 8)
        little_endian[n++] = add & 0xff;
    }
  if (n == 0 || (little_endian[n - 1] & 0x80))
    little_endian[n++] = 0;

  for (gsize b = 0; negative && b < n; b++, carry >>= 8)
    {
      carry += (guint8) ~little_endian[b];
      little_endian[b] = carry & 0xff;
    }

  return n;
}

/* The days from 1970-01-01 to the date. Years are counted from March, so that the leap day is
 * the last of its year. */
gint64
mp_date_to_days (int year,
                 int month,
                 int day)
{
  gint64 y = month > 2 ? year : year - 1;
  int m = month > 2 ? month - 3 : month + 9;

  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

/* The reverse; @days from year 1 to 9999. */
void
mp_days_to_date (gint64  days,
                 int    *year,
                 int    *month,
                 int    *day)
{
  gint64 y = (days + 719468) * 400 / 146097;
  gint64 rest;
  int m;

  /* The estimate may be one too many or too few. */
  while (mp_date_to_days (y + 1, 3, 1) <= days)
    y++;
  while (mp_date_to_days (y, 3, 1) > days)
    y--;

  rest = days - mp_date_to_days (y, 3, 1);
  m = (5 * rest + 2) / 153;
  *day = rest - (153 * m + 2) / 5 + 1;
  *month = m < 10 ? m + 3 : m - 9;
  *year = *month > 2 ? y : y + 1;
}

/* Pushes a moment; its local time must be within the years 1 to 9999. */
gboolean
mp_plain_push_time (MpPlain *self,
                    gint64   microseconds,
                    gint64   offset)
{
  gint64 local = microseconds + offset * SECOND_US;
  gint64 limit = DAY_SECONDS * SECOND_US;

  if (offset <= -DAY_SECONDS || offset >= DAY_SECONDS ||
      local < mp_date_to_days (1, 1, 1) * limit || local >= mp_date_to_days (10000, 1, 1) * limit)
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA,
                          "A date-time is outside the years 1 to 9999");

  return mp_plain_push (self, (MpPlainValue) { .kind = MP_PLAIN_DATETIME, .as.i = microseconds,
                                               .length = (guint32) (gint32) offset });
}

/* Reads @count digits at *@text; -1 if there are not that many. */
static int
take_digits (const char **text,
             const char  *end,
             int          count)
{
  int value = 0;

  if (end - *text < count)
    return -1;
  for (; count > 0; count--, (*text)++)
    {
      if (!g_ascii_isdigit (**text))
        return -1;
      value = value * 10 + (**text - '0');
    }

  return value;
}

static gboolean
take_char (const char **text,
           const char  *end,
           char         c)
{
  if (*text == end || **text != c)
    return FALSE;
  (*text)++;
  return TRUE;
}

/* "Z", "+hh:mm" or "+hh:mm:ss", in seconds east of Greenwich. */
static gboolean
take_offset (const char **text,
             const char  *end,
             int         *offset)
{
  gboolean west = FALSE;
  int hours, minutes, seconds = 0;

  *offset = 0;
  if (take_char (text, end, 'Z'))
    return TRUE;
  if (!take_char (text, end, '+') && !(west = take_char (text, end, '-')))
    return FALSE;

  hours = take_digits (text, end, 2);
  if (hours < 0 || hours > 23 || !take_char (text, end, ':'))
    return FALSE;
  minutes = take_digits (text, end, 2);
  if (take_char (text, end, ':'))
    seconds = take_digits (text, end, 2);
  if (minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59)
    return FALSE;

  *offset = (hours * 60 + minutes) * 60 + seconds;
  if (west)
    *offset = -*offset;
  return TRUE;
}

/* "hh:mm:ss" with up to six digits behind a point, in microseconds. */
static gboolean
take_time (const char **text,
           const char  *end,
           gint64      *microseconds)
{
  int hour, minute, second, fraction = 0, scale = 1000000;

  hour = take_digits (text, end, 2);
  if (hour < 0 || hour > 23 || !take_char (text, end, ':'))
    return FALSE;
  minute = take_digits (text, end, 2);
  if (minute < 0 || minute > 59 || !take_char (text, end, ':'))
    return FALSE;
  second = take_digits (text, end, 2);
  if (second < 0 || second > 59)
    return FALSE;
  if (take_char (text, end, '.'))
    {
      while (*text < end && g_ascii_isdigit (**text) && scale > 1)
        fraction += (*(*text)++ - '0') * (scale /= 10);
      if (scale == 1000000)
        return FALSE;
    }

  *microseconds = ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction;
  return TRUE;
}

/* Pushes the moment that an ISO 8601 text with zone says. */
gboolean
mp_plain_push_iso8601 (MpPlain    *self,
                       const char *text,
                       gsize       length)
{
  const char *end = text + length;
  int year, month = 0, day = 0, offset;
  gint64 time;

  year = take_digits (&text, end, 4);
  if (year > 0 && take_char (&text, end, '-'))
    month = take_digits (&text, end, 2);
  if (month > 0 && take_char (&text, end, '-'))
    day = take_digits (&text, end, 2);
  if (year < 1 || !g_date_valid_dmy (MAX (day, 0), CLAMP (month, 0, 13), year) ||
      !take_char (&text, end, 'T') || !take_time (&text, end, &time) ||
      !take_offset (&text, end, &offset) || text != end)
    return mp_plain_fail (self, MP_ERROR_INVALID_DATA,
                          "A date-time is not ISO 8601 with a zone");

  time += (mp_date_to_days (year, month, day) * DAY_SECONDS - offset) * SECOND_US;
  return mp_plain_push_time (self, time, offset);
}

/* Writes the date-time into MP_ISO8601_SIZE bytes at @buffer; returns the length. */
gsize
mp_plain_iso8601 (MpPlainValue  value,
                  char         *buffer)
{
  gint32 offset = (gint32) value.length;
  gint64 local = value.as.i + offset * SECOND_US;
  gint64 day_us = DAY_SECONDS * SECOND_US;
  gint64 days = local / day_us - (local % day_us < 0);
  gint64 time = local - days * day_us;
  int seconds = time / SECOND_US, fraction = time % SECOND_US, east = ABS (offset);
  int year, month, day;
  gsize n;

  mp_days_to_date (days, &year, &month, &day);
  n = g_snprintf (buffer, MP_ISO8601_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
                  seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction != 0)
    n += g_snprintf (buffer + n, MP_ISO8601_SIZE - n, ".%06d", fraction);
  if (offset == 0)
    n += g_snprintf (buffer + n, MP_ISO8601_SIZE - n, "Z");
  else
    n += g_snprintf (buffer + n, MP_ISO8601_SIZE - n, "%c%02d:%02d", offset < 0 ? '-' : '+',
                     east / 3600, east / 60 % 60);
  if (east % 60 != 0)
    n += g_snprintf (buffer + n, MP_ISO8601_SIZE - n, ":%02d", east % 60);

  return n;
}
