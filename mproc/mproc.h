/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * The umbrella: the one header a program includes. It lists every public header, floor by floor.
 */

#pragma once

#define MP_INSIDE

#include "mproc/mp-enum-types.h"
#include "mproc/mp-version.h"

#include "mproc/base/mp-boxed.h"
#include "mproc/base/mp-error.h"
#include "mproc/base/mp-payload.h"
#include "mproc/base/mp-serializable.h"

#include "mproc/memory/mp-block.h"
#include "mproc/memory/mp-memory.h"
#include "mproc/memory/mp-shared.h"

#include "mproc/sync/mp-barrier.h"
#include "mproc/sync/mp-condition.h"
#include "mproc/sync/mp-event.h"
#include "mproc/sync/mp-lock.h"
#include "mproc/sync/mp-semaphore.h"

#include "mproc/data/mp-array.h"
#include "mproc/data/mp-element.h"
#include "mproc/data/mp-shareable-list.h"
#include "mproc/data/mp-shared-memory.h"
#include "mproc/data/mp-value.h"

#include "mproc/channel/mp-connection.h"
#include "mproc/channel/mp-keeper.h"
#include "mproc/channel/mp-listener.h"
#include "mproc/channel/mp-queue.h"

#include "mproc/process/mp-function.h"
#include "mproc/process/mp-log.h"
#include "mproc/process/mp-process-setup.h"
#include "mproc/process/mp-process.h"

#include "mproc/pool/mp-pool.h"
#include "mproc/pool/mp-result-iterator.h"
#include "mproc/pool/mp-result.h"
#include "mproc/pool/mp-task-options.h"
#include "mproc/pool/mp-task.h"
#include "mproc/pool/mp-thread-pool.h"
#include "mproc/pool/mp-worker.h"

#include "mproc/manager/mp-dict-proxy.h"
#include "mproc/manager/mp-list-proxy.h"
#include "mproc/manager/mp-manager.h"
#include "mproc/manager/mp-proxy.h"

#undef MP_INSIDE
