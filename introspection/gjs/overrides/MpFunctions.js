// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// How a function reaches another gjs process.
//
// By reference: an exported function of a module. A function does not know its module, so the
// program says it once, `export const sum = Mp.task(import.meta.url, function sum(a, b) {…})`, or
// names it, {module, name}. By source: any other function travels as its text and is compiled
// again in the worker; it sees its arguments and the global object there, but none of the
// variables around it.
//
// By name: a function that its module registers, for callers of any language.
//
// A description is JSON text: {"module": URI, "name": export} or {"source": text, "name": name}.

/* exported describe, findNamed, init, isTask, isWorker, knowsNamed, needClasses, register,
   resolve, resolveNamed, rewrite, setWorker, task */

'use strict';

const {GLib} = imports.gi;

let Mp = null;
let installClasses = null;  // until that is done
let inWorker = false;

const references = new WeakMap();   // function → {module, name}
const descriptions = new WeakMap(); // function → text
const resolved = new Map();         // text → function, in a worker

function init(namespace, install) {
    Mp = namespace;
    installClasses = install;
}

/** Has the classes of the library be as they are in any program, from now on. */
function needClasses() {
    const install = installClasses;
    installClasses = null;
    install?.();
}

const registry = new Map();         // name → function

/**
 * Registers a function of one argument under a name, for callers of any language that name this
 * module and the name.
 *
 * @param {string} name - the name
 * @param {Function} func - the function
 * @returns {Function} the same function
 */
function register(name, func) {
    if (typeof name !== 'string' || typeof func !== 'function')
        throw refuse('Mp.register() needs a name and a function');
    registry.set(name, func);
    if (loading !== null)
        registry.set(`${loading}#${name}`, func);   // whatever another module calls by that name
    return func;
}

function isWorker() {
    return inWorker;
}

/** Says that this process runs tasks, before the namespace is first imported. */
function setWorker() {
    inWorker = true;
}

function refuse(message) {
    return new Mp.Error({code: Mp.Error.NOT_PLAIN, message});
}

// ── In the caller ───────────────────────────────────────────────────────────────────────────────

/**
 * Says from which module a function is exported, so that workers find it there. The function must
 * be exported under its own name.
 *
 * @param {string} module - `import.meta.url`
 * @param {Function} func - the function
 * @returns {Function} the same function
 */
function task(module, func) {
    if (typeof module !== 'string' || GLib.uri_parse_scheme(module) === null)
        throw refuse(`Mp.task() needs the module's import.meta.url, not “${module}”`);
    if (typeof func !== 'function' || func.name === '')
        throw refuse('Mp.task() needs a function that has a name');

    references.set(func, {module, name: func.name});
    descriptions.delete(func);
    return func;
}

function isTask(value) {
    return typeof value === 'function' ||
        (typeof value === 'object' && value !== null &&
         typeof value.module === 'string' && typeof value.name === 'string');
}

// A function's text is an expression, or, if it was written as a method, a part of an object.
const FORMS = [
    source => `'use strict'; (${source}\n)`,
    source => `'use strict'; ({${source}\n})`,
];

function compiles(text) {
    try {
        new Function(text); // eslint-disable-line no-new-func
        return true;
    } catch (error) {
        if (error instanceof SyntaxError)
            return false;
        throw error;
    }
}

