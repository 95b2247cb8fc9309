"""Rate of sending messages, beside the tools that one would use otherwise, in the same run.

    python -m tests.benchmarks.bench_channels [--mails 300] [--posts 2000]

E-mail: a new Apprise object a mail, a bare smtplib loop, and the e-mail channel (built anew each
time, with HTML and a calendar file). Webhook: a new Apprise object a message, requests.Session,
http.client, and the webhook channel. The servers are processes of their own that do the least.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import apprise
import requests

from scheduler.settings import ChannelName
from tasks.channels.channel import Channel
from tasks.messages.letter import Attachment, Letter
from tests.tasks.channels.attempt import AT, a_person, channels

LETTER = Letter(
    title="Physics at 14:00",
    text="Your lesson begins at 14:00.\n" * 10,
    html="<p>Your lesson begins at <b>14:00</b>.</p>" * 10,
    attachments=(
        Attachment("lesson.ics", "text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\n" * 30),
    ),
)
PLAIN = Letter(LETTER.title, LETTER.text)
Send = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mails", type=int, default=300)
    parser.add_argument("--posts", type=int, default=2000)
    options = parser.parse_args()
    with running(mail_server) as port:
        report("e-mail", mails(port, options.mails))
    with running(web_server) as port:
        report("webhook", posts(port, options.posts))


def report(title: str, rates: dict[str, float]) -> None:
    ours = next(rate for name, rate in rates.items() if name.startswith("channel"))
    for name, rate in rates.items():
        print(f"{title:8} {name:40} {rate:8,.0f}/s   the channel is {ours / rate:5.1f} times that")


def mails(port: int, count: int) -> dict[str, float]:
    url = f"mailto://127.0.0.1:{port}?from=desk@site.example.et&to="
    channel = channels(channel_email=url + "{email}")[ChannelName.EMAIL]
    with smtplib.SMTP("127.0.0.1", port) as client, channel.open():
        return {
            "a new Apprise object": rate(lambda: by_apprise(f"{url}x@y.example"), count // 6),
            "smtplib, one connection, a fixed text": rate(lambda: by_smtplib(client), count),
            "channel, plain text": rate(lambda: by_channel(channel, PLAIN), count),
            "the same, HTML and a calendar file": rate(lambda: by_channel(channel, LETTER), count),
        }


def posts(port: int, count: int) -> dict[str, float]:
    url = f"json://127.0.0.1:{port}/hook?:person="
    channel = channels(channel_webhook=url + "{person_id}")[ChannelName.WEBHOOK]
    with requests.Session() as session, channel.open():
        client = http.client.HTTPConnection("127.0.0.1", port)
        return {
            "a new Apprise object": rate(lambda: by_apprise(f"{url}7"), count // 6),
            "requests.Session": rate(lambda: by_session(session, port), count),
            "http.client": rate(lambda: by_http_client(client), count),
            "channel": rate(lambda: by_channel(channel, PLAIN), count),
        }


def rate(send: Send, count: int) -> float:
    """Sends a second, after one to warm up."""
    send()
    begun = time.perf_counter()
    for _ in range(count):
        send()
    return count / (time.perf_counter() - begun)


def by_apprise(url: str) -> None:
    made = apprise.Apprise()
    made.add(url)
    assert made.notify(title=LETTER.title, body=LETTER.text)


def by_smtplib(client: smtplib.SMTP) -> None:
    client.sendmail("desk@site.example.et", ["x@y.example"], f"Subject: x\r\n\r\n{LETTER.text}")


def by_channel(channel: Channel, letter: Letter) -> None:
    assert channel.send(letter, a_person(), uuid4(), AT).result == "sent"


BODY = json.dumps({"title": LETTER.title, "message": LETTER.text, "person": "7"})
JSON = {"Content-Type": "application/json"}


def by_session(session: requests.Session, port: int) -> None:
    session.post(f"http://127.0.0.1:{port}/hook", BODY, headers=JSON, timeout=5).raise_for_status()


def by_http_client(client: http.client.HTTPConnection) -> None:
    client.request("POST", "/hook", BODY, JSON)
    client.getresponse().read()


@contextmanager
def running(server: Callable[[Any], None]) -> Iterator[int]:
    """The port of a server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=server, args=(theirs,), daemon=True)
    process.start()
    yield ours.recv()
    process.terminate()
    process.join()


def mail_server(pipe: Any) -> None:
    asyncio.run(serve(MailProtocol, pipe))


def web_server(pipe: Any) -> None:
    asyncio.run(serve(WebProtocol, pipe))


async def serve(protocol: type[asyncio.Protocol], pipe: Any) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class MailProtocol(asyncio.Protocol):
    """Says yes to everything."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.in_mail = False
        self.seen = b""
        transport.write(b"220 here\r\n")

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while self.take():
            pass

    def take(self) -> bool:
        end = b"\r\n.\r\n" if self.in_mail else b"\r\n"
        said, found, rest = self.seen.partition(end)
        if not found:
            return False
        self.seen = rest
        self.in_mail = not self.in_mail and said.upper() == b"DATA"
        reply = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
        self.transport.write(reply.get(said.upper()[:4], b"250 yes\r\n"))
        return True


class WebProtocol(asyncio.Protocol):
    """Answers 200 to every request, over a connection that is kept."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.seen = b""

    def data_received(self, data: bytes) -> None:
        self.seen += data
        head, found, body = self.seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(body) >= length:
            self.seen = body[length:]
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


if __name__ == "__main__":
    main()
