"""Live directory of the CAs: the register's rows, as this process last read them.

A thread of each serving process reads one number every second and a half, and the rows only if it has changed. So a
change of a CA reaches every process of every node within two seconds (docs/operators/succession.md). While the
database is away, the last state stays.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from cryptography import x509

from sinetti.authority.data_directory import DataDirectory
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy
from sinetti.ca.issuance_request import IssuingCa
from sinetti.ca.ocsp import Responder
from sinetti.ca.profiles import ca_key
from sinetti.ca.successors import later_spec
from sinetti.database.authorities import register
from sinetti.database.authorities.register import AuthorityView
from sinetti.database.connection import DATABASE_UNAVAILABLE, Database
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Channel
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import PublicKey, load_certificate
from sinetti.services.facts import Facts, LogBrokenError, LogFacts

READ_EVERY = 1.5
"""Seconds between two looks at the register's version."""

SUBJECT = "authority:"
"""Beginning of the object of entries about CAs."""

_log = logging.getLogger(__name__)

_Key = TypeVar("_Key")
_Value_co = TypeVar("_Value_co", covariant=True)

Responders = Mapping[str, Callable[[], Responder]]
"""OCSP responders by name of their CA."""


@dataclass(frozen=True)
class CaSnapshot:
    """All CAs at one version of the register.

    `hierarchy` is that of the founding with the CAs that came later. `offline` names CAs whose keys are not
    here, but those of retired ones.
    """

    version: int
    views: Mapping[str, AuthorityView]
    hierarchy: Hierarchy
    issuers: Mapping[str, IssuingCa]
    offline: frozenset[str]
    certificates: Mapping[str, bytes]
    ca_keys: Mapping[str, PublicKey] = field(repr=False)
    responders: Responders = field(default_factory=dict, repr=False)

    @property
    def states(self) -> dict[str, CaState]:
        """State of each CA."""
        return {name: view.state for name, view in self.views.items()}

    @property
    def issuing(self) -> dict[Channel, str]:
        """Name of the CA that issues for each channel that has one.

        Its dates are checked with each reservation.
        """
        found = self.views.values()
        return {ca.channel: ca.name for ca in found if ca.channel is not None and ca.state is CaState.ISSUING}

    @property
    def stopped_channels(self) -> set[Channel]:
        """Channels that issue nothing, though not all their CAs have come to their end."""
        left = {view.channel for view in self.views.values() if view.state is not CaState.RETIRED}
        return {channel for channel in left if channel is not None and channel not in self.issuing}


