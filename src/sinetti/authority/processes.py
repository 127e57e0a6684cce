"""Processes of one serving node: parent, workers, keeper and portal.

See docs/operators/serving.md. The portal serves Django's pages behind the same ASGI server as the APIs
(docs/e-service/pages.md).
"""

import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from sinetti.api.health import PATHS, BackgroundCheck, Check, HealthEndpoint
from sinetti.api.issuing_waves import mount_issuing_waves
from sinetti.api.ocsp import recall_ocsp
from sinetti.api.publication import PublicationEndpoint
from sinetti.api.request_metrics import observe_page, observe_request
from sinetti.api.router import mount_api
from sinetti.api.soap import SoapEndpoint
from sinetti.api.web_security import PolicyReportsDoor, SecurityTxtDoor, ViolationLog
from sinetti.authority.alerts import health_warnings, readiness_checks
from sinetti.authority.bootstrap import SETTINGS_FILE, Authority, notification_context
from sinetti.authority.data_directory import FolderError
from sinetti.authority.maintenance import background_maintenance, check_consistency, mount_feed
from sinetti.authority.node_metrics import NodeMetrics, NodeState, node_metrics, serve_scrapes
from sinetti.authority.serve_record import ServeRecord, ServeRecorder
from sinetti.authority.service_certificates import ensure_valid
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.core.context import PortalContext
from sinetti.eservice.wsgi import application
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.security_txt import SecurityTxt, load_security_txt
from sinetti.infra.traces import start_traces
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.delivery.sender import send_message
from sinetti.server.addresses import ListenAddress, listen_per_worker
from sinetti.server.asgi import AsgiApp
from sinetti.server.event_stream import PER_ADDRESS as READERS_PER_ADDRESS
from sinetti.server.http import Request, Response
from sinetti.server.idle_connections import IdleConnectionReaper
from sinetti.server.listener import (
    PER_ADDRESS,
    RETIRE,
    RETIRE_WITHIN,
    Listener,
    TlsFiles,
    connections,
    load_key_pair,
    release,
    serve,
)
from sinetti.server.process_exit import exit_process, request_id
from sinetti.server.rate_limits import (
    SIGNER_RATE,
    Admission,
    ConcurrencyLimiter,
    ProxyWatch,
    Rate,
    RateLimiter,
    unlimited,
)
from sinetti.server.supervisor import DrainPolicy, ProcessSpec, RollingRestart, Supervisor
from sinetti.server.wsgi_adapter import WsgiEndpoint, portal_limits
from sinetti.services.context import ServiceContext
from sinetti.services.status.crl import publish_all
from sinetti.settings import portal
from sinetti.settings.optional_parts import OptionalParts, describe_parts
from sinetti.settings.portal import DEFAULTS, EserviceSettings

PEOPLE_THREADS = 8
"""Threads of a portal process, each with a database connection."""

PEOPLE_WORKERS = 2
"""Portal processes of one node; while one restarts, the other answers."""


@dataclass(frozen=True)
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

    Raises AddressInUse, and SettingsError if `notices.toml` is missing or has a wrong setting.
    """
    ctx, settings = portal_settings(authority)
    bound, sockets = listen_per_worker(address, PEOPLE_WORKERS)
    return PortalListener(bound, sockets, ctx, settings)


def portal_settings(authority: Authority) -> tuple[NotificationContext, EserviceSettings]:
    """Return what the portal needs of the settings. Raises SettingsError."""
    ctx, settings, own = notification_context(authority), portal.read(authority.folder.eservice), authority.settings
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
    return ctx, changed


def _security_txt(authority: Authority) -> SecurityTxt | None:
    return load_security_txt(authority.settings.security_txt, SETTINGS_FILE, authority.ctx.machine_now())[0]


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

SOAP_THREADS_OF_ALL, FEWEST_SOAP_THREADS = 40, 8
"""Threads of all workers together for SOAP, and the fewest of one worker.

Most of them wait for the database or a signer.
"""

_GENERATIONS = 3
_UNFORWARDED_WINDOW = 3600.0
"""Seconds for which a request without the proxy's header is reported."""
_UNFORWARDED = (
    "the proxy passes requests on without X-Forwarded-For, so limits per address are not applied: let it write that "
    "header itself (deploy/nginx.conf)"
)
_log = logging.getLogger(__name__)


