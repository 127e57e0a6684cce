"""Step 4 of a renewal in one round trip: who signed, what came of it so far, and whether the key is known."""

from dataclasses import dataclass
from datetime import datetime

from sinetti.database import sql
from sinetti.database.connection import Database
from sinetti.database.sql import Row, instant
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, Lineage
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, KeyId, Language, Organisation, Serial, Sha256, ValidityPeriod

# The certificate that signed and everything renewed from it, of one snapshot: nothing can come in between.
_RENEWABLE = """
SELECT c.serial, c.authority_id, c.state, c.key_id, c.not_before, c.not_after, c.renewable_from, c.retrieval_id,
       c.crl_shard, c.sha256, c.first_fetched_at, c.recorded_at, c.revoked_at, c.revocation_reason, c.order_id,
       p.serial,
       (SELECT newest.serial FROM sinetti_certificate newest
         WHERE newest.predecessor_id = c.id AND newest.state <> 'void' ORDER BY newest.id DESC LIMIT 1),
       h.holding_id, h.subject_serial, h.version, o.customer_id, o.name, o.closed_at,
       COALESCE(contact.language, o.language), t.channel,
       (SELECT string_agg(may.channel, ' ') FROM sinetti_approvedchannel approved
          JOIN sinetti_certificatetype may ON may.type_id = approved.type_id
         WHERE approved.organisation_id = o.organisation_id AND approved.withdrawn_at IS NULL),
       EXISTS (SELECT 1 FROM sinetti_usedkey used WHERE used.key_id = %(key)s)
  FROM sinetti_certificate c
  JOIN sinetti_lineage h ON h.holding_id = c.holding_id
  JOIN sinetti_organisation o ON o.organisation_id = h.organisation_id
  JOIN sinetti_certificatetype t ON t.type_id = h.type_id
  LEFT JOIN sinetti_person contact ON contact.person_id = h.contact_id
  LEFT JOIN sinetti_certificate p ON p.id = c.predecessor_id
 WHERE c.id IN (SELECT s.id FROM sinetti_certificate s WHERE s.sha256 = %(sha256)s
                 UNION ALL
                SELECT r.id FROM sinetti_certificate r JOIN sinetti_certificate s ON s.id = r.predecessor_id
                 WHERE s.sha256 = %(sha256)s)
 ORDER BY c.reserved_at DESC, c.id DESC
"""


@dataclass(frozen=True, slots=True)
class Renewals:
    """What came of a certificate: its renewal with this key, its live one with another, and how many were given up."""

    same_key: Certificate | None
    successor: Certificate | None
    repeat_count: int


@dataclass(frozen=True, slots=True)
class RenewalLookup:
    """The certificate that signed (None: none of ours), what came of it, and whether the new key was seen anywhere."""

    signer: Certificate | None
    renewals: Renewals
    key_known: bool


def find_for_renewal(db: Database, sha256: Sha256, key: KeyId | None) -> RenewalLookup:
    """The holder's certificate with exactly this DER, and what a renewal with this key needs to know.

    `key` is None where the request has none that counts.
    """
    rows = sql.read(db, _RENEWABLE, {"sha256": sha256, "key": key or ""})
    found = [_certificate(row) for row in rows]
    signer = next((one for one in found if one.sha256 == sha256), None)
    renewals = [one for one in found if one is not signer]
    live = [one for one in renewals if one.state is not CertificateState.VOID and not one.revoked and one.key != key]
    return RenewalLookup(
        signer,
        Renewals(
            same_key=next((one for one in renewals if one.key == key), None),
            successor=live[0] if live else None,
            repeat_count=sum(one.state is CertificateState.VOID for one in renewals),
        ),
        key_known=bool(rows and rows[0][-1]),
    )


def _certificate(row: Row) -> Certificate:
    (
        serial, authority, state, key, not_before, not_after, renewable_from, retrieval_id,
        crl_shard, sha256, first_fetched_at, recorded_at, revoked_at, reason, order_id, predecessor, renewed_by,
    ) = row[:17]  # fmt: skip
    return Certificate(
        serial=Serial(serial),
        authority=authority,
        holding=_holding(row[17:]),
        state=CertificateState(state),
        key=KeyId(key),
        span=ValidityPeriod(_there(not_before), _there(not_after)),
        renewable_from=_there(renewable_from),
        retrieval_id=retrieval_id,
        crl_shard=crl_shard,
        sha256=Sha256(sha256) if sha256 else None,
        first_fetched_at=instant(first_fetched_at),
        recorded_at=instant(recorded_at),
        revoked_at=instant(revoked_at),
        revocation_reason=RevocationReason(reason) if reason else None,
        order_id=order_id,
        predecessor=Serial(predecessor) if predecessor else None,
        renewed_by=Serial(renewed_by) if renewed_by else None,
    )


def _holding(row: Row) -> Lineage:
    holding_id, subject_serial, version, customer_id, name, closed_at, language, channel, channels, _ = row
    approved = frozenset(Channel(one) for one in (channels or "").split())
    return Lineage(
        holding_id,
        subject_serial,
        Organisation(customer_id, name, open=closed_at is None, channels=approved),
        Channel(channel),
        Language(language),
        version,
    )


def _there(value: datetime | str) -> datetime:
    found = instant(value)
    assert found is not None  # noqa: S101 - the column is NOT NULL
    return found
