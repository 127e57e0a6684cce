"""`sinetti authority serve`: answer requests until a signal stops it."""

import argparse
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from sinetti.authority.bootstrap import Authority, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.log_format import configure_logging
from sinetti.authority.node_reload import reread_node
from sinetti.authority.processes import AT_ONCE_PER_ADDRESS, RATE_PER_ADDRESS, AddressLimits, ServeOptions, run_node
from sinetti.authority.signer_process import signer_running
from sinetti.cli.authority.common import AuthorityRun, OptionError, opened_authority, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE, passphrase_of
from sinetti.cli.core import verbose_log
from sinetti.cli.core.commands import Spec, flag, option
from sinetti.infra.metrics import recorder
from sinetti.infra.unix_socket import sd_notify
from sinetti.server.addresses import InvalidAddress, ListenAddress, parse_address
from sinetti.server.process_exit import exit_process, raise_if_interrupted
from sinetti.settings.authority import SOAP_PATH

_MOST_WORKERS = 64
_HIGHEST_LIMIT = 65_535
_BIND, _STATUS_BIND = "127.0.0.1:8443", "127.0.0.1:8080"
_log = logging.getLogger(__name__)


commands = operator_commands()
register = commands.register


def addresses(*, has_defaults: bool = True) -> tuple[Spec, ...]:
    """Return the options for addresses and TLS.

    Without `has_defaults`, for `check`, an option that is not given is None.
    """
    shown = " (default: %(default)s)" if has_defaults else ""
    soap = f"address for SOAP: IP:PORT or unix:/PATH{shown}"
    status = f"address for CA certificates, CRLs, OCSP and health, plain HTTP{shown}"
    people = "address for the e-service, plain HTTP behind a TLS proxy; needs DIR/notices.toml (default: none)"
    metrics = "address for metrics at /metrics, IP:PORT, plain HTTP for the monitoring network alone (default: none)"
    key = "private key of the TLS certificate; reload reads both again"
    return (
        option("ADDRESS", soap, name="--bind", default=_BIND if has_defaults else None),
        option("PEM", "TLS certificate of the server, with its chain", name="--tls-certificate", type=Path),
        option("PEM", key, name="--tls-key", type=Path),
        option("ADDRESS", status, name="--status-bind", default=_STATUS_BIND if has_defaults else None),
        option("ADDRESS", people, name="--people-bind"),
        option("ADDRESS", metrics, name="--metrics-bind"),
        flag("take the caller's address from the last entry of X-Forwarded-For", name="--behind-proxy"),
    )


@commands.command(
    "sinetti authority serve --dir /srv/sinetti --bind 127.0.0.1:8443 --status-bind 127.0.0.1:8080",
    also=[
        PASSPHRASE_FILE,
        option(
            "DIR",
            "for rehearsal: folder of a signer that runs as long as the service, under the same user",
            name="--signer-dir",
            type=Path,
        ),
        *addresses(),
        option(
            "N",
            f"requests per second and address, 0 for no limit (default: {RATE_PER_ADDRESS}, not for loopback)",
            name="--rate-per-address",
            type=int,
        ),
        option(
            "N",
            f"concurrent requests per address, 0 for no limit (default: {AT_ONCE_PER_ADDRESS}, not for loopback)",
            name="--connections-per-address",
            type=int,
        ),
        option(
            "N",
            "number of worker processes (default: one for each processor, here %(default)s)",
            name="--workers",
            type=int,
            default=min(len(os.sched_getaffinity(0)), _MOST_WORKERS),
        ),
        option(
            None,
            "format of the log on standard error (default: json, on a terminal text)",
            name="--log",
            choices=("text", "json"),
        ),
    ],
)
def serve(run: AuthorityRun) -> NoReturn:
    """Run the service until a signal stops it."""
    parsed = run.parsed
    configure_logging(leniency=False, as_json=None if parsed.log is None else parsed.log == "json")
    verbose_log.set_level()
    # A signal to read the files again must not end a service that is starting: it takes effect once the service runs.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    plan = _with_limits(plan_of(parsed), parsed)

    def reopen() -> Authority:
        return open_authority(parsed.dir.absolute(), DirectoryKind.AUTHORITY, passphrase=passphrase_of(parsed))

    with (
        signer_running(parsed.dir.absolute(), parsed.signer_dir),
        opened_authority(parsed.dir, passphrase_of(parsed)) as authority,
    ):
        run_node(authority, plan, _say_ready, lambda node: reread_node(node, reopen))
    exit_process()


