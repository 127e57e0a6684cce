"""Revocation: at once for renewal and retrieval's sake, and on the CRL, which is published anew right away."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sinetti.actions.noting import note_revoked
from sinetti.actions.office import Office
from sinetti.actions.publish import publish
from sinetti.domain.records import Certificate
from sinetti.domain.revocation import RevocationReason, Revoker, may_give, taken_along
from sinetti.domain.values import Serial
from sinetti.pki.signers import SignerUnavailable
from sinetti.registry import revoking, store
from sinetti.registry.journal import JournalUnavailable

_log = logging.getLogger(__name__)
_ALREADY = "this certificate is revoked already; nothing was changed"


class NotRevocableKind(StrEnum):
    """What stands in the way of a revocation."""

    UNKNOWN = "unknown"
    ALREADY = "already"
    REASON = "reason"
    SPARED = "spared"


class NotRevocable(ValueError):
    """What was asked cannot be done; the sentence says what to do."""

    def __init__(self, kind: NotRevocableKind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class RevokeAsk:
    """Which certificate, why, since when the key is doubted, and which of its renewals are taken out by name."""

    serial: Serial
    reason: RevocationReason
    revoker: Revoker = Revoker.OPERATOR
    invalidity_date: datetime | None = None
    spared: Collection[Serial] = ()


def revoke(ask: RevokeAsk, office: Office, actor: str, request_id: str) -> tuple[Certificate, ...]:
    """Revoke a certificate and what goes with it; returns the named one, then the others. Raises NotRevocable.

    A key may be found compromised after its certificate was revoked for another reason: what was renewed from it still
    goes, and the certificate itself stays as it is.
    """
    certificate = _revocable(ask, office)
    deed = office.deed(actor, request_id)
    holding_id = certificate.holding.holding_id
    done: list[Serial] = []
    _check_anything_left(ask, certificate, office)
    # A renewal may be reserved between reading the line and revoking it: look again until nothing is left.
    while True:
        line = revoking.renewals(office.register, holding_id)
        taken = taken_along(ask.serial, ask.reason, line, ask.spared)
        news = revoking.revoke(office.register, holding_id, taken, (ask.reason, ask.invalidity_date), deed)
        if not news:
            break
        done.extend(news)
    if not done:
        raise NotRevocable(NotRevocableKind.ALREADY, _ALREADY)
    office.step("revoked")
    note_revoked(done, deed.at, (ask.reason, ask.invalidity_date), office)
    named = dict.fromkeys([ask.serial, *done])
    rows = [found for serial in named if (found := store.find_certificate(office.register, serial)) is not None]
    for authority, shard in {(row.authority, row.crl_shard) for row in rows}:
        _publish(authority, shard, office, request_id)
    return tuple(rows)


def _revocable(ask: RevokeAsk, office: Office) -> Certificate:
    if not may_give(ask.revoker, ask.reason):
        sentence = f"the reason {ask.reason} is not for a holder's certificate"
        raise NotRevocable(NotRevocableKind.REASON, sentence)
    certificate = store.find_certificate(office.register, ask.serial)
    if certificate is None:
        sentence = "no certificate has this serial: look it up in the list of certificates"
        raise NotRevocable(NotRevocableKind.UNKNOWN, sentence)
    _check_spared(ask, certificate, office)
    return certificate


def _check_anything_left(ask: RevokeAsk, certificate: Certificate, office: Office) -> None:
    line = revoking.renewals(office.register, certificate.holding.holding_id)
    taken = taken_along(ask.serial, ask.reason, line, ask.spared)
    going = [store.find_certificate(office.register, serial) for serial in taken]
    if all(one is None or one.revoked for one in going):
        raise NotRevocable(NotRevocableKind.ALREADY, _ALREADY)


def _check_spared(ask: RevokeAsk, certificate: Certificate, office: Office) -> None:
    """Refuse a spared serial that would not have gone along: a slip of the pen would revoke what it should save."""
    line = revoking.renewals(office.register, certificate.holding.holding_id)
    going = taken_along(ask.serial, ask.reason, line)
    for serial in ask.spared:
        if serial == ask.serial or serial not in going:
            sentence = f"{serial} cannot be spared, since it does not go with this certificate; nothing was revoked"
            raise NotRevocable(NotRevocableKind.SPARED, sentence)


def _publish(authority: str, shard: int, office: Office, request_id: str) -> None:
    """Publish the list now, or leave it to whoever asks for it next: the revocation stands either way."""
    try:
        publish(authority, shard, office, request_id)
    except (SignerUnavailable, JournalUnavailable) as away:
        _log.warning("the list of %s is not published yet; whoever serves publishes it: %s", authority, away)
