"""Checks over the network: mail, text messages, sign-in, addresses, proxy.

Nothing is sent to people. The probes run at the same time, each with a time limit.
"""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlsplit

from sinetti.api.health import READY
from sinetti.authority.checks.state import CheckState, CheckStep
from sinetti.domain.operations.check_findings import CheckFinding, Impact, finding_of
from sinetti.domain.secret_keys import fixed_keys
from sinetti.infra.clock import utc_now
from sinetti.infra.http_client import HttpError, HttpRequest, send_request
from sinetti.infra.toml_tables import SettingsError
from sinetti.notifications.delivery.sms import HttpSms
from sinetti.notifications.delivery.smtp import Smtp
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
    for one in portal.read(state.folder.eservice).providers:
        what = f"provider {one.provider_id}"
        try:
            reply = send_request(
                HttpRequest(f"{one.issuer.rstrip('/')}/{_DISCOVERY}", limit=_BODY_LIMIT, within=PROBE_TIMEOUT)
            )
            found = json.loads(reply.body) if reply.status == HTTPStatus.OK else None
        except HttpError as away:
            yield CheckFinding(Impact.PAGES, what, f"it cannot be reached ({away})", "correct issuer in eservice.toml")
            continue
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("issuer") != one.issuer:
            why = f"its metadata at {one.issuer} do not name this issuer"
            yield CheckFinding(
                Impact.PAGES, what, why, "write issuer in eservice.toml exactly as the provider gives it"
            )


def inspect_names(state: CheckState) -> Iterator[CheckFinding]:
    """Look up the host names that callers use."""
    if state.settings is None:
        return
    addresses = {"soap_address": state.settings.soap_address, "base_url": state.settings.base_url}
    if state.has_pages and (found := _notices(state)) is not None:
        addresses["people_address"] = found.terms.people_address
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
    if state.serving.people is not None and (found := _notices(state)) is not None:
        wanted["people_address"] = f"{found.terms.people_address}/"
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


STEPS = (CheckStep("network", Impact.REACH, inspect_network),)
