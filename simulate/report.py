"""Result of a simulation as a page.

It has the command, then the played rounds, the sent messages, and the faults.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulate.comparing import Compared
from simulate.playing import Play
from simulate.world import Habit

_HEAD = """# Simulation of two years of messages

    {command}

This page is the result of that command, which `make simulate` runs. Contributors need it after a change to who gets
which message, and when. A seed determines a world: organisations, people, certificates, and what their holders do.
Renewals are recorded through the store, as the service records them, without keys. Four times a day one of two node
processes, or both at once, do what is due; they are restarted, killed between steps, and absent for nights and days. A
separate model with its own arithmetic says for each certificate and person which messages must leave, and from when to
when. A message that a simultaneous act makes uncertain may leave or not.
"""
_GOOD = (
    "Each message left exactly once. None left after its certificate was renewed, replaced or ended, none is missing, "
    "and none left outside its hours."
)
_LEFT, _HAD_TO = "sent", "had to"


@dataclass(frozen=True, slots=True)
class Run:
    """Arguments of a simulation, and its duration in seconds."""

    command: str
    database: str
    seconds: float


def page(run: Run, play: Play, compared: Compared) -> str:
    """Write the page."""
    return "\n".join(_lines(run, play, compared)) + "\n"


def is_good(play: Play, compared: Compared) -> bool:
    """Return True if there was no fault.

    That also means that messages were delivered twice only after a kill, and that no message waits.
    """
    counted = play.counted
    return not compared.verdict.wrong and counted["handed over again"] <= counted["kills"]


def _lines(run: Run, play: Play, compared: Compared) -> Iterator[str]:
    counted, verdict = play.counted, compared.verdict
    world = play.world
    yield _HEAD.format(command=run.command)
    whose = f"{world.count:,} certificates of {len(world.organisations):,} organisations"
    yield f"{whose}, {run.database}, {run.seconds:.0f} s."
    yield ""
    yield from _table("played", "", _played(play))
    habits = {habit.value: sum(life.habit is habit for life in play.world.lives) for habit in Habit}
    yield from _table("holder", "certificates", habits)
    yield from ("| message | left | certainly due |", "|---|--:|--:|")
    for what in sorted({what for what, _ in verdict.counted}):
        yield f"| {what} | {verdict.counted[what, _LEFT]:,} | {verdict.counted[what, _HAD_TO]:,} |"
    yield ""
    yield from _table("rows of the outbox", "", dict(sorted(compared.fates.items())))
    yield from _wrong(compared, counted["handed over again"], counted["kills"])


def _played(play: Play) -> Mapping[str, int]:
    counted = play.counted
    return {
        "acts of people": counted["deeds"],
        "rounds": counted["rounds"],
        "… of them in office hours": counted["rounds in office hours"],
        "nodes killed between two steps": counted["kills"],
        "messages handed over": counted["sent"],
        "… once more after a kill, with the same id": counted["handed over again"],
        "tries that failed for now": counted["later"],
        "messages refused permanently": counted["refused"],
        "addresses found not to work": len(play.gone),
    }


def _table(what: str, how_many: str, rows: Mapping[str, int]) -> Iterator[str]:
    yield from (f"| {what} | {how_many} |", "|---|--:|")
    yield from (f"| {name} | {count:,} |" for name, count in rows.items())
    yield ""


def _wrong(compared: Compared, again: int, kills: int) -> Iterator[str]:
    verdict = compared.verdict
    if not verdict.wrong and again <= kills:
        yield _GOOD
        return
    yield from ("**Wrong:**", "")
    if again > kills:
        yield f"- {again} were handed over again, and only {kills} nodes were killed"
    yield from (f"- {what}: {count:,}, such as {verdict.examples[what]}" for what, count in verdict.wrong.items())
