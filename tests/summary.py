# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Counts what `meson test` ran: summary.py TESTLOG

Programs that speak TAP count by their cases, others as one. A program that failed counts at least
one failure, whatever its cases say. Names what failed; the last line is the sum.
"""

import json
import re
import sys

CASE = re.compile(r'^(not )?ok\b[^#\n]*(#\s*(?:skip|todo)\b)?', re.IGNORECASE | re.MULTILINE)
GOOD = ('OK', 'EXPECTEDFAIL', 'SKIP')


def count(test):
    """Passed, failed and skipped cases of one program."""
    passed = failed = skipped = 0
    for bad, directive in CASE.findall(test.get('stdout') or ''):
        if directive:
            skipped += 1
        elif bad:
            failed += 1
        else:
            passed += 1
    good = test['result'] in GOOD
    if not good:
        failed = max(failed, 1)
    elif passed + failed + skipped == 0:
        skipped = test['result'] == 'SKIP'
        passed = not skipped
    return int(passed), int(failed), int(skipped)


def main():
    sums = [0, 0, 0]
    with open(sys.argv[1], encoding='utf-8') as log:
        tests = [json.loads(line) for line in log if line.strip()]
    for test in tests:
        counts = count(test)
        sums = [a + b for a, b in zip(sums, counts)]
        if counts[1]:
            print(f'{test["name"]}: {test["result"]}, {counts[1]} failed')
    passed, failed, skipped = sums
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
