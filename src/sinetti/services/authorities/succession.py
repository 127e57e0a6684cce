"""Moves of CAs: install, activate, stop, retire and revoke.

See docs/operators/succession.md for the states.

Each is committed with its audit row first, and its line is in the journal before the caller gets the result. The same
call again writes a line that a killed process did not write.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sinetti.database.authorities import journal_lines, register
from sinetti.database.authorities.register import AuthorityView, Distrust
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.operations.authorities import NewAuthority
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.services.context import ServiceContext
from sinetti.services.status.crl import publish


@dataclass(frozen=True)
class CaListItem:
    """A CA in the list of all, also one without a certificate: `sha256` is None then.

    `name` is the file name, as in addresses.
    """

    name: str
    common_name: str
    role: str
    channel: str | None
    generation: int
    state: CaState
    certificate: bytes | None
    sha256: str | None


def list_cas(ctx: ServiceContext) -> tuple[CaListItem, ...]:
    """Return all CAs, those above others first, then those that were only begun."""
    listed = [
        CaListItem(ca.name, ca.common_name, ca.role, ca.channel, ca.generation, ca.state, ca.certificate, ca.sha256)
        for ca in register.list_authorities(ctx.db)
    ]
    begun = [
        CaListItem(
            pending.name,
            pending.common_name,
            pending.role,
            pending.channel,
            pending.generation,
            CaState.PENDING,
            None,
            None,
        )
        for pending in register.list_pending(ctx.db)
    ]
    return (*listed, *begun)


def install_ca(new: NewAuthority, ctx: ServiceContext, audit: AuditContext) -> AuthorityView:
    """Store a CA with its certificate as a standby.

    The same one again changes nothing. The caller has checked the certificate. Raises CaChangeRefused and
    JournalUnavailable.
    """
    installed = register.install(ctx.db, new, audit)
    _note([installed], ctx)
    return installed


def activate_ca(name: str, ctx: ServiceContext, audit: AuditContext) -> str | None:
    """Have a CA issue from now on; return the name of the CA that it replaces.

    None: it replaces none, or it issued already. When this returns, no certificate of another CA of its channel is
    reserved any more. Raises CaUnknown, CaChangeRefused and JournalUnavailable.
    """
    done = register.activate(ctx.db, name, audit)
    ctx.step("ca-activated")
    ca = register.get_authority(ctx.db, name)
    # A killed process may have left the lines of both to this one.
    peers = [peer for peer in register.list_authorities(ctx.db) if (peer.role, peer.channel) == (ca.role, ca.channel)]
    register.wait_for_reservations(ctx.db, [peer.name for peer in peers])
    _note(peers, ctx)
    return done.predecessor


def stop_ca(name: str, ctx: ServiceContext, audit: AuditContext) -> bool:
    """Have a CA issue nothing any more; return False if it issued nothing before.

    When this returns, no certificate of the CA is reserved any more. Raises CaUnknown, CaChangeRefused and
    JournalUnavailable.
    """
    is_new = register.stop(ctx.db, name, audit)
    ctx.step("ca-stopped")
    ca = register.get_authority(ctx.db, name)
    register.wait_for_reservations(ctx.db, [ca.name])
    _note([ca], ctx)
    return is_new


def retire_ca(name: str, ctx: ServiceContext, audit: AuditContext) -> bool:
    """Sign the last lists of a CA, and end its lists and OCSP.

    The last lists are in force until the CA ends. Those of an offline CA come from its ceremony. Returns False if they
    had ended. Raises CaUnknown, CaChangeRefused before the end of the CA's last certificate, SignerUnavailable and
    JournalUnavailable.
    """
    ca, now = register.get_authority(ctx.db, name), ctx.now()
    if ca.state is not CaState.RETIRED:
        register.check_retirable(ctx.db, ca, now)
        if ca.name not in ctx.offline:
            ends = max(ctx.issuers[ca.name].certificate.not_valid_after_utc, now)
            publish(ca.name, ctx, audit.request_id, ends)
        ctx.step("ca-last-lists")
    is_new = register.retire(ctx.db, ca.name, audit)
    ctx.step("ca-retired")
    _note([register.get_authority(ctx.db, name)], ctx)
    return is_new


def revoke_ca(
    name: str, reason: RevocationReason, distrust: Distrust | None, ctx: ServiceContext, audit: AuditContext
) -> AuthorityView:
    """Record the revocation of a CA, and the declaration of its compromise if given.

    The caller puts it on the list of the CA above. Raises CaUnknown and JournalUnavailable.
    """
    revoked = register.revoke(ctx.db, name, reason, distrust, audit)
    ctx.step("ca-revoked")
    register.wait_for_reservations(ctx.db, [revoked.name])
    _note([revoked], ctx)
    return revoked


def _note(changed: Iterable[AuthorityView], ctx: ServiceContext) -> None:
    """Write the CAs to the journal as they are now, and read them again here."""
    lines = [journal_lines.entry_of(ctx.db, ca) for ca in changed if ca.version]
    ctx.journal.append([line for line in lines if not ctx.journal.holds(*line.key)])
    ctx.step("ca-noted")
    ctx.refresh_authorities()
