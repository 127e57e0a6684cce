"""`python -m bench.lists`: time until a revocation stands on a signed CRL.

The CRLs have 100,000 and a million entries.
"""

import argparse
import logging
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from django.db import connections, transaction

from bench.clusters import PostgresMissing, cluster, new_database
from bench.scene import KINDS, founded, opened
from bench.seeding import settle
from sinetti.api.publication import PublicationEndpoint
from sinetti.authority.bootstrap import Authority
from sinetti.ca.crl import build_tbs_crl
from sinetti.database import models
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Serial
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.pki.crl_splice import split_crl
from sinetti.pki.encoding import verify
from sinetti.server.http import Request
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import publish

AIM = 1.0
"""Limit in seconds from the revocation to the CRL."""

_REQUEST = "0" * 32
_CHUNK = 10_000
_NUMBERS = {
    "postgresql": "generate_series(%(start)s::int, %(end)s::int) AS n(i)",
    "sqlite": """(WITH RECURSIVE r(i) AS (SELECT %(start)s UNION ALL SELECT i + 1 FROM r WHERE i < %(end)s)
                  SELECT i FROM r) AS n""",
}
_REVOKED = """
INSERT INTO sinetti_certificate (id, predecessor_id, serial, authority_id, lineage_id, state, origin, key_id, sha256,
       retrieval_id,
       not_before, not_after, renewable_from, crl_shard, reserved_at, recorded_at, revoked_at, revocation_reason)
SELECT 100000000 + i, CASE WHEN i % 2 = 1 THEN 99999999 + i END,
       '40' || %(serial)s, %(authority)s, %(lineage)s, 'issued', 'import', %(key)s,
       %(digest)s, %(retrieval)s, %(at)s, %(end_at)s, %(end_at)s, 1, %(at)s, %(at)s, %(revoked_at)s, 'superseded'
  FROM {numbers}"""
