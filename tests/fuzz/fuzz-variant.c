/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fuzz target of the reader of GVariants and of their canonical form: the input is what is
 * read, all of it. What must hold is in transcode-check.h.
 */

#include "config.h"

#include <stdint.h>

#include "tests/c/transcode-check.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  transcode_check (MP_ENCODING_VARIANT, data, size);
  return 0;
}
