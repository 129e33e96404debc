/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fuzz target of the transcoders. The first byte of the input chooses the encoding, the rest
 * is the value: 0 is a GVariant, 1 a pickle, 2 JSON, 3 bytes. What must hold is in
 * transcode-check.h, which the tests share.
 */

#include "config.h"

#include <stdint.h>

#include "tests/c/transcode-check.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data,
                        size_t         size)
{
  if (size > 0)
    transcode_check (MP_ENCODING_VARIANT + data[0] % 4, data + 1, size - 1);

  return 0;
}
