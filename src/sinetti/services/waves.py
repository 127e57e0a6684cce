"""Steps that several requests take together, as a wave.

Work is written once, as a generator (`Steps`). It yields each step that waits for the database, the signer or the disk.
`run_alone` takes these steps one after the other. `run_wave` advances several requests to the same step, and takes that
step for all of them at once. A request that needs another step leaves the wave, and goes on alone from there.

See docs/contributors/issuance.md.
"""

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from sinetti.database.connection import DATABASE_ERRORS
from sinetti.database.sql import limit_statements
from sinetti.services.context import ServiceContext

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)


class Step(ABC, Generic[_Result]):
    """A step of one request, which a wave may take for all its requests at once."""

    __slots__ = ()

    @abstractmethod
    def alone(self, ctx: ServiceContext) -> _Result:
        """Take the step for this request."""

    @classmethod
    def together(cls, steps: Sequence[Any], _ctx: ServiceContext) -> Sequence[_Result | Exception | None]:
        """Take the step for a wave; None for each request that has to take it alone.

        An exception is what the step would raise for that request.
        """
        return [None] * len(steps)


Steps = Generator[Step[Any], Any, _Result]


def result_of(step: Step[_Result]) -> Steps[_Result]:
    """Yield a step, and return its result with its type."""
    return cast("_Result", (yield step))


@dataclass(frozen=True)
class LeaveWave(Step[None]):
    """Step after which a request goes on alone.

    It is refused, repeats another one, or voids a certificate.
    """

    def alone(self, ctx: ServiceContext) -> None:
        """Do nothing: it is alone already."""


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


@dataclass
class WaveMember(Generic[_Result]):
    """One request of a wave: its work, context variables, and next step.

    `end` gets the result, or the exception. `leave` gets the function that goes on with the work alone.
    """

    work: Steps[_Result]
    context: Context
    end: Callable[[_Result | BaseException], None]
    leave: Callable[[Callable[[], None]], None]
    step: Step[Any] | None = None

    def advance(self, result: object = None) -> bool:
        """Go on to the next step, and return False if the work has ended.

        An exception is raised in the work.
        """
        try:
            if isinstance(result, Exception):
                self.step = self._throw(result)
            else:
                self.step = self.context.run(self.work.send, result)
        except StopIteration as ended:
            self.end(ended.value)
        except Exception as failed:  # noqa: BLE001 - raised where the result is awaited
            self.end(failed)
        else:
            return True
        return False

    def _throw(self, failed: Exception) -> Step[Any]:
        """Raise an exception in the work.

        Its traceback is restored, since the other requests of the wave may get the same exception.
        """
        failed_at = failed.__traceback__
        try:
            return self.context.run(self.work.throw, failed)
        finally:
            failed.__traceback__ = failed_at

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
    # A single request, too: one that hangs would hold all that wait for the next wave.
    with suppress(*DATABASE_ERRORS):  # each request meets the fault itself
        limit_statements(ctx.db)
    if len(members) == 1:
        members[0].go_alone(ctx)
        return
    going = [member for member in members if member.advance()]
    while going:
        kind = _most_common([wave_member.step for wave_member in going if wave_member.step is not None])
        same = [wave_member for wave_member in going if type(wave_member.step) is kind]
        results = _take_together(kind, same, ctx)
        left = [wave_member for wave_member in going if type(wave_member.step) is not kind]
        left += [wave_member for wave_member, result in zip(same, results, strict=True) if result is None]
        for one in left:
            one.leave(partial(one.go_alone, ctx))
        going = [
            wave_member
            for wave_member, result in zip(same, results, strict=True)
            if result is not None and wave_member.advance(result)
        ]


def _most_common(steps: Sequence[Step[Any]]) -> type[Step[Any]]:
    """Return the kind of the next step.

    Requests that leave the wave do not count beside others.
    """
    kinds = Counter(type(step) for step in steps if not isinstance(step, LeaveWave))
    return kinds.most_common(1)[0][0] if kinds else LeaveWave


def _take_together(kind: type[Step[Any]], members: Sequence[WaveMember[Any]], ctx: ServiceContext) -> Sequence[Any]:
    """Take a step for a wave, and return the results; None for all after a fault."""
    try:
        return kind.together([member.step for member in members], ctx)
    except Exception:  # noqa: BLE001 - each request meets the fault alone, and answers it
        _log.warning("%s requests go on one by one after step %s", len(members), kind.__name__, exc_info=True)
        return [None] * len(members)
