"""Comparison of the sent messages with those that the model requires.

The rows of the outbox name each message.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from simulate.events import Digests, Events, judge_bounces, working_days
from simulate.model import Model, Played, Sent, Verdict
from simulate.playing import Play
from simulate.world import Round, successor
from sinetti.database.models import OutboxMessage

_BY_SERIAL = ("reminder", "take-into-use")
_BY_LINEAGE = ("fetched", "renewed", "revoked", "contact-changed")


@dataclass(slots=True)
class Compared:
    """Result of the comparison.

    It has the verdict and the number of rows by fate.
    """

    verdict: Verdict
    fates: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    step: str
    channel: str
    serial: str | None
    lineage: str | None


def compare(play: Play, rounds: list[Round]) -> Compared:
    """Judge a whole play."""
    model = Model(play.world, Played(rounds), play.gone)
    compared = Compared(model.verdict)
    rows = _rows(play, compared.fates)
    by_life, by_address = _sorted(play, rows, compared)
    events = Events(model)
    for life in play.world.lives:
        events.judge(life, by_life[life.lineage_id])
    every = [*play.world.lives, *(new for life in play.world.lives if (new := successor(life)) is not None)]
    for life in every:
        model.judge(life, by_life[life.serial])
    judge_bounces(model, play.world.lives, by_address["bounced"])
    days = list(working_days(rounds[0].at.date(), rounds[-1].at.date()))
    Digests(model).judge(every, by_address["digest"], days)
    return compared


def _rows(play: Play, fates: Counter[str]) -> dict[str, _Row]:
    """Read the outbox, and count its rows by fate."""
    rows = OutboxMessage.objects.using(play.db.alias).values_list(
        "message_id", "kind", "step", "channel", "certificate__serial", "lineage_id", "sent",
        "failed_at", "cancelled_at",
        "expanded_at",
    )  # fmt: skip
    found = {}
    for message_id, kind, step, channel, serial, lineage, *ends in rows.iterator(chunk_size=5000):
        what = "event" if channel is None else "message"
        fate = next((name for name, at in zip(_FATES, ends, strict=True) if at is not None), "waiting")
        fates[f"{what}: {fate}"] += 1
        if channel is not None:
            found[message_id] = _Row(kind, step.removesuffix(f":{channel}"), channel, serial, lineage)
    return found


_FATES = ("sent", "failed_at", "cancelled_at", "expanded_at")


def _sorted(
    play: Play, rows: dict[str, _Row], compared: Compared
) -> tuple[dict[str, list[Sent]], dict[str, dict[str, list[Sent]]]]:
    """Return the sent messages by certificate, and by kind and address.

    The key of a certificate is its serial number or its lineage, as the message has it.
    """
    by_life: dict[str, list[Sent]] = defaultdict(list)
    by_address: dict[str, dict[str, list[Sent]]] = defaultdict(lambda: defaultdict(list))
    for message_id, tried in play.tried.items():
        row = rows.get(message_id)
        if row is None:
            compared.verdict.is_wrong("left without a row", message_id)
            continue
        one = Sent(row.kind, row.step, row.channel, tried.last.to, tried.last.at, tried.later, left=tried.ends > 0)
        if row.kind in _BY_SERIAL:
            by_life[row.serial or ""].append(one)
        if row.kind in _BY_LINEAGE:
            by_life[row.lineage or ""].append(one)
        by_address[row.kind][one.to].append(one)
    return by_life, by_address
