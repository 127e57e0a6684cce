"""Trust lists of a service, fetched from its origin.

See docs/operators/succession.md. The origin is not trusted for them: their signatures count alone. A service without
such lists is no error.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from sinetti.client import service_address
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServiceError, ServiceRequest
from sinetti.client.service_address import origin
from sinetti.client.store import event_log, files, settings
from sinetti.client.store.event_log import EventType
from sinetti.client.store.files import StoreError
from sinetti.client.store.settings import NameSettings
from sinetti.client.store.trust_memory import TrustMemory, extend, load_trust, read_lists, save_trust
from sinetti.domain.values import Language
from sinetti.pki import chain
from sinetti.pki.trust_lists.lists import (
    AnchorRole,
    InvalidTrustList,
    TrustListKind,
)
from sinetti.pki.trust_lists.verification import HeldLists, ListReader, verify_next

DOOR = "/api/v1/trust/"

_OK, _NONE = 200, 404
_RARELY = 24
"""Factor of the time after which a service without lists is asked again."""


@dataclass(frozen=True)
class TrustFetch:
    """Result of a request for both lists.

    `has_new`: a list counts that the memory did not have. `trouble`: why one could not be taken, or None. `is_refused`:
    the service was reached, and its list does not count.
    """

    memory: TrustMemory
    has_new: bool = False
    trouble: str | None = None
    is_refused: bool = False


def fetch_lists(kept: NameSettings, known: TrustMemory, now: datetime, language: Language) -> TrustFetch:
    """Ask the service of a name for its lists, and take newer ones that count.

    `now` judges the certificates of their signers. Never raises for an answer, of any kind.
    """
    memory, trouble, is_refused = replace(known, asked=now), None, False
    for kind in TrustListKind:
        try:
            octets = _get(kept, kind, language)
            if octets is not None and octets != getattr(known, kind.value):
                _check(kept, kind, octets, memory, now)
                is_anchors = kind is TrustListKind.ANCHORS
                memory = replace(memory, anchors=octets) if is_anchors else replace(memory, distrust=octets)
        except ServiceError as away:
            trouble = away.message.text
            break
        except InvalidTrustList as bad:
            trouble, is_refused = f"{kind.value}: {bad}", True
    has_new = (memory.anchors, memory.distrust) != (known.anchors, known.distrust)
    return TrustFetch(memory, has_new, trouble, is_refused)


def _get(kept: NameSettings, kind: TrustListKind, language: Language) -> bytes | None:
    """Return a list as it is served; None if the service has none."""
    address = replace(service_address.parse_service_url(kept.service), path=DOOR + kind.value)
    answer = transport.send_request(
        ServiceRequest(address, {"Accept": "application/json"}, None, language, kept.tls_ca)
    )
    if answer.status == _OK and answer.content_type == "application/json":
        return transport.whole_body(answer)
    if answer.status in {_OK, _NONE}:  # another service may have a page for every address
        return None
    raise InvalidTrustList(f"the service answered with HTTP status {answer.status}")


def _check(kept: NameSettings, kind: TrustListKind, octets: bytes, memory: TrustMemory, now: datetime) -> None:
    """Verify a list below the roots of a name's bundles. Raises InvalidTrustList."""
    bundles = (*_bundle(kept.trust_services), *_bundle(kept.trust_holders))
    roots = dict.fromkeys(bundle for bundle in bundles if chain.is_self_signed(bundle))
    lists = read_lists(kept.trust_services, kept.environment, memory)
    if lists.anchors is not None:
        rows = lists.anchors.authorities
        roots |= dict.fromkeys(row.certificate for row in rows if row.role is AnchorRole.ROOT)
    held = HeldLists(lists.anchors, lists.distrust, lists.is_by_root)
    verify_next(kind, octets, held, ListReader(kept.environment, tuple(roots)), now)


def _bundle(pem: str) -> tuple[x509.Certificate, ...]:
    return chain.load_bundle(pem.encode())


@dataclass(frozen=True)
class ServiceTrust:
    """Result for one service.

    It has its origin, the request, and the names whose bundles have changed.
    """

    origin: str
    fetched: TrustFetch
    names: tuple[str, ...]


def refresh_store(
    store: Path, names: Iterable[str], now: datetime, language: Language, *, every: timedelta = timedelta()
) -> tuple[ServiceTrust, ...]:
    """Take the lists of a store's services, and extend the bundles of its names.

    `language` is that of the messages. A service is asked again after `every`, and one without lists more rarely.
    A name that is locked or damaged is left as it is. Raises OSError if the memory cannot be written.
    """
    by_origin: dict[str, list[tuple[str, NameSettings]]] = {}
    for name in names:
        with suppress(StoreError, OSError, IndexError):
            kept = settings.load(store / name)
            by_origin.setdefault(origin(kept.service), []).append((name, kept))
    memory, service_trusts = load_trust(store), []
    for service, rows in by_origin.items():
        known = memory.get(service, TrustMemory())
        wait = every if known.numbers is not None else _RARELY * every
        if known.asked is not None and timedelta() <= now - known.asked < wait:
            continue
        fetched = fetch_lists(rows[0][1], known, now, language)
        memory = load_trust(store)  # another process may have stored newer lists during the request
        fetched = replace(fetched, memory=fetched.memory.newest(memory.get(service, TrustMemory())))
        memory[service] = fetched.memory
        save_trust(store, memory)
        changed = tuple(name for name, kept in rows if _extend_name(store / name, kept, fetched.memory, now))
        service_trusts.append(ServiceTrust(service, fetched, changed))
    return tuple(service_trusts)


def _extend_name(folder: Path, kept: NameSettings, memory: TrustMemory, now: datetime) -> bool:
    if extend(kept, memory) == kept:
        return False
    with suppress(StoreError, OSError), files.locked(folder):
        settings.store(folder, extend(settings.load(folder), memory))
        event_log.append(folder, now, EventType.SETTINGS_CHANGED, changed="trust_services, trust_holders")
        return True
    return False
