"""The eight commands of deploy/README.md: counted, and played without an empty machine.

Their `init`, the unit's `serve` and the file for nginx run here with other folders and ports, under the page's names.
tests/acceptance plays the commands themselves on a machine with systemd.
"""

import re
import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from tests.house.tree import ROOT
from tests.support.eight_commands import commands
from tests.support.ports import reserve_ports
from tests.support.programs import program, surroundings
from tests.support.web_servers import WITHIN, changed, nginx_running, process, tool, until_listening

NAMES = {"soap": "certificates.example", "people": "people.example", "lists": "pki.example"}
UNIT = (ROOT / "deploy" / "systemd" / "sinetti.service").read_text(encoding="utf-8")


def test_the_page_needs_at_most_eight_commands():
    assert 1 < len(commands()) <= 8


def only(beginning: str) -> list[str]:
    """Return the words of the one command of the page with this beginning."""
    (found,) = [one for one in commands() if one.startswith(beginning)]
    return shlex.split(found)


def played_init(folder: Path, database: str) -> None:
    """Run the page's `init` with folders of the test."""
    officers, ceremony = folder / "officers", folder / "ceremony"
    officers.mkdir()
    for name in ("anna", "ben", "carl"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", officers / name], check=True)
    places = {
        "/var/lib/sinetti": str(folder),
        "/etc/sinetti/officers": str(officers),
        "/run/ceremony": str(ceremony),
        "/media/vault": str(folder / "vault"),
    }
    ceremony.mkdir()
    words = only("runuser -u sinetti -- sinetti authority init")[5:]
    words[words.index("--database-url") + 1] = database
    for old, new in places.items():
        words = [word.replace(old, new) for word in words]
    done = subprocess.run(program(*words), capture_output=True, text=True, timeout=4 * WITHIN, check=False)
    assert done.returncode == 0, done.stderr


def moved(ports: list[int]) -> dict[str, str]:
    """Return the changes from the addresses of the page to the test's."""
    return {f"127.0.0.1:{old}": f"127.0.0.1:{new}" for old, new in zip((8443, 8080, 8090), ports, strict=True)}


@contextmanager
def serving(folder: Path, ports: list[int]) -> Iterator[None]:
    """Run the command of the unit until it says that it is ready."""
    (line,) = re.findall(r"^ExecStart=\S+ (.+)$", UNIT, re.MULTILINE)
    words = changed(line, {"/var/lib/sinetti": str(folder)} | moved(ports))
    (folder / "credentials").mkdir()
    (folder / "ceremony" / "passphrase").rename(folder / "credentials" / "sinetti-passphrase")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(4 * WITHIN)
        given = {"CREDENTIALS_DIRECTORY": str(folder / "credentials"), "NOTIFY_SOCKET": str(folder / "notify")}
        with (
            (folder / "log").open("w") as log,
            process(*program(*shlex.split(words)), env=surroundings(given), stderr=log) as one,
        ):
            try:
                assert manager.recv(100) == b"READY=1"
            except TimeoutError:
                pytest.fail(f"exit {one.poll()}: {(folder / 'log').read_text(encoding='utf-8')}")
            yield


def fetched(connection: HTTPConnection, path: str, host: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers={"Host": host})
    reply = connection.getresponse()
    return reply.status, reply.read()


@contextmanager
def nginx_in_front(folder: Path, back: list[int], pair: ServerFiles) -> Iterator[tuple[int, int]]:
    """Run nginx with the file that `init` wrote."""
    secure, plain = reserve_ports(2)
    site = changed(
        (folder / "authority" / "deploy" / "nginx.conf").read_text(encoding="utf-8"),
        moved(back)
        | {"listen 443 ssl": f"listen 127.0.0.1:{secure} ssl", "listen 80;": f"listen 127.0.0.1:{plain};"}
        | {"/etc/sinetti/tls/certificate.pem": str(pair.certificate), "/etc/sinetti/tls/key.pem": str(pair.key)},
    )
    (folder / "nginx").mkdir()
    with nginx_running(folder / "nginx", site, secure):
        yield secure, plain


@contextmanager
def haproxy_in_front(folder: Path, back: list[int], pair: ServerFiles) -> Iterator[tuple[int, int]]:
    """Run HAProxy with the file that `init` wrote; HAProxy itself finds nothing in it to warn of."""
    secure, plain = reserve_ports(2)
    together = folder / "pair.pem"
    together.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    text = changed(
        (folder / "authority" / "deploy" / "haproxy.cfg").read_text(encoding="utf-8"),
        moved(back)
        | {"bind :443 ": f"bind 127.0.0.1:{secure} ", "bind :80\n": f"bind 127.0.0.1:{plain}\n"}
        | {"/etc/sinetti/tls/pair.pem": str(together)},
    )
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    command = [tool("haproxy"), "-f", str(folder / "haproxy.cfg")]
    checked = subprocess.run([*command, "-c"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr, checked.stderr
    with process(*command, "-db", stderr=subprocess.DEVNULL) as one:
        until_listening(secure, one)
        yield secure, plain


def test_what_init_wrote_serves_programs_pages_and_lists_in_production(tmp_path, postgres_url):
    tool("ssh-keygen")
    ports, pair = (
        reserve_ports(3),
        ServerFiles(*(tmp_path / name for name in ("certificate.pem", "key.pem", "anchor.pem"))),
    )
    make_server_certificate(pair)
    context = ssl.create_default_context(cafile=str(pair.trust))
    context.check_hostname = False  # the certificate is for loopback; nginx goes by the names of the page
    with ExitStack() as stack:
        played_init(tmp_path, postgres_url)
        stack.enter_context(serving(tmp_path, ports))
        for front in (nginx_in_front, haproxy_in_front):
            secure, plain = stack.enter_context(front(tmp_path, ports, pair))
            over_tls = HTTPSConnection("127.0.0.1", secure, timeout=WITHIN, context=context)
            stack.callback(over_tls.close)
            status, wsdl = fetched(over_tls, "/2017/10/CertificateServices?wsdl", NAMES["soap"])
            assert (status, b"https://certificates.example/2017/10/CertificateServices" in wsdl) == (200, True)
            status, page = fetched(over_tls, "/account/login", NAMES["people"])
            assert (status, b"<html" in page) == (200, True)
            assert fetched(over_tls, "/account/login", NAMES["soap"])[0] == 404
            lists = HTTPConnection("127.0.0.1", plain, timeout=WITHIN)
            stack.callback(lists.close)
            status, octets = fetched(lists, "/crl/SinettiRootCAv1-1.crl", NAMES["lists"])
            assert (status, octets[:1]) == (200, b"\x30")
            assert fetched(lists, "/readyz", NAMES["lists"])[0] == 404
            feed = HTTPConnection("127.0.0.1", plain, timeout=WITHIN)
            stack.callback(feed.close)
            feed.request("GET", "/status/feed", headers={"Host": NAMES["lists"]})
            assert b"event: reset" in feed.getresponse().read1(), "events are passed on at once"
        for kind in ("plan", "send"):  # nothing is due in a new authority, so no mail server is needed
            words = ("authority", "notices", kind, "--dir", tmp_path / "authority")
            known = surroundings({"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
            done = subprocess.run(program(*words), env=known, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