RATE_PER_ADDRESS, AT_ONCE_PER_ADDRESS = 100, 64
"""Default limits of one address: requests per second, and concurrent requests.

See docs/operators/serving.md for the arithmetic.
"""


@dataclass(frozen=True)
class AddressLimits:
    """Values of `--rate-per-address` and `--connections-per-address`.

    None: not given. 0: no limit.
    """

    rate: int | None = None
    at_once: int | None = None


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class NodeLimits:
    """Tables of the limits, and the watch over the proxy's header.

    All processes of the node share this memory.
    """

    signers: RateLimiter
    rate: RateLimiter | None
    crowd: ConcurrencyLimiter | None
    readers: ConcurrencyLimiter
    watch: ProxyWatch


@dataclass(frozen=True)
class NodeRuntime:
    """Objects that the parent passes to every process of the node.

    They are the opened authority, one socket per worker and address, and the tested TLS pair. `people` is None without
    a portal, also if its settings are wrong. The address in `plan` is then still that of the option.
    """

    authority: Authority
    plan: ServeOptions
    soap: tuple[socket.socket, ...]
    status: tuple[socket.socket, ...]
    limits: NodeLimits
    people: PortalListener | None
    tls: TlsFiles | None
    metrics: NodeMetrics | None = None


Reread = Callable[[NodeRuntime], NodeRuntime]
"""Reads the files of a node again.

Raises FolderError if the former ones stay in use.
"""


def run_node(authority: Authority, plan: ServeOptions, say: Callable[[ServeOptions], None], reread: Reread) -> None:
    """Serve until SIGTERM or SIGINT.

    `say` gets the options, with the actual ports, when all workers answer. `reread` reads all files of the node again
    for SIGHUP. The portal is left out if its settings are wrong. Raises the errors of `check_consistency`,
    AddressInUse, InvalidKeyPair and NotStarted.
    """
    with node_metrics(plan.metrics) as metrics:
        node = _open_node(authority, replace(plan, metrics=metrics.address if metrics else None), metrics)
        _supervise(node, say, reread)


def _open_node(authority: Authority, plan: ServeOptions, metrics: NodeMetrics | None) -> NodeRuntime:
    """Check the authority, and open the sockets of its node."""
    parts = OptionalParts()
    people = parts.take("pages", partial(listen_people, plan.people, authority), None) if plan.people else None
    authority = replace(authority, left_out=(*authority.left_out, *parts.off))
    if (sentence := describe_parts(authority.left_out)) is not None:
        _log.warning("%s", sentence)
    authority.clock.compare()
    check_consistency(authority, tls_key=plan.pair[1] if plan.pair else None)
    tls = load_key_pair(*plan.pair) if plan.pair else None
    soap_address, soap = listen_per_worker(plan.soap, plan.workers)
    status_address, status = listen_per_worker(plan.status, plan.workers)
    _make_current(authority)
    plan = replace(plan, soap=soap_address, status=status_address, people=people.address if people else plan.people)
    readers = ConcurrencyLimiter(READERS_PER_ADDRESS, _rows(plan))
    limits = NodeLimits(RateLimiter(SIGNER_RATE), _rate(plan.limits), _crowd(plan), readers, ProxyWatch())
    _open_files_allowed()
    close_for_children(authority)
    return NodeRuntime(authority, plan, soap, status, limits, people, tls, metrics)


def _supervise(node: NodeRuntime, say: Callable[[ServeOptions], None], reread: Reread) -> None:
    recorder = ServeRecorder(node.authority.folder)
    reload = NodeReload(node, reread, recorder)

    def ready() -> None:
        recorder.begin(_record(node))
        say(replace(node.plan, people=node.people.address if node.people else None))

    roles = reload.first()
    if node.metrics is not None:
        roles.append(ProcessSpec("metrics", partial(serve_scrapes, node.metrics), renewed=False))
    Supervisor(roles, reload, DrainPolicy(RETIRE, RETIRE_WITHIN)).run(ready)


def _record(node: NodeRuntime) -> ServeRecord:
    plan = node.plan
    return ServeRecord(
        os.getpid(),
        plan.soap.url("https" if plan.pair else "http"),
        plan.status.url("http"),
        None if node.people is None else node.people.address.url("http"),
        None if plan.pair is None else (str(plan.pair[0].absolute()), str(plan.pair[1].absolute())),
    )


