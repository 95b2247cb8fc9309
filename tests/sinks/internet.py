"""All hosts of the internet at once: a proxy that connects to none and answers for all.

It ends TLS itself, under certificates of an authority of its own, and hands each request to a
`HttpSink`, which records it with its Host header. What goes through a plugin whose provider's
address is fixed can so be seen on real sockets:

with Internet(http_sink, folder) as internet:
    for name, value in internet.environment.items():
        monkeypatch.setenv(name, value)
"""

import datetime
import socket
import ssl
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sinks.http import HttpSink

ESTABLISHED = b"HTTP/1.1 200 Established\r\n\r\n"


class Authority:
    """Signs certificates for any host; `bundle` is the CA file for clients that trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.bundle = folder / "authority.pem"
        made = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.bundle.write_bytes(pem_of(made.sign(self._key, hashes.SHA256())))

    def context_for(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:60])])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = self._builder(name, key).add_extension(names, critical=False)
        path = self._folder / f"{host}.pem"
        path.write_bytes(private_pem_of(key) + pem_of(made.sign(self._key, hashes.SHA256())))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class Internet(AbstractContextManager["Internet"]):
    """`environment`: what a process needs in order to go through it."""

    def __init__(self, sink: HttpSink, folder: Path) -> None:
        self._sink = sink
        self._authority = Authority(folder)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        own = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        bundle = str(self._authority.bundle)
        return {
            "http_proxy": self._sink.url,
            "https_proxy": own,
            "no_proxy": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": bundle,
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            host = asked_host(connection)
            connection.sendall(ESTABLISHED)
            context = self._authority.context_for(host)
            with context.wrap_socket(connection, server_side=True) as inner:
                self._sink.attend(inner)


def asked_host(connection: socket.socket) -> str:
    """Of `CONNECT host:port HTTP/1.1`."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        if not piece:
            raise ValueError("no request")
        head += piece
    return head.split()[1].decode().rpartition(":")[0]
