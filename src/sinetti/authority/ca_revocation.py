"""Revocation of a CA: its state, the compromise, and the list of the CA above it.

See docs/operators/succession.md. The state is stored first, so a process that was killed goes on with the same call.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sinetti.authority.succession import SuccessionContext, publish_anchors_at_hand, signer_of
from sinetti.ca.hierarchy_model import CaRole
from sinetti.database.authorities import register
from sinetti.database.authorities.register import AuthorityView, CaChangeRefused, Distrust
from sinetti.domain.authorities.distrust import decide_bridge_end
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.signers import ActApproval
from sinetti.services.authorities.distrust_list import publish_distrust, read_checkpoint
from sinetti.services.authorities.succession import revoke_ca, stop_ca
from sinetti.services.evidence.cosign_head import WitnessAddress
from sinetti.services.status.crl import OFFLINE_LIFE, publish


@dataclass(frozen=True, slots=True)
class CaRevocationRequest:
    """Revocation of a CA, by file name or CN.

    The others are for a compromise: `since` is the instant from which the key may be in foreign hands, None for now.
    `checkpoint` are the octets of a checkpoint of the log that a witness cosigned, or nothing.
    """

    name: str
    reason: RevocationReason
    since: datetime | None = None
    bridge_hours: int | None = None
    checkpoint: bytes = b""


def check_revocable(name: str, means: SuccessionContext) -> AuthorityView:
    """Return a CA that can be revoked. Raises CaUnknown and CaChangeRefused."""
    found = register.get_authority(means.authority.ctx.db, name)
    if found.issuer is None:
        sentence = (
            f"{found.name} is a root, which no list revokes: relying parties remove it from their bundles, and get "
            "those of a new authority out of band (docs/operators/succession.md)"
        )
        raise CaChangeRefused(sentence)
    if found.role == CaRole.SERVICES and found.state is CaState.ISSUING:
        sentence = f"no answer could be signed without {found.name}: activate its successor first, then revoke it"
        raise CaChangeRefused(sentence)
    return found


def revoke_authority(
    wanted: CaRevocationRequest, means: SuccessionContext, approval: ActApproval | None = None
) -> AuthorityView:
    """Revoke a CA, declare its compromise, and put it on the list above it.

    CAs below it issue nothing any more. The same call again completes what is missing. Without the key a ceremony
    signs the list. Raises CaUnknown, CaChangeRefused, DistrustRefused, and the errors of journal and keys.
    """
    ctx = means.authority.ctx
    one = check_revocable(wanted.name, means)
    view = revoke_ca(one.name, wanted.reason, _declared(one, wanted, means), ctx, means.audit)
    for below in register.list_authorities(ctx.db):
        if below.issuer == view.name and below.state is CaState.ISSUING:
            stop_ca(below.name, ctx, means.audit)
    if view.distrust is not None:
        publish_distrust(ctx, (means.actor, means.request_id), approval)
    assert view.issuer is not None  # noqa: S101 - a root is refused
    signer = signer_of(view.issuer, means)
    if signer is not None:
        life = (OFFLINE_LIFE,) if view.issuer in ctx.offline else ()
        publish(view.issuer, replace(ctx, signer=signer), means.request_id, *life)
        ctx.step("ca listed")
        publish_anchors_at_hand(means)
    return view


def _declared(one: AuthorityView, wanted: CaRevocationRequest, means: SuccessionContext) -> Distrust | None:
    """Return the declaration of a compromise; that of an earlier call stays."""
    if wanted.reason is not RevocationReason.CA_COMPROMISE or one.distrust is not None:
        return one.distrust
    ctx, settings = means.authority.ctx, means.authority.settings
    now, checkpoint = ctx.now(), ""
    since = wanted.since or now.replace(microsecond=0)
    hours = settings.bridge_hours if wanted.bridge_hours is None else wanted.bridge_hours
    ends = decide_bridge_end(since, now, hours)
    if wanted.checkpoint:
        witnesses = [WitnessAddress.parse(address).key for address in settings.witnesses]
        checkpoint = read_checkpoint(wanted.checkpoint, since, witnesses, ctx.db)
    return Distrust(since, now, ends, checkpoint)
