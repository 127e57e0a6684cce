"""`sinetti gateway fetch`: get the revocation lists that certificates are judged by, and say how old they are."""

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.core import output
from sinetti.cli.gateway.running import add_settings, command
from sinetti.client.results import ExitCode
from sinetti.gateway.crl_freshness import Age, age_of, bound_of, issuer_of
from sinetti.gateway.revocation.crl_fetch import Fetched, Wanted, fetch, in_place
from sinetti.gateway.settings import ListToFetch, Settings, SettingsError, load
from sinetti.gateway.verdicts.verdict import instant
from sinetti.infra import clock

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

EXAMPLE = "sinetti gateway fetch --settings /etc/sinetti/gateway.toml"


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    parser = command(commands, "fetch", "fetch revocation lists, and say how old they are", run, EXAMPLE)
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="print the lists for programs")


def run(parsed: argparse.Namespace) -> ExitCode:
    """Fetch every list; AGAIN if one of them does not count now."""
    settings = load(parsed.settings)
    wanted = [_wanted(settings, one) for one in settings.lists]
    if not wanted:
        why = "there is no [[list]] to fetch: url, file and issuer"
        raise SettingsError(why)
    rows = [_row(settings, fetch(one), clock.machine_now()) for one in wanted]
    if parsed.json:
        output.put_line(json.dumps([_shown(*row) for row in rows], indent=2))
    for fetched, age in rows:
        if fetched.trouble is not None:
            output.tell(f"{age.name}: {fetched.trouble}")
        if not parsed.json:
            output.put_line(age.said())
    return ExitCode.DONE if all(age.current for _, age in rows) else ExitCode.AGAIN


def _row(settings: Settings, fetched: Fetched, now: datetime) -> tuple[Fetched, Age]:
    issuer = fetched.wanted.issuer
    bound = bound_of(issuer, settings.trust, settings.freshness)
    return fetched, age_of(issuer, in_place(fetched.wanted), bound, now)


def _wanted(settings: Settings, one: ListToFetch) -> Wanted:
    folder = settings.crls
    if one.issuer is None or folder is None:
        why = f"[[list]] {one.file}: issuer is needed, the file of the CA certificate whose key signs the list"
        raise SettingsError(why)
    try:
        return Wanted(one.url, folder / one.file, issuer_of(one.issuer.read_bytes(), str(one.issuer)))
    except OSError as bad:
        why = f"[[list]] {one.file}: {one.issuer}: {bad.strerror}"
        raise SettingsError(why) from None


def _shown(fetched: Fetched, age: Age) -> dict[str, object]:
    return {
        "name": age.name,
        "url": fetched.wanted.url,
        "file": str(Path(fetched.wanted.file)),
        "changed": fetched.changed,
        "this_update": None if age.this_update is None else instant(age.this_update),
        "age_seconds": None if age.age is None else int(age.age.total_seconds()),
        "current": age.current,
        "trouble": fetched.trouble,
    }
