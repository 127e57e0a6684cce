"""Revocation of a CA: its state, the compromise, and the list of the CA above it.

See docs/operators/succession.md. The state is stored first, so a process that was killed goes on with the same call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sinetti.authority.succession import SuccessionContext, publish_anchors_at_hand, signer_of
from sinetti.ca.hierarchy_model import CaRole
from sinetti.database.authorities import register
from sinetti.database.authorities.register import AuthorityView, CaChangeRefused, Distrust
from sinetti.domain.authorities.distrust import DistrustRefused, decide_bridge_end
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.signers import ActApproval
from sinetti.services.authorities.distrust_list import publish_distrust, read_checkpoint
from sinetti.services.authorities.succession import revoke_ca, stop_ca
from sinetti.services.evidence.cosign_head import WitnessAddress
from sinetti.services.status.crl import OFFLINE_LIFE, publish


@dataclass(frozen=True)
class CaRevocationRequest:
    """Revocation of a CA, by file name or CN.

    The others are for a compromise: `since` is the instant from which the key may be in foreign hands, None for now.
    `checkpoint` are the octets of a checkpoint of the log that a witness cosigned; None: the bridge has no such limit.
    """

    name: str
    reason: RevocationReason
    since: datetime | None = None
    bridge_hours: int | None = None
    checkpoint: bytes | None = None


def revocation_of(given: Mapping[str, str]) -> CaRevocationRequest:
    """Return the revocation of a CA that the parameters of a proposal describe."""
    since = datetime.fromisoformat(given["since"]) if "since" in given else None
    hours = int(given["bridge_hours"]) if "bridge_hours" in given else None
    return CaRevocationRequest(given["ca"], RevocationReason(given["reason"]), since, hours)


def check_revocable(wanted: CaRevocationRequest, ctx: SuccessionContext) -> tuple[AuthorityView, Distrust | None]:
    """Return a CA that can be revoked, and the declaration of its compromise.

    Raises CaUnknown, CaChangeRefused, DistrustRefused, and FolderDamaged if the key of the CA above does not open.
    """
    ca = register.get_authority(ctx.authority.ctx.db, wanted.name)
    if ca.issuer is None:
        raise CaChangeRefused(
            f"{ca.name} is a root, which no list revokes: relying parties remove it from their bundles, and get "
            "those of a new authority out of band (docs/operators/succession.md)"
        )
    if ca.role == CaRole.SERVICES and ca.state is CaState.ISSUING:
        raise CaChangeRefused(
            f"no answer could be signed without {ca.name}: activate its successor first, then revoke it"
        )
    signer_of(ca.issuer, ctx)
    return ca, _declared(ca, wanted, ctx)


def revoke_authority(
    wanted: CaRevocationRequest, means: SuccessionContext, approval: ActApproval | None = None
) -> AuthorityView:
    """Revoke a CA, declare its compromise, and put it on the list above it.

    CAs below it issue nothing any more. The same call again completes what is missing. Without the key a ceremony
    signs the list. Raises CaUnknown, CaChangeRefused, DistrustRefused, and the errors of journal and keys.
    """
    ctx = means.authority.ctx
    ca, declared = check_revocable(wanted, means)
    view = revoke_ca(ca.name, wanted.reason, declared, ctx, means.audit)
    for below in register.list_authorities(ctx.db):
        if below.issuer == view.name and below.state is CaState.ISSUING:
            stop_ca(below.name, ctx, means.audit)
    if view.distrust is not None:
        publish_distrust(ctx, (means.actor, means.request_id), approval)
    assert view.issuer is not None  # noqa: S101 - a root is refused
    signer = signer_of(view.issuer, means)
    if signer is not None:
        ends = ctx.now() + OFFLINE_LIFE if view.issuer in ctx.offline else None
        publish(view.issuer, replace(ctx, signer=signer), means.request_id, ends)
        ctx.step("ca listed")
        publish_anchors_at_hand(means)
    return view


def _declared(ca: AuthorityView, wanted: CaRevocationRequest, means: SuccessionContext) -> Distrust | None:
    """Return the declaration of a compromise; that of an earlier call stays.

    Raises DistrustRefused for a stricter declaration than the earlier one, and for one that is not possible.
    """
    ctx, settings = means.authority.ctx, means.authority.settings
    if wanted.reason is not RevocationReason.CA_COMPROMISE:
        return ca.distrust
    now = ctx.now()
    since = wanted.since or (now.replace(microsecond=0) if ca.distrust is None else ca.distrust.since)
    text = None
    if wanted.checkpoint is not None:
        witnesses = [WitnessAddress.parse(each).key for each in settings.witnesses]
        text = read_checkpoint(wanted.checkpoint, since, witnesses, ctx.db)
    if ca.distrust is None:
        hours = settings.bridge_hours if wanted.bridge_hours is None else wanted.bridge_hours
        return Distrust(since, now, decide_bridge_end(since, now, hours), text or "")
    if since < ca.distrust.since or text not in {None, ca.distrust.checkpoint}:
        limit = "under a checkpoint" if ca.distrust.checkpoint else "without --under-checkpoint"
        raise DistrustRefused(
            f"{ca.name} was declared stolen since {ca.distrust.since:%Y-%m-%dT%H:%M:%SZ} {limit}, and a declaration "
            "never changes: revoke the certificates that are in doubt (sinetti authority revoke-many)"
        )
    return ca.distrust
