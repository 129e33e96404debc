// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// What makes the namespace Mp feel at home in JavaScript. GJS runs this script when the namespace
// is first imported, by its name; it is a script of the old kind, without import and export, and
// every other file of the layer is reached from here.

/* exported _init */

'use strict';

const {
    MpConnection, MpData, MpErrors, MpFunctions, MpManager, MpObjects, MpPool, MpProcess, MpQueue,
    MpSync, MpSynchronize, MpValues,
} = imports.overrides;

function _init() {
    MpErrors.init(this);
    MpFunctions.init(this);
    MpValues.install(this);
    MpSync.install(this);
    MpData.install(this);
    MpQueue.install(this);
    MpConnection.install(this);
    MpObjects.install(this);
    MpSynchronize.install(this);
    MpProcess.install(this);
    MpPool.install(this);
    MpManager.install(this);

    this.task = MpFunctions.task;
    this.register = MpFunctions.register;
    this.isWorker = MpFunctions.isWorker;
}
