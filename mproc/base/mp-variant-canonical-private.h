/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Which GVariant type a plain value canonically has: the one a reader sees who asked for none.
 */

#pragma once

#include "mproc/base/mp-plain-private.h"

G_BEGIN_DECLS

typedef enum {
  MP_CANONICAL_UNKNOWN,      /* not asked yet; as a result: failed */
  MP_CANONICAL_NONE,         /* mv */
  MP_CANONICAL_BOOL,
  MP_CANONICAL_INT,
  MP_CANONICAL_UINT,
  MP_CANONICAL_DOUBLE,
  MP_CANONICAL_STR,
  MP_CANONICAL_BYTES,
  MP_CANONICAL_EXTENSION,    /* m(sv) with a tag */
  MP_CANONICAL_BOOLS,
  MP_CANONICAL_INTS,
  MP_CANONICAL_DOUBLES,
  MP_CANONICAL_STRS,
  MP_CANONICAL_BYTE_STRINGS,
  MP_CANONICAL_VARDICTS,
  MP_CANONICAL_LIST,         /* av */
  MP_CANONICAL_VARDICT,      /* a{sv} */
  MP_CANONICAL_INT_DICT,     /* a{xv} */
  MP_CANONICAL_PAIRS,        /* a(vv), only inside an extension */
  MP_CANONICAL_TUPLE,        /* its own, in the scratch area */
  MP_N_CANONICAL = MP_CANONICAL_TUPLE,
} MpCanonical;

MpCanonical  mp_canonical        (MpPlain      *plain,
                                  MpPlainValue  value);
const char  *mp_canonical_string (MpPlain      *plain,
                                  MpPlainValue  value,
                                  MpCanonical   type,
                                  gsize        *length);

extern const char * const mp_canonical_strings[MP_N_CANONICAL];

G_END_DECLS
