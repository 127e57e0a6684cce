"""`sinetti gateway fetch` and `key`: retrieve lists and report ages, make a key.

Certificates are checked with these CRLs. The key signs reports of use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.cli.client import common
from sinetti.cli.core import invocation, output, progress
from sinetti.cli.core.blocks import Paragraph
from sinetti.cli.core.commands import flag, option
from sinetti.cli.gateway.group import SETTINGS, gateway_commands
from sinetti.client.results import ExitCode
from sinetti.domain.values import KeyType
from sinetti.gateway.crl_freshness import crl_age, download_of, max_age
from sinetti.gateway.log_watch import LogWatchResult, watch_log
from sinetti.gateway.revocation import crl_fetch
from sinetti.gateway.revocation.crl_fetch import DownloadResult, current_file
from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, load_settings
from sinetti.gateway.trust_lists.content import TrustListSettings
from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.web.settings import added_downloads, load_watched_log
from sinetti.infra import clock
from sinetti.infra.atomic_files import write_new
from sinetti.infra.clock import format_instant
from sinetti.infra.standard_input import STREAM
from sinetti.pki.encoding import dump_private_key, generate_key

commands = gateway_commands()
register = commands.register


@dataclass(frozen=True, slots=True)
class _Report:
    """Result for one list or log: JSON for programs, sentences for people, exit code."""

    record: Mapping[str, object]
    errors: Sequence[str]
    line: str | None
    code: ExitCode


@commands.command("sinetti gateway fetch --settings /etc/sinetti/gateway.toml")
def fetch(*, settings_file: Path = SETTINGS, json: bool = flag("print the lists as JSON")) -> ExitCode:
    """Retrieve revocation and trust lists, show how old they are; check the log.

    Returns AGAIN if a list is not valid now, and REFUSED for a log with two histories.
    """
    settings = load_settings(settings_file)
    downloads, log = [download_of(settings, row) for row in settings.lists], load_watched_log(settings)
    place = settings.trust_lists
    if not downloads and log is None and place is None:
        raise GatewaySettingsError(
            "the settings have no table [[list]] with url, file and issuer, no [trust_lists], and no [log]"
        )
    trust = []
    if place is not None:
        lists = TrustLists(place)
        trust = [_report_trust_list(place, check) for check in lists.fetch()]
        downloads += added_downloads(settings, lists)  # after the list of anchors, which may name new CAs
    crls = []
    with progress.bar(len(downloads)) as bar:
        for download in downloads:
            crls.append(_report_crl(settings, crl_fetch.fetch(download)))
            bar.advance(download.file.name)
    logs = [] if log is None else [_report_log(watch_log(log, clock.utc_now()))]
    if json:
        common.print_json([report.record for report in (*crls, *trust, *logs)])
    reports = [*crls, *logs, *trust]
    for report in reports:
        for sentence in report.errors:
            output.print_error(sentence)
        if report.line is not None and not json:
            output.show((Paragraph(report.line),))
    return max((report.code for report in reports), default=ExitCode.DONE)


def _report_crl(settings: GatewaySettings, result: DownloadResult) -> _Report:
    issuer = result.wanted.issuer
    bound = max_age(issuer, settings.trust, settings.freshness)
    age = crl_age(issuer, current_file(result.wanted), bound, clock.utc_now())
    record = {
        "name": age.name,
        "url": result.wanted.url,
        "file": str(Path(result.wanted.file)),
        "changed": result.changed,
        "this_update": None if age.this_update is None else format_instant(age.this_update),
        "age_seconds": None if age.age is None else int(age.age.total_seconds()),
        "current": age.current,
        "trouble": result.trouble,
    }
    errors = [] if result.trouble is None else [f"{age.name}: {result.trouble}"]
    return _Report(record, errors, age.said(), ExitCode.DONE if age.current else ExitCode.AGAIN)


def _report_trust_list(place: TrustListSettings, check: ListCheck) -> _Report:
    name, title = check.kind.value, f"list of {check.kind.value}"
    record = {
        "name": name,
        "url": f"{place.url}/trust/{name}",
        "file": str(place.folder / f"{name}-{check.number}.json") if check.number else None,
        "changed": check.is_changed,
        "this_update": None,
        "age_seconds": None,
        "current": check.trouble is None,
        "trouble": check.trouble,
    }
    if check.trouble is not None:
        return _Report(record, [f"{title}: {check.trouble}"], None, ExitCode.AGAIN)
    number = f"number {check.number}" if check.number else "the authority has none"
    return _Report(record, [], f"{title}: current, {number}", ExitCode.DONE)


def _report_log(result: LogWatchResult) -> _Report:
    origin, fault, trouble = result.log.origin, result.fault, result.trouble
    record = {
        "name": origin,
        "url": result.log.url,
        "file": str(result.log.file),
        "changed": result.is_changed,
        "this_update": None,
        "age_seconds": None,
        "current": fault is None,
        "trouble": fault or trouble,
    }
    errors = [*filter(None, [fault]), *([] if trouble is None else [f"{origin}: {trouble}"])]
    if fault is not None:
        return _Report(record, errors, None, ExitCode.REFUSED if result.is_lasting else ExitCode.AGAIN)
    line = None if errors else f"{origin}: the log continues its last checkpoint"
    return _Report(record, errors, line, ExitCode.DONE)


@commands.command("sinetti gateway key --out /etc/sinetti/gateway-key.pem > gateway-public.pem")
def key(*, out: Path = option("FILE", "new file for the private key (mode 0600)")) -> ExitCode:
    """Create the key that signs reports of use, and print its public key."""
    if out == STREAM:
        return _fail("A private key is not written to standard output. Name a file with --out.")
    private = generate_key(KeyType.EC_P256)
    try:
        write_new(out, dump_private_key(private, None))
    except FileExistsError:
        return _fail(f"{out} already exists and was not changed. Name a new file.")
    except OSError as bad:
        return _fail(f"{out} cannot be written: {bad.strerror}.")
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    output.print_line(public.decode("ascii").strip())
    invocation.print_note(
        "Send this public key to the authority. Its operator adds it: sinetti authority gateway add NAME --key FILE"
    )
    return ExitCode.DONE


def _fail(sentence: str) -> ExitCode:
    invocation.print_failure(sentence, ExitCode.USAGE)
    return ExitCode.USAGE
