/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * boost::interprocess::message_queue: a bounded queue in shared memory, with a process-shared mutex
 * and conditions. Its name in /dev/shm goes as soon as it is open: members inherit the mapping.
 */

#include <boost/interprocess/ipc/message_queue.hpp>

#include <string>
#include <unistd.h>

#include "bench-peers.h"

namespace ipc = boost::interprocess;

static gpointer
open_queue (guint n_slots,
            gsize size)
{
  static unsigned n_opened;
  std::string name = "mproc-bench-" + std::to_string (getpid ()) + "-" +
                     std::to_string (n_opened++);
  auto *queue = new ipc::message_queue (ipc::create_only, name.c_str (), n_slots, size);

  ipc::message_queue::remove (name.c_str ());
  return queue;
}

static void
close_queue (gpointer channel)
{
  delete static_cast<ipc::message_queue *> (channel);
}

static void
put (gpointer      channel,
     const guint8 *data,
     gsize         size,
     guint64       n)
{
  auto *queue = static_cast<ipc::message_queue *> (channel);

  for (guint64 i = 0; i < n; i++)
    queue->send (data, size, 0);
}

static void
get (gpointer  channel,
     guint8   *buffer,
     gsize     size,
     guint64   n)
{
  auto *queue = static_cast<ipc::message_queue *> (channel);
  ipc::message_queue::size_type received;
  unsigned priority;

  for (guint64 i = 0; i < n; i++)
    {
      queue->receive (buffer, size, received, priority);
      if (received != size)
        g_error ("A message of boost has another size");
    }
}

extern "C" const BenchPeer bench_boost = {
  "boost message_queue", open_queue, nullptr, put, get, close_queue,
};
