"""Steps that requests of a wave take together: reading, both commits, signing, the journal.

Issuing is written once, as a generator (`Steps`). It yields each step that waits for the database, the signer or the
disk. `run_alone` does these steps one after the other. `run_wave` advances several requests to the same step, and does
that step for all of them at once. A request that needs another step leaves the wave, and goes on alone from there.

See docs/contributors/issuance.md.
"""

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.issuance import transactions
from sinetti.database.issuance.statements import RenewalLookup, find_for_renewal, find_for_renewals
from sinetti.database.issuance.transactions import CertificateReservation, SignedCertificate
from sinetti.database.sql import set_for_waves
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.values import KeyId, Sha256
from sinetti.journal.writer import JournalEntry
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import IssueRequest, ServiceContext

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class Step(ABC, Generic[_Result]):
    """A step of one request, which a wave may take for all its requests at once."""

    __slots__ = ()

    @abstractmethod
    def alone(self, ctx: ServiceContext) -> _Result:
        """Take the step for this request."""

    @classmethod
    def together(cls, steps: Sequence[Any], _ctx: ServiceContext) -> Sequence[_Result | None]:
        """Take the step for a wave; None for each request that has to take it alone."""
        return [None] * len(steps)


Steps = Generator[Step[Any], Any, _Result]


def take(step: Step[_Result]) -> Steps[_Result]:
    """Yield a step, and return its result with its type."""
    return cast("_Result", (yield step))


@dataclass(frozen=True, slots=True)
class LeaveWave(Step[None]):
    """Step after which a request goes on alone: it is refused, repeats another one, or voids a certificate."""

    def alone(self, ctx: ServiceContext) -> None:
        """Do nothing: it is alone already."""


@dataclass(frozen=True, slots=True)
class FindRenewal(Step[RenewalLookup]):
    """Step 4: read the caller of a renewal."""

    sha256: Sha256
    key: KeyId | None

    def alone(self, ctx: ServiceContext) -> RenewalLookup:
        """Read one certificate."""
        return find_for_renewal(ctx.db, self.sha256, self.key)

    @classmethod
    def together(cls, steps: Sequence["FindRenewal"], ctx: ServiceContext) -> Sequence[RenewalLookup | None]:
        """Read the certificates of all."""
        return find_for_renewals(ctx.db, [(one.sha256, one.key) for one in steps])


@dataclass(frozen=True, slots=True)
class Reserve(Step[Certificate]):
    """Step 9: commit 1. It raises ConcurrentUpdate and AuthorityClosed."""

    reservation: CertificateReservation
    audit: AuditContext

    def alone(self, ctx: ServiceContext) -> Certificate:
        """Reserve one certificate."""
        return transactions.reserve_certificate(ctx.db, self.reservation, self.audit)

    @classmethod
    def together(cls, steps: Sequence["Reserve"], ctx: ServiceContext) -> Sequence[Certificate | None]:
        """Reserve one certificate for each lineage and key; the second one of either waits for the first."""
        seen: set[str] = set()
        chosen = []
        for number, one in enumerate(steps):
            approval = one.reservation.approval
            named = {approval.lineage.lineage_id, f"key:{approval.key}"}
            if approval.order_id is None and approval.supersedes is None and not seen & named:
                chosen.append(number)
            seen |= named
        made = transactions.reserve_certificates(
            ctx.db, [(steps[number].reservation, steps[number].audit) for number in chosen]
        )
        found = dict(zip(chosen, made, strict=True))
        return [found.get(number) for number in range(len(steps))]


@dataclass(frozen=True, slots=True)
class Sign(Step[list[bytes]]):
    """Step 10: octets in, signatures out. It raises SignerUnavailable."""

    request: IssueRequest

    def alone(self, ctx: ServiceContext) -> list[bytes]:
        """Sign one certificate, with the answers about it."""
        (result,) = ctx.sign_issue(ctx.signer, [self.request])
        if isinstance(result, SignerUnavailable):
            raise result
        return result

    @classmethod
    def together(cls, steps: Sequence["Sign"], ctx: ServiceContext) -> Sequence[list[bytes] | None]:
        """Sign the certificates of all."""
        results = ctx.sign_issue(ctx.signer, [one.request for one in steps])
        return [None if isinstance(one, SignerUnavailable) else one for one in results]


