"""Background work of a serving process.

It checks first that journals and database agree. Then it maintains reservations, lists and OCSP responses.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

from sinetti.authority.alerts import AlertLogger, PacedCheck
from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderDamaged
from sinetti.authority.key_relocation import check_key_separation
from sinetti.authority.service_certificates import register_existing
from sinetti.authority.signer_memory import SignerMemory
from sinetti.database.common.obeyed_rows import differing_certificates
from sinetti.database.connection import DATABASE_UNAVAILABLE, check_durability, complete_search_indexes
from sinetti.database.issuance.rejections import count_rejections
from sinetti.database.issuance.status_feed import last_number, list_events
from sinetti.database.notifications.outbox_queries import LATE
from sinetti.infra.clock import boottime_seconds, utc_now
from sinetti.notifications.context import deferred_kinds
from sinetti.server.asgi import AsgiApp
from sinetti.server.event_stream import EventSource, EventStream, NumberedEvents
from sinetti.server.rate_limits import ConcurrencyLimiter
from sinetti.services.authorities.distrust_list import publish_distrust
from sinetti.services.authorities.trust_lists import keep_lists
from sinetti.services.context import ServiceContext
from sinetti.services.evidence.cosign_head import WitnessAddress, cosign_head
from sinetti.services.evidence.read_log import keep_checkpoint
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.issuance.reconcile import compare, reconcile, resolve_reservations
from sinetti.services.issuance.secure_message import lapse_orders
from sinetti.services.monitoring.figures import refresh_figures
from sinetti.services.status.crl import copy_lists, refresh_crls
from sinetti.services.status.ocsp import OcspRefresher
from sinetti.wire.json_api.status_events import CONTENT_TYPE, HEARTBEAT, PATH, RESET, format_event

SETTLED_EVERY = 30.0
"""Seconds between two rounds of maintenance."""

_log = logging.getLogger(__name__)


LOG_EVERY = 10.0
"""Seconds between two rounds of sequencing.

Entries are in the log within 60 s (docs/evidence.md).
"""

COMPARED_EVERY = 30.0
"""Least seconds between two comparisons of all certificates with the log."""

COPIED_EVERY = 2.0
"""Seconds between two looks for lists that other nodes signed."""

SETTLING_ENDS_WITHIN = 1.5
"""Seconds for a round of maintenance to end when the server stops."""


@contextmanager
def maintained(authority: Authority, *, can_reconcile: bool = False) -> Iterator[None]:
    """Maintain an authority while the block serves it.

    Raises the errors of `check_consistency` before the block starts.
    """
    check_consistency(authority, can_reconcile=can_reconcile)
    with background_maintenance(authority):
        yield


def check_consistency(authority: Authority, *, can_reconcile: bool = False, tls_key: Path | None = None) -> None:
    """Check that journals and database agree, before anything is served.

    `can_reconcile` is set on the bench: it reconciles differences by itself. `tls_key` may be in the folder.

    Raises FolderDamaged if the folder has secrets that PRODUCTION may not have there. Raises FolderDamaged too if the
    journals or published lists contain facts that the database lacks. Raises JournalDamaged, JournalUnavailable, and
    DatabaseSetupError if the database does not keep committed data.
    """
    check_key_separation(authority, tls_key)
    authority.keys.delete_abandoned(utc_now())
    register_existing(authority.ctx.db, authority.folder, authority.hierarchy, authority.ctx.issuers)
    for warning in (*check_durability(authority.ctx.db), *complete_search_indexes(authority.ctx.db)):
        _log.warning("%s", warning)
    status = compare(authority.ctx, authority.journal)
    if can_reconcile and not status.agrees:
        reconcile(authority.ctx, authority.journal, secrets.token_hex(16))
        status = compare(authority.ctx, authority.journal)
    if not status.agrees:
        way_out = f"nothing is served until you run sinetti authority reconcile --dir {authority.folder.root}"
        raise FolderDamaged(f"{status.ahead}; {way_out}")
    if status.written:
        _log.info("%d facts were only in the database and are in the journal now", status.written)


@contextmanager
def background_maintenance(authority: Authority, metrics: Callable[[Event], None] | None = None) -> Iterator[None]:
    """Run the maintenance of one process of a node during the block.

    It starts now and repeats every half minute. The log has a thread of its own, since a large list takes long, and so
    have the metrics, if a function computes them until its event is set.
    """
    stop = Event()
    loops: dict[str, Callable[[Event], None]] = {
        "settling": partial(_maintenance_loop, authority),
        "log": partial(_log_loop, authority),
        "status": partial(_status_loop, authority),
        "authorities": authority.cas.follow,
    }
    if metrics is not None:
        loops["metrics"] = metrics
    threads = [Thread(target=loop, args=(stop,), name=name, daemon=True) for name, loop in loops.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        # The threads may be using database and journal, so closing them waits, up to the time limit of a stop.
        for thread in threads:
            thread.join(SETTLING_ENDS_WITHIN)
        authority.journal.close()


def _status_loop(authority: Authority, stop: Event) -> None:
    """Copy what other nodes and commands signed into this node's files."""
    ctx = authority.ctx
    duties = {
        "copies of lists": lambda: copy_lists(ctx),
        "copies of trust lists": lambda: keep_lists(ctx),
        "copies of the checkpoint": lambda: keep_checkpoint(ctx),
    }
    try:
        while not stop.is_set():
            for name, duty in duties.items():
                _do(name, duty, ctx)
            stop.wait(COPIED_EVERY)
    finally:
        ctx.db.close()


