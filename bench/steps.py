"""Profile of one renewal: the endpoint is called in this process.

Requests follow one after the other.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any, Self, cast

from django.db import connections

from bench.scene import SOAP_PATH, Holder, opened
from sinetti.api.soap import SoapEndpoint
from sinetti.authority.bootstrap import Authority, RuntimeOptions
from sinetti.database import sql
from sinetti.server.http import Request

_BEGIN, _END = "begun", "12-rendered"


@dataclass(frozen=True, slots=True)
class Step:
    """Step up to one of the points of docs/contributors/issuance.md.

    It has median milliseconds of time and of our own CPU.
    """

    name: str
    wall: float
    cpu: float


@dataclass(slots=True)
class Watch:
    """Records the instant of each point."""

    points: list[tuple[str, float, float]] = field(default_factory=list)

    def __call__(self, name: str) -> None:
        """Record one point."""
        self.points.append((name, perf_counter(), thread_time()))


def profiled(root: Path, holders: Sequence[Holder]) -> tuple[list[Step], float]:
    """Renew for these holders.

    Returns the steps in order, and the database's round trips for each renewal.
    """
    watch = Watch()
    authority = opened(root, RuntimeOptions(step=watch))
    door = SoapEndpoint(authority.ctx, authority.settings.soap_address, authority.recipe, authority.responses.seal)
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    authority.responses.seal()
    ask(door, holders[0])
    watch.points.clear()
    with counted(authority) as trips:
        for holder in holders[1:]:
            watch(_BEGIN)
            ask(door, holder)
            watch(_END)
    for before, after in zip(watch.points, watch.points[1:], strict=False):
        if after[0] != _BEGIN:
            taken[after[0]].append((after[1] - before[1], after[2] - before[2]))
    authority.journal.close()
    authority.ctx.db.close()
    steps = [
        Step(name, 1000 * median(wall for wall, _ in times), 1000 * median(cpu for _, cpu in times))
        for name, times in taken.items()
    ]
    return steps, trips.count / (len(holders) - 1)


def ask(door: SoapEndpoint, holder: Holder) -> None:
    """Send a renewal to the endpoint. Raises RuntimeError if the answer is no OK."""
    headers = {"content-type": "text/xml; charset=utf-8", "soapaction": '"renewCertificate"'}
    reply = door(Request("POST", SOAP_PATH, "", headers, holder.serial[:32], holder.request))
    if b"<Status>OK</Status>" not in reply.body:
        raise RuntimeError(reply.body.decode())


class counted:  # noqa: N801 - reads as what it does
    """Counts the statements sent to the database while the block runs.

    They are those of the ORM and those of the hot path.
    """

    def __init__(self, authority: Authority) -> None:
        """Count nothing yet."""
        self.count = 0
        self._connection = connections[authority.ctx.db.alias]
        self._run = sql._run  # noqa: SLF001 - every statement goes through this function

    def __enter__(self) -> Self:
        def run(*arguments: Any) -> Any:  # noqa: ANN401 - passed on unchanged
            self.count += 1
            return self._run(*arguments)

        def execute(do: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - as above
            self.count += 1
            return do(*arguments)

        sql._run = cast("Any", run)  # noqa: SLF001
        self._connection.execute_wrappers.append(execute)
        return self

    def __exit__(self, *_: object) -> None:
        sql._run = self._run  # noqa: SLF001
        self._connection.execute_wrappers.pop()
