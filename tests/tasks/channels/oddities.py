"""Servers that misbehave in one way each, byte by byte."""

import datetime
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[socket.socket], None]


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[int]:
    """A port whose every connection is handed to the behaviour, and closed when it returns."""
    with socket.socket() as listener:
        # Small, so that a message of some megabytes cannot vanish into buffers.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        over = threading.Event()
        thread = threading.Thread(target=serve, args=(listener, behaviour, over), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)


def serve(listener: socket.socket, behaviour: Behaviour, over: threading.Event) -> None:
    while not over.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=attend, args=(connection, behaviour), daemon=True).start()


def attend(connection: socket.socket, behaviour: Behaviour) -> None:
    with connection, suppress(OSError, ssl.SSLError):
        behaviour(connection)
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, kept so that nobody begins to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def never_accepting() -> Iterator[int]:
    """A port that answers no knock: its queue is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for knock in (first, second):
            knock.setblocking(False)
            knock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def drip_for_a_while(connection: socket.socket) -> None:
    """A byte now and then, for longer than any time-out here."""
    for _ in range(1200):
        connection.sendall(b"x")
        if has_left(connection, within=0.1):
            return


def has_left(connection: socket.socket, within: float) -> bool:
    """True if the other end closes within this many seconds. Reads nothing."""
    leaving = select.poll()
    leaving.register(connection, select.POLLRDHUP)
    return bool(leaving.poll(within * 1000))


def read_request(connection: socket.socket) -> bytes:
    """An HTTP request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        body += received(connection)
    return head + b"\r\n\r\n" + body


def received(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the client has gone")
    return data


def answering(answer: bytes) -> Behaviour:
    """Reads a request, answers with these bytes, and closes."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return behave


def mailing(*replies: str) -> Behaviour:
    """A mail server that greets with the first reply and answers each line with the next.

    After a 354 it reads to the final dot. An empty greeting is left out. When the replies are used
    up, it closes.
    """

    def behave(connection: socket.socket) -> None:
        if replies[0]:
            connection.sendall(f"{replies[0]}\r\n".encode())
        with cast(BinaryIO, connection.makefile("rb")) as lines:
            for before, reply in pairwise(replies):
                read_turn(lines, before)
                connection.sendall(f"{reply}\r\n".encode())
            read_turn(lines, replies[-1])

    return behave


def read_turn(lines: BinaryIO, before: str) -> None:
    """The client's next input: one line, or after 354 a whole mail."""
    line = lines.readline()
    while before.startswith("354") and line not in (b".\r\n", b""):
        line = lines.readline()


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody trusts, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + made.public_bytes(serialization.Encoding.PEM)
    path = folder / "server.pem"
    path.write_bytes(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context
