// SPDX-FileCopyrightText: 2026 The mproc authors
// SPDX-License-Identifier: BSD-3-Clause

// Managers: lists like arrays, dicts like maps, seen from several processes.

import Mp from 'gi://Mp?version=1';

import {eventually, isError, isRunning, match, ok, run, same, test, thrown} from './tap.js';

function managerTest(name, func) {
    test(name, async () => {
        const manager = new Mp.Manager();
        await func(manager);
        manager.shutdown();
    });
}

managerTest('a list', manager => {
    const list = manager.list([0, 1, 2, 3]);
    ok(list instanceof Mp.ListProxy);
    same([list.length, ...list], [4, 0, 1, 2, 3]);
    list.reverse();
    same(`${list}`, '[3, 2, 1, 0]');
    same([list.get(0), list.get(-1), list.at(1), list.at(9)], [3, 0, 2, undefined]);
    isError(thrown(() => list.get(9)), Mp.Error, Mp.Error.NO_SUCH_KEY);
    list.set(0, 'three');
    list.append({four: null});
    list.push(5, new Map([[6, NaN]]));
    list.extend(new Set([7]));
    list.insert(0, 'first', 'second');
    same(list.toArray(),
        ['first', 'second', 'three', 2, 1, 0, {four: null}, 5, new Map([[6, NaN]]), 7]);
    same(list.slice(2, 4), ['three', 2]);
    same(list.slice(-1), [7]);
    same([list.indexOf('three'), list.indexOf('none'), list.count(5)], [2, -1, 1]);
    same([list.includes(2), list.includes(3)], [true, false]);
    same([list.remove(2), list.remove('none')], [true, false]);
    list.removeAt(0);
    same([list.pop(), list.pop(0)], [7, 'second']);
    list.clear();
    same(list.length, 0);
    isError(thrown(() => list.pop()), Mp.Error, Mp.Error.NO_SUCH_KEY);
    list.replace(['new']);
    list.modify(values => [...values, ...values]);
    same(list.toArray(), ['new', 'new']);
    same(manager.list().length, 0);
});

managerTest('a dict', manager => {
    const dict = manager.dict({a: 1, b: {c: [2]}});
    ok(dict instanceof Mp.DictProxy);
    same([dict.size, dict.get('a'), dict.get('b'), dict.get('z')], [2, 1, {c: [2]}, undefined]);
    dict.set('a', 'one').set(5, new Set([6]));
    same([dict.has('a'), dict.has(5), dict.has('z')], [true, true, false]);
    same(dict.toMap(), new Map([['a', 'one'], ['b', {c: [2]}], [5, new Set([6])]]));
    same([dict.keys(), dict.values()[0]], [['a', 'b', 5], 'one']);
    same([...dict][0], ['a', 'one']);
    same([dict.delete(5), dict.delete(5)], [true, false]);
    same(dict.toObject(), {a: 'one', b: {c: [2]}});
    same([dict.setDefault('a', 0), dict.setDefault('n', 0)], ['one', 0]);
    same(dict.pop('n'), 0);
    isError(thrown(() => dict.pop('n')), Mp.Error, Mp.Error.NO_SUCH_KEY);
    dict.update({x: 1});
    dict.update(new Map([['y', 2]]));
    dict.update([['z', 3]]);
    same(dict.popItem(), ['z', 3]);
    dict.modify(map => map.set('x', map.get('x') + 1));
    same(dict.get('x'), 2);
    dict.replace({only: true});
    same(dict.entries(), [['only', true]]);
    dict.clear();
    same([dict.size, ...dict], [0]);
    same(manager.dict().size, 0);
    isError(thrown(() => dict.set('f', () => 1)), Mp.Error, Mp.Error.NOT_PLAIN);
});

managerTest('proxies in other processes', async manager => {
    const [list, dict] = [manager.list(), manager.dict({n: 0})];
    const processes = [1, 2, 3].map(n => Mp.Process.run((l, d, x) => {
        l.append(x);
        for (let i = 0; i < 20; i++)
            d.modify(map => map.set('n', map.get('n') + 1));
    }, {args: [list, dict, n]}));
    for (const process of processes)
        same(await process.joinAsync({timeout: 60}), 0);
    same(list.toArray().sort(), [1, 2, 3]);
    same(dict.get('n'), 60);

    const other = Mp.Proxy.open(list.get_handle());
    ok(other instanceof Mp.ListProxy);
    same(other.length, 3);
});

test('the end of the server', async () => {
    const manager = new Mp.Manager();
    const list = manager.list([1]);
    const pid = manager.get_pid();
    ok(manager.is_alive() && isRunning(pid));
    manager.shutdown();
    await eventually(() => !isRunning(pid));
    ok(!manager.is_alive());
    isError(thrown(() => list.length), Mp.Error, Mp.Error.SERVER_DIED);
});

managerTest('what is no index and no key', manager => {
    const list = manager.list([1, 2, 3]);
    const dict = manager.dict({a: 1});
    for (const func of [
        () => list.get(NaN), () => list.get('0'), () => list.get(0.5), () => list.get(),
        () => list.set(NaN, 1), () => list.insert(NaN, 1), () => list.pop(NaN),
        () => list.removeAt(NaN), () => list.slice(NaN), () => list.slice(0, 1.5),
        () => dict.set([1], 2), () => dict.set({}, 2), () => dict.set(new Map(), 2),
        () => dict.setDefault([], 1), () => dict.update(new Map([[[1], 2]])),
        () => dict.replace([[{}, 1]]), () => dict.update([['a', 1, 2]]), () => dict.update(['ab']),
        () => dict.modify(map => map.set([1], 1)), () => dict.get({}), () => dict.set(() => 1, 1),
    ])
        isError(thrown(func), Mp.Error, Mp.Error.INVALID_ARGUMENT);
    for (const func of [() => list.extend(5), () => list.replace(5), () => list.modify(() => 5)])
        ok(thrown(func) instanceof TypeError);
    same([list.toArray(), dict.toObject()], [[1, 2, 3], {a: 1}]);
    same([list.get(-1), list.at(5)], [3, undefined]);
    same([dict.get([1]), dict.has([1])], [undefined, false]);
});

managerTest('text', manager => {
    match(`${manager.list(['x', null])}`, /^\['x', null\]$/);
});

await run();
