// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What Vala can have, and the GIR cannot say.

namespace Mp {
    public class Block {
        // The memory itself, to be filled or read in place: valid as long as the block is held.
        [CCode (cname = "mp_block_get_data", array_length_pos = 1.1, array_length_type = "gsize")]
        public unowned uint8[] get_data ();
    }

    public class Connection : Mp.Shared {
        // The bytes of a message into memory of the caller's; their number.
        [CCode (cname = "mp_connection_recv_into")]
        public ssize_t recv_into ([CCode (array_length_type = "gsize")] uint8[] buffer,
            double timeout = -1, GLib.Cancellable? cancellable = null) throws GLib.Error;
    }

    public class Queue : Mp.Shared {
        // Bytes, as one message; and those of the oldest message into memory of the caller's.
        [CCode (cname = "mp_queue_put_bytes")]
        public bool put_bytes ([CCode (array_length_type = "gsize")] uint8[] data,
            double timeout = -1, GLib.Cancellable? cancellable = null) throws GLib.Error;

        [CCode (cname = "mp_queue_get_into")]
        public ssize_t get_into ([CCode (array_length_type = "gsize")] uint8[] buffer,
            double timeout = -1, GLib.Cancellable? cancellable = null) throws GLib.Error;

        // For `foreach (Variant value in queue)`, which takes values until the queue is closed and
        // empty, and throws every other error; the queue is its own iterator. The bodies get into
        // the vapi, and so into the programs. The tool that writes it loses the code in a `catch`,
        // and cannot name the variables that `&&` or a call inside of an expression make: hence
        // the plain steps.
        [CCode (cname = "_vala_mp_queue_iterator")]
        public Queue iterator () {
            return this;
        }

        [CCode (cname = "_vala_mp_queue_next_value")]
        public GLib.Variant? next_value () throws GLib.Error {
            try {
                GLib.Variant? value = this.get (-1, null);
                return value;
            } catch (GLib.Error error) {
                if (error is Mp.Error) {
                    if (error.code == Mp.Error.CLOSED)
                        return null;
                }
                throw error;
            }
        }
    }
}
