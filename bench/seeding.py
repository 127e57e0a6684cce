"""Fills a database and its journal directly.

The rows are holders, as after an import, and certificates that only take room.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from bench.scene import Holder, name_of
from sinetti.authority.bootstrap import Authority
from sinetti.database import models
from sinetti.database.issuance import journal_records
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, Lineage
from sinetti.domain.values import (
    RENEWAL_WINDOW,
    Channel,
    IdentifierType,
    Language,
    Organisation,
    Serial,
    Sha256,
    normalise,
)
from sinetti.infra.clock import format_instant
from sinetti.journal.writer import JournalEntry
from sinetti.pki.encoding import sha256_hex

_BATCH = 500


def seed(authority: Authority, holders: list[Holder]) -> None:
    """Write holders into the database, and their certificates into the journal."""
    ctx = authority.ctx
    name = ctx.issuing[Channel.WS]
    type_id = models.CertificateType.objects.using(ctx.db.alias).get(channel=Channel.WS).pk
    with transaction.atomic(using=ctx.db.alias):
        for start in range(0, len(holders), _BATCH):
            part = holders[start : start + _BATCH]
            rows = _rows(part, name, type_id)
            for model in (
                models.Person,
                models.Organisation,
                models.ApprovedChannel,
                models.Lineage,
                models.UsedKey,
                models.Certificate,
            ):
                _manager(model, ctx.db.alias).bulk_create(row for row in rows if type(row) is model)
            _octets(ctx.db.alias, part)
    for start in range(0, len(holders), _BATCH):
        facts = [fact for holder in holders[start : start + _BATCH] for fact in _facts(authority, holder, name)]
        authority.journal.append(facts)
    settle(authority)


def settle(authority: Authority) -> None:
    """Let the database update its statistics, as it does by itself in time."""
    with connections[authority.ctx.db.alias].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if cursor.db.vendor == "postgresql" else "ANALYZE")
    authority.ctx.db.close()


def _rows(holders: list[Holder], authority: str, type_id: str) -> list[Any]:
    rows: list[Any] = []
    for holder in holders:
        at = holder.span.not_before
        person = models.Person(
            person_id=secrets.token_hex(16),
            name="Nimi Nimetty",
            email=f"contact{holder.number}@bench.example",
            language=Language.SV,
        )
        organisation = models.Organisation(
            organisation_id=secrets.token_hex(16),
            customer_id=holder.customer_id,
            normalised_id=normalise(holder.customer_id),
            kind=IdentifierType.ARTIFICIAL,
            name=name_of(holder.number),
            language=Language.FI,
            created=at,
            contact=person,
        )
        lineage = models.Lineage(
            lineage_id=holder.lineage_id,
            organisation=organisation,
            type_id=type_id,
            subject_serial=holder.lineage_id.upper(),
            contact=person,
            created=at,
        )
        key = models.UsedKey(key_id=holder.key, first_seen=at)
        rows += [person, organisation, lineage, key]
        rows.append(models.ApprovedChannel(organisation=organisation, type_id=type_id, approved_at=at))
        rows.append(
            models.Certificate(
                serial=holder.serial,
                authority_id=authority,
                lineage=lineage,
                state=CertificateState.RETRIEVED,
                origin="import",
                key=key,
                sha256=sha256_hex(holder.der),
                retrieval_id=secrets.token_hex(16),
                not_before=at,
                not_after=holder.span.not_after,
                renewable_from=holder.span.not_after - RENEWAL_WINDOW,
                reserved_at=at,
                recorded_at=at,
                first_fetched_at=at,
            )
        )
    return rows


def _manager(model: Any, alias: str) -> Any:  # noqa: ANN401 - one loop over six models
    return model.objects.using(alias)


def _octets(alias: str, holders: list[Holder]) -> None:
    ids = dict(
        models.Certificate.objects.using(alias)
        .filter(lineage_id__in=[holder.lineage_id for holder in holders])
        .values_list("lineage_id", "pk")
    )
    models.CertificateDer.objects.using(alias).bulk_create(
        models.CertificateDer(certificate_id=ids[holder.lineage_id], to_be_signed=holder.to_be_signed, der=holder.der)
        for holder in holders
    )


def _facts(authority: Authority, holder: Holder, name: str) -> list[JournalEntry]:
    customer = Organisation(holder.customer_id, name_of(holder.number), open=True, channels=frozenset({Channel.WS}))
    certificate = Certificate(
        serial=holder.serial,
        authority=name,
        lineage=Lineage(holder.lineage_id, holder.lineage_id.upper(), customer, Channel.WS, Language.SV, 0),
        state=CertificateState.RETRIEVED,
        key=holder.key,
        span=holder.span,
        renewable_from=holder.span.not_after - RENEWAL_WINDOW,
        retrieval_id="",
        crl_shard=1,
        sha256=Sha256(sha256_hex(holder.der)),
    )
    issued = journal_records.issued(authority.ctx.db, certificate, holder.der)
    return [issued, fetched(holder.serial, holder.span.not_before)]


# Rows that only take room: a quarter as many lineages as certificates, each row as large and as indexed as a real one.
# Their octets are those of one real certificate, so none of them could be retrieved or renewed.
_NUMBERS = {
    "postgresql": "generate_series(%(start)s::int, %(end)s::int) AS n(i)",
    "sqlite": """(WITH RECURSIVE r(i) AS (SELECT %(start)s UNION ALL SELECT i + 1 FROM r WHERE i < %(end)s)
                  SELECT i FROM r) AS n""",
}
_FILLING = """
INSERT INTO sinetti_organisation (organisation_id, customer_id, normalised_id, kind, country, name, language, created)
SELECT md5('o' || i), 'FILL' || i, 'FILL' || i, 'artificial', 'FI', 'Organisation ' || i, 'fi', %(at)s
  FROM {numbers} WHERE i % 4 = 0;
