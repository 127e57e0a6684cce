"""`sinetti authority watch`: check CRLs, OCSP responses and our certificates."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from time import sleep

from sinetti.authority import alerts
from sinetti.authority.bootstrap import Authority
from sinetti.authority.log_watch import log_findings
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    add_dir,
    command,
    octets_of,
    opened_authority,
    print_result,
)
from sinetti.cli.authority.endpoint_probe import check_address, fetched, served, why_away
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.domain.operations.monitoring import FindingKind, MonitoringFinding
from sinetti.domain.validation import pluralise
from sinetti.services.issuance.reconcile import preview
from sinetti.services.monitoring.findings import (
    NotFound,
    bulk_findings,
    certificate_findings,
    check_crls,
    check_ocsp_age,
    check_response,
    list_places,
    questions,
    stored_crls,
)

LOOKED_AGAIN_AFTER = 2.0
"""Seconds before an incomplete CRL is checked again.

A revocation may just be on its way.
"""


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority watch --dir /srv/sinetti --status-url http://pki.example"
    summary = "check revocation lists, OCSP responses and the authority's own certificates"
    parser = command(commands, "watch", summary, _run, example)
    add_dir(parser)
    parser.add_argument("--status-url", metavar="URL", help="check what this address serves, instead of what is stored")
    parser.add_argument("--tls-certificate", metavar="PEM", type=Path, help="also check when this certificate expires")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def _run(parsed: argparse.Namespace) -> int:
    address = check_address(parsed.status_url) if parsed.status_url is not None else None
    tls = parsed.tls_certificate
    more = {str(tls): octets_of("--tls-certificate", tls)} if tls is not None else {}
    with opened_authority(parsed.dir) as authority:
        found = tuple(_found(authority, address, more))
        if any(one.kind is FindingKind.LIST_LACKS for one in found):
            sleep(LOOKED_AGAIN_AFTER)
            found = tuple(_found(authority, address, more))
        count = len(list_places(authority.ctx))
    print_result([asdict(one) for one in found], as_json=parsed.json, table=lambda: _lines(found, count))
    return EXIT_ACTION_REQUIRED if found else 0


def _found(authority: Authority, address: str | None, more: Mapping[str, bytes]) -> Iterator[MonitoringFinding]:
    ctx = authority.ctx
    if address is None:
        yield from check_crls(ctx, stored_crls(ctx))
        yield from check_ocsp_age(ctx)
    elif (away := why_away(address)) is not None:
        why = f"{address} does not answer ({away}): check that the service is running"
        yield MonitoringFinding(FindingKind.NOT_SERVED, address, why)
    else:
        yield from check_crls(ctx, served(address))
        # Two unanswered queries about one CA give one finding.
        yield from dict.fromkeys(_served_answers(authority, address))
    yield from certificate_findings({**alerts.own_certificates(authority), **more}, ctx)
    yield from alerts.channel_findings(authority)
    yield from alerts.succession_findings(authority)
    yield from bulk_findings(ctx)
    yield from alerts.shipping_findings(authority)
    yield from alerts.people_findings(authority)
    yield from alerts.fact_findings(authority, is_new=True)
    yield from alerts.unregistered_findings(authority, is_live=True)
    if not (comparison := preview(ctx, authority.journal)).agrees:
        sentence = f"{comparison.ahead}: run sinetti authority reconcile --dir {authority.folder.root}"
        yield MonitoringFinding(FindingKind.JOURNAL_AHEAD, "journal", sentence)
    else:
        yield from log_findings(authority)


def _served_answers(authority: Authority, address: str) -> Iterator[MonitoringFinding]:
    for question in questions(authority.ctx):
        try:
            der = fetched(f"{address}{question.path}", question.der)
        except NotFound as absent:
            yield MonitoringFinding(FindingKind.NOT_SERVED, question.authority, str(absent))
            continue
        if (finding := check_response(question, der, authority.ctx)) is not None:
            yield finding


def _lines(found: tuple[MonitoringFinding, ...], count: int) -> str:
    if not found and not count:
        return "No problems found. The first revocation lists are signed when sinetti authority serve starts."
    if not found:
        return f"No problems found. Checked: {pluralise(count, 'revocation list')}, OCSP responses and certificates."
    return "\n".join(f"{one.kind}: {one.sentence}" for one in found)
