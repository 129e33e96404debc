// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What Vala can have, and the GIR cannot say.

namespace Mp {
    public class Block {
        // The memory itself, to be filled or read in place: valid as long as the block is held.
        [CCode (cname = "mp_block_get_data", array_length_pos = 1.1, array_length_type = "gsize")]
        public unowned uint8[] get_data ();
    }
}
