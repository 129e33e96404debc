/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The texts inside JSON: numbers, and bytes as base64.
 */

#pragma once

#include "mproc/base/mp-plain-out-private.h"

G_BEGIN_DECLS

/* The key of the one member of an object that stands for what JSON lacks. */
#define MP_JSON_MARK "$mp"

/* The integers that a JavaScript Number tells apart are below this one. */
#define MP_JSON_SAFE (G_GINT64_CONSTANT (1) << 53)

/* From how many bytes on the writers attach them to the text instead of writing base64. */
#define MP_JSON_ATTACH 1024

/* Where the next piece lies that is attached. */
#define MP_JSON_ALIGN(offset) (((gsize) (offset) + 7) & ~(gsize) 7)

gboolean  mp_json_push_number   (MpPlain       *plain,
                                 const guint8  *text,
                                 const guint8  *end,
                                 const guint8 **after);
gboolean  mp_json_push_base64   (MpPlain       *plain,
                                 const guint8  *text,
                                 gsize          length);
gboolean  mp_json_put_double    (MpPlainOut    *out,
                                 double         number);
gboolean  mp_json_put_integer   (MpPlainOut    *out,
                                 guint64        magnitude,
                                 gboolean       negative);
gboolean  mp_json_put_base64    (MpPlainOut    *out,
                                 const guint8  *data,
                                 gsize          length);

G_END_DECLS
