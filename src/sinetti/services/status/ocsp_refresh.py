"""The keeper's round: OCSP answers half their life old are signed anew, and those that are missing are made."""

import logging

from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import StoredResponse
from sinetti.domain.certificates.ocsp_status import KEPT_UNTIL
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import ServiceContext
from sinetti.services.status.ocsp import is_cached, is_due, resign

BATCH = 100
"""Certificates whose answers are signed and stored in one go: a hundredth of a second, and one short transaction."""

BATCHES_OF_A_LOOK = 20
"""Batches of each CA in one look, of which there is one every half minute: enough for two million certificates."""

WALKED = 1000
"""Certificates that one look passes on its way through the register, to find those without an answer."""

_log = logging.getLogger(__name__)


class OcspRefresher:
    """Where one process is on its way through the register; it begins again at the end."""

    def __init__(self) -> None:
        self._after = 0

    def look(self, ctx: ServiceContext) -> int:
        """Do what is due, a part at a time; returns how many certificates got new answers.

        Nothing is done while the clock is not believed. Raises what REGISTER_UNAVAILABLE lists.
        """
        if not ctx.issuance_allowed():
            return 0
        done = 0
        for authority in ctx.responders:
            try:
                done += _renew(authority, ctx)
            except SignerUnavailable as away:
                _log.warning("OCSP answers about certificates of %s cannot be signed: %s", authority, away)
        return done + self._fill(ctx)

    def _fill(self, ctx: ServiceContext) -> int:
        now = ctx.now()
        walked = ocsp_responses.scan(ctx.db, self._after, WALKED)
        self._after = walked.until or 0
        due = [one for one in walked.found if one.subject.authority in ctx.responders and is_due(one, now)]
        try:
            for start in range(0, len(due), BATCH):
                resign(due[start : start + BATCH], ctx, now)
        except SignerUnavailable as away:
            _log.warning("OCSP answers that are missing cannot be signed: %s", away)
            return 0
        return len(due)


def _renew(authority: str, ctx: ServiceContext) -> int:
    done = 0
    for _ in range(BATCHES_OF_A_LOOK):
        now = ctx.now()
        oldest = ocsp_responses.oldest(ctx.db, authority, now - KEPT_UNTIL, BATCH)
        going_on = [StoredResponse(one, None) for one in oldest if is_cached(one, now)]
        resign(going_on, ctx, now)
        ocsp_responses.delete(ctx.db, [one for one in oldest if not is_cached(one, now)])
        done += len(going_on)
        if len(oldest) < BATCH:
            break
    return done
