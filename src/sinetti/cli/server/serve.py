"""`sinetti authority serve`: answer requests until told to stop."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.server.common import OptionError, add_dir, command, leave, log_to_stderr, opened
from sinetti.cli.server.node import Plan, run_node
from sinetti.protocols.addresses import Address, NoAddress, parse_address
from sinetti.settings.authority import SOAP_PATH

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

_MOST_WORKERS = 64


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    example = "sinetti authority serve --dir /srv/sinetti --bind 127.0.0.1:8443 --status-bind 127.0.0.1:8080"
    parser = command(commands, "serve", "answer requests until told to stop", _run, example)
    add_dir(parser)
    parser.add_argument("--bind", default="127.0.0.1:8443", metavar="IP:PORT", help="for SOAP (default: %(default)s)")
    parser.add_argument("--tls-certificate", metavar="PEM", type=Path, help="the server's certificate, with its chain")
    parser.add_argument("--tls-key", metavar="PEM", type=Path, help="its private key; both are read again on SIGHUP")
    parser.add_argument(
        "--status-bind",
        default="127.0.0.1:8080",
        metavar="IP:PORT",
        help="CA certificates, CRLs (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="processes that answer (default: one for each processor, here %(default)s)",
    )


def _run(parsed: argparse.Namespace) -> int:
    log_to_stderr(kindness=False)
    plan = _plan(parsed)
    with opened(parsed.dir) as authority:
        run_node(authority, plan, _say_ready)
    leave()


def _plan(parsed: argparse.Namespace) -> Plan:
    """Check the options. Raises OptionError."""
    pair = _pair(parsed.tls_certificate, parsed.tls_key)
    soap, status = _address("--bind", parsed.bind), _address("--status-bind", parsed.status_bind)
    if pair is None and not soap.is_local:
        sentence = "plain http is for loopback, behind a proxy: give --tls-certificate and --tls-key too"
        raise OptionError(sentence)
    if soap.overlaps(status):
        sentence = f"--bind and --status-bind are both on port {soap.port}: give each a port of its own"
        raise OptionError(sentence)
    if not 1 <= parsed.workers <= _MOST_WORKERS:
        sentence = f"--workers: from 1 to {_MOST_WORKERS}, not {parsed.workers}"
        raise OptionError(sentence)
    return Plan(soap, status, parsed.workers, pair)


def _say_ready(plan: Plan) -> None:
    soap, status = plan.soap.url("https" if plan.pair else "http"), plan.status.url("http")
    print(f"Ready: SOAP on {soap}{SOAP_PATH}, status on {status}", file=sys.stderr, flush=True)


def _pair(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if (certificate is None) != (key is None):
        sentence = "--tls-certificate and --tls-key go together"
        raise OptionError(sentence)
    if certificate is None or key is None:
        return None
    for path in (certificate, key):
        if not path.is_file():
            sentence = f"{path} is not there, or no file"
            raise OptionError(sentence)
    return certificate, key


def _address(option: str, text: str) -> Address:
    try:
        return parse_address(text)
    except NoAddress:
        sentence = f"{option}: {text!r} is no address to listen on: write IP:PORT, such as 127.0.0.1:8443"
        raise OptionError(sentence) from None
