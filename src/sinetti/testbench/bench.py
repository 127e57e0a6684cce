"""Test bench: a folder that is made where missing, opened, and served on loopback.

A signal stops it.
"""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sinetti.api.publication import PublicationEndpoint
from sinetti.api.router import mount_api
from sinetti.api.soap import SoapEndpoint
from sinetti.authority.alerts import succession
from sinetti.authority.bootstrap import Authority, RuntimeOptions, open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderError
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.maintenance import maintained, mount_feed
from sinetti.authority.processes import people_edge
from sinetti.authority.service_certificates import AnswersUnsigned, ensure_valid
from sinetti.ca.hierarchy_config import is_same_hierarchy, load_preset, with_policy_arc
from sinetti.database.notifications.delivery import let_all_go
from sinetti.domain.requests import LENIENT, STRICT
from sinetti.domain.values import Environment, KeyPolicy, KeyType
from sinetti.infra.clock import utc_now
from sinetti.server.asgi import AsgiApp, Door, RequestLimits
from sinetti.server.listener import Listener, TlsFiles, serve
from sinetti.services.issuance.secure_message import lapse_orders
from sinetti.services.status.crl import publish_all
from sinetti.settings import portal
from sinetti.settings.authority import SOAP_PATH, AuthoritySettings
from sinetti.testbench.core.clock import BenchClock, in_range
from sinetti.testbench.core.layout import (
    LOCALHOST,
    LOOPBACK,
    OpenPorts,
    Ports,
    bench_clock,
    exclusive,
    load_ports,
    new_ports,
    server_files,
    write_ports,
)
from sinetti.testbench.core.server_certificate import make_server_certificate
from sinetti.testbench.endpoints.control import ControlEndpoint
from sinetti.testbench.endpoints.deliveries import FOLDER, BenchGateway, DeliveryEndpoint
from sinetti.testbench.endpoints.diagnostics import DiagnosticsEndpoint
from sinetti.testbench.endpoints.documentation import PATH as DOCUMENTATION_PATH
from sinetti.testbench.endpoints.documentation import DocumentationEndpoint, built_site
from sinetti.testbench.endpoints.request_log import RequestLog
from sinetti.testbench.endpoints.status_router import ProblemEdge, StatusEdge
from sinetti.testbench.identity.endpoints import identity_door, rehearsed
from sinetti.testbench.mail.dispatcher import MessageDispatcher, context
from sinetti.testbench.mail.mailbox import MessageStore

