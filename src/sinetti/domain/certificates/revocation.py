"""Reasons for revocation (RFC 5280, 5.3.1): who may use each, and the cascade.

The cascade is the set of certificates that are revoked together with one.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from sinetti.domain.values import Serial


class RevocationReason(StrEnum):
    """CRLReason by its name in RFC 5280.

    certificateHold and removeFromCRL are absent, since a revocation is final.
    """

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"
    AA_COMPROMISE = "aACompromise"


class RevokerRole(StrEnum):
    """Role of the actor that requests a revocation."""

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
    """Return True if this actor may use this reason.

    caCompromise and aaCompromise apply to CA certificates only.
    """
    return reason in _REASONS[revoker]


def cascade(
    serial: Serial,
    reason: RevocationReason,
    renewals: Mapping[Serial, Collection[Serial]],
    spared: Collection[Serial] = (),
) -> tuple[Serial, ...]:
    """Return the certificates that are revoked together with this one, itself first.

    On keyCompromise they are all its direct and indirect renewals, since a holder of the compromised key could have
    signed those. A renewal in `spared` is excluded, and so are its own renewals, which its key authenticates.
    """
    if reason is not RevocationReason.KEY_COMPROMISE:
        return (serial,)
    taken = [serial]
    for one in taken:
        taken.extend(follower for follower in renewals.get(one, ()) if follower not in spared and follower not in taken)
    return tuple(taken)
