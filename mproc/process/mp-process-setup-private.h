/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * What was said of a child before its start, and how it becomes true in the child.
 *
 *  mp-process-setup.c    what is said, and what can be asked
 *  mp-process-apply.c    pipes in the parent; in the child, all that takes effect
 *
 * An MpProcess of which nothing was said has no MpProcessSetup, and starts faster. What is done in
 * the child is async-signal-safe: it may be the child of a vfork().
 */

#pragma once

#include <sched.h>

#include "mproc/process/mp-process-private.h"
#include "mproc/process/mp-process-setup.h"

G_BEGIN_DECLS

#define MP_N_STREAMS 3
#define MP_N_LIMITS (MP_LIMIT_ADDRESS_SPACE + 1)

typedef struct
{
  gint64   soft;            /* negative: none */
  gint64   hard;
  gboolean given;
} MpProcessLimit;

struct _MpProcessSetup
{
  char           **environment;        /* NULL: that of the parent */
  char            *directory;          /* NULL: that of the parent */
  MpStream         kinds[MP_N_STREAMS];
  int              child_ends[MP_N_STREAMS];
  int              parent_ends[MP_N_STREAMS];  /* those of @streams, which close them … */
  guint64          inodes[MP_N_STREAMS];       /* … if this is still what they are */
  gpointer         streams[MP_N_STREAMS];      /* GInputStream or GOutputStream */
  MpProcessLimit   limits[MP_N_LIMITS];
  cpu_set_t        cpus;
  gboolean         has_cpus;
  int              nice;
  int              null_fd;            /* opened for the start */
};

/* What a child tells its parent if it cannot begin. */
typedef struct
{
  int error;                           /* errno */
  int step;
} MpStartReport;

enum {
  MP_STEP_NONE,                        /* all is done */
  MP_STEP_EXEC,
  MP_STEP_STREAMS,
  MP_STEP_DIRECTORY,
  MP_STEP_AFFINITY,
  MP_STEP_NICE,
  MP_STEP_LIMIT,                       /* + the number of the limit */
};

MpProcessSetup *mp_process_setup_new      (void);
void            mp_process_setup_free     (MpProcessSetup       *self);

/* In the parent, around the start. */
gboolean        mp_process_setup_open     (MpProcess            *process,
                                           GError              **error);
void            mp_process_setup_opened   (MpProcess            *process,
                                           gboolean              started);
gboolean        mp_process_setup_explain  (MpProcess            *process,
                                           const MpStartReport  *report,
                                           GError              **error);

/* In the child; async-signal-safe. Returns 0, or errno and what could not be done. */
int             mp_process_setup_apply    (const MpProcessSetup *self,
                                           int                  *step);

/* In a child that was forked while another process's pipes were open; async-signal-safe. */
void            mp_process_setup_disown   (MpProcessSetup       *self);

G_END_DECLS
