"""One run of all checks, with every finding at once (docs/operators/check.md)."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from sinetti.api.health import READY
from sinetti.authority.alerts import operator_findings
from sinetti.authority.bootstrap import Authority, check_identity, open_authority, open_register
from sinetti.authority.ceremony_requests import recovery_fault
from sinetti.authority.checks import folder
from sinetti.authority.checks.state import CheckOptions, CheckState, CheckStep, new_state
from sinetti.authority.data_directory import DirectoryKind, FolderError
from sinetti.authority.key_relocation import check_key_separation
from sinetti.authority.processes import PEOPLE_THREADS, PEOPLE_WORKERS, database_connections
from sinetti.authority.secret_files import SecretsClosed
from sinetti.authority.signer_separation import SIGNER_FIX, compare_officers
from sinetti.database.approvals.officers import list_officers
from sinetti.database.connection import Database, can_migrate, check_durability, find_connection_limit, is_migrated
from sinetti.database.privileges import can_change_log
from sinetti.domain.approvals.acts import KeyRequirement
from sinetti.domain.operations.monitoring import CheckFinding, FindingKind, Impact, finding_of, ordered
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment
from sinetti.infra.clock import boottime_seconds, utc_now, utc_now_precise
from sinetti.infra.http_client import HttpError, HttpRequest, send_request
from sinetti.infra.toml_tables import SettingsError
from sinetti.notifications.delivery.sms import HttpSms
from sinetti.notifications.delivery.smtp import Smtp
from sinetti.services.issuance.clock_guard import ClockGuard, describe_problem
from sinetti.services.issuance.reconcile import preview
from sinetti.settings import notifications, portal
from sinetti.settings.notifications import NoticeSettings

PROBE_TIMEOUT = 10.0
"""Seconds for each probe."""

_DISCOVERY = ".well-known/openid-configuration"
_BODY_LIMIT = 1024 * 1024
_FORGED = {"X-Forwarded-For": "unknown"}
"""Header that no proxy may pass on as it is.

