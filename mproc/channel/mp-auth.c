/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Mutual authentication: each side sends a fresh random challenge and gets an HMAC-SHA256 of it
 * under the key. The server asks first, so that nobody who does not have the key can have anything
 * signed by it; the client asks back, so that it does not talk to somebody who only sits at the
 * address.
 *
 * The words are those of Python's multiprocessing since 3.12: "#CHALLENGE#" "{sha256}" and forty
 * bytes; "{sha256}" and the HMAC of all after the first word; "#WELCOME#" or "#FAILURE#". So its
 * clients and listeners can be at the other end. A challenge of ours begins with a mark by which we
 * know each other, and then send frames that tell the encoding. A mark that somebody removes on the
 * way spoils the HMAC.
 *
 * Runs in any thread, in steps that do not block. The key stays in the process.
 */

#include "config.h"

#include "mproc/channel/mp-auth-private.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>

#define CHALLENGE "#CHALLENGE#"
#define WELCOME "#WELCOME#"
#define FAILURE "#FAILURE#"
#define DIGEST "{sha256}"
#define MARK "mproc-1 "
#define WORD_SIZE (sizeof CHALLENGE - 1)
#define DIGEST_SIZE (sizeof DIGEST - 1)
#define MARK_SIZE (sizeof MARK - 1)
#define RANDOM_SIZE 32
#define ASKED_SIZE (DIGEST_SIZE + MARK_SIZE + RANDOM_SIZE)
#define HMAC_SIZE 32
#define ANSWER_SIZE (DIGEST_SIZE + HMAC_SIZE)
#define MAX_SIZE 256            /* of anything that is said before */

typedef enum {
  SEND_CHALLENGE,
  RECV_ANSWER,
  SEND_VERDICT,
  RECV_CHALLENGE,
  SEND_ANSWER,
  RECV_VERDICT,
  N_STEPS,
} Step;

static const Step server_steps[] = { SEND_CHALLENGE, RECV_ANSWER, SEND_VERDICT,
                                     RECV_CHALLENGE, SEND_ANSWER, RECV_VERDICT };
static const Step client_steps[] = { RECV_CHALLENGE, SEND_ANSWER, RECV_VERDICT,
                                     SEND_CHALLENGE, RECV_ANSWER, SEND_VERDICT };

struct _MpAuth {
  GBytes         *key;
  const Step     *steps;
  guint           n_done;
  MpStreamLetter *letter;       /* what is being said */
  MpStream       *stream;       /* to which it was posted */
  guint8          asked[ASKED_SIZE];
  guint8          answer[ANSWER_SIZE];
  gboolean        is_right;     /* the other side's answer */
  gboolean        is_plain;     /* the other side is not ours */
};

MpAuth *
mp_auth_new (GBytes   *key,
             gboolean  server)
{
  MpAuth *self = g_new0 (MpAuth, 1);

  self->key = g_bytes_ref (key);
  self->steps = server ? server_steps : client_steps;

  return self;
}

void
mp_auth_free (MpAuth *self)
{
  if (self->letter != NULL)
    mp_stream_drop (self->stream, self->letter);
  g_bytes_unref (self->key);
  g_free (self);
}

/* @answer has room for ANSWER_SIZE bytes. */
static void
sign (MpAuth       *self,
      const guint8 *asked,
      gsize         size,
      guint8       *answer)
{
  gsize key_size;
  const guint8 *key = g_bytes_get_data (self->key, &key_size);
  GHmac *hmac = g_hmac_new (G_CHECKSUM_SHA256, key, key_size);
  gsize length = HMAC_SIZE;

  g_hmac_update (hmac, asked, (gssize) size);
  memcpy (answer, DIGEST, DIGEST_SIZE);
  g_hmac_get_digest (hmac, answer + DIGEST_SIZE, &length);
  g_hmac_unref (hmac);
}

/* Takes as long wherever the first difference is. */
static gboolean
is_same (const guint8 *a,
         const guint8 *b,
         gsize         size)
{
  guint8 difference = 0;

  for (gsize i = 0; i < size; i++)
    difference |= a[i] ^ b[i];

  return difference == 0;
}

/* --- What is said -------------------------------------------------------------------------- */

static GBytes *
make_challenge (MpAuth *self)
{
  guint8 said[WORD_SIZE + ASKED_SIZE];

  memcpy (self->asked, DIGEST, DIGEST_SIZE);
  memcpy (self->asked + DIGEST_SIZE, MARK, MARK_SIZE);
  if (getrandom (self->asked + DIGEST_SIZE + MARK_SIZE, RANDOM_SIZE, 0) != RANDOM_SIZE)
    return NULL;

  memcpy (said, CHALLENGE, WORD_SIZE);
  memcpy (said + WORD_SIZE, self->asked, ASKED_SIZE);
  return g_bytes_new (said, sizeof said);
}

