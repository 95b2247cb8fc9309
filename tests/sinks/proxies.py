"""Reverse and forward proxies as Debian packages them, in front of a sink.

apt-get install nginx haproxy lighttpd squid apache2-bin varnish caddy privoxy h2o
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial

import pytest

from tasks.demo.servers import Workspace
from tasks.demo.servers.accounts import unprivileged_account
from tasks.demo.servers.processes import Command, wait_for
from tests.sinks.ports import free_ports, is_open

START_SECONDS = 60.0
PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class Stands(Enum):
    """In front of the service, in its place; or beside the worker, as its `http_proxy`."""

    IN_FRONT = "reverse"
    BESIDE = "forward"


@dataclass(frozen=True, slots=True)
class Kind:
    """A proxy program that waits a second for an answer.

    `on_cut`, `on_silence`: the status that it answers where the service behind it closes the
    connection, or says nothing for that second. `files`: name → text; in these and in `arguments`
    `@folder@`, `@port@` and `@behind@` are filled.
    """

    program: str
    package: str
    on_cut: int
    on_silence: int
    files: Mapping[str, str]
    arguments: tuple[str, ...]
    stands: Stands = Stands.IN_FRONT


NGINX = """
daemon off; pid @folder@/pid; error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path @folder@/body; proxy_temp_path @folder@/proxy;
    fastcgi_temp_path @folder@/f; uwsgi_temp_path @folder@/u; scgi_temp_path @folder@/s;
    server {
        listen 127.0.0.1:@port@;
        location / { proxy_pass http://127.0.0.1:@behind@; proxy_read_timeout 1s; }
    }
}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 1s
listen site
    bind 127.0.0.1:@port@
    server service 127.0.0.1:@behind@
"""
LIGHTTPD = """
server.modules = ("mod_proxy")
server.bind = "127.0.0.1"
server.port = @port@
server.document-root = "@folder@"
server.upload-dirs = ("@folder@")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => @behind@, "read-timeout" => 1)))
"""
APACHE = """
ServerRoot @folder@
ServerName localhost
Listen 127.0.0.1:@port@
PidFile @folder@/pid
ErrorLog "|/bin/cat"
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
ProxyPass / http://127.0.0.1:@behind@/ timeout=1
"""
CADDY = """
{
    admin off
    auto_https off
    storage file_system @folder@/data
}
http://127.0.0.1:@port@ {
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:@behind@ {
        transport http {
            response_header_timeout 1s
        }
    }
}
"""
H2O = """
listen: {host: 127.0.0.1, port: @port@}
num-threads: 1
proxy.timeout.io: 1000
hosts:
  default:
    paths:
      /: {proxy.reverse.url: "http://127.0.0.1:@behind@/"}
"""
SQUID = """
http_port 127.0.0.1:@port@
http_access allow all
cache deny all
pid_filename none
access_log none
cache_log @folder@/log
coredump_dir @folder@
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
read_timeout 1 seconds
"""
PRIVOXY = """
confdir @folder@
listen-address 127.0.0.1:@port@
socket-timeout 1
"""

IN_C = {"-f": ("-f", "@folder@/c"), "-c": ("-c", "@folder@/c")}
KINDS: Mapping[str, Kind] = {
    "nginx": Kind("nginx", "nginx", 502, 504, {"c": NGINX}, IN_C["-c"]),
    "haproxy": Kind("haproxy", "haproxy", 502, 504, {"c": HAPROXY}, ("-db", *IN_C["-f"])),
    "lighttpd": Kind("lighttpd", "lighttpd", 500, 504, {"c": LIGHTTPD}, ("-D", *IN_C["-f"])),
    "Apache": Kind("apache2", "apache2-bin", 502, 502, {"c": APACHE}, ("-X", *IN_C["-f"])),
    "Caddy": Kind(
        "caddy", "caddy", 502, 504, {"c": CADDY},
        ("run", "--adapter", "caddyfile", "--config", "@folder@/c"),
    ),
    "Varnish": Kind(
        "varnishd", "varnish", 503, 503, {},
        (
            "-F", "-n", "@folder@/state", "-a", "127.0.0.1:@port@", "-b", "127.0.0.1:@behind@",
            "-p", "first_byte_timeout=1", "-s", "malloc,8m", "-j", "none",
        ),
    ),
    "h2o": Kind("h2o", "h2o", 502, 502, {"c": H2O}, IN_C["-c"]),
    "squid": Kind("squid", "squid", 502, 504, {"c": SQUID}, ("-N", *IN_C["-f"]), Stands.BESIDE),
    "privoxy": Kind(
        "privoxy", "privoxy", 500, 500, {"c": PRIVOXY}, ("--no-daemon", "@folder@/c"),
        Stands.BESIDE,
    ),
}  # fmt: skip


@contextmanager
def proxy(workspace: Workspace, kind: Kind, behind: int) -> Iterator[int]:
    """The port on 127.0.0.1 of one before the service at `behind`.

    Skips the test where it is not installed.
    """
    program = shutil.which(kind.program, path=PLACES)
    if program is None:
        pytest.skip(f"no {kind.program} on this machine: apt-get install {kind.package}")
    account = unprivileged_account()
    folder, [port] = workspace.new_folder(kind.program, account), free_ports(1)

    def filled(text: str) -> str:
        values = {"@folder@": str(folder), "@port@": str(port), "@behind@": str(behind)}
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    for name, text in kind.files.items():
        (folder / name).write_text(filled(text))
        (folder / name).chmod(0o644)
    name = f"{kind.program}-{secrets.token_hex(3)}"
    words = [program, *map(filled, kind.arguments)]
    environment = {"PATH": PLACES, "HOME": str(folder)}
    process = workspace.start(Command(name, words, environment, account=account, folder=folder))
    failure = partial(failed, workspace, name)
    wait_for(lambda: is_open(port) or process.poll() is not None, START_SECONDS, failure)
    if process.poll() is not None:
        raise failure()
    yield port
    process.terminate()
    process.wait(START_SECONDS)
    workspace.ended(process)


def failed(workspace: Workspace, name: str) -> Exception:
    return AssertionError(f"{name} does not listen: {workspace.log(name)[-2000:]}")