_RANDOM = {
    "postgresql": {
        "serial": "substr(md5('s' || i) || md5('t' || i), 1, 36)",
        "digest": "md5('x' || i) || md5('y' || i)",
        "retrieval": "md5('r' || i)",
    },
    "sqlite": {
        "serial": "lower(hex(randomblob(18)))",
        "digest": "lower(hex(randomblob(32)))",
        "retrieval": "lower(hex(randomblob(16)))",
    },
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds from a revocation until the CRL is served.

    They are measured in the process that revokes, and in a process that begins cold. `used` is the mean of the
    former's processor time.
    """

    database: str
    entries: int
    octets: int
    rebuilt: float
    warm: float
    cold: float
    crypto: float
    used: float

    def row(self) -> str:
        """Return the figures as a row of the table."""
        times = (self.rebuilt, self.warm, self.cold, self.crypto)
        shown = " | ".join(f"{one:.3f}" for one in times)
        return f"| {self.database} | {self.entries:,} | {self.octets:,} | {shown} |"


HEAD = (
    "| database | entries | octets of each list | made from the register, s | after one revocation, s | the same by a "
    "process that begins, s | hash and signature of both lists alone, s |\n|---|--:|--:|--:|--:|--:|--:|"
)


def main() -> int:
    """Measure and print the table.

    Returns 1 if a CRL of any length takes longer than a second.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--entries", type=int, action="append", help="default: 100,000 and a million")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), action="append", help="default: both")
    parsed = parser.parse_args()
    logging.disable(logging.INFO)
    results = []
    for database in parsed.database or ("sqlite", "postgresql"):
        for entries in parsed.entries or (100_000, 1_000_000):
            try:
                results.append(measured(database, entries))
            except PostgresMissing as missing:
                print(f"skipped: {missing}", file=sys.stderr)
    print("\n".join((HEAD, *(one.row() for one in results))))
    return int(any(max(one.warm, one.cold) > AIM for one in results))


def measured(database: str, entries: int, revocations: int = 5) -> Figures:
    """Fill a database with revoked certificates, and revoke a few more."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-lists-")))
        url = new_database(stack.enter_context(cluster())) if database == "postgresql" else ""
        founded(folder / "authority", KINDS["P-384"], url)
        authority = opened(folder / "authority")
        stack.callback(authority.ctx.db.close)
        stack.callback(authority.journal.close)
        return published(database, authority, entries, fill(authority, entries, 2 * revocations))


def published(database: str, authority: Authority, entries: int, living: Sequence[Serial]) -> Figures:
    """Revoke certificates, half of them in a process that begins cold."""
    name, half = authority.ctx.issuing[Channel.WS], len(living) // 2
    rebuilt = _timed(lambda: publish(name, authority.ctx, _REQUEST))
    used = process_time()
    warm = median(_published(authority, serial, begins=False) for serial in living[:half])
    used = (process_time() - used) / half
    cold = median(_published(authority, serial, begins=True) for serial in living[half:])
    octets, crypto = _crypto(authority, name)
    return Figures(database, entries, octets, rebuilt, warm, cold, crypto, used)


def _timed(work: Callable[[], object]) -> float:
    begun = monotonic_seconds()
    work()
    return monotonic_seconds() - begun


def _published(authority: Authority, serial: Serial, *, begins: bool) -> float:
    """Return the seconds from the revocation until both CRLs with it are served."""
    ctx, name = authority.ctx, authority.ctx.issuing[Channel.WS]
    if begins:
        ctx.crl_cache.clear()
    door = PublicationEndpoint(ctx)
    needle = bytes.fromhex(serial)
    begun = monotonic_seconds()
    revoke(RevocationRequest(serial, RevocationReason.KEY_COMPROMISE), ctx, "operator", _REQUEST)
    bodies = [door(Request("GET", f"/crl/{one}.crl", "", {}, _REQUEST, b"")).body for one in (name, f"{name}-1")]
    taken = monotonic_seconds() - begun
    if not all(needle in body for body in bodies):
        sentence = "a list lacks the revocation that it was made for"
        raise AssertionError(sentence)
    return taken


def _crypto(authority: Authority, name: str) -> tuple[int, float]:
    """Return the octets of the whole CRL, and the seconds of its cryptography.

    The cryptography signs both CRLs and verifies the signatures.
    """
    ctx, now = authority.ctx, authority.ctx.now()
    issuer, one = ctx.issuers[name], publish(name, ctx, _REQUEST)
    both = [
        build_tbs_crl(replace(issuer, shard=shard), [split_crl(one.der).entries], 1, now, now + timedelta(days=7))
        for shard in (0, 1)
    ]
    key: Any = issuer.certificate.public_key()
    begun = monotonic_seconds()
    for octets in both:
        if not verify(key, octets, ctx.signer.sign(issuer.key_name, octets)):
            raise AssertionError(name)
    return len(one.der), monotonic_seconds() - begun


def fill(authority: Authority, entries: int, living: int) -> list[Serial]:
    """Write revoked certificates and a few others, and return the others."""
    using, now = authority.ctx.db.alias, utc_now()
    name = authority.ctx.issuing[Channel.WS]
    organisation = models.Organisation.objects.using(using).create(
        customer_id="REVOKED", normalised_id="REVOKED", kind="artificial", name="Bench Oy", language="fi", created=now
    )
    kind = models.CertificateType.objects.using(using).get(channel=Channel.WS)

    def lineage() -> models.Lineage:
        return models.Lineage.objects.using(using).create(
            organisation=organisation, type=kind, subject_serial=secrets.token_hex(16).upper(), created=now
        )

    key = models.UsedKey.objects.using(using).create(key_id=secrets.token_hex(32), first_seen=now)
    ends = now + timedelta(days=700)
    serials = [Serial("41" + secrets.token_hex(18)) for _ in range(living)]
    for serial in serials:
        row = models.Certificate.objects.using(using).create(
            serial=serial, authority_id=name, lineage=lineage(), state=CertificateState.ISSUED, origin="import",
            key=key, sha256=secrets.token_hex(32), retrieval_id=secrets.token_hex(16), not_before=now, not_after=ends,
            renewable_from=ends, reserved_at=now, recorded_at=now,
        )  # fmt: skip
        models.CertificateDer.objects.using(using).create(certificate=row, to_be_signed=b"", der=b"")
    values: dict[str, Any] = {"authority": name, "lineage": lineage().pk, "key": key.pk, "at": now, "end_at": ends}
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        vendor = connections[using].vendor
        if vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # foreign keys need no check
        statement = _REVOKED.replace("{numbers}", _NUMBERS[vendor]).replace("i % 2", "i %% 2")
        for what, expression in _RANDOM[vendor].items():
            statement = statement.replace(f"%({what})s", expression)
        for start in range(0, entries, _CHUNK):
            numbers = {"start": start, "end": min(start + _CHUNK, entries) - 1}
            revoked_at = now - timedelta(days=100) + timedelta(seconds=start)
            cursor.execute(statement, {**values, **numbers, "revoked_at": revoked_at})
    settle(authority)
    return serials


if __name__ == "__main__":
    sys.exit(main())