_DEFAULT_PRESET = "default"
_LETTERS = "messages.jsonl"
_CONTROL = RequestLimits(answering=60.0)
"""Limits of the control calls.

The clock's last step and the upkeep take time after `MOVING`.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchOptions:
    """Options of `sinetti testbench serve`.

    `docs` is the folder of the documentation site; None: the one that was built in this clone, if any.
    """

    root: Path
    port: int = 0
    http: bool = False
    preset: str | None = None
    now: datetime | None = None
    strict: bool = False
    log: Callable[[str], None] | None = None
    """Prints the line of each request; None: requests are not logged."""
    docs: Path | None = None

    @property
    def site(self) -> Path | None:
        """Folder of the documentation site that the bench serves, or None."""
        return self.docs or built_site()


def run_bench(options: BenchOptions, say: Callable[[str], None]) -> None:
    """Make the bench where it is missing, and serve it.

    `say` gets one line of JSON when the bench is ready. Raises what `initialise` and `open_authority` raise,
    AddressTaken, ClockGoesBack and ClockOutOfRange.
    """
    folder = DataDirectory(options.root.resolve())
    with OpenPorts() as opened:
        if not folder.exists():
            _make(folder, options, opened)
        folder.check(DirectoryKind.TESTBENCH)
        stored = folder.read(folder.hierarchy).decode("utf-8", "replace")
        if options.preset is not None and not is_same_hierarchy(stored, load_preset(options.preset)):
            made = f"the bench in {folder.root} has another preset than {options.preset}"
            raise FolderError(f"{made}: leave out --preset, or name a new folder")
        with exclusive(folder):
            _run(folder, options, opened, say)


def _run(folder: DataDirectory, options: BenchOptions, opened: OpenPorts, say: Callable[[str], None]) -> None:
    clock = bench_clock(folder)
    if options.now is not None:
        clock.set(options.now)
    ports = load_ports(folder, options.port, opened)
    policy = _strict_policy if options.strict else _bench_policy
    authority = open_authority(
        folder.root,
        DirectoryKind.TESTBENCH,
        RuntimeOptions(clock.now, STRICT if options.strict else LENIENT, policy),
    )
    try:
        with maintained(authority, can_reconcile=True):
            # Their owner was killed, and a clock that jumps does not wait for leases of the machine's clock.
            let_all_go(authority.ctx.db)
            _upkeep(authority)
            listeners = _listeners(authority, clock, ports, opened, options)
            serve(listeners, lambda: say(_ready(folder, ports, options)))
    finally:
        authority.ctx.db.close()


def _make(folder: DataDirectory, options: BenchOptions, opened: OpenPorts) -> None:
    now = in_range(options.now or utc_now())
    ports = new_ports(options.port, opened)
    settings = AuthoritySettings(
        environment=Environment.TEST,
        base_url=f"http://{LOOPBACK}:{ports.status}",
        soap_address=_soap_url(ports, options),
    )

    def also(made: DataDirectory) -> None:
        make_server_certificate(server_files(made))
        write_ports(made, ports)
        if options.now is not None:
            bench_clock(made).begin(now)

    hierarchy = with_policy_arc(load_preset(options.preset or _DEFAULT_PRESET), Environment.TEST)
    initialise(folder.root, InitOptions(DirectoryKind.TESTBENCH, hierarchy, settings, now, also))


def _bench_policy(policy: KeyPolicy) -> KeyPolicy:
    """Return the hierarchy's key policy, extended by RSA with e=3.

    One program in the field makes such keys.
    """
    return replace(policy, small_exponent=True)


def _strict_policy(_policy: KeyPolicy) -> KeyPolicy:
    """Return the key policy of the real service, as far as known: RSA 2048, also e=3."""
    return KeyPolicy(frozenset({KeyType.RSA_2048}), small_exponent=True)


def _upkeep(authority: Authority) -> None:
    """Do the maintenance that is due.

    It renews the response signer and the OCSP responders, issues a CRL of each issuing CA, and lets old orders lapse.
    """
    try:
        authority.responses.seal()
    except AnswersUnsigned as end:
        _log.error("the CAs of the bench have expired (%s): start a new bench", end)
    ensure_valid(authority.ctx.responders)
    publish_all(authority.ctx, "upkeep")
    lapse_orders(authority.ctx, "upkeep")


def _listeners(
    authority: Authority, clock: BenchClock, ports: Ports, opened: OpenPorts, options: BenchOptions
) -> tuple[Listener, ...]:
    files = server_files(authority.folder)
    tls = None if options.http else TlsFiles(files.certificate, files.key)
    documentation_url = authority.settings.documentation_url or _documentation_url(ports, options) or ""
    soap_door = SoapEndpoint(
        authority.ctx,
        _soap_url(ports, options),
        authority.recipe,
        authority.responses.seal,
        documentation_url=documentation_url,
    )
    letters = MessageStore(authority.folder.root / _LETTERS)
    people_url = _people_url(ports)
    postman = _postman(authority, clock, letters, people_url)
    control_door = ControlEndpoint(authority, clock, postman, letters)
    receiving = DeliveryEndpoint(
        authority.ctx, BenchGateway(authority.ctx), authority.responses.seal, authority.folder.root / FOLDER
    )
    leave = authority.ctx.db.close
    identity = identity_door(ports)
    kept_settings = portal.read(authority.folder.eservice)
    kept_settings = replace(
        kept_settings,
        periods=authority.settings.periods,
        documentation_url=kept_settings.documentation_url or documentation_url,
        soap_address=_soap_url(ports, options),
        status_address=authority.settings.base_url,
    )
    settings = rehearsed(kept_settings, identity)
    ctx = context(authority.ctx, letters, people_url)
    people = people_edge(authority.ctx, ctx, leave, settings=settings)

    def logged(door: Door) -> Door:
        """Return the endpoint with a log of its requests, if there is one."""
        return door if options.log is None else RequestLog(door, clock.now, options.log)

    soap = logged(mount_api(DiagnosticsEndpoint(soap_door, authority.ctx), authority.ctx))
    deliveries = logged(DiagnosticsEndpoint(receiving, authority.ctx))
    documentation = None if options.site is None else DocumentationEndpoint(options.site)
    status = StatusEdge(logged(PublicationEndpoint(authority.ctx)), deliveries, identity, leave, documentation)
    mount_feed(status, authority.ctx)
    return (
        Listener(AsgiApp(soap, leave=leave), opened.take(ports.soap), tls),
        Listener(ProblemEdge(logged(control_door), _CONTROL, leave=leave), opened.take(ports.control)),
        Listener(status, opened.take(ports.status)),
        Listener(people, opened.take(ports.people)),
    )


def _postman(authority: Authority, clock: BenchClock, letters: MessageStore, people_url: str) -> MessageDispatcher:
    def findings() -> dict[str, str | None]:
        # CRLs, OCSP responses and own certificates are new: the bench made them, or will in the next half minute.
        return {"succession": succession(authority)}

    return MessageDispatcher(
        partial(context, authority.ctx, letters, people_url), clock, lambda: _upkeep(authority), findings
    )


def _soap_url(ports: Ports, options: BenchOptions) -> str:
    return f"{'http' if options.http else 'https'}://{LOOPBACK}:{ports.soap}{SOAP_PATH}"


def _people_url(ports: Ports) -> str:
    return f"http://{LOCALHOST}:{ports.people}"


def _documentation_url(ports: Ports, options: BenchOptions) -> str | None:
    return None if options.site is None else f"http://{LOOPBACK}:{ports.status}{DOCUMENTATION_PATH}/"


def _ready(folder: DataDirectory, ports: Ports, options: BenchOptions) -> str:
    trust = {
        "holders": str(folder.trust / "holders.pem"),
        "services": str(folder.trust / "services.pem"),
        "server": None if options.http else str(folder.trust / "server.pem"),
    }
    line = {
        "soap_url": _soap_url(ports, options),
        "wsdl_url": f"{_soap_url(ports, options)}?wsdl",
        "control_url": f"http://{LOOPBACK}:{ports.control}",
        "status_url": f"http://{LOOPBACK}:{ports.status}",
        "people_url": _people_url(ports),
        "trust": trust,
        "pid": os.getpid(),
    }
    return json.dumps(line)