def plan_of(parsed: argparse.Namespace) -> ServeOptions:
    """Check the options of addresses and return the plan.

    Raises OptionError if they do not fit.
    """
    pair = _pair(parsed.tls_certificate, parsed.tls_key)
    soap = _address("--bind", parsed.bind or _BIND)
    status = _address("--status-bind", parsed.status_bind or _STATUS_BIND)
    _check_reach(soap, parsed, tls=pair is not None)
    if soap.overlaps(status):
        raise OptionError(
            f"--bind and --status-bind use the same {soap.path or f'port {soap.port}'}: give each its own"
        )
    people = _people(parsed, soap, status)
    metrics = _metrics(parsed, {"--bind": soap, "--status-bind": status, "--people-bind": people})
    return ServeOptions(soap, status, 1, pair, behind_proxy=parsed.behind_proxy, people=people, metrics=metrics)


def _with_limits(plan: ServeOptions, parsed: argparse.Namespace) -> ServeOptions:
    """Return the plan with workers and limits.

    Raises OptionError if they are out of range.
    """
    if not 1 <= parsed.workers <= _MOST_WORKERS:
        raise OptionError(f"--workers: {parsed.workers} is not from 1 to {_MOST_WORKERS}")
    limits = AddressLimits(parsed.rate_per_address, parsed.connections_per_address)
    for name, value in (("--rate-per-address", limits.rate), ("--connections-per-address", limits.at_once)):
        if value is not None and not 0 <= value <= _HIGHEST_LIMIT:
            raise OptionError(f"{name}: {value} is not from 0 to {_HIGHEST_LIMIT} (0 for no limit)")
    return replace(plan, workers=parsed.workers, limits=limits)


def _metrics(parsed: argparse.Namespace, others: Mapping[str, ListenAddress | None]) -> ListenAddress | None:
    """Return the address of metrics, or None if there is none.

    Raises OptionError if the address cannot be used, or if metrics cannot be counted here.
    """
    if parsed.metrics_bind is None:
        return None
    address = _address("--metrics-bind", parsed.metrics_bind)
    if address.path is not None:
        raise OptionError("--metrics-bind takes IP:PORT, because Prometheus reads no Unix socket")
    for name, other in others.items():
        if other is not None and other.overlaps(address):
            raise OptionError(f"{name} and --metrics-bind use the same port {address.port}: give each its own")
    if not recorder.is_installed():
        raise OptionError("--metrics-bind needs prometheus-client: install sinetti[authority] again")
    return address


def _people(parsed: argparse.Namespace, soap: ListenAddress, status: ListenAddress) -> ListenAddress | None:
    """Return the address of the pages for people, or None if there is none.

    Raises OptionError if the address cannot be used.
    """
    if parsed.people_bind is None:
        return None
    people = _address("--people-bind", parsed.people_bind)
    if not people.is_local:
        raise OptionError("--people-bind must be loopback or a Unix socket, behind a proxy with TLS")
    if people.path is not None and not parsed.behind_proxy:
        raise OptionError("a Unix socket needs --behind-proxy, so that the proxy names the callers")
    for name, other in (("--bind", soap), ("--status-bind", status)):
        if people.overlaps(other):
            where = people.path or f"port {people.port}"
            raise OptionError(f"{name} and --people-bind use the same {where}: give each its own")
    return people


def _check_reach(soap: ListenAddress, parsed: argparse.Namespace, *, tls: bool) -> None:
    """Raise OptionError for addresses at which callers could bypass TLS or the proxy.

    Callers could otherwise reach plain HTTP, or write the header that only a proxy may write.
    """
    if parsed.behind_proxy and not soap.is_local:
        raise OptionError(
            "--behind-proxy needs loopback or a Unix socket, because any other caller could forge X-Forwarded-For"
        )
    if soap.path is not None and not parsed.behind_proxy:
        raise OptionError("a Unix socket needs --behind-proxy, so that the proxy names the callers")
    if not tls and not soap.is_local:
        raise OptionError("plain HTTP is for loopback only: give --tls-certificate and --tls-key")


def _say_ready(plan: ServeOptions) -> None:
    raise_if_interrupted()
    soap, status = plan.soap.url("https" if plan.pair else "http"), plan.status.url("http")
    people = f", e-service on {plan.people.url('http')}" if plan.people else ""
    metrics = f", metrics on {plan.metrics.url('http')}" if plan.metrics else ""
    more = f"{people}{metrics}"
    _log.info("Ready: SOAP on %s%s, status on %s (%d workers)%s", soap, SOAP_PATH, status, plan.workers, more)
    sd_notify("READY=1")


def _pair(certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if (certificate is None) != (key is None):
        raise OptionError("--tls-certificate and --tls-key must be given together")
    if certificate is None or key is None:
        return None
    for path in (certificate, key):
        if not path.is_file():
            raise OptionError(f"{path} is not a file")
    return certificate, key


def _address(option: str, text: str) -> ListenAddress:
    try:
        return parse_address(text)
    except InvalidAddress:
        raise OptionError(f"{option}: {text!r} is not an address such as 127.0.0.1:8443 or unix:/PATH") from None