class CaDirectory:
    """CAs of an authority as one process knows them."""

    def __init__(
        self,
        db: Database,
        folder: DataDirectory,
        founding: Hierarchy,
        offline_names: Callable[[DataDirectory, Hierarchy], Collection[str]],
        facts: Facts,
    ) -> None:
        """Read the register. `founding` is the hierarchy of the founding."""
        self._db, self._folder, self._founding, self._offline_names = db, folder, founding, offline_names
        self._facts = facts
        self._doubted: dict[str, str] = {}
        self._make_responders: Callable[[CaSnapshot], Responders] = _no_responders
        self._lock = Lock()
        register.fill_channels(db)
        self._held = self._read(register.register_version(db))

    @property
    def current(self) -> CaSnapshot:
        """All CAs as they were last read."""
        return self._held

    def answer_with(self, make: Callable[[CaSnapshot], Responders]) -> None:
        """Take the function that makes OCSP responders, and make those of now."""
        self._make_responders = make
        self._held = replace(self._held, responders=self._responders(self._held, {}))

    def live(self, part: Callable[[CaSnapshot], Mapping[_Key, _Value_co]]) -> Mapping[_Key, _Value_co]:
        """Return a mapping that always has the current content of a part."""
        return _LiveMapping(lambda: part(self._held))

    def context_parts(self) -> dict[str, Any]:
        """Return the parts of the service context that follow the register."""
        return {
            "issuers": self.live(lambda now: now.issuers),
            "issuing": self.live(lambda now: now.issuing),
            "certificates": self.live(lambda now: now.certificates),
            "offline": _LiveSet(lambda: self._held.offline),
            "states": self.live(lambda now: now.states),
            "responders": self.live(lambda now: now.responders),
            "refresh_authorities": self.refresh,
        }

    def services(self) -> IssuingCa:
        """Return the services CA that issues now; the newest one if none does."""
        cas = [ca for ca in self._held.views.values() if ca.role == CaRole.SERVICES]
        newest = max(cas, key=lambda ca: (ca.state is CaState.ISSUING, ca.generation))
        return self._held.issuers[newest.name]

    def role_of(self, name: str) -> CaRole | None:
        """Return the role of a CA by its name, or None for an unknown one."""
        view = self._held.views.get(name)
        return None if view is None else CaRole(view.role)

    def refresh(self) -> None:
        """Read the CAs if the register has changed, or differed from the log.

        Raises DATABASE_UNAVAILABLE.
        """
        version = register.register_version(self._db)
        if version != self._held.version or self._doubted:
            with self._lock:
                self._held = self._read(version, self._held)

    def follow(self, stop: Event) -> None:
        """Refresh until the event is set; the last state stays while that fails."""
        try:
            while not stop.wait(READ_EVERY):
                self._try_refresh()
        finally:
            self._db.close()

    def start_following(self) -> None:
        """Follow the register in a thread that ends with the process."""
        Thread(target=self.follow, args=(Event(),), name="authorities", daemon=True).start()

    def _try_refresh(self) -> None:
        try:
            self._db.refresh()
            self.refresh()
        except DATABASE_UNAVAILABLE as away:
            _log.warning("the CAs stay as they were last read: %s", str(away).strip().partition("\n")[0])
        except Exception:  # noqa: BLE001 - there is no caller; the next look tries again
            _log.exception("the CAs stay as they were last read")

    def _read(self, version: int, before: CaSnapshot | None = None) -> CaSnapshot:
        views = self._list_proven()
        certificates = {name: load_certificate(ca.certificate) for name, ca in views.items()}
        hierarchy = self._hierarchy(views, certificates)
        read = CaSnapshot(
            version=version,
            views=views,
            hierarchy=hierarchy,
            issuers={
                spec.file_name: IssuingCa(
                    spec.name, spec.file_name, spec.file_name, certificates[spec.file_name], hierarchy.base_url
                )
                for spec in hierarchy.authorities
            },
            offline=frozenset(
                name
                for name in self._offline_names(self._folder, hierarchy)
                if views[name].state is not CaState.RETIRED
            ),
            certificates={spec.file_name: views[spec.file_name].certificate for spec in hierarchy.authorities},
            ca_keys={name: ca_key(certificate) for name, certificate in certificates.items()},
        )
        return replace(read, responders=self._responders(read, {} if before is None else before.responders))

    def _list_proven(self) -> dict[str, AuthorityView]:
        """Return the CAs of the register.

        One whose row differs from the log issues nothing.
        """
        try:
            facts, different = self._facts.compare(self._db, utc_now(), SUBJECT)
        except LogBrokenError as broken:
            facts, different = LogFacts(), {"": str(broken)}
        views = {ca.name: ca for ca in register.list_authorities(self._db)}
        for name, view in views.items():
            about = f"{SUBJECT}{name}"
            is_proven = about not in different and '"state":"issuing"' in facts.record.rows.get(about, "")
            if view.state is CaState.ISSUING and not is_proven:
                if about not in self._doubted and "" not in self._doubted:
                    _log.error(
                        "%s issues nothing: %s", name, different.get(about) or different.get("", "it has changed")
                    )
                views[name] = replace(view, state=CaState.PUBLISHING)
        self._doubted = different
        return views

    def _hierarchy(self, views: Mapping[str, AuthorityView], certificates: Mapping[str, x509.Certificate]) -> Hierarchy:
        founding = self._founding.authorities
        known = {spec.file_name for spec in founding}
        later = tuple(_spec(view, certificates[name], views) for name, view in views.items() if name not in known)
        return replace(self._founding, authorities=(*founding, *later))

    def _responders(self, read: CaSnapshot, before: Responders) -> Responders:
        """Return the responders of all CAs but retired ones; earlier responders stay."""
        return {
            name: before.get(name, made)
            for name, made in self._make_responders(read).items()
            if read.views[name].state is not CaState.RETIRED
        }


def _no_responders(_read: CaSnapshot) -> Responders:
    return {}


def _spec(view: AuthorityView, certificate: x509.Certificate, views: Mapping[str, AuthorityView]) -> CaSpec:
    parent = None if view.issuer is None else views[view.issuer].common_name
    return later_spec(certificate, CaRole(view.role), parent, view.channel)


class _LiveMapping(Mapping[_Key, _Value_co]):
    def __init__(self, read: Callable[[], Mapping[_Key, _Value_co]]) -> None:
        self._read = read

    def __getitem__(self, key: _Key) -> _Value_co:
        return self._read()[key]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


class _LiveSet(AbstractSet[str]):
    def __init__(self, read: Callable[[], frozenset[str]]) -> None:
        self._read = read

    @classmethod
    def _from_iterable(cls, found: "Iterator[str]") -> frozenset[str]:  # type: ignore[override]
        return frozenset(found)

    def __contains__(self, name: object) -> bool:
        return name in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())
