"""Processes of one serving node: parent, workers, keeper and portal.

See docs/operators/serving.md. The portal serves Django's pages behind the same ASGI server as the APIs
(docs/e-service/pages.md).
"""

import logging
import resource
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from sinetti.api.health import PATHS, BackgroundCheck, HealthEndpoint
from sinetti.api.publication import PublicationEndpoint
from sinetti.api.request_metrics import observe_page, observe_request
from sinetti.api.router import mount_api
from sinetti.api.soap import SoapEndpoint
from sinetti.api.web_security import PolicyReportsDoor, SecurityTxtDoor, ViolationLog
from sinetti.authority.alerts import health_warnings, readiness_checks
from sinetti.authority.bootstrap import Authority, notification_context
from sinetti.authority.maintenance import background_maintenance, check_consistency
from sinetti.authority.node_metrics import NodeMetrics, NodeState, node_metrics, serve_scrapes
from sinetti.authority.service_certificates import ensure_valid
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.core.context import PortalContext
from sinetti.eservice.wsgi import application
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.security_txt import SecurityTxt, load_security_txt
from sinetti.infra.traces import load_trace_settings, start_traces
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.delivery.sender import send_message
from sinetti.server.addresses import ListenAddress, listen_per_worker
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Request, Response
from sinetti.server.idle_connections import IdleConnectionReaper
from sinetti.server.listener import (
    PER_ADDRESS,
    RETIRE,
    RETIRE_WITHIN,
    InvalidKeyPair,
    Listener,
    TlsFiles,
    connections,
    load_key_pair,
    release,
    serve,
)
from sinetti.server.process_exit import exit_process, request_id
from sinetti.server.rate_limits import SIGNER_RATE, Admission, ConcurrencyLimiter, Rate, RateLimiter, unlimited
from sinetti.server.supervisor import DrainPolicy, ProcessSpec, RollingRestart, Supervisor
from sinetti.server.wsgi_adapter import WsgiEndpoint, portal_limits
from sinetti.services.context import ServiceContext
from sinetti.services.status.crl import publish_all
from sinetti.settings import portal
from sinetti.settings.authority import AuthoritySettings
from sinetti.settings.portal import DEFAULTS, EserviceSettings

PEOPLE_THREADS = 8
"""Threads of a portal process, each with a database connection."""

PEOPLE_WORKERS = 2
"""Portal processes of one node; while one restarts, the other answers."""


@dataclass(frozen=True, slots=True)
class PortalListener:
    """Address and sockets of a node's portal, one socket per process.

    Also holds the notification context for PIN codes, and the settings of the pages.
    """

    address: ListenAddress
    sockets: tuple[socket.socket, ...]
    room: NotificationContext
    settings: EserviceSettings


def listen_people(address: ListenAddress, authority: Authority) -> PortalListener:
    """Open the sockets of the portal.

    Raises AddressInUse, and SettingsError if a setting is wrong or `notices.toml` is missing.
    """
    room, settings, own = notification_context(authority), portal.read(authority.folder.eservice), authority.settings
    bound, sockets = listen_per_worker(address, PEOPLE_WORKERS)
    # Limits apply by default; only a bench has none.
    limits = settings.daily_limits or DailyLimits()
    documentation = settings.documentation_url or own.documentation_url
    changed = replace(
        settings,
        periods=own.periods,
        daily_limits=limits,
        documentation_url=documentation,
        soap_address=own.soap_address,
        status_address=own.base_url,
        security_txt=_security_txt(authority),
    )
    return PortalListener(bound, sockets, room, changed)


