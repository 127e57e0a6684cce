"""Register of all CAs: generations, states, and the issuing CA of each channel.

Every change of a CA holds the one row of Instance, so that two changes never run at the same time. A change increments
the version of each row that it changes, and writes an audit row. docs/operators/succession.md has the states.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.db import connections, transaction
from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.operations.authorities import NewAuthority, insert_row
from sinetti.domain.authorities.lifecycle import CA_MOVES, CaState, count_above, generation_of
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Sha256
from sinetti.infra.clock import format_instant
from sinetti.pki.encoding import load_certificate


class CaUnknown(ValueError):
    """Name of a CA that the register does not have; the text is a sentence."""


class CaChangeRefused(ValueError):
    """Change of a CA that its state does not allow; the text is a sentence."""


@dataclass(frozen=True)
class Distrust:
    """Declared compromise of a CA's key.

    Certificates recorded before `since` are accepted through the bridge until `bridge_until`. `checkpoint`, if it is
    not empty, is the text of a checkpoint of the log under which they must be.
    """

    since: datetime
    declared_at: datetime
    bridge_until: datetime
    checkpoint: str = ""


@dataclass(frozen=True)
class AuthorityView:
    """A CA with a certificate, as the register has it.

    `issuer` is the name of its parent, and `channel` is set for issuing CAs. `replaces` is the name of the CA whose
    successor it is, if `ca begin` made it. `version` grows with each change.
    """

    name: str
    common_name: str
    role: str
    channel: Channel | None
    issuer: str | None
    generation: int
    state: CaState
    certificate: bytes = field(repr=False)
    sha256: Sha256
    key_id: str
    signs_from: datetime
    signs_until: datetime
    version: int
    replaces: str | None = None
    revoked_at: datetime | None = None
    revocation_reason: RevocationReason | None = None
    distrust: Distrust | None = None


@dataclass(frozen=True)
class NewPendingAuthority:
    """A CA that gets a key and a request: input of `insert_pending`.

    `issuer` and `replaces` are names of CAs. `request` is its certificate signing request (DER).
    """

    name: str
    common_name: str
    role: str
    channel: Channel | None
    issuer: str | None
    replaces: str | None
    key_type: str
    lifetime_days: int
    request: bytes = field(repr=False)


@dataclass(frozen=True)
class PendingAuthorityView(NewPendingAuthority):
    """A CA that was begun; from `installed_at` on it has a certificate and its lists."""

    created: datetime
    installed_at: datetime | None

    @property
    def generation(self) -> int:
        """Number at the end of its name."""
        return generation_of(self.common_name)


@dataclass(frozen=True)
class Activation:
    """Result of an activation.

    `predecessor` is the name of the CA that issues nothing any more, or None. Without `is_new` the CA issued already.
    """

    predecessor: str | None
    is_new: bool


_VERSION = """
SELECT (SELECT COALESCE(SUM(version), 0) + COUNT(*) FROM sinetti_certificateauthority)
     + (SELECT COUNT(*) + COUNT(installed_at) FROM sinetti_pendingauthority)"""


def register_version(db: Database) -> int:
    """Return a number that grows with each change of a CA, also of a pending one."""
    with connections[db.alias].cursor() as cursor:
        cursor.execute(_VERSION)
        return int(cursor.fetchone()[0])


def list_authorities(db: Database) -> tuple[AuthorityView, ...]:
    """Return all CAs with a certificate: parents first, then by generation and name."""
    cas = {row.name: _view(row) for row in _viewed(db).order_by("generation", "name")}
    issuers = {name: ca.issuer for name, ca in cas.items()}
    return tuple(sorted(cas.values(), key=lambda ca: count_above(ca.name, issuers)))


def get_authority(db: Database, name: str) -> AuthorityView:
    """Return the CA with this file name or CN. Raises CaUnknown."""
    row = _viewed(db).filter(Q(pk=name) | Q(common_name=name)).first()
    if row is None:
        if find_pending(db, name) is not None:
            raise CaUnknown(f"{name} has no certificate yet: run sinetti authority ca install {name} first")
        names = ", ".join(_rows(db).order_by("pk").values_list("pk", flat=True))
        raise CaUnknown(f"there is no CA {name} with a certificate: name one of {names}")
    return _view(row)


def list_pending(db: Database) -> tuple[PendingAuthorityView, ...]:
    """Return the CAs that were begun and have no certificate yet, by name."""
    rows = db.rows(models.PendingAuthority).exclude(name__in=_rows(db).values("name"))
    return tuple(_pending(row) for row in rows.order_by("name"))


def find_pending(db: Database, name: str) -> PendingAuthorityView | None:
    """Return a begun CA by its file name or CN, also after its installation."""
    row = db.rows(models.PendingAuthority).filter(Q(pk=name) | Q(common_name=name)).first()
    return None if row is None else _pending(row)


def insert_pending(db: Database, new: NewPendingAuthority, audit: AuditContext) -> PendingAuthorityView:
    """Store a CA that has a key and a request.

    The same CA again changes nothing. Raises CaChangeRefused if its name is taken.
    """
    with changing(db):
        known = find_pending(db, new.name)
        if known is not None and known.request == new.request and known.common_name == new.common_name:
            return known
        if known is not None or is_name_taken(db, new.name, new.common_name):
            raise CaChangeRefused(f"the name {new.common_name} is taken for ever: give another one")
        row = db.rows(models.PendingAuthority).create(
            name=new.name,
            common_name=new.common_name,
            role=new.role,
            channel=new.channel,
            issuer_id=new.issuer,
            replaces_id=new.replaces,
            key_type=new.key_type,
            lifetime_days=new.lifetime_days,
            request=new.request,
            created=audit.at,
        )
        audit_log.write(db, audit, "ca-begun", f"authority:{new.name}", replaces=new.replaces, ca_role=new.role)
    return _pending(row)


def is_name_taken(db: Database, name: str, common_name: str) -> bool:
    """Return True if a CA has or had this file name or CN."""
    named = Q(name=name) | Q(common_name=common_name)
    pending = db.rows(models.PendingAuthority)
    return _rows(db).filter(named).exists() or pending.filter(named).exists()


def install(db: Database, new: NewAuthority, audit: AuditContext) -> AuthorityView:
    """Store a CA with its certificate, in the state that `new` has: `standby`.

    The same certificate again changes nothing. A CA that was begun is activated only after `finish_installation`.
    Raises CaChangeRefused if the CA has another certificate.
    """
    with changing(db):
        row = _rows(db).filter(pk=new.name).first()
        if row is not None and row.sha256 != new.sha256:
            raise CaChangeRefused(f"{new.name} has another certificate already: a CA never gets a second one")
        if row is None:
            insert_row(db, new, version=1)
            audit_log.write(db, audit, "ca-installed", f"authority:{new.name}", sha256=new.sha256, version=1)
    return get_authority(db, new.name)


def add_request(db: Database, name: str, request: bytes) -> None:
    """Store the request of a CA that was begun without a key and has no certificate."""
    rows = db.rows(models.PendingAuthority).filter(pk=name, request=b"", installed_at__isnull=True)
    rows.update(request=request)


def finish_installation(db: Database, name: str, at: datetime) -> None:
    """Record that the lists and the OCSP responder of an installed CA are there."""
    rows = db.rows(models.PendingAuthority).filter(pk=name, installed_at__isnull=True)
    rows.update(installed_at=at)


def activate(db: Database, name: str, audit: AuditContext) -> Activation:
    """Make a CA issue from now on, and its predecessor only publish.

    A CA that issues already stays as it is. Raises CaUnknown, and CaChangeRefused for another state, dates that do not
    fit, or a CA above it that is not in force.
    """
    with changing(db):
        ca = get_authority(db, name)
        if ca.state is CaState.ISSUING:
            return Activation(None, is_new=False)
        if not ca.signs_from <= audit.at <= ca.signs_until:
            raise CaChangeRefused(f"{ca.name} issues from {ca.signs_from:%Y-%m-%d} to {ca.signs_until:%Y-%m-%d} only")
        pending = find_pending(db, ca.name)
        if pending is not None and pending.installed_at is None:
            raise CaChangeRefused(f"{ca.name} has no lists yet: run sinetti authority ca install {ca.name} again")
        above = ca.issuer
        while above is not None:
            parent = get_authority(db, above)
            if parent.state in {CaState.REVOKED, CaState.RETIRED}:
                raise CaChangeRefused(f"{parent.name} above {ca.name} is {parent.state}: activate a CA of another one")
            above = parent.issuer
        predecessor = _predecessor(db, ca)
        before = None if predecessor is None else predecessor.name
        if ca.channel is not None:
            types = db.rows(models.CertificateType).filter(channel=ca.channel)
            types.update(authority_id=ca.name)
        if predecessor is not None:
            _move(db, predecessor, CaState.PUBLISHING, audit, "ca-replaced", successor=ca.name)
        _move(db, ca, CaState.ISSUING, audit, "ca-activated", replaced=before)
    return Activation(before, is_new=True)


def stop(db: Database, name: str, audit: AuditContext) -> bool:
    """Make a CA issue nothing any more; return False if it issued nothing before.

    Raises CaUnknown, and CaChangeRefused for a CA that is retired or revoked.
    """
    with changing(db):
        ca = get_authority(db, name)
        if ca.state is CaState.PUBLISHING:
            return False
        _move(db, ca, CaState.PUBLISHING, audit, "ca-stopped")
    return True


def retire(db: Database, name: str, audit: AuditContext) -> bool:
    """End lists and OCSP of a CA; return False if they had ended before.

    Raises CaUnknown, and CaChangeRefused before the end of its last certificate.
    """
    with changing(db):
        ca = get_authority(db, name)
        if ca.state is CaState.RETIRED:
            return False
        check_retirable(db, ca, audit.at)
        db.rows(models.OcspResponse).filter(authority=ca.name).delete()
        _move(db, ca, CaState.RETIRED, audit, "ca-retired")
    return True


def check_retirable(db: Database, ca: AuthorityView, now: datetime) -> None:
    """Raise CaChangeRefused unless a CA publishes and all its certificates have ended."""
    _check_move(ca, CaState.RETIRED)
    ends = last_end(db, ca)
    if ends is not None and ends >= now:
        raise CaChangeRefused(
            f"{ca.name} must publish until {ends:%Y-%m-%dT%H:%M:%SZ}, the end of its last certificate: retire it "
            "then, or revoke its certificates first"
        )


def last_end(db: Database, ca: AuthorityView) -> datetime | None:
    """Return the end of a CA's last certificate that is not revoked, or None.

    Certificates of other CAs and of the service count. The last list has all that are revoked, until the CA ends.
    """
    if ca.channel is not None:
        ends: QuerySet[Any] = db.rows(models.Certificate).filter(authority_id=ca.name, revoked_at__isnull=True)
    elif ca.role == "services":
        ends = db.rows(models.ServiceCertificate).filter(authority=ca.name)
    else:
        below = _rows(db).filter(issuer_id=ca.name).exclude(state=CaState.REVOKED).values_list("certificate", flat=True)
        return max((load_certificate(bytes(der)).not_valid_after_utc for der in below), default=None)
    return cast("datetime | None", ends.aggregate(last=Max("not_after"))["last"])


def revoke(
    db: Database, name: str, reason: RevocationReason, distrust: Distrust | None, audit: AuditContext
) -> AuthorityView:
    """Revoke a CA, and declare its compromise if `distrust` is given.

    A CA that is revoked stays so, with its first instant and reason. A declaration is added, but never changed.
    Raises CaUnknown.
    """
    with changing(db):
        ca = get_authority(db, name)
        if distrust is not None and ca.distrust is None:
            declare(db, ca, distrust, audit)
            ca = get_authority(db, name)
        if ca.state is not CaState.REVOKED:
            _rows(db).filter(pk=ca.name).update(revoked_at=audit.at, revocation_reason=reason)
            _move(db, ca, CaState.REVOKED, audit, "ca-revoked", reason=reason)
    return get_authority(db, name)


def declare(db: Database, ca: AuthorityView, distrust: Distrust, audit: AuditContext) -> None:
    """Declare the compromise of a CA's key, in the caller's transaction."""
    db.rows(models.CaDistrust).create(
        authority_id=ca.name,
        since=distrust.since,
        declared_at=distrust.declared_at,
        bridge_until=distrust.bridge_until,
        checkpoint=distrust.checkpoint,
    )
    _rows(db).filter(pk=ca.name).update(version=F("version") + 1)
    since = format_instant(distrust.since)
    audit_log.write(db, audit, "ca-distrusted", f"authority:{ca.name}", since=since, version=ca.version + 1)


def fill_channels(db: Database) -> None:
    """Fill in the channels and generations of CAs that an earlier version inserted."""
    rows = _rows(db).filter(channel__isnull=True, role="issuing")
    for row in rows:
        channel = db.rows(models.CertificateType).filter(authority_id=row.name)
        rows.filter(pk=row.name).update(
            channel=channel.values_list("channel", flat=True).first(), generation=generation_of(row.common_name)
        )


def issuing_names(db: Database) -> dict[Channel, str]:
    """Return the name of the CA that issues now, for each channel that has one."""
    rows = db.rows(models.CertificateType).filter(authority__state=CaState.ISSUING)
    return {Channel(channel): name for channel, name in rows.values_list("channel", "authority_id")}


def wait_for_reservations(db: Database, names: Collection[str]) -> None:
    """Wait until reservations that saw an earlier state of these CAs are committed.

    Call it after the commit of the change. Reservations hold the CA's row for a few milliseconds on PostgreSQL
    (database/issuance/statements.py). SQLite's transactions are serial anyway.
    """
    with transaction.atomic(using=db.alias):
        list(_rows(db).filter(pk__in=names).order_by("pk").select_for_update().values_list("pk"))


@contextmanager
def changing(db: Database) -> Iterator[None]:
    """Run the block in a transaction that excludes other changes of CAs."""
    with transaction.atomic(using=db.alias):
        db.rows(models.Instance).update(environment=F("environment"))
        yield


def _predecessor(db: Database, ca: AuthorityView) -> AuthorityView | None:
    """Return the CA that a CA takes over from."""
    rows = _rows(db).filter(role=ca.role, channel=ca.channel, state=CaState.ISSUING).exclude(pk=ca.name)
    names = list(rows.values_list("pk", flat=True))
    if ca.role == "intermediate" and ca.replaces is not None:
        names = [name for name in names if name == ca.replaces]
    return get_authority(db, names[0]) if len(names) == 1 else None


def _check_move(ca: AuthorityView, state: CaState) -> None:
    if state not in CA_MOVES[ca.state]:
        raise CaChangeRefused(f"{ca.name} is {ca.state} and cannot become {state}: see sinetti authority ca list")


def _move(
    db: Database, ca: AuthorityView, state: CaState, audit: AuditContext, action: str, **facts: str | None
) -> None:
    _check_move(ca, state)
    rows = _rows(db).filter(pk=ca.name, state=ca.state, version=ca.version)
    if not rows.update(state=state, version=F("version") + 1):
        raise CaChangeRefused(f"{ca.name} has just been changed by another command: run this one again")
    audit_log.write(db, audit, action, f"authority:{ca.name}", **facts, version=ca.version + 1)


def _rows(db: Database) -> "QuerySet[models.CertificateAuthority]":
    return db.rows(models.CertificateAuthority)


def _viewed(db: Database) -> "QuerySet[models.CertificateAuthority]":
    begun = db.rows(models.PendingAuthority).filter(pk=OuterRef("pk")).values("replaces_id")
    return _rows(db).select_related("distrust").annotate(replaced=Subquery(begun[:1]))


def _view(row: models.CertificateAuthority) -> AuthorityView:
    distrust = getattr(row, "distrust", None)
    return AuthorityView(
        name=row.name,
        common_name=row.common_name,
        role=row.role,
        channel=Channel(row.channel) if row.channel else None,
        issuer=row.issuer_id,
        generation=row.generation,
        state=CaState(row.state),
        certificate=bytes(row.certificate),
        sha256=Sha256(row.sha256),
        key_id=row.key_id,
        signs_from=row.signs_from,
        signs_until=row.signs_until,
        version=row.version,
        replaces=cast("Any", row).replaced,
        revoked_at=row.revoked_at,
        revocation_reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        distrust=distrust
        and Distrust(distrust.since, distrust.declared_at, distrust.bridge_until, distrust.checkpoint),
    )


def _pending(row: models.PendingAuthority) -> PendingAuthorityView:
    return PendingAuthorityView(
        name=row.name,
        common_name=row.common_name,
        role=row.role,
        channel=Channel(row.channel) if row.channel else None,
        issuer=row.issuer_id,
        replaces=row.replaces_id,
        key_type=row.key_type,
        lifetime_days=row.lifetime_days,
        request=bytes(row.request),
        created=row.created,
        installed_at=row.installed_at,
    )
