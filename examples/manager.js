// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// A list that lives in a manager's server process: gjs -m manager.js

import Mp from 'gi://Mp?version=1';

const manager = new Mp.Manager();
const list = manager.list([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
list.reverse();
print(list);
manager.shutdown();