static GBytes *
say (MpAuth *self,
     Step    step)
{
  if (step == SEND_CHALLENGE)
    return make_challenge (self);
  if (step == SEND_ANSWER)
    return g_bytes_new (self->answer, sizeof self->answer);
  if (self->is_right)
    return g_bytes_new_static (WELCOME, strlen (WELCOME));

  return g_bytes_new_static (FAILURE, strlen (FAILURE));
}

static MpStatus
send_step (MpAuth   *self,
           MpStream *stream,
           Step      step)
{
  MpStatus status;

  if (self->letter == NULL)
    {
      g_autoptr (GBytes) said = say (self, step);
      gconstpointer data;
      gsize size;

      if (said == NULL)
        return MP_STATUS_FAILED;
      data = g_bytes_get_data (said, &size);
      self->stream = stream;
      self->letter = mp_stream_letter_new (stream, MP_ENCODING_BYTES, data, size, said, -1);
      mp_stream_post (stream, self->letter);
    }

  status = mp_stream_send_step (stream, self->letter);
  if (status != MP_STATUS_OK)
    return status;

  mp_stream_drop (stream, g_steal_pointer (&self->letter));
  return step == SEND_VERDICT && !self->is_right ? MP_STATUS_NOT_OWNER : MP_STATUS_OK;
}

/* --- What is heard ------------------------------------------------------------------------- */

/* A challenge of our own that comes back is not signed. */
static MpStatus
hear_challenge (MpAuth       *self,
                const guint8 *data,
                gsize         size)
{
  const guint8 *asked = data + WORD_SIZE;
  gsize asked_size = size - WORD_SIZE;

  if (size < WORD_SIZE + DIGEST_SIZE + 20 || memcmp (data, CHALLENGE, WORD_SIZE) != 0 ||
      memcmp (asked, DIGEST, DIGEST_SIZE) != 0 ||
      (asked_size == ASKED_SIZE && memcmp (asked, self->asked, ASKED_SIZE) == 0))
    return MP_STATUS_FAILED;

  self->is_plain = memcmp (asked + DIGEST_SIZE, MARK, MARK_SIZE) != 0;
  sign (self, asked, asked_size, self->answer);
  return MP_STATUS_OK;
}

static MpStatus
hear_answer (MpAuth       *self,
             const guint8 *data,
             gsize         size)
{
  guint8 expected[ANSWER_SIZE];

  sign (self, self->asked, ASKED_SIZE, expected);
  self->is_right = size == ANSWER_SIZE && is_same (data, expected, ANSWER_SIZE);
  return MP_STATUS_OK;          /* it is told the verdict first */
}

static MpStatus
hear_verdict (const guint8 *data,
              gsize         size)
{
  if (size == strlen (WELCOME) && memcmp (data, WELCOME, size) == 0)
    return MP_STATUS_OK;

  return size == strlen (FAILURE) && memcmp (data, FAILURE, size) == 0 ? MP_STATUS_NOT_OWNER
                                                                      : MP_STATUS_FAILED;
}

static MpStatus
recv_step (MpAuth   *self,
           MpStream *stream,
           Step      step)
{
  g_autoptr (GBytes) heard = NULL;
  const guint8 *data;
  guint encoding;
  gsize size;
  MpStatus status = mp_stream_receive_step (stream);

  if (status == MP_STATUS_OK)
    status = mp_stream_take (stream, NULL, MAX_SIZE, &encoding, &heard, NULL, NULL);
  if (status != MP_STATUS_OK)
    return status;

  data = g_bytes_get_data (heard, &size);
  if (step == RECV_CHALLENGE)
    return hear_challenge (self, data, size);
  if (step == RECV_ANSWER)
    return hear_answer (self, data, size);

  return hear_verdict (data, size);
}

MpStatus
mp_auth_step (MpAuth   *self,
              MpStream *stream,
              short    *wants)
{
  stream->plain = TRUE;
  stream->max_size = MAX_SIZE;

  while (self->n_done < N_STEPS)
    {
      Step step = self->steps[self->n_done];
      gboolean is_said = step == SEND_CHALLENGE || step == SEND_ANSWER || step == SEND_VERDICT;
      MpStatus status = is_said ? send_step (self, stream, step) : recv_step (self, stream, step);

      *wants = is_said ? POLLOUT : POLLIN;
      if (status != MP_STATUS_OK)
        return status;
      self->n_done++;
    }

  stream->plain = self->is_plain;
  stream->max_size = 0;
  return MP_STATUS_OK;
}
