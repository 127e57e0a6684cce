"""Identity of the database: instance, CAs, certificate types and CRL shards."""

from dataclasses import dataclass
from datetime import datetime

from django.db import NotSupportedError, ProgrammingError, connections, transaction
from django.db.models import F

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database, DatabaseSetupError
from sinetti.database.organisations.organisations import PURPOSE
from sinetti.domain.authorities.lifecycle import CaState, generation_of
from sinetti.domain.values import Channel, Environment, Sha256

_INSTANCE = "sinetti_instance"


@dataclass(frozen=True)
class NewAuthority:
    """A CA to insert, parents first.

    `issuer` is the name of its parent, None for the root. `channel` is set for issuing CAs. A founding CA in the state
    `standby` issues nothing until its activation.
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
    state: CaState = CaState.ISSUING


@dataclass(frozen=True)
class AuthorityIdentity:
    """Instance and environment of the database, and fingerprints of its CAs.

    `fingerprints` maps names to SHA-256 values of CA certificates.
    """

    instance_id: str
    environment: Environment
    fingerprints: dict[str, str]


def insert_authority(
    db: Database, environment: Environment, authorities: tuple[NewAuthority, ...], audit: AuditContext
) -> AuthorityIdentity:
    """Insert identity, CAs and types in one transaction and return the identity.

    If another process was first, no row is written and its identity is returned.
    """
    with transaction.atomic(using=db.alias):
        connection = connections[db.alias]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {_INSTANCE} IN SHARE ROW EXCLUSIVE MODE")
        if (taken := identity(db)) is not None:
            return taken
        for new in authorities:
            insert_row(db, new)
            if new.channel is not None and new.state is CaState.ISSUING:
                db.rows(models.CertificateType).create(
                    type_id=f"{PURPOSE}-{new.channel.lower()}",
                    purpose=PURPOSE,
                    channel=new.channel,
                    authority_id=new.name,
                )
        row = db.rows(models.Instance).create(
            environment=environment,
            created=audit.at,
            fingerprints={new.name: new.sha256 for new in authorities},
        )
        audit_log.write(db, audit, "founded", f"instance:{row.instance_id}", environment=environment)
        for new in authorities:
            audit_log.write(db, audit, "ca-founded", f"authority:{new.name}", state=new.state)
    return AuthorityIdentity(row.instance_id, environment, dict(row.fingerprints))


def insert_row(db: Database, new: NewAuthority, version: int = 0) -> None:
    """Insert the row of a CA."""
    db.rows(models.CertificateAuthority).create(
        name=new.name,
        common_name=new.common_name,
        role=new.role,
        issuer_id=new.issuer,
        channel=new.channel,
        generation=generation_of(new.common_name),
        certificate=new.certificate,
        sha256=new.sha256,
        key_id=new.key_id,
        state=new.state,
        signs_from=new.signs_from,
        signs_until=new.signs_until,
        version=version,
    )


def identity(db: Database) -> AuthorityIdentity | None:
    """Return the identity of the database, or None if it has none or lacks the tables.

    It reads only tables of the first migration, so it may be called before `migrate`. Raises DatabaseSetupError if the
    database refuses the query. Raises the exceptions of DATABASE_UNAVAILABLE.
    """
    try:
        if _INSTANCE not in connections[db.alias].introspection.table_names():
            return None
        rows = db.rows(models.Instance)
        row = rows.values_list("instance_id", "environment", "fingerprints").first()
    except (NotSupportedError, ProgrammingError) as refused:  # NotSupportedError: the server is too old
        why = str(refused).strip().partition("\n")[0]
        raise DatabaseSetupError(
            f"the database cannot be read ({why}): check DATABASE_URL and database_url"
        ) from refused
    return AuthorityIdentity(row[0], Environment(row[1]), dict(row[2])) if row else None


def open_shard(db: Database, authority: str) -> int:
    """Return the shard for new certificates of a CA; earlier shards are full.

    Raises DoesNotExist for an unknown CA.
    """
    return db.rows(models.CertificateAuthority).values_list("open_shard", flat=True).get(pk=authority)


def take_places(db: Database, authority: str, most: int, at_once: int) -> tuple[int, int]:
    """Reserve up to `at_once` places in a CA's open shard; return shard and number.

    A shard has `most` places. If it is full, the next one is opened. A place is assigned once and stays empty if it is
    not used.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.CertificateAuthority).filter(pk=authority)
        rows.update(open_shard=F("open_shard"))  # a concurrent call waits here
        shard, taken = rows.values_list("open_shard", "shard_places").get()
        if taken is None:
            taken = db.rows(models.Certificate).filter(authority_id=authority, crl_shard=shard).count()
        if taken >= most:
            shard, taken = shard + 1, 0
        places = min(at_once, most - taken)
        rows.update(open_shard=shard, shard_places=taken + places)
    return shard, places


def count_places_anew(db: Database, authority: str) -> None:
    """Reset the place counter, so that the next `take_places` counts the certificates.

    Call it after a period in which places were not counted.
    """
    db.rows(models.CertificateAuthority).filter(pk=authority).update(shard_places=None)
