"""Officers: their keys are checked, and they are added and removed.

`init` founds an authority with officers. Afterwards an approval adds or removes one.
"""

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass, field

from sinetti.database import sql
from sinetti.database.approvals import officers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.domain.approvals.acts import ApprovalPolicy, KeyRequirement, OfficerRole
from sinetti.domain.approvals.officers import FOUNDERS, Officer, OfficerError, check_name, check_removal, is_founded
from sinetti.domain.approvals.proposals import roles_of
from sinetti.domain.values import Environment
from sinetti.pki.ssh_attestation import Attestation, verify_attestation
from sinetti.pki.ssh_signatures import SshKeyError, SshPublicKey, load_key
from sinetti.services.context import ServiceContext


@dataclass(frozen=True)
class NewOfficer:
    """An officer to add: name, role, public key file, and attestation of a FIDO2 key."""

    name: str
    role: OfficerRole
    public_key: bytes = field(repr=False)
    attestation: bytes = field(default=b"", repr=False)
    challenge: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class CheckedOfficer:
    """An officer whose name, key and attestation were checked."""

    name: str
    role: OfficerRole
    key: SshPublicKey
    attestation: Attestation | None


def check_officer(new: NewOfficer, policy: ApprovalPolicy) -> CheckedOfficer:
    """Check name, key and attestation. Raises OfficerError."""
    name = check_name(new.name)
    try:
        key = load_key(new.public_key)
        attested = verify_attestation(new.attestation, new.challenge, key) if new.attestation else None
    except SshKeyError as bad:
        raise OfficerError(f"the key of {name} is not accepted: {bad}") from bad
    if policy.keys is not KeyRequirement.ANY and attested is None:
        raise OfficerError(
            f"this authority accepts only FIDO2 keys with their attestation: make the key of {name} with "
            "ssh-keygen -t ed25519-sk -O write-attestation=FILE -O challenge=FILE, and give both files"
        )
    return CheckedOfficer(name, new.role, key, attested)


def check_founders(new: Collection[CheckedOfficer], environment: Environment) -> None:
    """Raise OfficerError if an authority cannot be founded with these officers."""
    least = FOUNDERS[environment]
    is_enough = len(new) >= least or (not new and environment is not Environment.PRODUCTION)
    names, keys = ({officer.name for officer in new}, {officer.key.fingerprint for officer in new})
    if not is_enough or len(names) < len(new) or len(keys) < len(new):
        raise OfficerError(
            f"name {least} officers or more, each with --officer NAME=FILE, and each with a key of their own"
        )


def found_officers(db: Database, new: Collection[CheckedOfficer], audit: AuditContext) -> None:
    """Insert the officers of an authority that is founded, once."""
    with officers.locked_officers(db):
        if not officers.list_all_officers(db):
            for officer in new:
                officers.insert_officer(db, _officer(officer, audit), audit)


def can_add_founders(ctx: ServiceContext) -> bool:
    """Return True while officers are added without approval, since too few exist."""
    return not is_founded(roles_of(officers.list_officers(ctx.db)), ctx.environment)


def add_officer(new: CheckedOfficer, ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Add an officer. Raises OfficerError if name or key are taken."""
    with officers.locked_officers(ctx.db):
        if officers.find_officer(ctx.db, new.name) is not None:
            raise OfficerError(f"there is already an officer {new.name}: remove that one first, or choose another name")
        if officers.is_known_key(ctx.db, new.key.fingerprint):
            raise OfficerError("this key belongs to an officer, or belonged to one: each needs a key of their own")
        audit = ctx.audit_entry(actor, request_id)
        officers.insert_officer(ctx.db, _officer(new, audit), audit)


def add_founder(new: CheckedOfficer, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Add an officer without approval while too few exist; return False otherwise."""
    with officers.locked_officers(ctx.db):
        if not can_add_founders(ctx):
            return False
        add_officer(new, ctx, actor, request_id)
    return True


def remove_officer(name: str, fingerprint: str, ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Remove the officer with this name and key. Raises OfficerError."""
    with officers.locked_officers(ctx.db):
        officer = get_officer(name, ctx)
        if officer.fingerprint != fingerprint:
            raise OfficerError(f"{officer.name} has another key now: propose the removal again")
        left = [other for other in officers.list_officers(ctx.db) if other.officer_id != officer.officer_id]
        check_removal(roles_of(left), ctx.environment, ctx.approvals)
        officers.remove_officer(ctx.db, officer, ctx.audit_entry(actor, request_id))


@dataclass(frozen=True)
class RootStatement:
    """Statement of the root key about new officers, verified by the caller.

    `root` is the certificate in DER. All three are in the audit row, which the log has.
    """

    octets: bytes
    signature: bytes
    root: bytes


def recover_officers(
    new: Collection[CheckedOfficer], statement: RootStatement, ctx: ServiceContext, actor: str, request_id: str
) -> None:
    """Replace all officers by those that the root key named, once.

    Raises OfficerError if the new officers are too few, or if a key is or was an officer's.
    """
    check_founders(new, ctx.environment)
    with officers.locked_officers(ctx.db):
        before = officers.list_officers(ctx.db)
        if {officer.fingerprint for officer in before} == {officer.key.fingerprint for officer in new}:
            return
        audit = ctx.audit_entry(actor, request_id)
        # First, since the log's verifier takes the changes after it as approved.
        facts = {"statement": statement.octets.decode("ascii"), "signature": _base64(statement.signature)}
        officers.record_recovery(ctx.db, audit, root=_base64(statement.root), **facts)
        for officer in before:
            officers.remove_officer(ctx.db, officer, audit)
        for named in new:
            if officers.is_known_key(ctx.db, named.key.fingerprint):
                raise OfficerError(
                    f"the key of {named.name} is an officer's, or was one: each new officer needs a new key"
                )
            officers.insert_officer(ctx.db, _officer(named, audit), audit)


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")


def get_officer(name: str, ctx: ServiceContext) -> Officer:
    """Return the officer in force with this name. Raises OfficerError."""
    officer = officers.find_officer(ctx.db, check_name(name))
    if officer is None:
        raise OfficerError(f"there is no officer {name}: run sinetti authority officer list")
    return officer


def list_officers(ctx: ServiceContext) -> tuple[Officer, ...]:
    """Return all officers, also removed ones, in the order of their addition."""
    return officers.list_all_officers(ctx.db)


def _officer(new: CheckedOfficer, audit: AuditContext) -> Officer:
    attested = new.attestation.sha256 if new.attestation is not None else ""
    return Officer(sql.random_id(), new.name, new.role, new.key.line, new.key.fingerprint, attested, audit.at)
