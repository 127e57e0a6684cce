"""Reasons for revocation (RFC 5280, 5.3.1), who may give which, and what goes with a certificate.

A certificate revokes itself, by a call that its own key signed: what it may ask, and when the answer is the same.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from sinetti.domain.values import Serial


class RevocationReason(StrEnum):
    """CRLReason by its name in RFC 5280. certificateHold and removeFromCRL are not used: a revocation is for good."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    AA_COMPROMISE = "aACompromise"


class RevokerRole(StrEnum):
    """Who asks for a revocation."""

    HOLDER = "holder"
    OPERATOR = "operator"
    SERVICE = "service"


_HOLDERS = frozenset(
    {
        RevocationReason.UNSPECIFIED,
        RevocationReason.KEY_COMPROMISE,
        RevocationReason.AFFILIATION_CHANGED,
        RevocationReason.SUPERSEDED,
        RevocationReason.CESSATION_OF_OPERATION,
    },
)


_FOR_ISSUERS = frozenset({RevocationReason.CA_COMPROMISE, RevocationReason.AA_COMPROMISE})

_REASONS: Mapping[RevokerRole, frozenset[RevocationReason]] = {
    RevokerRole.HOLDER: _HOLDERS,
    RevokerRole.OPERATOR: frozenset(RevocationReason) - _FOR_ISSUERS,
    RevokerRole.SERVICE: frozenset({RevocationReason.SUPERSEDED}),
}


def may_use_reason(revoker: RevokerRole, reason: RevocationReason) -> bool:
    """Whether this one may give this reason.

    The two about authorities are for CA certificates only.
    """
    return reason in _REASONS[revoker]


def cascade(
    serial: Serial,
    reason: RevocationReason,
    renewals: Mapping[Serial, Collection[Serial]],
    spared: Collection[Serial] = (),
) -> tuple[Serial, ...]:
    """Every certificate that goes with this one: itself and, on keyCompromise, all renewed from it, however far on.

    Whoever held the key could have signed those renewals. One that is taken out by name is spared, and so is what was
    renewed from it: its key vouches for them.
    """
    if reason is not RevocationReason.KEY_COMPROMISE:
        return (serial,)
    taken = [serial]
    for one in taken:
        taken.extend(follower for follower in renewals.get(one, ()) if follower not in spared and follower not in taken)
    return tuple(taken)