The service reports a proxy that does (`proxy_fault` in processes.py).
"""


def inspect_mail(state: CheckState) -> Iterator[CheckFinding]:
    """Connect to the mail server, with TLS and sign-in."""
    if (settings := _notices(state)) is not None:
        server = replace(settings.smtp, timeout=min(settings.smtp.timeout, PROBE_TIMEOUT))
        Smtp(server, settings.sender, fixed_keys(b""), utc_now).check()
    yield from ()


def inspect_sms(state: CheckState) -> Iterator[CheckFinding]:
    """Ask the provider of text messages for any answer."""
    if (settings := _notices(state)) is not None and settings.sms is not None:
        HttpSms(settings.sms).check()
    yield from ()


def _notices(state: CheckState) -> NoticeSettings | None:
    """Return the settings of messages, or None.

    None: there is no file, or it is wrong, which is a finding of its own.
    """
    try:
        return notifications.read(state.folder.notices)
    except SettingsError:
        return None


def inspect_providers(state: CheckState) -> Iterator[CheckFinding]:
    """Read the metadata of each sign-in provider, which must name the same issuer."""
    for provider in portal.read(state.folder.eservice).providers:
        what = f"provider {provider.provider_id}"
        try:
            reply = send_request(
                HttpRequest(f"{provider.issuer.rstrip('/')}/{_DISCOVERY}", limit=_BODY_LIMIT, within=PROBE_TIMEOUT)
            )
            found = json.loads(reply.body) if reply.status == HTTPStatus.OK else None
        except HttpError as away:
            yield CheckFinding(Impact.PAGES, what, f"it cannot be reached ({away})", "correct issuer in eservice.toml")
            continue
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("issuer") != provider.issuer:
            why = f"its metadata at {provider.issuer} do not name this issuer"
            yield CheckFinding(
                Impact.PAGES, what, why, "write issuer in eservice.toml exactly as the provider gives it"
            )


def inspect_names(state: CheckState) -> Iterator[CheckFinding]:
    """Look up the host names that callers use."""
    if state.settings is None:
        return
    addresses = {"soap_address": state.settings.soap_address, "base_url": state.settings.base_url}
    if state.has_pages and (settings := _notices(state)) is not None:
        addresses["people_address"] = settings.terms.people_address
    for name, address in addresses.items():
        host = urlsplit(address).hostname or ""
        try:
            socket.getaddrinfo(host, None)
        except OSError as bad:
            why = f"the name {host} cannot be looked up ({bad.strerror or bad})"
            yield CheckFinding(Impact.REACH, name, why, "enter it in the DNS, or correct the setting")


def inspect_served(state: CheckState) -> Iterator[CheckFinding]:
    """Call the running service through its proxy, and ask it for its findings."""
    if state.serving is None or state.settings is None or state.hierarchy is None:
        return
    first = state.hierarchy.authorities[0].file_name
    wanted = {
        "soap_address": f"{state.settings.soap_address}?wsdl",
        "base_url": f"{state.settings.base_url}/ca/{first}.cer",
    }
    if state.serving.people is not None and (settings := _notices(state)) is not None:
        wanted["people_address"] = f"{settings.terms.people_address}/"
    for name, url in wanted.items():
        yield from _called(name, url)
    if state.serving.status.startswith("http://"):
        yield from _readiness(state.serving.status)


def _called(name: str, url: str) -> Iterator[CheckFinding]:
    fix = "check the proxy in front of the service, its certificate and the firewall"
    try:
        reply = send_request(HttpRequest(url, headers=_FORGED, limit=_BODY_LIMIT, truncates=True, within=PROBE_TIMEOUT))
    except HttpError as away:
        yield CheckFinding(Impact.REACH, name, f"{url} cannot be reached ({away})", fix)
        return
    if reply.status >= HTTPStatus.BAD_REQUEST:
        yield CheckFinding(Impact.REACH, name, f"{url} answers with HTTP status {reply.status}", fix)


def _readiness(status: str) -> Iterator[CheckFinding]:
    """Yield what the running service itself reports at its health address."""
    try:
        found = json.loads(send_request(HttpRequest(f"{status}{READY}", limit=_BODY_LIMIT, within=PROBE_TIMEOUT)).body)
        checks, warnings = dict(found["checks"]), dict(found["warnings"])
    except (HttpError, ValueError, KeyError, TypeError):
        fix = "see its log, and restart it"
        yield CheckFinding(Impact.SOAP, "running service", f"{status}{READY} does not answer", fix)
        return
    for name, sentence in checks.items():
        if sentence is not None:
            yield finding_of(Impact.SOAP, f"running service, {name}", str(sentence))
    for name, impact in (("proxy", Impact.SAFETY), ("optional-parts", Impact.PAGES)):
        if warnings.get(name) is not None:
            yield finding_of(impact, f"running service, {name}", str(warnings[name]))


_PROBES = (
    CheckStep("mail server", Impact.MESSAGES, inspect_mail, "correct [mail] in notices.toml, or start the mail server"),
    CheckStep("text messages", Impact.MESSAGES, inspect_sms, "correct [sms] in notices.toml, or ask the provider"),
    CheckStep("sign-in providers", Impact.PAGES, inspect_providers),
    CheckStep("host names", Impact.REACH, inspect_names),
    CheckStep("running service", Impact.REACH, inspect_served),
)


def inspect_network(state: CheckState) -> Iterator[CheckFinding]:
    """Run all probes at the same time."""
    with ThreadPoolExecutor(len(_PROBES)) as threads:
        for found in threads.map(lambda probe: list(probe.findings(state)), _PROBES):
            yield from found


_REGISTER = "database"
_IMPACTS = {
    "messages": Impact.MESSAGES,
    "unreachable-recipients": Impact.MESSAGES,
    FindingKind.CHANNEL_STOPPED: Impact.SOAP,
}
_RESERVED_CONNECTIONS = 10
"""Connections of PostgreSQL for its superuser, backups and commands."""


def inspect_register(state: CheckState) -> Iterator[CheckFinding]:
    """Check that the database is this authority's and keeps what it confirms."""
    if state.settings is None:
        return
    db = open_register(state.folder, DirectoryKind.AUTHORITY, state.settings)
    try:
        if state.is_complete:
            check_identity(state.folder, db, state.settings, state.certificates)
        sentences = check_durability(db)
        is_current = is_migrated(db)
    except BaseException:
        db.close()
        raise
    state.db, state.is_migrated = db, is_current
    for sentence in sentences:
        yield finding_of(Impact.UPKEEP, _REGISTER, sentence)
    yield from _tables(db, state)
    needed, most = _connections(), find_connection_limit(db)
    if most is not None and most < needed + _RESERVED_CONNECTIONS:
        why = f"it allows {most} connections, and this node may need {needed}"
        yield CheckFinding(
            Impact.UPKEEP, _REGISTER, why, f"set max_connections to {needed + _RESERVED_CONNECTIONS} or more"
        )


