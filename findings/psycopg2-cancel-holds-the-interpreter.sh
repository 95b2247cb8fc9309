#!/usr/bin/env bash
# connection.cancel() of psycopg2 from another thread, while the server does not answer: one would
# expect it to let other threads run meanwhile, as execute() does.
# What happens: it holds Python's lock until the server has closed the cancel request's connection, so
# the whole process stands still. (PQcancel is called without Py_BEGIN_ALLOW_THREADS.)
# The server here is a thread that speaks as much of the protocol as a login needs, and lets the cancel
# request wait for two seconds. Exits 1 if this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/pip install --quiet --disable-pip-version-check psycopg2-binary==2.9.11
cat >server.py <<'PY'
import socket
import struct
import time


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


LOGIN = (
    message(b"R", struct.pack("!i", 0))
    + b"".join(
        message(b"S", name + b"\0" + value + b"\0")
        for name, value in {
            b"server_version": b"16.0", b"client_encoding": b"UTF8", b"DateStyle": b"ISO",
            b"standard_conforming_strings": b"on", b"integer_datetimes": b"on",
        }.items()
    )
    + message(b"K", struct.pack("!ii", 1, 2))
    + message(b"Z", b"I")
)
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    client, _ = listening.accept()
    client.recv(4096)
    client.sendall(LOGIN)
    cancelling, _ = listening.accept()
    time.sleep(2)
    cancelling.close()
    time.sleep(1)
PY
cat >seen.py <<'PY'
import subprocess
import sys
import threading
import time

import psycopg2

server = subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, text=True)
port = server.stdout.readline().strip()
connection = psycopg2.connect(
    f"host=127.0.0.1 port={port} user=u dbname=d sslmode=disable gssencmode=disable"
)
ticks = []


def tick():
    while True:
        ticks.append(time.monotonic())
        time.sleep(0.02)


threading.Thread(target=tick, daemon=True).start()
time.sleep(0.2)
connection.cancel()
time.sleep(0.2)
longest = max(after - before for before, after in zip(ticks, ticks[1:]))
print("psycopg2", psycopg2.__version__.split()[0], "another thread stood still:", longest > 1.5)
server.kill()
PY
echo "psycopg2 2.9.11 another thread stood still: True" >expected
environment/bin/python seen.py | tee seen
diff expected seen || exit 1
