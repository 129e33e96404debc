/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The fuzz target of the transcoders. The first byte of the input chooses the encoding, the rest
 * is the value. Built with -fsanitize=fuzzer it is driven by libFuzzer; built with
 * MP_FUZZ_STANDALONE it runs files named on the command line, to repeat what was found.
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

#ifdef MP_FUZZ_STANDALONE

int
main (int    argc,
      char **argv)
{
  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *contents = NULL;
      gsize length;

      if (!g_file_get_contents (argv[i], &contents, &length, &error))
        {
          g_printerr ("%s\n", error->message);
          return 1;
        }
      LLVMFuzzerTestOneInput ((const uint8_t *) contents, length);
    }

  g_print ("%d inputs held\n", argc - 1);
  return 0;
}

#endif
