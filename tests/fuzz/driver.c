/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Gives a fuzz target a fixed number of inputs: driver CORPUS [COUNT [SEED]]
 *
 * The inputs are the files of the corpus, and what random changes make of them: flipped bits,
 * interesting bytes, cuts, repetitions and splices. The same seed gives the same inputs. If the
 * target dies of one, it is printed in hexadecimal. Real searching is libFuzzer's work; this keeps
 * what was found from coming back.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#define COUNT 20000
#define SEED 20260101
#define MAX_SIZE 4096

int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);

static const guint8 *current;
static gsize current_size;

/* Only async-signal-safe calls: writes the input in hexadecimal, as a line of its own. */
static void
on_death (int number)
{
  static const char digits[] = "0123456789abcdef";
  static char line[2 * MAX_SIZE + 2];
  gsize used = 0;

  for (gsize i = 0; i < MIN (current_size, MAX_SIZE); i++)
    {
      line[used++] = digits[current[i] >> 4];
      line[used++] = digits[current[i] & 15];
    }
  line[used++] = '\n';
  if (write (STDERR_FILENO, line, used) < 0)
    _exit (99);
  signal (number, SIG_DFL);
  raise (number);
}

static void
run_one (const guint8 *data,
         gsize         size)
{
  /* A copy of exactly that size, so that a tool sees every byte read beyond it. */
  g_autofree guint8 *copy = g_memdup2 (data, size);

  current = copy;
  current_size = size;
  LLVMFuzzerTestOneInput (copy, size);
  current_size = 0;
}

static GPtrArray *
read_corpus (const char *path)
{
  GPtrArray *corpus = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  const char *name;

  if (dir == NULL)
    {
      g_printerr ("%s\n", error->message);
      return corpus;
    }

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);
      char *text;
      gsize size;

      if (g_file_get_contents (file, &text, &size, NULL))
        g_ptr_array_add (corpus, g_bytes_new_take (text, size));
    }

  return corpus;
}

static GBytes *
pick (GRand     *rand,
      GPtrArray *corpus)
{
  return corpus->pdata[g_rand_int_range (rand, 0, corpus->len)];
}

static void
splice (GRand      *rand,
        GPtrArray  *corpus,
        GByteArray *input)
{
  gsize size;
  const guint8 *other = g_bytes_get_data (pick (rand, corpus), &size);
  guint from = g_rand_int_range (rand, 0, size + 1);

  g_byte_array_set_size (input, g_rand_int_range (rand, 0, input->len + 1));
  g_byte_array_append (input, other + from, MIN (size - from, MAX_SIZE));
}

/* What is at @at once more, at the end. */
static void
repeat (GByteArray *input,
        guint       at)
{
  guint length = MIN (input->len - at, MAX_SIZE / 8);
  g_autofree guint8 *copy = g_memdup2 (input->data + at, length);

  g_byte_array_append (input, copy, length);
}

static void
change (GRand      *rand,
        GPtrArray  *corpus,
        GByteArray *input)
{
  static const guint8 interesting[] = {
    0, 1, 0x7f, 0x80, 0xff, '"', '\\', '[', '{', '}', '(', '.'
  };
  guint at = input->len > 0 ? g_rand_int_range (rand, 0, input->len) : 0;

  if (input->len == 0 || g_rand_int_range (rand, 0, 8) == 0)
    splice (rand, corpus, input);
  else if (g_rand_boolean (rand))
    input->data[at] ^= 1 << g_rand_int_range (rand, 0, 8);
  else if (g_rand_boolean (rand))
    input->data[at] = interesting[g_rand_int_range (rand, 0, G_N_ELEMENTS (interesting))];
  else if (g_rand_boolean (rand))
    g_byte_array_remove_range (input, at, g_rand_int_range (rand, 0, input->len - at) + 1);
  else
    repeat (input, at);

  if (input->len > MAX_SIZE)
    g_byte_array_set_size (input, MAX_SIZE);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GPtrArray) corpus = read_corpus (argc > 1 ? argv[1] : ".");
  g_autoptr (GRand) rand = g_rand_new_with_seed (argc > 3 ? atoi (argv[3]) : SEED);
  g_autoptr (GByteArray) input = g_byte_array_new ();
  int count = argc > 2 ? atoi (argv[2]) : COUNT;

  if (corpus->len == 0)
    {
      g_printerr ("The corpus is empty\n");
      return 1;
    }

  for (int number = 1; number <= 31; number++)
    if (number == SIGSEGV || number == SIGABRT || number == SIGBUS || number == SIGFPE
        || number == SIGILL || number == SIGTRAP)
      signal (number, on_death);

  for (guint i = 0; i < corpus->len; i++)
    run_one (g_bytes_get_data (corpus->pdata[i], NULL), g_bytes_get_size (corpus->pdata[i]));

  for (int i = 0; i < count; i++)
    {
      GBytes *seed = pick (rand, corpus);

      g_byte_array_set_size (input, 0);
      g_byte_array_append (input, g_bytes_get_data (seed, NULL), g_bytes_get_size (seed));
      for (int left = g_rand_int_range (rand, 1, 8); left > 0; left--)
        change (rand, corpus, input);
      run_one (input->data, input->len);
    }

  g_print ("%u files and %d changed inputs\n", corpus->len, count);
  return 0;
}