def people_edge(
    ctx: ServiceContext,
    room: NotificationContext,
    leave: Callable[[], None],
    admission: Admission | None = None,
    settings: EserviceSettings = DEFAULTS,
) -> AsgiApp:
    """Return the ASGI application of the portal.

    A PIN code is sent through `room` at once, while its reader waits.
    """

    def send_now(message_id: str) -> bool:
        return send_message(room, message_id, ctx.now())

    terms, ctx = room.terms, replace(ctx, daily_limits=settings.daily_limits)
    around = PortalContext(ctx, send_now, terms, settings, sms=MessageChannel.SMS in room.deliverers)
    pages = application(terms.people_address, ctx.keys)
    address = terms.people_address
    door = SecurityTxtDoor(WsgiEndpoint(pages, address, around.given()), settings.security_txt, ctx.machine_now)
    reports = PolicyReportsDoor(door, urlsplit(address).path.rstrip("/"), ViolationLog().count)
    return AsgiApp(reports, portal_limits(terms.people_address), PEOPLE_THREADS, admission or unlimited(), leave)


STATUS_THREADS = 4
"""Threads of a worker for the status address, each with a database connection."""

SOAP_THREADS_OF_ALL, FEWEST_SOAP_THREADS = 64, 8
"""Threads of all workers together for SOAP, and the fewest of one worker.

Most of them wait for the database or a signer.
"""

_GENERATIONS = 3
_SETTINGS = "authority.toml"
_log = logging.getLogger(__name__)


RATE_PER_ADDRESS, AT_ONCE_PER_ADDRESS = 100, 64
"""Default limits of one address: requests per second, and concurrent requests.

See docs/operators/serving.md for the arithmetic.
"""


@dataclass(frozen=True, slots=True)
class AddressLimits:
    """Values of `--rate-per-address` and `--connections-per-address`.

    None: not given. 0: no limit.
    """

    rate: int | None = None
    at_once: int | None = None


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of `sinetti authority serve`."""

    soap: ListenAddress
    status: ListenAddress
    workers: int
    pair: tuple[Path, Path] | None = None
    behind_proxy: bool = False
    limits: AddressLimits = AddressLimits()
    people: ListenAddress | None = None
    metrics: ListenAddress | None = None


@dataclass(frozen=True, slots=True)
class NodeRuntime:
    """Objects that the parent passes to every process of the node.

    They are the opened authority, and one socket per worker and address. The tables of the limits are in shared
    memory.
    """

    authority: Authority
    plan: ServeOptions
    soap: tuple[socket.socket, ...]
    status: tuple[socket.socket, ...]
    signers: RateLimiter
    rate: RateLimiter | None
    crowd: ConcurrencyLimiter | None
    people: PortalListener | None
    metrics: NodeMetrics | None = None


def run_node(authority: Authority, plan: ServeOptions, say: Callable[[ServeOptions], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    `say` gets the options, with the actual ports, when all workers answer. Raises the errors of `check_consistency`,
    AddressInUse, InvalidKeyPair and NotStarted; with a portal also SettingsError.
    """
    with node_metrics(plan.metrics) as metrics:
        _run_node(authority, replace(plan, metrics=metrics.address if metrics else None), metrics, say)


def _run_node(
    authority: Authority, plan: ServeOptions, metrics: NodeMetrics | None, say: Callable[[ServeOptions], None]
) -> None:
    people = listen_people(plan.people, authority) if plan.people else None
    for problem in optional_part_problems(authority.settings, authority.ctx.machine_now()).values():
        _log.warning("%s; the service runs without this part", problem)
    check_consistency(authority, tls_key=plan.pair[1] if plan.pair else None)
    served = _Pairs(plan.pair)
    soap_address, soap = listen_per_worker(plan.soap, plan.workers)
    status_address, status = listen_per_worker(plan.status, plan.workers)
    authority.ctx.keys()  # opened here once, so that no child takes a tenth of a second for it
    _make_current(authority)
    plan = replace(plan, soap=soap_address, status=status_address, people=people.address if people else None)
    node = NodeRuntime(
        authority, plan, soap, status, RateLimiter(SIGNER_RATE), _rate(plan.limits), _crowd(plan), people, metrics
    )
    _open_files_allowed()
    # A connection, a locked journal and a session of a token belong to one process, so each child opens its own.
    authority.journal.close()
    authority.ctx.db.close()
    authority.keys.close()

    def roles(row: int, tls: TlsFiles | None) -> list[ProcessSpec]:
        return [
            ProcessSpec(
                f"worker {number + 1}",
                partial(_work, node, _Part(number, row + number, tls)),
                slot=f"worker {row + number}",
            )
            for number in range(plan.workers)
        ]

    def reload() -> RollingRestart | None:
        pair = served.read_again()
        if pair is None:
            return None
        return RollingRestart(roles(served.row(plan.workers, 1), pair), lambda taken: served.over(pair, taken=taken))

    others = [ProcessSpec("keeper", partial(_keep, node), renewed=False), *_people_roles(node)]
    if metrics is not None:
        others.append(ProcessSpec("metrics", partial(serve_scrapes, metrics), renewed=False))
    first = [*roles(served.row(plan.workers, 0), served.tls), *others]
    Supervisor(first, reload, DrainPolicy(RETIRE, RETIRE_WITHIN)).run(lambda: say(node.plan))


