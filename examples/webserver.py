# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

"""Several processes that serve HTTP on one listening socket.

    webserver.py            serves the present folder on port 8000 until Ctrl-C
    webserver.py --test     serves a few requests of its own
"""

import os
import sys
import urllib.request
from http.server import HTTPServer, SimpleHTTPRequestHandler

from mproc import Process

SERVERS = 4


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != '/pid':
            super().do_GET()
            return
        body = str(os.getpid()).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        if '--test' not in sys.argv:
            super().log_message(*arguments)


def serve(server):
    """The kernel gives each connection to one of those who wait for one."""
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def ask(port):
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/pid', timeout=30) as answer:
        return int(answer.read())


def main():
    test = '--test' in sys.argv
    server = HTTPServer(('127.0.0.1', 0 if test else 8000), Handler)
    # Daemons: they end with this process, even if that is killed.
    servers = [Process(target=serve, args=(server,), daemon=True) for _ in range(SERVERS)]
    for process in servers:
        process.start()

    if not test:
        print(f'{SERVERS} processes serve on port {server.server_port}')
        serve(server)
        return

    pids = {ask(server.server_port) for _ in range(20)}
    print(SERVERS, 'servers, 20 requests answered:', pids <= {p.pid for p in servers})
    for process in servers:
        process.terminate()
        process.join()
    print('exit codes:', {process.exitcode for process in servers})


if __name__ == '__main__':
    main()
