// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// The options of tasks and of pools: their names, and what the library is told of them.

/* exported TASK_NAMES, init, poolOptions, poolRules, taskOptions */

'use strict';

const Errors = imports.overrides.MpErrors;

let Mp = null;

function init(namespace) {
    Mp = namespace;
}

// ── Tasks ───────────────────────────────────────────────────────────────────────────────────────

// The names of options in Mp.TaskOptions.
const OPTIONS = {
    name: 'name',
    priority: 'priority',
    retries: 'retries',
    retryErrors: 'retry_errors',
    timeLimit: 'time_limit',
    softTimeLimit: 'soft_time_limit',
};

var TASK_NAMES = Object.keys(OPTIONS);

/** The Mp.TaskOptions for an object of options, or null if none of them is there. */
function taskOptions(options) {
    let made = null;
    for (const [name, property] of Object.entries(OPTIONS)) {
        const value = options?.[name];
        if (value === undefined || value === null)
            continue;
        if (/Limit$/.test(name) && !(value > 0))
            throw Errors.failure(Mp.Error.INVALID_ARGUMENT, `${name} is a number above 0`);
        made ??= new Mp.TaskOptions();
        made[property] = value;
    }
    return made;
}

// ── Pools ───────────────────────────────────────────────────────────────────────────────────────

// What can be said of a pool when it is made, beside the number of its workers: properties.
const RULES = ['maxTasksPerWorker', 'maxWorkerMemory', 'memoryLimit', 'idleTimeout', 'maxPending',
    'captureOutput', 'trace', 'workerLanguage'];
const POOL = ['nWorkers', 'initializer', 'initArgs', ...RULES];

/**
 * The options of a new pool by their names here: those of properties may be written as GObject's,
 * too.
 *
 * @param {number|object} options - how many workers, or the options
 * @param {boolean} isSubclass - whether there may be others, which are properties of a subclass
 * @returns {object} the options
 */
function poolOptions(options, isSubclass) {
    if (typeof options === 'number')
        return {nWorkers: options};
    const given = {};
    for (const [name, value] of Object.entries(options ?? {})) {
        const here = name.replace(/[-_]([a-z])/g, (_, letter) => letter.toUpperCase());
        given[POOL.includes(here) ? here : name] = value;
    }
    return isSubclass ? given : Errors.checkNames(given, POOL);
}

/** The properties among them, but for the number of workers. */
function poolRules(options) {
    const rules = {};
    for (const [name, value] of Object.entries(options)) {
        if (RULES.includes(name))
            rules[name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)] = value;
        else if (!POOL.includes(name))
            rules[name] = value;
    }
    return rules;
}