def optional_part_problems(settings: AuthoritySettings, now: datetime) -> Mapping[str, str]:
    """Return the problems of optional parts by name; servers run without those parts."""
    found = {
        "telemetry": load_trace_settings(settings.telemetry, _SETTINGS)[1],
        "security_txt": load_security_txt(settings.security_txt, _SETTINGS, now)[1],
    }
    return {part: problem for part, problem in found.items() if problem}


def _security_txt(authority: Authority) -> SecurityTxt | None:
    return load_security_txt(authority.settings.security_txt, _SETTINGS, authority.ctx.machine_now())[0]


def _people_roles(node: NodeRuntime) -> list[ProcessSpec]:
    """Return the processes of the portal.

    They do not use TLS, so SIGHUP does not affect them.
    """
    if node.people is None:
        return []
    row = _GENERATIONS * node.plan.workers
    return [
        ProcessSpec(f"people {number + 1}", partial(_serve_people, node.people, node, row + number), renewed=False)
        for number in range(PEOPLE_WORKERS)
    ]


def _serve_people(people: PortalListener, node: NodeRuntime, row: int, ready: Callable[[], None]) -> NoReturn:
    """Serve the portal."""
    number = row - _GENERATIONS * node.plan.workers
    ctx, admission = node.authority.ctx, _admission(node, row)
    start_traces(node.authority.settings.telemetry, _SETTINGS, "sinetti-eservice")
    edge = people_edge(ctx, people.room, ctx.db.close, admission, people.settings)
    edge.measure(observe_page)
    serve((Listener(edge, people.sockets[number]),), ready)
    exit_process()


