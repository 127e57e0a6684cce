"""Invariants of a fleet, checked from outside.

The checks read the files of the store and the rows of the database. They never ask the agent what it did. Each
violation is recorded, and a fleet is well as long as there is none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography import x509

from sinetti.client.store import files, generations, journal, key_storage
from sinetti.client.store.journal import RequestKind
from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.values import ValidityPeriod
from sinetti.pki import encoding
from sinetti.testbench.fleet.enrolment import FleetOrganisation


class ViolationKind(StrEnum):
    """Kind of event that must not happen to a fleet."""

    LAPSED = "lapsed"
    """There was an instant without a valid certificate in use."""
    KEY_LOST = "key-lost"
    """The database holds a certificate whose key is not in the store."""
    ISSUED_TWICE = "issued-twice"
    """There are more certificates than were ordered and had to be renewed."""
    CUT_SHORT = "cut-short"
    """A certificate did not stay valid to its own end."""
    NOT_RENEWED = "not-renewed"
    """A certificate that had to be renewed has no successor."""
    DAMAGED = "damaged"
    """Key, certificate and chain in the store do not belong together."""


@dataclass(frozen=True)
class Violation:
    """A violated invariant: name, instant of the bench's clock, and finding."""

    wrong: ViolationKind
    name: str
    at: datetime
    seen: str


@dataclass(frozen=True)
class Installation:
    """A certificate that was installed; `at` is when it was first seen."""

    serial: str
    span: ValidityPeriod
    at: datetime


@dataclass
class InvariantChecker:
    """Records of a fleet. `taken` has each name's certificates, the one in use last."""

    store: Path
    fleet: tuple[FleetOrganisation, ...]
    taken: dict[str, list[Installation]] = field(default_factory=dict)
    breaches: list[Violation] = field(default_factory=list)
    _expected: Counter[str] = field(default_factory=Counter)

    def expect(self, names: Iterable[str]) -> None:
        """Record that each name is to get exactly one more certificate.

        The certificate was ordered, or is to be renewed.
        """
        self._expected.update(names)

    def look(self, now: datetime) -> tuple[str, ...]:
        """Check the certificate in use of each name at `now`.

        Returns the names whose certificate changed. A check before and after each pass covers every instant. No
        process changes a store in between. A certificate that is valid at both ends of a period is valid throughout.
        """
        return tuple(organisation.name for organisation in self.fleet if self._look_at(organisation.name, now))

    def waiting(self) -> tuple[str, ...]:
        """Return the names that still wait for their certificate."""
        return tuple(
            organisation.name
            for organisation in self.fleet
            if len(self.taken.get(organisation.name, ())) < self._expected[organisation.name]
        )

    def under_way(self) -> tuple[str, ...]:
        """Return the names with an action that has begun and not ended."""
        folders = {organisation.name: self.store / organisation.name for organisation in self.fleet}
        return tuple(
            name
            for name, folder in folders.items()
            if any(journal.folder_of(folder, kind).exists() for kind in RequestKind)
        )

    def compare(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Compare the store with the database's rows (contracts: `GET certificates`).

        The caller makes sure that nothing is in progress.
        """
        of_customer: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            of_customer.setdefault(row["customer_id"], []).append(row)
        for organisation in self.fleet:
            self._compare(organisation.name, of_customer.get(organisation.customer_id, []), now)

    def days(self, since: datetime) -> Counter[date]:
        """Count the certificates that were installed after `since`, by the day in Finland."""
        instants = (installation.at for installations in self.taken.values() for installation in installations)
        return Counter(at.astimezone(FINNISH_TIME).date() for at in instants if at > since)

    def in_use(self) -> dict[str, str]:
        """Return the serial number that each name has in use."""
        return {name: installations[-1].serial for name, installations in self.taken.items() if installations}

    def _look_at(self, name: str, now: datetime) -> bool:
        taken, link = self.taken.setdefault(name, []), self.store / name / files.LIVE
        try:
            serial = link.readlink().name
            new = not taken or taken[-1].serial != serial
            if new:
                taken.append(self._read(name, now))
        except (OSError, files.StoreError, ValueError) as bad:
            self._breach(ViolationKind.DAMAGED, name, now, str(bad))
            return False
        if not taken[-1].span.not_before <= now <= taken[-1].span.not_after:
            self._breach(
                ViolationKind.LAPSED, name, now, f"{serial} until {taken[-1].span.not_after:%Y-%m-%dT%H:%M:%SZ}"
            )
        return new

    def _read(self, name: str, now: datetime) -> Installation:
        """Read the key, certificate and chain in use, which must belong together.

        Raises StoreError if they do not.
        """
        held = generations.current(self.store / name)
        if held is None:
            raise files.corruption_error(self.store / name / files.LIVE, "it does not point to a certificate")
        return Installation(held.serial, held.span, now)

    def _compare(self, name: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        known = {installation.serial: installation for installation in self.taken.get(name, ())}
        for row in rows:
            if not self._has_key(name, row["serial"]):
                self._breach(ViolationKind.KEY_LOST, name, now, row["serial"])
            if _is_cut_short(row, known.get(row["serial"])):
                self._breach(ViolationKind.CUT_SHORT, name, now, row["serial"])
        for serial in known.keys() - {row["serial"] for row in rows}:
            self._breach(ViolationKind.DAMAGED, name, now, f"{serial} is not in the register")
        if len(rows) > self._expected[name]:
            self._breach(ViolationKind.ISSUED_TWICE, name, now, f"{len(rows)} instead of {self._expected[name]}")
        if len(rows) < self._expected[name]:
            self._breach(ViolationKind.NOT_RENEWED, name, now, f"{len(rows)} instead of {self._expected[name]}")

    def _has_key(self, name: str, serial: str) -> bool:
        folder = self.store / name / files.GENERATIONS / serial
        try:
            certificate = encoding.load_certificate((folder / generations.CERTIFICATE).read_bytes())
            key = encoding.load_private_key((folder / key_storage.KEY).read_bytes())
        except (OSError, ValueError, x509.InvalidVersion):
            return False
        return key_storage.belongs(certificate, key) and key_storage.serial_of(certificate) == serial

    def _breach(self, wrong: ViolationKind, name: str, at: datetime, text: str) -> None:
        # Recorded once, at the first instant at which it was seen.
        if not any((breach.wrong, breach.name, breach.seen) == (wrong, name, text) for breach in self.breaches):
            self.breaches.append(Violation(wrong, name, at, text))


def _is_cut_short(row: Mapping[str, Any], known: Installation | None) -> bool:
    """Return True if a certificate was revoked or shortened in the database.

    A shortened one ends there before the end that is written in it.
    """
    ends_early = known is not None and datetime.fromisoformat(row["not_after"]) != known.span.not_after
    return row["revoked_at"] is not None or ends_early
