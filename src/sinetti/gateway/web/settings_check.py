"""Check of gateway.toml and of all that it names, with every finding at once."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sinetti.domain.operations.monitoring import CheckFinding, Impact, finding_of, ordered
from sinetti.gateway.crl_freshness import NoIssuer, download_of, name_of, watch_of
from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, RevocationKind, load_settings, open_gateway
from sinetti.gateway.trust_lists.lists import TrustLists
from sinetti.gateway.web.guard import NoRevocationSource
from sinetti.gateway.web.settings import (
    added_downloads,
    load_feed,
    load_guard,
    load_listen_settings,
    load_report_target,
    load_watched_log,
)
from sinetti.gateway.web.trusted_proxies import InsecureProxySettings
from sinetti.infra.http_client import HttpError, HttpRequest, send_request

PROBE_TIMEOUT = 10.0
"""Seconds for each address."""

_FAULTS = (GatewaySettingsError, NoIssuer, NoRevocationSource, InsecureProxySettings, OSError)


def check_settings(path: Path, now: datetime, *, is_offline: bool = False) -> tuple[CheckFinding, ...]:
    """Check the settings, and return all findings, the worst first.

    An error is what keeps `serve` from starting. `is_offline`: without network.
    """
    try:
        settings = load_settings(path)
    except GatewaySettingsError as bad:
        return tuple(_finding(str(path), sentence) for sentence in bad.faults)
    check_findings = [*_tables(path, settings), *_lists(settings, now), *_trust_lists(settings)]
    return ordered([*check_findings, *([] if is_offline else _addresses(settings))])


def _tables(path: Path, settings: GatewaySettings) -> Iterator[CheckFinding]:
    """Read each table as its command does."""
    readers: dict[str, Callable[[], object]] = {
        "anchors": lambda: watch_of(settings, open_gateway(settings).source),
        "serve": lambda: load_listen_settings(settings),
        "middleware": lambda: load_guard(settings),
        "sightings": lambda: load_report_target(settings),
        "log": lambda: load_watched_log(settings),
        "feed": lambda: load_feed(settings, None),
    }
    for name, read in readers.items():
        if name not in settings.tables and name != "anchors":
            continue
        try:
            read()
        except _FAULTS as bad:
            yield _finding(f"{path} [{name}]", str(bad))
    if "serve" not in settings.tables and "middleware" not in settings.tables:
        why = "neither [serve] nor [middleware] is set, so no program can use this gateway"
        yield CheckFinding(Impact.REACH, str(path), why, "write one of them (docs/relying/gateway-serve.md)")


def _lists(settings: GatewaySettings, now: datetime) -> Iterator[CheckFinding]:
    """Judge the folder and the age of the revocation lists."""
    if settings.revocation is RevocationKind.DANGEROUSLY_NONE:
        why = "revocation is not checked at all"
        yield CheckFinding(Impact.SAFETY, "revocation", why, 'write revocation = "crl", and fetch the lists')
    if settings.crls is None:
        return
    what = str(settings.crls)
    if not settings.crls.is_dir():
        fix = f"create it: install -d -m 0755 {settings.crls}"
        yield CheckFinding(Impact.REACH, what, "the folder of the revocation lists is missing", fix)
        return
    if not os.access(settings.crls, os.W_OK):
        why = "this user cannot write the folder of the revocation lists"
        yield CheckFinding(Impact.UPKEEP, what, why, "run the command as the user that fetches them")
    try:
        gateway = open_gateway(settings)
        watch = watch_of(settings, gateway.source, gateway.is_distrusted)
        fetched = [download_of(settings, list_to_fetch) for list_to_fetch in settings.lists]
        if settings.trust_lists is not None:
            fetched += added_downloads(settings, TrustLists(settings.trust_lists))
    except _FAULTS:
        return  # a finding of the tables
    names = {name_of(crl_download.issuer) for crl_download in fetched}
    for sentence in [] if watch is None else watch.missing(now):
        fix = "run sinetti gateway fetch, and enable its timer"
        if sentence.rpartition(": ")[0] not in names:
            fix = f"write a [[list]] with url, file and issuer of this CA, {fix}"
        yield CheckFinding(Impact.REACH, what, f"{sentence}, so no certificate of this CA is accepted", fix)


def _trust_lists(settings: GatewaySettings) -> Iterator[CheckFinding]:
    """Judge the stored lists of anchors and of distrust."""
    if settings.trust_lists is None:
        return
    lists, what = TrustLists(settings.trust_lists), str(settings.trust_lists.folder)
    fix = "run sinetti gateway fetch, and see that the address can be reached"
    for sentence in lists.unready():
        yield CheckFinding(Impact.REACH, what, sentence.partition(": run ")[0], fix)
    for sentence in lists.notices():
        yield CheckFinding(Impact.SAFETY, what, sentence, fix)


def _addresses(settings: GatewaySettings) -> Iterator[CheckFinding]:
    """Call each address of lists, OCSP services and the feed; any answer counts."""
    trust = [] if settings.trust_lists is None else [f"{settings.trust_lists.url}/trust/distrust"]
    urls = dict.fromkeys([*(list_to_fetch.url for list_to_fetch in settings.lists), *settings.ocsp, *trust])
    calls = [HttpRequest(url) for url in urls]
    with suppress(*_FAULTS):  # a fault is a finding of the tables
        feed = load_feed(settings, None)
        calls += [] if feed is None else [HttpRequest(feed.url, "HEAD")]
    for call in calls:
        url = call.url
        try:
            send_request(replace(call, truncates=True, within=PROBE_TIMEOUT))
        except HttpError as away:
            why = f"it cannot be reached ({away})"
            yield CheckFinding(Impact.REACH, url, why, "correct the address, or open the firewall for it")


def _finding(what: str, sentence: str) -> CheckFinding:
    found = finding_of(Impact.START, what, sentence)
    return found if ": " in sentence else CheckFinding(Impact.START, what, sentence, f"correct {what}")