INSERT INTO sinetti_approvedchannel (organisation_id, type_id, approved_at)
SELECT md5('o' || i), %(type)s, %(at)s FROM {numbers} WHERE i % 4 = 0;
INSERT INTO sinetti_lineage (lineage_id, organisation_id, type_id, subject_serial, description, version, created)
SELECT md5('h' || i), md5('o' || i), %(type)s, upper(md5('h' || i)), '', 3, %(at)s FROM {numbers} WHERE i % 4 = 0;
INSERT INTO sinetti_usedkey (key_id, first_seen) SELECT md5('k' || i) || md5('l' || i), %(at)s FROM {numbers};
INSERT INTO sinetti_certificate (id, serial, authority_id, lineage_id, state, origin, key_id, sha256, retrieval_id,
       not_before, not_after, renewable_from, crl_shard, reserved_at, recorded_at, first_fetched_at, revocation_reason)
SELECT 100000000 + i, '40' || md5('s' || i) || '0000', %(authority)s, md5('h' || (i - i % 4)), 'fetched', 'import',
       md5('k' || i) || md5('l' || i), md5('x' || i) || md5('y' || i), md5('r' || i), %(at)s, %(end_at)s, %(end_at)s, 1,
       %(at)s, %(at)s, %(at)s, '' FROM {numbers};
INSERT INTO sinetti_certificateder (certificate_id, to_be_signed, der)
SELECT 100000000 + i, %(to_be_signed)s, %(der)s FROM {numbers};
INSERT INTO sinetti_auditevent (at, actor, action, object, request_id, octets, sha256)
SELECT %(at)s, 'operator', 'certificate-issued', 'certificate:40' || md5('s' || i) || '0000', md5('q' || i),
       %(to_be_signed)s, md5('x' || i) || md5('y' || i) FROM {numbers}
"""


def fill(authority: Authority, count: int, like: Holder) -> None:
    """Fill database and journal with `count` certificates in force."""
    ctx = authority.ctx
    connection = connections[ctx.db.alias]
    values: dict[str, Any] = {
        "type": models.CertificateType.objects.using(ctx.db.alias).get(channel=Channel.WS).pk,
        "authority": ctx.issuing[Channel.WS],
        "at": like.span.not_before,
        "end_at": like.span.not_after,
        "to_be_signed": like.to_be_signed,
        "der": like.der,
    }
    # Only the start of a server reads these: complete lines, without the octets of the certificate.
    facts = {**_facts(authority, like, values["authority"])[0].facts, "der": "AA=="}
    chunk = 20_000
    for start in range(0, count, chunk):
        numbers = {"start": start, "end": min(start + chunk, count) - 1}
        with transaction.atomic(using=ctx.db.alias), connection.cursor() as cursor:
            for statement in _FILLING.split(";"):
                sql = statement.format(numbers=_NUMBERS[connection.vendor]).replace("i % 4", "i %% 4")
                cursor.execute(sql, {**values, **numbers})
        lines = (_filler(number, facts, like) for number in range(start, min(start + chunk, count)))
        authority.journal.append([fact for two in lines for fact in two])
    settle(authority)


def _filler(number: int, facts: dict[str, Any], like: Holder) -> list[JournalEntry]:
    serial = filler_serial(number)
    return [
        JournalEntry(journal_records.ISSUED, {**facts, "serial": serial}),
        fetched(serial, like.span.not_before),
    ]


def filler_serial(number: int) -> Serial:
    """Return the serial of a certificate that only takes room."""
    return Serial(f"40{hashlib.md5(f's{number}'.encode(), usedforsecurity=False).hexdigest()}0000")


def fetched(serial: Serial, at: datetime) -> JournalEntry:
    """Return the line of a retrieval without an audit row."""
    return JournalEntry(journal_records.FETCHED, {"serial": serial, "at": format_instant(at)})