@dataclass(frozen=True, slots=True)
class Store(Step[Certificate]):
    """Step 11: commit 2."""

    certificate: Certificate
    signed: SignedCertificate
    audit: AuditContext

    def alone(self, ctx: ServiceContext) -> Certificate:
        """Store one certificate."""
        return transactions.store_certificate(ctx.db, self.certificate, self.signed, self.audit)

    @classmethod
    def together(cls, steps: Sequence["Store"], ctx: ServiceContext) -> Sequence[Certificate | None]:
        """Store all certificates."""
        return transactions.store_certificates(ctx.db, [(one.certificate, one.signed, one.audit) for one in steps])


@dataclass(frozen=True, slots=True)
class Journalise(Step[bool]):
    """Step 11: the journal's lines about a request; the result is True. It raises JournalUnavailable."""

    entries: Sequence[JournalEntry]

    def alone(self, ctx: ServiceContext) -> bool:
        """Write the lines of one request."""
        ctx.journal.append(self.entries)
        return True

    @classmethod
    def together(cls, steps: Sequence["Journalise"], ctx: ServiceContext) -> Sequence[bool | None]:
        """Write the lines of all in one append."""
        ctx.journal.append([entry for one in steps for entry in one.entries])
        return [True] * len(steps)


def run_alone(work: Steps[_Result], ctx: ServiceContext, step: Step[Any] | None = None) -> _Result:
    """Take all steps of one request; `step` is the first one if the work has begun."""
    try:
        step = step or next(work)
        while True:
            try:
                result = step.alone(ctx)
            except Exception as failed:  # noqa: BLE001 - the work decides
                step = work.throw(failed)
            else:
                step = work.send(result)
    except StopIteration as end:
        return cast("_Result", end.value)


@dataclass(slots=True)
class WaveMember(Generic[_Result]):
    """One request of a wave: its work, its context variables, and the step that it needs next.

    `end` gets the result, or the exception. `leave` gets the function that goes on with the work alone.
    """

    work: Steps[_Result]
    context: Context
    end: Callable[[_Result | BaseException], None]
    leave: Callable[[Callable[[], None]], None]
    step: Step[Any] | None = None

    def advance(self, result: object = None) -> bool:
        """Go on to the next step; False if the work has ended."""
        try:
            self.step = self.context.run(self.work.send, result)
        except StopIteration as ended:
            self.end(ended.value)
        except Exception as failed:  # noqa: BLE001 - raised where the result is awaited
            self.end(failed)
        else:
            return True
        return False

    def go_alone(self, ctx: ServiceContext) -> None:
        """Take all further steps alone, in this thread."""
        try:
            result: _Result | BaseException = self.context.run(run_alone, self.work, ctx, self.step)
        except Exception as failed:  # noqa: BLE001 - as above
            result = failed
        self.end(result)


def run_wave(members: Sequence[WaveMember[Any]], ctx: ServiceContext) -> None:
    """Take the steps of several requests together, as long as they are the same.

    A single request takes them alone, in this thread. Does not raise.
    """
    if len(members) == 1:
        members[0].go_alone(ctx)
        return
    going = [one for one in members if one.advance()]
    while going:
        ((kind, _),) = Counter(type(one.step) for one in going if one.step is not None).most_common(1)
        same = [one for one in going if type(one.step) is kind]
        results = _taken(kind, same, ctx)
        left = [one for one in going if type(one.step) is not kind]
        left += [one for one, result in zip(same, results, strict=True) if result is None]
        for one in left:
            one.leave(partial(one.go_alone, ctx))
        going = [one for one, result in zip(same, results, strict=True) if result is not None and one.advance(result)]


def _taken(kind: type[Step[Any]], members: Sequence[WaveMember[Any]], ctx: ServiceContext) -> Sequence[Any]:
    """Return the result of a step for each request; None for all after a fault."""
    try:
        if len(members) > 1:
            set_for_waves(ctx.db)
        return kind.together([one.step for one in members], ctx)
    except Exception:  # noqa: BLE001 - each request meets the fault alone, and answers it
        _log.warning("%s requests go on one by one after step %s", len(members), kind.__name__, exc_info=True)
        return [None] * len(members)
