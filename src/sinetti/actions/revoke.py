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

_log = logging.getLogger(__name__)
_ALREADY = "this certificate is revoked already; nothing was changed"


class NotRevocableKind(StrEnum):
    """What stands in the way of a revocation."""

    UNKNOWN = "unknown"
    ALREADY = "already"
    REASON = "reason"


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
    """Revoke a certificate and what goes with it; returns them all, the named one first. Raises NotRevocable."""
    certificate = _revocable(ask, office)
    deed = office.deed(actor, request_id)
    holding_id = certificate.holding.holding_id
    done: list[Serial] = []
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
    rows = [found for serial in done if (found := store.find_certificate(office.register, serial)) is not None]
    for authority, shard in {(row.authority, row.crl_shard) for row in rows}:
        _publish(authority, shard, office, request_id)
    return tuple(sorted(rows, key=lambda row: row.serial != ask.serial))


def _revocable(ask: RevokeAsk, office: Office) -> Certificate:
    if not may_give(ask.revoker, ask.reason):
        sentence = f"the reason {ask.reason} is not for a holder's certificate"
        raise NotRevocable(NotRevocableKind.REASON, sentence)
    certificate = store.find_certificate(office.register, ask.serial)
    if certificate is None:
        sentence = "no certificate has this serial: look it up in the list of certificates"
        raise NotRevocable(NotRevocableKind.UNKNOWN, sentence)
    if certificate.revoked:
        raise NotRevocable(NotRevocableKind.ALREADY, _ALREADY)
    return certificate


def _publish(authority: str, shard: int, office: Office, request_id: str) -> None:
    """Publish the list now, or leave it to whoever asks for it next: the revocation stands either way."""
    try:
        publish(authority, shard, office, request_id)
    except SignerUnavailable:
        _log.exception("the list of %s is not signed yet: the signer is away", authority)
