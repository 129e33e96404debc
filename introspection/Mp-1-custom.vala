// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What Vala can have, and the GIR cannot say.

namespace Mp {
    public class Block {
        // The memory itself, to be filled or read in place: valid as long as the block is held.
        [CCode (cname = "mp_block_get_data", array_length_pos = 1.1, array_length_type = "gsize")]
        public unowned uint8[] get_data ();
    }

    public class Queue : Mp.Shared {
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
