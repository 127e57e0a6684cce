"""`sinetti authority retention`: list and erase personal data past its period."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sinetti.cli.authority.common import AuthorityRun, operator_commands
from sinetti.cli.core.blocks import Block, OutputTable, Paragraph, Row
from sinetti.cli.core.commands import Output
from sinetti.infra.clock import format_instant
from sinetti.services.monitoring.retention import apply_retention, plan_retention

_CALLED = {
    "people": "people",
    "refusals": "refusals",
    "messages": "messages",
    "unconfirmed": "unconfirmed accounts",
    "unused": "unused accounts",
    "requests": "authorisation requests",
    "files": "files of organisations",
    "callers": "network addresses",
    "proposals": "proposals",
}
"""Names of the erased data in an operator's words."""

verbs = operator_commands(
    "retention",
    "show or erase personal data whose retention period has ended",
    "sinetti authority retention plan --dir /srv/sinetti",
)
register = verbs.register


@verbs.command()
def plan(run: AuthorityRun) -> Output:
    """Show what would be erased, and change nothing."""
    expired = plan_retention(run.authority.settings.periods, run.ctx)
    limits = expired.cutoffs
    before = {
        "people": limits.people,
        "refusals": limits.refusals,
        "messages": limits.messages,
        "unconfirmed": limits.unconfirmed,
        "unused": limits.people,
        "requests": limits.people,
        "files": limits.messages,
        "callers": limits.callers,
        "proposals": limits.people,
    }
    ids = {name: list(getattr(expired, name)) for name in before}
    value = {
        name: {"before": format_instant(before[name]), "count": len(ids[name]), "ids": ids[name]} for name in before
    }
    return Output(value, plan_blocks(value))


def plan_blocks(value: Mapping[str, Any]) -> list[Block]:
    """Return what would be erased, for people."""
    counted = [Row((_CALLED[name], str(kind["count"]), f"older than {kind['before']}")) for name, kind in value.items()]
    named = [Paragraph(f"{_CALLED[name]}  {item}") for name, kind in value.items() for item in kind["ids"]]
    return [OutputTable((), counted, right=frozenset({1}), fold=frozenset({2})), *named]


@verbs.command()
def apply(run: AuthorityRun) -> Output:
    """Erase personal data whose retention period has ended, permanently."""
    erased = asdict(apply_retention(run.authority.settings.periods, run.ctx, run.request, run.actor))
    words = ", ".join(f"{count} {_CALLED[name]}" for name, count in erased.items())
    return Output(erased, f"Erased: {words}.")
