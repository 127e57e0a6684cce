"""`sinetti gateway fetch`: retrieve trust lists and CRLs, and report their ages.

Certificates are checked with these CRLs.
"""

import argparse
from datetime import datetime
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output, progress
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Paragraph
from sinetti.cli.gateway.common import add_settings, command
from sinetti.client.results import ExitCode
from sinetti.gateway.crl_freshness import CrlAge, crl_age, download_of, max_age
from sinetti.gateway.log_watch import LogWatchResult, watch_log
from sinetti.gateway.revocation.crl_fetch import DownloadResult, current_file, fetch
from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, load_settings
from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.verdicts.verdict import instant
from sinetti.gateway.web.settings import added_downloads, load_watched_log
from sinetti.infra import clock

EXAMPLE = "sinetti gateway fetch --settings /etc/sinetti/gateway.toml"


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(
        commands, "fetch", "retrieve revocation and trust lists, show how old they are; check the log", run, EXAMPLE
    )
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="print the lists as JSON")


def run(parsed: argparse.Namespace) -> ExitCode:
    """Retrieve the trust lists and every CRL, and check the log.

    Returns AGAIN if a list is not valid now, and REFUSED for a log with two histories.
    """
    settings = load_settings(parsed.settings)
    wanted, log = [download_of(settings, one) for one in settings.lists], load_watched_log(settings)
    lists = None if settings.trust_lists is None else TrustLists(settings.trust_lists)
    if not wanted and log is None and lists is None:
        raise GatewaySettingsError(
            "the settings have no table [[list]] with url, file and issuer, no [trust_lists], and no [log]"
        )
    checks = () if lists is None else lists.fetch()
    if lists is not None:  # after the list of anchors, which may name new CAs
        wanted += added_downloads(settings, lists)
    rows = []
    with progress.bar(len(wanted)) as bar:
        for one in wanted:
            rows.append(_row(settings, fetch(one), clock.utc_now()))
            bar.advance(one.file.name)
    seen = [] if log is None else [watch_log(log, clock.utc_now())]
    if parsed.json:
        trust = [_trust_json(settings, one) for one in checks]
        common.print_json([*(_download_json(*row) for row in rows), *trust, *map(_log_json, seen)])
    for fetched, age in rows:
        if fetched.trouble is not None:
            output.print_error(f"{age.name}: {fetched.trouble}")
        if not parsed.json:
            output.show((Paragraph(age.said()),))
    is_current = all(age.current for _, age in rows)
    codes = [_log_code(one, is_json=parsed.json) for one in seen]
    codes += [_trust_code(one, is_json=parsed.json) for one in checks]
    return max([ExitCode.DONE if is_current else ExitCode.AGAIN, *codes])


def _trust_code(check: ListCheck, *, is_json: bool) -> ExitCode:
    """Print the result of a request for a trust list, and return its exit code."""
    if check.trouble is not None:
        output.print_error(f"list of {check.kind.value}: {check.trouble}")
        return ExitCode.AGAIN
    if not is_json:
        number = f"number {check.number}" if check.number else "the authority has none"
        output.show((Paragraph(f"list of {check.kind.value}: current, {number}"),))
    return ExitCode.DONE


def _trust_json(settings: GatewaySettings, check: ListCheck) -> dict[str, object]:
    assert settings.trust_lists is not None  # noqa: S101 - without the table there is no check
    name, place = check.kind.value, settings.trust_lists
    return {
        "name": name,
        "url": f"{place.url}/trust/{name}",
        "file": str(place.folder / f"{name}-{check.number}.json") if check.number else None,
        "changed": check.is_changed,
        "this_update": None,
        "age_seconds": None,
        "current": check.trouble is None,
        "trouble": check.trouble,
    }


def _log_code(seen: LogWatchResult, *, is_json: bool) -> ExitCode:
    """Print the result of a check of the log, and return its exit code."""
    origin = seen.log.origin
    for sentence in filter(None, (seen.fault, None if seen.trouble is None else f"{origin}: {seen.trouble}")):
        output.print_error(sentence)
    if seen.fault is None:
        if seen.trouble is None and not is_json:
            output.show((Paragraph(f"{origin}: the log continues its last checkpoint"),))
        return ExitCode.DONE
    return ExitCode.REFUSED if seen.is_lasting else ExitCode.AGAIN


def _log_json(seen: LogWatchResult) -> dict[str, object]:
    return {
        "name": seen.log.origin,
        "url": seen.log.url,
        "file": str(seen.log.file),
        "changed": seen.is_changed,
        "this_update": None,
        "age_seconds": None,
        "current": seen.fault is None,
        "trouble": seen.fault or seen.trouble,
    }


def _row(settings: GatewaySettings, fetched: DownloadResult, now: datetime) -> tuple[DownloadResult, CrlAge]:
    issuer = fetched.wanted.issuer
    bound = max_age(issuer, settings.trust, settings.freshness)
    return fetched, crl_age(issuer, current_file(fetched.wanted), bound, now)


def _download_json(fetched: DownloadResult, age: CrlAge) -> dict[str, object]:
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
