// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What makes the namespace Mp feel at home in JavaScript. GJS runs this script when the namespace
// is first imported, by its name; it is a script of the old kind, without import and export, and
// every other file of the layer is reached from here.
//
// A worker of a pool is to start fast, and most tasks use none of the classes. So there they become
// comfortable only when something comes that may use them: see MpFunctions.js.

/* exported _init */

'use strict';

const {MpErrors, MpFunctions, MpMessage, MpValues} = imports.overrides;

const CLASSES = [
    'MpSync', 'MpData', 'MpQueue', 'MpConnection', 'MpObjects', 'MpSynchronize', 'MpProcess',
    'MpPool', 'MpManager',
];

function installClasses(namespace) {
    for (const file of CLASSES)
        imports.overrides[file].install(namespace);
}

function _init() {
    MpErrors.init(this);
    MpFunctions.init(this, () => installClasses(this));
    MpMessage.install(this);
    MpValues.install(this);
    if (!MpFunctions.isWorker())
        MpFunctions.needClasses();

    this.task = MpFunctions.task;
    this.register = MpFunctions.register;
    this.isWorker = MpFunctions.isWorker;
}
