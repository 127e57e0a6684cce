"""The register's own identity, its CAs, its certificate types and the CRLs that they signed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import NotSupportedError, ProgrammingError, connections, transaction
from django.db.models import F

from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment, Serial, Sha256
from sinetti.registry import audit, models
from sinetti.registry.audit import Deed
from sinetti.registry.opening import Register, RegisterRefusesError
from sinetti.registry.parties import PURPOSE

_INSTANCE = "registry_instance"


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """One CA, top down. `issuer` is its parent's name, None for the root; `channel` for issuing CAs."""

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
class Identity:
    """Which instance and environment this register belongs to, and the SHA-256 of its CA certificates by name."""

    instance_id: str
    environment: Environment
    fingerprints: dict[str, str]


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry of a CRL."""

    serial: Serial
    revoked_at: datetime
    reason: RevocationReason
    invalidity_date: datetime | None


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A signed CRL, its dates, and how many revocations its shard had, ever, when it was made."""

    number: int
    this_update: datetime
    next_update: datetime
    revocations: int
    der: bytes = field(repr=False)


def found(register: Register, environment: Environment, authorities: tuple[NewAuthority, ...], deed: Deed) -> Identity:
    """Write the register's identity, its CAs and its types, in one transaction; gives the identity that it then has.

    Where somebody came before, nothing is written, and the identity given is theirs.
    """
    with transaction.atomic(using=register.alias):
        _one_at_a_time(register)
        if (taken := identity(register)) is not None:
            return taken
        for new in authorities:
            models.Authority.objects.using(register.alias).create(
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
                models.CertificateType.objects.using(register.alias).create(
                    type_id=f"{PURPOSE}-{new.channel.lower()}",
                    purpose=PURPOSE,
                    channel=new.channel,
                    authority_id=new.name,
                )
        row = models.Instance.objects.using(register.alias).create(
            environment=environment,
            created=deed.at,
            fingerprints={new.name: new.sha256 for new in authorities},
        )
        audit.write(register, deed, "founded", f"instance:{row.instance_id}", environment=environment)
    return Identity(row.instance_id, environment, dict(row.fingerprints))


def _one_at_a_time(register: Register) -> None:
    """Of two that found at once the second waits for the first; SQLite's transactions are alone anyhow."""
    connection = connections[register.alias]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {_INSTANCE} IN SHARE ROW EXCLUSIVE MODE")


def identity(register: Register) -> Identity | None:
    """Whose register this is; None for one that nobody founded, and for a database without our tables.

    Looks at what has been there since the first migration only, so that it may be asked before `migrate`. Raises
    RegisterRefusesError where the database does not let it look, and what REGISTER_UNAVAILABLE lists.
    """
    try:
        if _INSTANCE not in connections[register.alias].introspection.table_names():
            return None
        rows = models.Instance.objects.using(register.alias)
        row = rows.values_list("instance_id", "environment", "fingerprints").first()
    except (NotSupportedError, ProgrammingError) as refused:  # the first for a server that is too old
        why = str(refused).strip().partition("\n")[0]
        sentence = f"the database cannot be read as a register ({why}): look at DATABASE_URL and at database_url"
        raise RegisterRefusesError(sentence) from refused
    return Identity(row[0], Environment(row[1]), dict(row[2])) if row else None


def issuing_names(register: Register) -> dict[Channel, str]:
    """For each channel, the name of the CA that issues for it now."""
    rows = models.CertificateType.objects.using(register.alias).filter(purpose=PURPOSE)
    return {Channel(channel): name for channel, name in rows.values_list("channel", "authority_id")}


def revoked(register: Register, authority: str, shard: int, now: datetime) -> tuple[Revoked, ...]:
    """The entries of a shard's CRL: all that are revoked; each stays until it was on one list after its end."""
    last = models.RevocationList.objects.using(register.alias).filter(authority_id=authority, shard=shard).first()
    rows = models.Certificate.objects.using(register.alias).filter(
        authority_id=authority,
        crl_shard=shard,
        revoked_at__isnull=False,
    )
    # An entry may go only once a list was published after notAfter (RFC 5280, 3.3): the last list tells.
    rows = rows.filter(not_after__gte=min(now, last.this_update) if last else now - timedelta(days=36500))
    return tuple(
        Revoked(Serial(row.serial), row.revoked_at, RevocationReason(row.revocation_reason), row.invalidity_date)
        for row in rows.order_by("revoked_at", "serial")
        if row.revoked_at is not None
    )


def take_crl_number(register: Register, authority: str, machine_milliseconds: int) -> int:
    """The next CRL number of a CA: max(last + 1, Unix time in ms), so that a restored register never goes back."""
    with transaction.atomic(using=register.alias):
        rows = models.Authority.objects.using(register.alias).filter(pk=authority)
        rows.update(crl_number=F("crl_number") + 1)
        number = max(rows.get().crl_number, machine_milliseconds)
        rows.update(crl_number=number)
    return number


def publish_list(register: Register, authority: str, shard: int, new: PublishedList, deed: Deed) -> PublishedList:
    """Store a signed CRL unless a newer one is there; returns the newest."""
    with transaction.atomic(using=register.alias):
        rows = models.RevocationList.objects.using(register.alias).filter(authority_id=authority, shard=shard)
        values = {
            "number": new.number,
            "this_update": new.this_update,
            "next_update": new.next_update,
            "revocations": new.revocations,
            "der": new.der,
        }
        _, made = models.RevocationList.objects.using(register.alias).get_or_create(
            authority_id=authority,
            shard=shard,
            defaults=values,
        )
        if made or rows.filter(number__lt=new.number).update(**values):
            audit.write(register, deed, "crl-published", f"authority:{authority}", shard=shard, number=new.number)
    newest = published_list(register, authority, shard)
    return newest or new


def published_list(register: Register, authority: str, shard: int) -> PublishedList | None:
    """The newest CRL of a shard, or None before the first."""
    row = models.RevocationList.objects.using(register.alias).filter(authority_id=authority, shard=shard).first()
    return PublishedList(row.number, row.this_update, row.next_update, row.revocations, bytes(row.der)) if row else None


def revocations(register: Register, authority: str, shard: int) -> int:
    """How many certificates of this shard were revoked, ever."""
    rows = models.Certificate.objects.using(register.alias).filter(authority_id=authority, crl_shard=shard)
    return rows.filter(revoked_at__isnull=False).count()