def close_for_children(authority: Authority) -> None:
    """Close connections, the journal and sessions of tokens.

    They belong to one process. Each child opens its own. The secret keys are opened here once, so that no child takes a
    tenth of a second for it.
    """
    authority.ctx.keys()
    authority.journal.close()
    authority.ctx.db.close()
    authority.keys.close()


class NodeReload:
    """Replacement of a node's processes on SIGHUP, with all files read again.

    If a file is wrong, or the new processes do not start, the former ones keep serving.
    """

    def __init__(self, node: NodeRuntime, reread: Reread, recorder: ServeRecorder) -> None:
        """Store the node that is served first."""
        self.node, self._reread, self._recorder = node, reread, recorder
        self._exchanged = 0

    def first(self) -> list[ProcessSpec]:
        """Return the processes of the start."""
        return _roles(self.node, self._row(0))

    def __call__(self) -> RollingRestart | None:
        """Read all files again, and return the new processes.

        After any error, logs it and returns None; the processes in use stay.
        """
        try:
            node = self._reread(self.node)
        except Exception as bad:  # noqa: BLE001 - after any error, callers are served as before
            sentence = str(bad) if isinstance(bad, FolderError) else "an internal error, which is in the log"
            _log.error("SIGHUP: %s; the settings in use stay", sentence, exc_info=not isinstance(bad, FolderError))
            self._recorder.kept(sentence)
            return None
        _log.info("SIGHUP: new processes take over with the files in %s", node.authority.folder.root)
        return RollingRestart(_roles(node, self._row(1)), partial(self._finish_exchange, node))

    def _row(self, later: int) -> int:
        """Return the first row of the processes in the table of connections.

        `later` is the number of replacements from now. One generation retires, one serves, and one starts; each writes
        only its own rows.
        """
        return (self._exchanged + later) % _GENERATIONS * (self.node.plan.workers + PEOPLE_WORKERS)

    def _finish_exchange(self, node: NodeRuntime, taken: bool) -> None:  # noqa: FBT001 - the supervisor's
        left, self.node = (self.node, node) if taken else (node, self.node)
        self._exchanged += taken
        if left.tls is not None:
            release(left.tls)
        if taken:
            self._recorder.taken(_record(node))
        else:
            self._recorder.kept("the new processes did not start, for the reason in the log")


def _roles(node: NodeRuntime, row: int) -> list[ProcessSpec]:
    """Return the processes of a node.

    Their rows in the table of connections begin with `row`.
    """
    workers = range(node.plan.workers)
    return [
        *(
            ProcessSpec(
                f"worker {number + 1}", partial(_work, node, number, row + number), slot=f"worker {row + number}"
            )
            for number in workers
        ),
        ProcessSpec("keeper", partial(_keep, node), slot=f"keeper {row}"),
        *_people_roles(node, row + len(workers)),
    ]


def _people_roles(node: NodeRuntime, row: int) -> list[ProcessSpec]:
    """Return the processes of the portal."""
    if node.people is None:
        return []
    return [
        ProcessSpec(
            f"people {number + 1}",
            partial(_serve_people, node.people, node, number, row + number),
            slot=f"people {row + number}",
        )
        for number in range(PEOPLE_WORKERS)
    ]


def _serve_people(
    people: PortalListener, node: NodeRuntime, number: int, row: int, ready: Callable[[], None]
) -> NoReturn:
    """Serve the portal."""
    ctx, admission = node.authority.ctx, _admission(node, row)
    node.authority.cas.start_following()
    start_traces(node.authority.settings.telemetry, SETTINGS_FILE, "sinetti-eservice")
    edge = people_edge(ctx, people.room, ctx.db.close, admission, people.settings)
    edge.measure(observe_page)
    serve((Listener(edge, people.sockets[number]),), ready)
    exit_process()


