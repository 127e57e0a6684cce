"""The register's own identity, its CAs, its certificate types and the shards that they fill."""

from dataclasses import dataclass
from datetime import datetime

from django.db import NotSupportedError, ProgrammingError, connections, transaction
from django.db.models import F, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database, DatabaseSetupError
from sinetti.database.organisations.organisations import PURPOSE
from sinetti.domain.values import Channel, Environment, Sha256

_INSTANCE = "sinetti_instance"


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """One CA, top down.

    `issuer` is its parent's name, None for the root; `channel` for issuing CAs.
    """

    name: str
    common_name: str
    role: str
    issuer: str | None
    channel: Channel | None
    certificate: bytes
    sha256: Sha256
    key_id: str
    signs_from: datetime
    signs_until: datetime


@dataclass(frozen=True, slots=True)
class AuthorityIdentity:
    """Which instance and environment this register belongs to, and the SHA-256 of its CA certificates by name."""

    instance_id: str
    environment: Environment
    fingerprints: dict[str, str]


def found(
    db: Database, environment: Environment, authorities: tuple[NewAuthority, ...], audit: AuditContext
) -> AuthorityIdentity:
    """Write the register's identity, its CAs and its types, in one transaction; gives the identity that it then has.

    Where somebody came before, nothing is written, and the identity given is theirs.
    """
    with transaction.atomic(using=db.alias):
        _one_at_a_time(db)
        if (taken := identity(db)) is not None:
            return taken
        for new in authorities:
            models.CertificateAuthority.objects.using(db.alias).create(
                name=new.name,
                common_name=new.common_name,
                role=new.role,
                issuer_id=new.issuer,
                certificate=new.certificate,
                sha256=new.sha256,
                key_id=new.key_id,
                state="issuing",
                signs_from=new.signs_from,
                signs_until=new.signs_until,
            )
            if new.channel is not None:
                models.CertificateType.objects.using(db.alias).create(
                    type_id=f"{PURPOSE}-{new.channel.lower()}",
                    purpose=PURPOSE,
                    channel=new.channel,
                    authority_id=new.name,
                )
        row = models.Instance.objects.using(db.alias).create(
            environment=environment,
            created=audit.at,
            fingerprints={new.name: new.sha256 for new in authorities},
        )
        audit_log.write(db, audit, "founded", f"instance:{row.instance_id}", environment=environment)
    return AuthorityIdentity(row.instance_id, environment, dict(row.fingerprints))


def _one_at_a_time(db: Database) -> None:
    """Of two that found at once the second waits for the first; SQLite's transactions are alone anyhow."""
    connection = connections[db.alias]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {_INSTANCE} IN SHARE ROW EXCLUSIVE MODE")


def identity(db: Database) -> AuthorityIdentity | None:
    """Whose register this is; None for one that nobody founded, and for a database without our tables.

    Looks at what has been there since the first migration only, so that it may be asked before `migrate`. Raises
    RegisterRefusesError where the database does not let it look, and what REGISTER_UNAVAILABLE lists.
    """
    try:
        if _INSTANCE not in connections[db.alias].introspection.table_names():
            return None
        rows = models.Instance.objects.using(db.alias)
        row = rows.values_list("instance_id", "environment", "fingerprints").first()
    except (NotSupportedError, ProgrammingError) as refused:  # the first for a server that is too old
        why = str(refused).strip().partition("\n")[0]
        sentence = f"the database cannot be read as a register ({why}): look at DATABASE_URL and at database_url"
        raise DatabaseSetupError(sentence) from refused
    return AuthorityIdentity(row[0], Environment(row[1]), dict(row[2])) if row else None


def issuing_names(db: Database) -> dict[Channel, str]:
    """For each channel, the name of the CA that issues for it now."""
    rows = models.CertificateType.objects.using(db.alias).filter(purpose=PURPOSE)
    return {Channel(channel): name for channel, name in rows.values_list("channel", "authority_id")}


def open_shard(db: Database, authority: str) -> int:
    """The shard that certificates of a CA go to now; those before it are full.

    Raises for no CA of ours.
    """
    return models.CertificateAuthority.objects.using(db.alias).values_list("open_shard", flat=True).get(pk=authority)


def take_places(db: Database, authority: str, most: int, at_once: int) -> tuple[int, int]:
    """Take up to `at_once` places in the open shard of a CA, which has `most`; gives the shard and how many they are.

    Where the shard is full, the next one is opened. A place is given away once; who does not use it leaves it empty.
    """
    with transaction.atomic(using=db.alias):
        rows = models.CertificateAuthority.objects.using(db.alias).filter(pk=authority)
        rows.update(open_shard=F("open_shard"))  # whoever comes second waits
        shard, taken = rows.values_list("open_shard", "shard_places").get()
        if taken is None:
            taken = _certificates(db, authority, shard).count()
        if taken >= most:
            shard, taken = shard + 1, 0
        places = min(at_once, most - taken)
        rows.update(open_shard=shard, shard_places=taken + places)
    return shard, places


def count_places_anew(db: Database, authority: str) -> None:
    """Let the next who takes places count first: for a while nobody did."""
    models.CertificateAuthority.objects.using(db.alias).filter(pk=authority).update(shard_places=None)


def _certificates(db: Database, authority: str, shard: int) -> QuerySet[models.Certificate]:
    return models.Certificate.objects.using(db.alias).filter(authority_id=authority, crl_shard=shard)
