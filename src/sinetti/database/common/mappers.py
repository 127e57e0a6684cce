"""Conversion of rows to the frozen values of the rules."""

from collections.abc import Sequence

from django.db.models import F, QuerySet

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, Lineage, TransferIds
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, KeyId, Language, Organisation, Serial, Sha256, ValidityPeriod

CERTIFICATE_PATHS = ("lineage__organisation", "lineage__type", "lineage__contact", "predecessor")


def certificates(db: Database) -> "QuerySet[models.Certificate]":
    """Return certificates with all data that `certificate` needs, in one query."""
    return db.rows(models.Certificate).select_related(*CERTIFICATE_PATHS)


def lineage(db: Database, row: models.Lineage) -> Lineage:
    """Return a lineage with its organisation and the present approvals."""
    (found,) = lineages(db, [row])
    return found


def lineages(db: Database, rows: Sequence[models.Lineage]) -> list[Lineage]:
    """Return lineages as `lineage` does, with one query for the approvals of all."""
    approved = db.rows(models.ApprovedChannel).filter(
        organisation_id__in={row.organisation_id for row in rows},
        withdrawn_at__isnull=True,
    )
    channels: dict[str, set[Channel]] = {}
    for organisation_id, channel in approved.values_list("organisation_id", "type__channel"):
        channels.setdefault(organisation_id, set()).add(Channel(channel))
    return [_lineage(row, frozenset(channels.get(row.organisation_id, ()))) for row in rows]


def _lineage(row: models.Lineage, channels: frozenset[Channel]) -> Lineage:
    customer = Organisation(
        row.organisation.customer_id,
        row.organisation.name,
        open=row.organisation.closed_at is None,
        channels=channels,
    )
    language = row.contact.language if row.contact else row.organisation.language
    return Lineage(
        row.lineage_id,
        row.subject_serial,
        customer,
        Channel(row.type.channel),
        Language(language),
        row.version,
    )


def certificate(db: Database, row: models.Certificate) -> Certificate:
    """Return a certificate with its lineage and its newest renewal that is not void."""
    renewals = db.rows(models.Certificate).filter(predecessor_id=row.pk).order_by("-pk")
    renewed_by = renewals.exclude(state=CertificateState.SUPERSEDED).values_list("serial", flat=True).first()
    return Certificate(
        serial=Serial(row.serial),
        authority=row.authority_id,
        lineage=lineage(db, row.lineage),
        state=CertificateState(row.state),
        key=KeyId(row.key_id),
        span=ValidityPeriod(row.not_before, row.not_after),
        renewable_from=row.renewable_from,
        retrieval_id=row.retrieval_id,
        crl_shard=row.crl_shard,
        sha256=Sha256(row.sha256) if row.sha256 else None,
        first_fetched_at=row.first_fetched_at,
        recorded_at=row.recorded_at,
        revoked_at=row.revoked_at,
        revocation_reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        order_id=row.order_id,
        predecessor=Serial(row.predecessor.serial) if row.predecessor else None,
        renewed_by=Serial(renewed_by) if renewed_by else None,
    )


def transfer_ids(db: Database, rows: Sequence[models.TransferIds]) -> list[TransferIds]:
    """Return pairs of transfer ids, each with the certificate issued for its order."""
    live = certificates(db).filter(order_id__in=[row.order_id for row in rows])
    live_of = {certificate.order_id: certificate for certificate in live.exclude(state=CertificateState.SUPERSEDED)}
    return [
        TransferIds(
            transfer_id=row.transfer_id,
            order_id=row.order_id,
            lineage=its_lineage,
            replaces=Serial(row.order.replaces.serial) if row.order.replaces else None,
            created=row.created,
            expires=row.expires,
            wrong_passwords=row.wrong_passwords,
            ended=row.ended_at is not None,
            used_for=certificate(db, live_of[row.order_id]) if row.order_id in live_of else None,
        )
        for row, its_lineage in zip(rows, lineages(db, [row.order.lineage for row in rows]), strict=True)
    ]


def move_versions(lineages: "QuerySet[models.Lineage]") -> int:
    """Lock these lineages and increment their versions; return their number.

    A concurrent decision on an old version fails.
    """
    return lineages.update(version=F("version") + 1)
