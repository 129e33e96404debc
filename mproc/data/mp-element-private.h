/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Reading, writing and atomically changing one element somewhere in shared memory.
 *
 * Every access is one atomic instruction of the element's size, or a loop around a
 * compare-and-swap: there is no lock that could be held by the dead, and no half-written number.
 */

#pragma once

#include "mproc/data/mp-element.h"

G_BEGIN_DECLS

typedef enum {
  MP_NUMBER_INT,
  MP_NUMBER_UINT,
  MP_NUMBER_DOUBLE,
  MP_NUMBER_BOOLEAN,            /* in u */
} MpNumberKind;

/* A number on its way in or out. */
typedef struct {
  MpNumberKind kind;
  union {
    gint64  i;
    guint64 u;
    double  d;
  };
} MpNumber;

typedef enum {
  MP_COMBINE_AND,
  MP_COMBINE_OR,
  MP_COMBINE_XOR,
} MpCombine;

gboolean    mp_element_type_check       (MpElementType    type,
                                         GError         **error);
const char *mp_element_type_name        (MpElementType    type);

/* Numbers to and from what callers have. An @error that is set says what does not fit. */
gint64      mp_number_to_int64          (const MpNumber  *number,
                                         GError         **error);
guint64     mp_number_to_uint64         (const MpNumber  *number,
                                         GError         **error);
double      mp_number_to_double         (const MpNumber  *number);
GVariant   *mp_number_to_variant        (const MpNumber  *number);
gboolean    mp_number_from_variant      (GVariant        *variant,
                                         MpNumber        *number,
                                         GError         **error);

MpNumber    mp_element_load             (MpElementType    type,
                                         gconstpointer    at);
gboolean    mp_element_store            (MpElementType    type,
                                         gpointer         at,
                                         MpNumber         number,
                                         GError         **error);

/* Atomic changes. They return what was there before; elements of unsigned 64 bits come and go as
 * their bits. The integer ones refuse floats, and the other way round. */
gint64      mp_element_add              (MpElementType    type,
                                         gpointer         at,
                                         gint64           amount,
                                         GError         **error);
double      mp_element_add_double       (MpElementType    type,
                                         gpointer         at,
                                         double           amount,
                                         GError         **error);
gint64      mp_element_combine          (MpElementType    type,
                                         gpointer         at,
                                         MpCombine        how,
                                         gint64           bits,
                                         GError         **error);
gint64      mp_element_exchange         (MpElementType    type,
                                         gpointer         at,
                                         gint64           number,
                                         GError         **error);
double      mp_element_exchange_double  (MpElementType    type,
                                         gpointer         at,
                                         double           number,
                                         GError         **error);
gboolean    mp_element_compare_and_set  (MpElementType    type,
                                         gpointer         at,
                                         gint64           expected,
                                         gint64           desired,
                                         GError         **error);
gboolean    mp_element_compare_and_set_double
                                        (MpElementType    type,
                                         gpointer         at,
                                         double           expected,
                                         double           desired,
                                         GError         **error);

G_END_DECLS