def soap_threads(workers: int) -> int:
    """Return the number of a worker's SOAP threads.

    Each may have a connection to the database.
    """
    return max(FEWEST_SOAP_THREADS, SOAP_THREADS_OF_ALL // workers)


class _Pairs:
    """Current TLS pair, its replacement on SIGHUP, and the number of replacements."""

    def __init__(self, files: tuple[Path, Path] | None) -> None:
        self._files = files
        self.tls: TlsFiles | None = load_key_pair(*files) if files else None
        self._exchanged = 0

    def row(self, workers: int, later: int) -> int:
        """Return the first row of the workers in the table of connections.

        `later` is the number of replacements from now. One generation retires, one serves, and one starts; each writes
        only its own rows.
        """
        return (self._exchanged + later) % _GENERATIONS * workers

    def read_again(self) -> TlsFiles | None:
        """Read the files again and return the new pair.

        Without TLS, or for an invalid pair, logs that and returns None; the current pair stays.
        """
        if self._files is None:
            _log.info("SIGHUP: no TLS files to read again")
            return None
        try:
            pair = load_key_pair(*self._files)
        except InvalidKeyPair as refused:
            _log.error("SIGHUP: %s; the pair in use stays", refused)
            return None
        _log.info("SIGHUP: new workers take over with the pair in %s and %s", *self._files)
        return pair

    def over(self, pair: TlsFiles, *, taken: bool) -> None:
        """Keep the pair that is served from now on, and release the other."""
        left, self.tls = (self.tls, pair) if taken else (pair, self.tls)
        self._exchanged += taken
        if left is not None:
            release(left)


def _make_current(authority: Authority) -> None:
    """Ensure a valid response signer, and a fresh CRL of every CA whose key is here."""
    authority.responses.seal()
    ensure_valid(authority.ctx.responders)
    publish_all(authority.ctx, request_id())


def _open_files_allowed() -> None:
    """Raise the limit of open files to the maximum; each connection needs one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class _Part:
    """Position of a worker process.

    While one generation takes over from another, the workers of both are running.
    """

    number: int
    row: int
    tls: TlsFiles | None


def _work(node: NodeRuntime, part: _Part, ready: Callable[[], None]) -> NoReturn:
    """Serve SOAP, APIs and publications."""
    authority, plan = node.authority, node.plan

    def admits(signer: bytes) -> bool:
        return not node.signers.wait(sha256(signer).digest(), monotonic_seconds())

    settings, seal = authority.settings, authority.responses.seal
    start_traces(settings.telemetry, _SETTINGS, "sinetti-authority")
    endpoint = SoapEndpoint(
        authority.ctx, settings.soap_address, authority.recipe, seal, admits, settings.documentation_url
    )
    door = SecurityTxtDoor(
        mount_api(endpoint, authority.ctx, admits), _security_txt(authority), authority.ctx.machine_now
    )
    close, soap, status = authority.ctx.db.close, _admission(node, part.row), unlimited()
    edge = AsgiApp(door, threads=soap_threads(plan.workers), admission=soap, leave=close)
    lists = AsgiApp(_status_door(authority), threads=STATUS_THREADS, admission=status, leave=close)
    for one in (edge, lists):
        one.measure(observe_request)
    listeners = (
        Listener(edge, node.soap[part.number], part.tls),
        Listener(lists, node.status[part.number]),
    )
    if node.crowd is not None:
        # A proxy's connections belong to many callers, and the proxy limits those itself (deploy/nginx.conf).
        ports, looked_at = (
            ({plan.status.port}, [status])
            if plan.behind_proxy
            else ({plan.soap.port, plan.status.port}, [soap, status])
        )
        IdleConnectionReaper(ports, connections() // PER_ADDRESS, looked_at).start()
    serve(listeners, ready)
    exit_process()


def _admission(node: NodeRuntime, row: int) -> Admission:
    if node.crowd is not None:
        node.crowd.take_row(row)
    set_by_hand = node.plan.limits != AddressLimits()
    return Admission(node.rate, node.crowd, behind_proxy=node.plan.behind_proxy, counts_loopback=set_by_hand)


def _status_door(authority: Authority) -> Callable[[Request], Response]:
    ctx, lists = authority.ctx, PublicationEndpoint(authority.ctx)
    health = HealthEndpoint(
        readiness_checks(authority),
        # With many revocations the watchdog takes seconds, so readiness does not wait for it.
        {name: BackgroundCheck(name, look, ctx.db.close) for name, look in health_warnings(authority).items()},
        done=ctx.db.refresh,
    )
    return lambda request: health(request) if request.path in PATHS else lists(request)


def _rate(limits: AddressLimits) -> RateLimiter | None:
    rate = RATE_PER_ADDRESS if limits.rate is None else limits.rate
    return RateLimiter(Rate(rate, 2 * rate)) if rate else None


def _crowd(plan: ServeOptions) -> ConcurrencyLimiter | None:
    most = AT_ONCE_PER_ADDRESS if plan.limits.at_once is None else plan.limits.at_once
    return ConcurrencyLimiter(most, _GENERATIONS * plan.workers + PEOPLE_WORKERS) if most else None


def _keep(node: NodeRuntime, ready: Callable[[], None]) -> NoReturn:
    """Run the maintenance of a node."""
    stops = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    tls = node.plan.pair[0] if node.plan.pair else None
    state = NodeState(node.authority, node.metrics.folder, tls) if node.metrics else None
    with background_maintenance(node.authority, state.keep_current if state else None):
        ready()
        signal.sigwait(stops)
    exit_process()
