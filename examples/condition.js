// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A condition says who holds its lock: gjs -m condition.js

import Mp from 'gi://Mp?version=1';

const c = new Mp.Condition();
print(c);
c.acquire();
print(c);
c.release();
