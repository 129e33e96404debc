/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Which numbers fit which type of GVariant, and how they are stored there: only if nothing is lost.
 */

#include "config.h"

#include "mproc/base/mp-variant-number-private.h"

/* Whether an integer is in the range of the type; *@bits are then its low bytes. */
static gboolean
integer_fits (MpPlainValue  value,
              char          kind,
              guint64      *bits)
{
  gint64 i = value.as.i;

  *bits = value.as.u;
  if (value.kind == MP_PLAIN_UINT)
    return kind == 't';
  if (value.kind != MP_PLAIN_INT)
    return FALSE;

  switch (kind)
    {
    case 'y':
      return i >= 0 && i <= G_MAXUINT8;
    case 'n':
      return i >= G_MININT16 && i <= G_MAXINT16;
    case 'q':
      return i >= 0 && i <= G_MAXUINT16;
    case 'i':
      return i >= G_MININT32 && i <= G_MAXINT32;
    case 'u':
      return i >= 0 && i <= G_MAXUINT32;
    case 'x':
      return TRUE;
    case 't':
      return i >= 0;
    default:
      return FALSE;
    }
}

/* Whether the number is one that a double holds exactly. */
static gboolean
double_fits (MpPlainValue  value,
             double       *number)
{
  const double limit = 18446744073709551616.0;

  if (value.kind == MP_PLAIN_DOUBLE)
    *number = value.as.d;
  else if (value.kind == MP_PLAIN_INT)
    *number = value.as.i;
  else if (value.kind == MP_PLAIN_UINT)
    *number = value.as.u;

  if (value.kind == MP_PLAIN_INT)
    return *number < limit / 2 && (gint64) *number == value.as.i;
  if (value.kind == MP_PLAIN_UINT)
    return *number < limit && (guint64) *number == value.as.u;
  return value.kind == MP_PLAIN_DOUBLE;
}

/* Stores a number of a basic type at @target; FALSE if it does not fit. */
gboolean
mp_variant_store_number (MpPlainValue         value,
                         const MpVariantType *layout,
                         guint8              *target)
{
  guint64 bits;
  double number = 0;

  if (layout->kind == 'd')
    {
      if (!double_fits (value, &number))
        return FALSE;
      memcpy (target, &number, sizeof number);
      return TRUE;
    }
  if (layout->kind == 'b')
    {
      *target = value.as.i;
      return value.kind == MP_PLAIN_BOOL;
    }

  if (!integer_fits (value, layout->kind, &bits))
    return FALSE;
#if G_BYTE_ORDER == G_BIG_ENDIAN
  bits <<= 64 - 8 * layout->fixed;
#endif
  memcpy (target, &bits, layout->fixed);
  return TRUE;
}

/* The same for a row of them; if one does not fit, *@misfit is its index. */
gboolean
mp_variant_store_numbers (const MpPlainValue  *values,
                          gsize                count,
                          const MpVariantType *layout,
                          guint8              *target,
                          gsize               *misfit)
{
  gsize i = 0;

  if (layout->kind == 'x')
    for (; i < count && values[i].kind == MP_PLAIN_INT; i++)
      memcpy (target + 8 * i, &values[i].as.i, 8);
  else if (layout->kind == 'd')
    for (; i < count && values[i].kind == MP_PLAIN_DOUBLE; i++)
      memcpy (target + 8 * i, &values[i].as.d, 8);

  for (; i < count; i++)
    if (!mp_variant_store_number (values[i], layout, target + i * layout->fixed))
      {
        *misfit = i;
        return FALSE;
      }

  return TRUE;
}