def _log_loop(authority: Authority, stop: Event) -> None:
    """Compare signer, register and log, and sequence new entries of the log.

    Repeats every ten seconds.
    """
    ctx, sequencer, memory = authority.ctx, LogSequencer(), SignerMemory()
    compared: dict[int, int] = {}
    certificates = PacedCheck(lambda: tuple(differing_certificates(ctx.db, compared)), every=COMPARED_EVERY)
    witnesses = [WitnessAddress.parse(witness) for witness in authority.settings.witnesses]
    while not stop.is_set():
        try:
            _do("certificates of the signer", lambda: memory.look(ctx, authority.keys, secrets.token_hex(16)), ctx)
            _do("entries of the log", lambda: sequencer.run(ctx, secrets.token_hex(16)), ctx)
            _do("facts of the log", lambda: ctx.facts.follow(ctx.db, ctx.now(), certificates()), ctx)
            _do("cosignatures of the log", lambda: cosign_head(ctx.db, witnesses), ctx)
        finally:
            ctx.db.close()
        stop.wait(LOG_EVERY)


def _maintenance_loop(authority: Authority, stop: Event) -> None:
    """Settle old reservations, refresh lists, responses and figures, and log alerts.

    Repeats every half minute; alerts are logged once a day. A failing task does not stop the others: with a full
    journal, OCSP responses are still signed.
    """
    ctx, alert_logger, rounds = authority.ctx, AlertLogger(authority), OcspRefresher()
    duties: dict[str, Callable[[], object]] = {
        "clock": authority.clock.compare,
        "reservations": lambda: _settle_reservations(ctx),
        "journal": authority.journal.end_month,
        "orders": lambda: _lapse_orders(ctx),
        "refusals": lambda: count_rejections(ctx.db, ctx.audit_entry("service", secrets.token_hex(16))),
        "lists": lambda: refresh_crls(ctx, secrets.token_hex(16)),
        "list of distrust": lambda: publish_distrust(ctx, ("service", secrets.token_hex(16))),
        "OCSP answers": lambda: rounds.look(ctx),
        "figures": lambda: refresh_figures(ctx, deferred_kinds(ctx.now(), LATE)),
        "alerts": alert_logger.tell,  # last: they judge what the other duties leave
    }
    while not stop.is_set():
        try:
            for name, duty in duties.items():
                _do(name, duty, ctx)
        finally:
            ctx.db.close()
        stop.wait(SETTLED_EVERY)


def _do(name: str, duty: Callable[[], object], ctx: ServiceContext) -> None:
    try:
        ctx.db.refresh()
        duty()
    except DATABASE_UNAVAILABLE:
        _log.exception("the database is unavailable: %s wait", name)
    except Exception:  # noqa: BLE001 - there is no caller; the next round tries again
        _log.exception("%s failed", name)


def _settle_reservations(ctx: ServiceContext) -> None:
    finished, given_up = resolve_reservations(ctx, secrets.token_hex(16))
    if finished or given_up:
        _log.info("reservations: %d finished, %d given up", finished, given_up)


def _lapse_orders(ctx: ServiceContext) -> None:
    if lapsed := lapse_orders(ctx, secrets.token_hex(16)):
        _log.info("orders: %d lapsed, whose transfer IDs ended long ago", lapsed)


def mount_feed(edge: AsgiApp, ctx: ServiceContext, crowd: ConcurrencyLimiter | None = None) -> None:
    """Serve the feed at its path of an application, and begin to read the database.

    `crowd` counts the readers of each address on this node.
    """
    source = EventSource(
        read=FeedPoll(ctx).read,
        reset=lambda number: format_event(number, RESET),
        heartbeat=HEARTBEAT,
        content_type=CONTENT_TYPE,
        leave=ctx.db.close,
    )
    edge.mount_events(PATH, EventStream(source, crowd).start())


class FeedPoll:
    """Reader of the feed's table; it reads events if their last number changed."""

    def __init__(self, ctx: ServiceContext) -> None:
        """Begin before the first event."""
        self._ctx, self._number = ctx, -1

    def read(self, after: int, most: int) -> NumberedEvents:
        """Return events with higher numbers, and keep the last number.

        Raises the database's errors.
        """
        db, asked_at = self._ctx.db, boottime_seconds()
        try:
            number = last_number(db)
            self._ctx.last_signed.remember_number(number, asked_at)
            if number == self._number:
                return ()
            events = [(each, format_event(each, event)) for each, event in list_events(db, after, most)]
            self._number = number
            return events
        finally:
            db.refresh()
