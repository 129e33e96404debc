# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Draws the timeline of a pool, as save_trace() saved it, as SVG: a row per worker, a bar per task.

    python3 -m mproc.trace trace.json > trace.svg
"""

import json
import os
import sys
from xml.sax.saxutils import escape

WIDTH, ROW, GAP, LEFT, TOP = 1000, 22, 6, 90, 30
GOOD, FAILED = '#3584e4', '#e01b24'
LEAST_FOR_TEXT = 40


def read(file):
    """The tasks of a trace: (worker, name, begin, duration, failed), in microseconds."""
    events = json.load(file)
    if isinstance(events, dict):
        events = events.get('traceEvents', [])
    return [(event['tid'], event['name'], event['ts'], event.get('dur', 0),
             event.get('cat') == 'failed')
            for event in events if event.get('ph') == 'X']


def write(tasks, file):
    """Writes tasks of this process: (name, begin, end, good, thread), in nanoseconds."""
    owner = os.getpid()
    events = [{'name': 'process_name', 'ph': 'M', 'pid': owner, 'args': {'name': 'owner'}}]
    events += [{'name': name or f'task {number}', 'cat': 'task' if good else 'failed', 'ph': 'X',
                'ts': begin // 1000, 'dur': (end - begin) // 1000, 'pid': owner, 'tid': thread,
                'args': {'id': number, 'failed': not good}}
               for number, (name, begin, end, good, thread) in enumerate(tasks, 1)]
    json.dump({'displayTimeUnit': 'ms', 'traceEvents': events}, file)


def _bar(x, y, width, name, duration, failed):
    title = f'<title>{escape(name)}: {duration / 1000:.3f} ms</title>'
    bar = f'<rect x="{x:.2f}" y="{y}" width="{max(width, 0.5):.2f}" height="{ROW}" rx="2" ' \
          f'fill="{FAILED if failed else GOOD}">{title}</rect>'
    if width < LEAST_FOR_TEXT:
        return bar
    shown = escape(name[:int(width / 7)])
    return bar + f'<text x="{x + 4:.2f}" y="{y + 15}" fill="white">{shown}</text>'


def draw(tasks):
    """The text of an SVG for such tasks."""
    workers = {worker: row for row, worker in enumerate(sorted({task[0] for task in tasks}))}
    first = min((task[2] for task in tasks), default=0)
    last = max((task[2] + task[3] for task in tasks), default=1)
    scale = WIDTH / max(1, last - first)
    height = TOP + len(workers) * (ROW + GAP) + GAP
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             f'<text x="{LEFT}" y="18">{len(tasks)} tasks, {(last - first) / 1000:.1f} ms</text>']
    for worker, row in workers.items():
        y = TOP + row * (ROW + GAP)
        lines.append(f'<text x="8" y="{y + 15}">{worker}</text>')
    for worker, name, begin, duration, failed in tasks:
        y = TOP + workers[worker] * (ROW + GAP)
        lines.append(_bar(LEFT + (begin - first) * scale, y, duration * scale, name, duration,
                          failed))
    return '\n'.join([*lines, '</svg>', ''])


def main(arguments):
    if len(arguments) > 1:
        print('usage: python3 -m mproc.trace [TRACE] > SVG', file=sys.stderr)
        return 2
    if arguments:
        with open(arguments[0], encoding='utf-8') as file:
            tasks = read(file)
    else:
        tasks = read(sys.stdin)
    print(draw(tasks), end='')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