def _tables(db: Database, state: CheckState) -> Iterator[CheckFinding]:
    if not state.is_migrated:
        is_owner = can_migrate(db)
        why = "its tables are those of an earlier version"
        fix = f"run sinetti authority migrate --dir {state.folder.root}"
        if is_owner:
            fix = f"{fix}, or start the service, which does the same"
        yield CheckFinding(Impact.UPKEEP if is_owner else Impact.START, _REGISTER, why, fix)
    elif can_change_log(db):
        why = "the service's role can change the audit trail"
        yield CheckFinding(Impact.SAFETY, _REGISTER, why, "let another role own the tables (deploy/postgresql.md)")


def _connections() -> int:
    """Return the greatest number of connections of a node.

    It has a worker for each processor.
    """
    return database_connections(len(os.sched_getaffinity(0))) + PEOPLE_WORKERS * PEOPLE_THREADS


def inspect_clock(state: CheckState) -> Iterator[CheckFinding]:
    """Compare the machine's clock with the database's and with stored instants.

    With a wrong clock a server still starts, and issues nothing.
    """
    if state.db is not None and state.is_migrated and not state.options.is_start:
        problem = describe_problem(ClockGuard(state.db, utc_now_precise, boottime_seconds).look())
        if problem is not None:
            yield finding_of(Impact.SOAP, "clock", problem)


def inspect_contents(state: CheckState) -> Iterator[CheckFinding]:
    """Open the authority, and ask what the watchdog and the start ask.

    An error that was found before prevents that.
    """
    if state.db is None or state.has_errors or not state.is_complete or not state.is_migrated:
        return
    authority = open_authority(state.folder.root, DirectoryKind.AUTHORITY, passphrase=state.passphrase)
    try:
        yield from _contents(authority, state)
    finally:
        authority.journal.close()
        authority.ctx.db.close()
        authority.keys.close()


def _contents(authority: Authority, state: CheckState) -> Iterator[CheckFinding]:
    if state.passphrase is not None:
        try:
            authority.ctx.keys()
        except SecretsClosed as bad:
            yield finding_of(Impact.START, str(state.folder.secret_keys), str(bad))
        # Reads all files of the folder for a copy of the pass-phrase, which is unknown otherwise.
        check_key_separation(authority, state.tls[1] if state.tls else None)
    if state.options.is_start:
        return  # the start compares journals and database itself, and then logs the alerts
    if not (comparison := preview(authority.ctx, authority.journal)).agrees:
        fix = f"run sinetti authority reconcile --dir {state.folder.root}"
        yield CheckFinding(Impact.START, "journals", comparison.ahead, fix)
    authority.ctx.facts.follow(authority.ctx.db, authority.ctx.now())
    yield from _officers(authority)
    for name, sentence in operator_findings(authority).items():
        if sentence is not None:
            impact = _IMPACTS.get(name, Impact.UPKEEP)
            yield finding_of(impact, name, sentence)


def _officers(authority: Authority) -> Iterator[CheckFinding]:
    """Check the officers' keys, the way back if lost, and the signer's officers."""
    for officer in list_officers(authority.ctx.db):
        if authority.ctx.approvals.keys is not KeyRequirement.ANY and not officer.key.startswith("sk-"):
            why = "the key is no FIDO2 key, which officer_keys demands, and still counts"
            yield CheckFinding(Impact.SAFETY, f"officer {officer.name}", why, "replace it: officer remove, officer add")
    is_real = authority.settings.environment is Environment.PRODUCTION
    if is_real and (fault := recovery_fault(authority)):
        yield finding_of(Impact.SAFETY, "officers", fault)
    for difference in compare_officers(authority):
        yield CheckFinding(Impact.SAFETY, "separate signer", difference, SIGNER_FIX)


STEPS = (
    CheckStep(_REGISTER, Impact.START, inspect_register),
    CheckStep("clock", Impact.SOAP, inspect_clock),
    CheckStep("folder and database", Impact.START, inspect_contents),
)
"""Steps in the order in which later ones need the results of earlier ones."""


def check_authority(options: CheckOptions) -> tuple[CheckFinding, ...]:
    """Check an authority, and return all findings, the worst first.

    It changes nothing, except that it completes an interrupted change of the pass-phrase, as every start does.
    """
    state = new_state(options)
    try:
        state.folder.check(DirectoryKind.AUTHORITY)
    except FolderError as bad:
        return (finding_of(Impact.START, str(options.root), str(bad)),)
    steps = [*folder.STEPS, *(() if options.is_offline else STEPS)]
    if not options.is_offline and not options.is_start:
        # A slow mail server must not delay a start.
        steps.append(CheckStep("network", Impact.REACH, inspect_network))
    try:
        return ordered(finding for step in steps for finding in step.findings(state))
    finally:
        if state.db is not None:
            state.db.close()
