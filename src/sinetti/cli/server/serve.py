"""`sinetti authority serve`: answer requests until told to stop."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.actions.publish import publish
from sinetti.cli.server.common import add_dir, command, log_to_stderr, opened, request_id
from sinetti.protocols.edge import Edge
from sinetti.protocols.serving import AddressTaken, Listener, Tls, probe, serve
from sinetti.protocols.soap import SoapDoor
from sinetti.protocols.status import StatusDoor
from sinetti.wiring import Authority

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority serve --dir /srv/sinetti --bind 127.0.0.1:8443 --status-bind 127.0.0.1:8080"
    parser = command(commands, "serve", "answer requests until told to stop", _run, example)
    add_dir(parser)
    parser.add_argument("--bind", default="127.0.0.1:8443", metavar="HOST:PORT", help="for SOAP (default: %(default)s)")
    parser.add_argument("--tls-certificate", metavar="PEM", type=Path, help="the server's certificate, with its chain")
    parser.add_argument("--tls-key", metavar="PEM", type=Path, help="its private key")
    parser.add_argument(
        "--status-bind", default="127.0.0.1:8080", metavar="HOST:PORT", help="CA certificates, CRLs (default: %(default)s)",
    )


def _run(parsed: argparse.Namespace) -> int:
    log_to_stderr()
    tls = _tls(parsed)
    host, port = _address(parsed.bind)
    status_host, status_port = _address(parsed.status_bind)
    if tls is None and host not in _LOOPBACK:
        sentence = "plain http is for loopback, behind a proxy: give --tls-certificate and --tls-key for another address"
        raise AddressTaken(sentence)
    with opened(parsed.dir) as authority:
        _make_current(authority)
        door = SoapDoor(authority.office, authority.settings.soap_address, authority.recipe, authority.responses.seal)
        listeners = (
            Listener(Edge(door), host, probe(host, port), tls),
            Listener(Edge(StatusDoor(authority.office)), status_host, probe(status_host, status_port)),
        )
        serve(listeners, lambda: _say_ready(listeners))
    return 0


def _make_current(authority: Authority) -> None:
    """Begin with a response signer in force and a fresh CRL of every issuing CA."""
    authority.responses.seal()
    for issuer in authority.office.issuers.values():
        publish(issuer.file_name, issuer.shard, authority.office, request_id())


def _say_ready(listeners: tuple[Listener, ...]) -> None:
    soap, status = listeners
    scheme = "https" if soap.tls else "http"
    print(f"Ready: SOAP on {scheme}://{soap.host}:{soap.port}, status on http://{status.host}:{status.port}", file=sys.stderr)


def _tls(parsed: argparse.Namespace) -> Tls | None:
    if (parsed.tls_certificate is None) != (parsed.tls_key is None):
        sentence = "--tls-certificate and --tls-key go together"
        raise AddressTaken(sentence)
    if parsed.tls_certificate is None:
        return None
    for path in (parsed.tls_certificate, parsed.tls_key):
        if not path.is_file():
            sentence = f"{path} is not there"
            raise AddressTaken(sentence)
    return Tls(parsed.tls_certificate, parsed.tls_key)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest TCP port
        sentence = f"{text!r} is no address: write HOST:PORT, such as 127.0.0.1:8443"
        raise AddressTaken(sentence)
    return host.strip("[]"), int(port)
