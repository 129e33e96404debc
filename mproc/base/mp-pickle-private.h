/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What the pickle reader knows of Python's classes: a closed table of names, and what the calls of
 * those names make. Nothing is imported and nothing is called.
 */

#pragma once

#include "mproc/base/mp-plain-private.h"

G_BEGIN_DECLS

const char *mp_pickle_foreign_name (MpPlainValue   value);
gboolean    mp_pickle_push_global  (MpPlain       *plain,
                                    const char    *module,
                                    gsize          module_length,
                                    const char    *name,
                                    gsize          name_length);
gboolean    mp_pickle_reduce       (MpPlain       *plain);
gboolean    mp_pickle_build        (MpPlain       *plain);

G_END_DECLS
