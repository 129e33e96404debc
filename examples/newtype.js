// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// An object of one's own class in a process of its own, used by several others through proxies:
// gjs -m newtype.js
//
// A manager holds lists and dicts for all languages; other classes need what is below, a listener
// whose connections carry calls and answers.

import Mp from 'gi://Mp?version=1';

/** Lives in the server; what begins with an underscore is private there. */
class Account {
    constructor(owner, balance = 0) {
        this._owner = owner;
        this._balance = balance;
    }

    deposit(amount) {
        if (amount <= 0)
            throw new RangeError(`${amount} is no deposit`);
        this._balance += amount;
        return this._balance;
    }

    audit() {
        return `${this._owner} has ${this._balance}`;
    }

    * history(n) {
        for (let i = 1; i <= n; i++)
            yield `deposit ${i}`;
    }
}

// ── The server ──────────────────────────────────────────────────────────────────────────────────

async function answer(object, connection) {
    for await (const [method, args] of connection) {
        try {
            if (method.startsWith('_') || typeof object[method] !== 'function')
                throw new TypeError(`there is no method ${method}`);
            const result = object[method](...args);
            const isIterator = typeof result?.next === 'function';
            await connection.sendAsync({result: isIterator ? [...result] : result ?? null});
        } catch (error) {
            await connection.sendAsync({error: `${error.name}: ${error.message}`});
        }
    }
    connection.close();
}

// This file is a module of the server's, too, so it has the class; what it does below it does only
// in the program.
export const serve = Mp.task(import.meta.url, async function serve(told, owner, balance) {
    const listener = new Mp.Listener();
    const account = new Account(owner, balance);
    told.put(listener.get_address());
    for await (const connection of listener)
        answer(account, connection);
});

// ── Its clients ─────────────────────────────────────────────────────────────────────────────────

/** A proxy: each of its methods calls the one of the object, and promises what that returns. */
async function open(address) {
    const connection = await Mp.Connection.connectAsync(address);
    return new Proxy({}, {
        get: (_target, method) => method === 'then' ? undefined : async (...args) => {
            if (method === 'close')
                return connection.close();
            await connection.sendAsync([method, args]);
            const {result, error} = await connection.recvAsync();
            if (error !== undefined)
                throw new Error(error);
            return result;
        },
    });
}

export const save = Mp.task(import.meta.url, async function save(address, times) {
    const account = await open(address);
    for (let i = 0; i < times; i++)
        await account.deposit(1);
    account.close();
});

async function main() {
    const told = new Mp.Queue();
    const server = Mp.Process.run(serve, {args: [told, 'Ada', 10], daemon: true});
    const address = await told.getAsync();

    const savers = [1, 2, 3].map(() => Mp.Process.run(save, {args: [address, 100]}));
    for (const saver of savers)
        await saver.joinAsync();

    const account = await open(address);
    print('audit:', await account.audit());
    for (const call of [() => account.deposit(-5), () => account._balance()])
        await call().catch(error => print('error:', error.message));
    print('history:', (await account.history(3)).join(', '));
    account.close();

    server.terminate();
    print('exit code:', await server.joinAsync());
}

if (!Mp.isWorker())
    await main();
