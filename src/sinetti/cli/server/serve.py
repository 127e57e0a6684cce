"""`sinetti authority serve`: answer requests until told to stop."""

import argparse
import ssl
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.actions.publish import publish_all
from sinetti.cli.server.common import OptionError, add_dir, command, leave, log_to_stderr, opened, request_id
from sinetti.cli.server.passphrases import add_passphrase_file, passphrase_of
from sinetti.keeping import kept
from sinetti.protocols.edge import Edge
from sinetti.protocols.serving import Listener, Tls, probe, serve
from sinetti.protocols.soap import SoapDoor
from sinetti.protocols.status import StatusDoor
from sinetti.settings.authority import SOAP_PATH
from sinetti.settings.service_manager import tell_service_manager
from sinetti.wiring import Authority

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

_LOOPBACK = "127.0.0.1"
_HIGHEST_PORT = 65_535


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority serve --dir /srv/sinetti --bind 127.0.0.1:8443 --status-bind 127.0.0.1:8080"
    parser = command(commands, "serve", "answer requests until told to stop", _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("--bind", default="127.0.0.1:8443", metavar="IP:PORT", help="for SOAP (default: %(default)s)")
    parser.add_argument("--tls-certificate", metavar="PEM", type=Path, help="the server's certificate, with its chain")
    parser.add_argument("--tls-key", metavar="PEM", type=Path, help="its private key")
    parser.add_argument(
        "--status-bind",
        default="127.0.0.1:8080",
        metavar="IP:PORT",
        help="CA certificates, CRLs (default: %(default)s)",
    )


def _run(parsed: argparse.Namespace) -> int:
    log_to_stderr(kindness=False)
    tls = _tls(parsed.tls_certificate, parsed.tls_key)
    host, port = _address("--bind", parsed.bind)
    status_host, status_port = _address("--status-bind", parsed.status_bind)
    if tls is None and not ip_address(host).is_loopback:
        sentence = "plain http is for loopback, behind a proxy: give --tls-certificate and --tls-key too"
        raise OptionError(sentence)
    _refuse_one_for_both((host, port), (status_host, status_port))
    with opened(parsed.dir, passphrase_of(parsed)) as authority, kept(authority):
        port = probe(host, port)
        status_port = _another(port, status_host, status_port)
        _make_current(authority)
        door = SoapDoor(authority.office, authority.settings.soap_address, authority.recipe, authority.responses.seal)
        listeners = (
            Listener(Edge(door), host, port, tls),
            Listener(Edge(StatusDoor(authority.office)), status_host, status_port),
        )
        serve(listeners, lambda: _say_ready(listeners))
    leave()


def _refuse_one_for_both(soap: tuple[str, int], status: tuple[str, int]) -> None:
    """Raise OptionError where one address is meant for both doors: the system would let the two take turns."""
    one, other = ip_address(soap[0]), ip_address(status[0])
    if soap[1] == status[1] != 0 and (one == other or one.is_unspecified or other.is_unspecified):
        sentence = f"--bind and --status-bind are both on port {soap[1]}: give each a port of its own"
        raise OptionError(sentence)


def _another(taken: int, host: str, port: int) -> int:
    """Return the port if it can be bound; for 0 a free one that is not `taken`, which nothing listens on yet."""
    chosen = probe(host, port)
    while port == 0 and chosen == taken:
        chosen = probe(host, port)
    return chosen


def _make_current(authority: Authority) -> None:
    """Begin with a response signer in force and a fresh CRL of every CA whose key is here."""
    authority.responses.seal()
    publish_all(authority.office, request_id())


def _say_ready(listeners: tuple[Listener, ...]) -> None:
    soap, status = (_url(listener) for listener in listeners)
    print(f"Ready: SOAP on {soap}{SOAP_PATH}, status on {status}", file=sys.stderr, flush=True)
    tell_service_manager("READY=1")


def _url(listener: Listener) -> str:
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"{'https' if listener.tls else 'http'}://{host}:{listener.port}"


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    if (certificate is None) != (key is None):
        sentence = "--tls-certificate and --tls-key go together"
        raise OptionError(sentence)
    if certificate is None or key is None:
        return None
    for path in (certificate, key):
        if not path.is_file():
            sentence = f"{path} is not there, or no file"
            raise OptionError(sentence)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        sentence = f"{certificate} and {key} are no certificate and its key: PEM, the key without a passphrase"
        raise OptionError(sentence) from None
    return Tls(certificate, key)


def _address(option: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = _LOOPBACK if host == "localhost" else host.strip("[]")
    try:
        ip_address(host)
        fits = port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
    except ValueError:
        fits = False
    if not fits:
        sentence = f"{option}: {text!r} is no address to listen on: write IP:PORT, such as 127.0.0.1:8443"
        raise OptionError(sentence)
    return host, int(port)
