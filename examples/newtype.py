# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Objects of any class in a manager's server, used by several processes through proxies."""

import operator

from mproc import Process
from mproc.managers import BaseManager, BaseProxy


class Account:
    """Lives in the server; `_audit` is private there, unless somebody exposes it."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError(f'{amount} is no deposit')
        self.balance += amount
        return self.balance

    def get_balance(self):
        return self.balance

    def _audit(self):
        return f'{self.owner} has {self.balance}'


def squares(limit):
    """A generator: it cannot be sent, so it stays in the server and is called there."""
    for i in range(limit):
        yield i * i


class GeneratorProxy(BaseProxy):
    _exposed_ = ['__next__']

    def __iter__(self):
        return self

    def __next__(self):
        return self._callmethod('__next__')


class Bank(BaseManager):
    pass


Bank.register('Account', Account)
Bank.register('AuditedAccount', Account, exposed=('deposit', '_audit'))
Bank.register('squares', squares, proxytype=GeneratorProxy)
Bank.register('operator', lambda: operator)


def save(account, times):
    for _ in range(times):
        account.deposit(1)


def main():
    with Bank() as bank:
        account = bank.Account('Ada', balance=10)
        savers = [Process(target=save, args=(account, 100)) for _ in range(3)]
        for process in savers:
            process.start()
        for process in savers:
            process.join()
        print('balance:', account.get_balance())

        try:
            account.deposit(-5)
        except ValueError as error:
            print('error:', error)
        print('private methods:', hasattr(account, '_audit'))

        audited = bank.AuditedAccount('Bob')
        audited.deposit(7)
        print('audit:', audited._audit())
        print('only what is exposed:', not hasattr(audited, 'get_balance'))

        print('squares:', list(bank.squares(8)))

        op = bank.operator()
        print('operator:', op.add(23, 45), op.pow(2, 94))


if __name__ == '__main__':
    main()