def soap_threads(workers: int) -> int:
    """Return the number of a worker's SOAP threads.

    Each may have a connection to the database.
    """
    return max(FEWEST_SOAP_THREADS, SOAP_THREADS_OF_ALL // workers)


def database_connections(workers: int) -> int:
    """Return the greatest number of database connections of a node without its pages.

    Workers have one for each thread of the pools, for waves, for the status feed, and for changes of CAs. The keeper
    has one of its own and one for changes of CAs.
    """
    return workers * (soap_threads(workers) + STATUS_THREADS + 3) + 2


def _make_current(authority: Authority) -> None:
    """Ensure a valid response signer, and a fresh CRL of every CA whose key is here."""
    authority.responses.seal()
    ensure_valid(authority.ctx.responders)
    publish_all(authority.ctx, request_id())


def _open_files_allowed() -> None:
    """Raise the limit of open files to the maximum; each connection needs one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _work(node: NodeRuntime, number: int, row: int, ready: Callable[[], None]) -> NoReturn:
    """Serve SOAP, APIs and publications.

    While one generation takes over from another, the workers of both are running.
    """
    authority, plan = node.authority, node.plan
    authority.cas.start_following()

    def admits(signer: bytes) -> bool:
        return not node.limits.signers.wait(sha256(signer).digest(), monotonic_seconds())

    settings, seal = authority.settings, authority.responses.seal
    start_traces(settings.telemetry, SETTINGS_FILE, "sinetti-authority")
    endpoint = SoapEndpoint(
        authority.ctx, settings.soap_address, authority.recipe, seal, admits, settings.documentation_url
    )
    door = SecurityTxtDoor(
        mount_api(endpoint, authority.ctx, admits), _security_txt(authority), authority.ctx.machine_now
    )
    close, soap, status = authority.ctx.db.close, _admission(node, row), Admission(behind_proxy=plan.behind_proxy)
    edge = AsgiApp(door, threads=soap_threads(plan.workers), admission=soap, leave=close)
    mount_issuing_waves(edge, endpoint, close)
    lists = AsgiApp(_status_door(node), threads=STATUS_THREADS, admission=status, leave=close)
    node.limits.readers.take_row(row)
    mount_feed(lists, authority.ctx, node.limits.readers)
    lists.mount_memory(partial(recall_ocsp, ctx=authority.ctx))
    for asgi_app in (edge, lists):
        asgi_app.measure(observe_request)
    listeners = (
        Listener(edge, node.soap[number], node.tls),
        Listener(lists, node.status[number]),
    )
    if node.limits.crowd is not None:
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
    if node.limits.crowd is not None:
        node.limits.crowd.take_row(row)
    set_by_hand = node.plan.limits != AddressLimits()
    is_behind, watch = node.plan.behind_proxy, node.limits.watch
    return Admission(
        node.limits.rate, node.limits.crowd, behind_proxy=is_behind, counts_loopback=set_by_hand, watch=watch
    )


def _status_door(node: NodeRuntime) -> Callable[[Request], Response]:
    authority = node.authority
    ctx, lists = authority.ctx, PublicationEndpoint(authority.ctx)
    warnings: dict[str, Check] = {
        # With many revocations the watchdog takes seconds, so readiness does not wait for it.
        name: BackgroundCheck(name, look, ctx.db.close)
        for name, look in health_warnings(authority).items()
    }
    if node.plan.behind_proxy:
        warnings["proxy"] = partial(proxy_fault, node.limits.watch)
    health = HealthEndpoint(
        readiness_checks(authority),
        warnings,
        done=ctx.db.refresh,
    )
    return lambda request: health(request) if request.path in PATHS else lists(request)


def proxy_fault(watch: ProxyWatch) -> str | None:
    """Return a sentence if the proxy left its header out a short time ago."""
    return _UNFORWARDED if watch.seen_within(_UNFORWARDED_WINDOW, monotonic_seconds()) else None


def _rate(limits: AddressLimits) -> RateLimiter | None:
    rate = RATE_PER_ADDRESS if limits.rate is None else limits.rate
    return RateLimiter(Rate(rate, 2 * rate)) if rate else None


def _crowd(plan: ServeOptions) -> ConcurrencyLimiter | None:
    most = AT_ONCE_PER_ADDRESS if plan.limits.at_once is None else plan.limits.at_once
    return ConcurrencyLimiter(most, _rows(plan)) if most else None


def _rows(plan: ServeOptions) -> int:
    """Return the number of processes that may count at the same time."""
    return _GENERATIONS * (plan.workers + PEOPLE_WORKERS)


def _keep(node: NodeRuntime, ready: Callable[[], None]) -> NoReturn:
    """Run the maintenance of a node."""
    stops = (signal.SIGTERM, signal.SIGINT, RETIRE)
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    signal.signal(RETIRE, signal.SIG_DFL)  # an ignored signal does not end the wait
    tls = node.plan.pair[0] if node.plan.pair else None
    state = NodeState(node.authority, node.metrics.folder, tls) if node.metrics else None
    with background_maintenance(node.authority, state.keep_current if state else None):
        ready()
        signal.sigwait(stops)
    exit_process()
