"""What a serving process does beside answering: journals and register agree first; reservations, OCSP answers after."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from sinetti.authority.alerts import AlertLogger
from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderDamaged
from sinetti.authority.key_relocation import check_key_separation
from sinetti.authority.service_certificates import register_existing
from sinetti.database.connection import DATABASE_UNAVAILABLE, check_durability
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.reconcile import compare, reconcile, resolve_reservations
from sinetti.services.status.crl import refresh_crls
from sinetti.services.status.ocsp import OcspRefresher

SETTLED_EVERY = 30.0
"""Seconds between two looks at reservations."""

_log = logging.getLogger(__name__)


SETTLING_ENDS_WITHIN = 1.5
"""Seconds that a look at the reservations has to end when the server stops."""


@contextmanager
def maintained(authority: Authority, *, mends: bool = False) -> Iterator[None]:
    """Look after an authority while the block serves it.

    Raises what `check_consistency` raises, before anything is served.
    """
    check_consistency(authority, mends=mends)
    with background_maintenance(authority):
        yield


def check_consistency(authority: Authority, *, mends: bool = False, tls_key: Path | None = None) -> None:
    """See to it that journals and register know the same; `tls_key` may lie in the folder.

    Raises FolderDamaged, before anything is served, where the folder has what PRODUCTION may not have there, or where
    the journals or published lists know what the register does not; JournalDamaged and JournalUnavailable. A bench
    mends that by itself: nobody is there to be asked. RegisterRefusesError where the database does not keep what is
    committed.
    """
    check_key_separation(authority, tls_key)
    register_existing(authority.ctx.db, authority.folder, authority.hierarchy, authority.ctx.issuers)
    for unknown in check_durability(authority.ctx.db):
        _log.warning("%s", unknown)
    standing = compare(authority.ctx, authority.journal)
    if mends and not standing.agrees:
        reconcile(authority.ctx, authority.journal, secrets.token_hex(16))
        standing = compare(authority.ctx, authority.journal)
    if not standing.agrees:
        way_out = f"nothing is served until you run sinetti authority reconcile --dir {authority.folder.root}"
        sentence = f"{standing.ahead}; {way_out}"
        raise FolderDamaged(sentence)
    if standing.written:
        _log.info("%d facts were in the register alone and are in the journal now", standing.written)


@contextmanager
def background_maintenance(authority: Authority) -> Iterator[None]:
    """Do meanwhile what one process of a node does: look after reservations and lists, now and every half minute."""
    stop = Event()
    thread = Thread(target=_maintenance_loop, args=(authority, stop), name="settling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        # It may be at work on register and journal: whoever closes them waits for it, but not past a stop's time.
        thread.join(SETTLING_ENDS_WITHIN)
        authority.journal.close()


def _maintenance_loop(authority: Authority, stop: Event) -> None:
    """Finish what waits too long, or give it up, have lists and OCSP answers in time: now, and every half minute.

    Once a day say what nears its end. What fails keeps nothing else from being done: a journal that is full no answers
    from being signed.
    """
    ctx, told, rounds = authority.ctx, AlertLogger(authority), OcspRefresher()
    duties: dict[str, Callable[[], object]] = {
        "reservations": lambda: _settle_reservations(ctx),
        "lists": lambda: refresh_crls(ctx, secrets.token_hex(16)),
        "what is to be told": told.tell,
        "OCSP answers": lambda: rounds.look(ctx),
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
        _log.exception("the register is away: %s wait", name)
    except Exception:  # noqa: BLE001 - nobody is there to be told, and the next look may find better times
        _log.exception("%s could not be looked after", name)


def _settle_reservations(ctx: ServiceContext) -> None:
    finished, given_up = resolve_reservations(ctx, secrets.token_hex(16))
    if finished or given_up:
        _log.info("reservations: %d finished, %d given up", finished, given_up)