function describeSource(func) {
    const source = Function.prototype.toString.call(func);
    const name = func.name.replace(/\s+/g, ' ');
    const shown = name || '(anonymous)';

    if (/\{\s*\[native code\]\s*\}$/.test(source)) {
        throw refuse(`${shown} cannot travel to a worker: it is built in or bound, so it has no ` +
            'source; wrap it in a function');
    }
    if (/^class\b/.test(source))
        throw refuse(`${shown} cannot travel to a worker: it is a class, not a function`);

    const at = FORMS.findIndex(make => compiles(make(source)));
    if (at < 0 || (at === 1 && /^[gs]et\s+[^\s(]/.test(source))) {
        throw refuse(`${shown} cannot travel to a worker: its source does not stand on its own ` +
            '(an accessor or a private method); write it as a function');
    }
    return {source, name};
}

function describeNamed({module, name}) {
    const uri = module.startsWith('/') ? GLib.filename_to_uri(module, null) : module;
    if (GLib.uri_parse_scheme(uri) === null)
        throw refuse(`A module is named by a URI or an absolute path, not by “${module}”`);
    return JSON.stringify({module: uri, name});
}

function describeAnew(func) {
    if (!isTask(func))
        throw refuse('A task is a function, or an object that has module and name');
    if (typeof func !== 'function')
        return describeNamed(func);

    const text = JSON.stringify(references.get(func) ?? describeSource(func));
    descriptions.set(func, text);
    return text;
}

/**
 * The description of a function for another process.
 *
 * @param {Function|{module: string, name: string}} func - the function
 * @returns {string} the description
 */
var describe = (() => {
    const [known, make] = [descriptions, describeAnew];     // this file's names are slow to look up

    return func => known.get(func) ?? make(func);
})();

// ── In the worker ───────────────────────────────────────────────────────────────────────────────

function missing(message) {
    return new Mp.Error({code: Mp.Error.NO_SUCH_FUNCTION, message});
}

let loading = null;         // the module that is being imported for a caller

async function importModule(module) {
    needClasses();
    loading = module;
    try {
        return await import(module);
    } catch (error) {
        // What the module itself throws tells more than that it could not be imported.
        if (error instanceof Error && !/ImportError/.test(error.name))
            throw error;
        throw missing(`Module ${module} cannot be imported: ${error.message}`);
    } finally {
        loading = null;
    }
}

function exportOf(namespace, {module, name}) {
    if (typeof namespace[name] !== 'function')
        throw missing(`Module ${module} exports no function “${name}”`);
    return namespace[name];
}

async function load(reference) {
    return exportOf(await importModule(reference.module), reference);
}

// Source sees the library only if it imports it, in whatever way.
function compile({source, name}) {
    if (source.includes('import'))
        needClasses();
    const url = `//# sourceURL=mproc:${encodeURIComponent(name || 'anonymous')}`;
    const evaluate = eval; // indirectly: in the global scope

    for (const make of FORMS) {
        if (!compiles(make(source)))
            continue;
        const made = evaluate(`${make(source)}\n${url}`);
        return typeof made === 'function' ? made : Object.values(made)[0];
    }
    throw missing(`The source of ${name || 'the function'} does not compile here`);
}

/** Whether a name that a program of any language gave is that of a JavaScript function. */
function knowsNamed(name) {
    return registry.has(name) || name.includes('#');
}

/**
 * The function of such a name: one that is registered, or URI#export.
 *
 * @param {string} name - the name
 * @returns {Promise<Function>} the function
 */
function findNamed(name) {
    const at = name.lastIndexOf('#');
    return resolveNamed(at < 0 ? '' : name.slice(0, at), name.slice(at + 1));
}

/**
 * The function that a module registers or exports under a name; or else, as one that it uses may
 * have done so, that anybody has registered.
 *
 * @param {string} module - its URI or path
 * @param {string} name - the name
 * @returns {Promise<Function>} the function
 */
async function resolveNamed(module, name) {
    needClasses();
    if (module === '') {
        if (!registry.has(name))
            throw missing(`This worker has no function “${name}”`);
        return registry.get(name);
    }
    const uri = module.startsWith('/') ? GLib.filename_to_uri(module, null) : module;
    const namespace = await importModule(uri);
    const own = registry.get(`${uri}#${name}`);
    if (own !== undefined || typeof namespace[name] === 'function')
        return own ?? namespace[name];
    return registry.get(name) ?? exportOf(namespace, {module: uri, name});
}

/**
 * The function that a description means here.
 *
 * @param {string} text - the description
 * @returns {Promise<Function>|Function} the function
 */
function resolve(text) {
    const known = resolved.get(text);
    if (known !== undefined)
        return known;

    return (async () => {
        const description = JSON.parse(text);
        const func = description.module === undefined
            ? compile(description) : await load(description);
        resolved.set(text, func);
        return func;
    })();
}

/**
 * Makes plain what it means when a function that travelled as source misses a name.
 *
 * @param {*} error - what it threw
 * @param {string} text - its description
 * @returns {*} the error
 */
function rewrite(error, text) {
    const found = error instanceof ReferenceError && /^(\S+) is not defined$/.exec(error.message);
    if (found && JSON.parse(text).source !== undefined) {
        error.message =
            `not available in the worker: ${found[1]} (source functions cannot capture)`;
    }
    return error;
}
