"""What a trusted "no" of the service means for what is under way. Pure."""

from collections.abc import Sequence
from enum import Enum

from sinetti.domain.codes import reason_of
from sinetti.domain.refusals import Reason

LATER = frozenset({Reason.NOT_READY, Reason.UNAVAILABLE, Reason.TOO_MANY_REQUESTS, Reason.INTERNAL})
"""Ask the same again later, with the same key."""

DOUBTFUL = frozenset({Reason.UNAVAILABLE, Reason.INTERNAL})
"""Of those, the ones that may come when the request was done all the same."""

HOPELESS = frozenset({Reason.CSR_UNREADABLE, Reason.KEY_NOT_ACCEPTED, Reason.KEY_REUSED})
"""The same key will not be taken another time either."""


class Verdict(Enum):
    """What to do after a "no"."""

    LATER = "send the same again later"
    REFUSED = "keep the key and show the reason"
    REFUSED_FOR_GOOD = "set the key aside and show the reason"
    UNCERTAIN = "keep everything: it may have been done"


def of_request(codes: Sequence[str], *, doubt: bool) -> Verdict:
    """Judge the refusal of a request; `doubt`: it left before, and nobody here knows what became of that.

    With a doubt any refusal may only mean "done before": a service that takes transfer IDs once has many words for it.
    A code that our table lacks says nothing about whether they were spent, so it leaves the matter open too.
    """
    reasons = [reason_of(code) for code in codes]
    if not reasons or None in reasons:
        return Verdict.UNCERTAIN
    if LATER.issuperset(reasons):
        return Verdict.LATER
    if doubt:
        return Verdict.UNCERTAIN
    return Verdict.REFUSED_FOR_GOOD if is_hopeless(codes) else Verdict.REFUSED


def leaves_doubt(codes: Sequence[str]) -> bool:
    """Tell whether a "later" may hide that the request was done."""
    return not DOUBTFUL.isdisjoint(reason_of(code) for code in codes)


def is_hopeless(codes: Sequence[str]) -> bool:
    """Tell whether the key itself was refused, so that the same one need not be offered again."""
    return not HOPELESS.isdisjoint(reason_of(code) for code in codes)


def of_fetch(codes: Sequence[str]) -> Verdict:
    """Judge the refusal of a fetch. Fetching spends nothing, so an unknown code is waited out like "not ready"."""
    reasons = [reason_of(code) for code in codes]
    if not reasons or None in reasons:
        return Verdict.UNCERTAIN
    return Verdict.LATER if LATER.issuperset(reasons) else Verdict.REFUSED_FOR_GOOD
