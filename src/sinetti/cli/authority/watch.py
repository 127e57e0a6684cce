"""`sinetti authority watch`: check CRLs, OCSP responses and our certificates."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from time import sleep

from sinetti.authority import alerts
from sinetti.authority.bootstrap import Authority
from sinetti.authority.log_watch import log_findings
from sinetti.cli.authority.common import EXIT_ACTION_REQUIRED, AuthorityRun, octets_of, operator_commands
from sinetti.cli.authority.endpoint_probe import check_address, fetched, served, why_away
from sinetti.cli.core.commands import Output, option
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


commands = operator_commands()
register = commands.register


@commands.command("sinetti authority watch --dir /srv/sinetti --status-url http://pki.example")
def watch(
    run: AuthorityRun,
    *,
    status_url: str | None = option("URL", "check what this address serves, instead of what is stored"),
    tls_certificate: Path | None = option("PEM", "also check when this certificate expires"),
) -> Output:
    """Check revocation lists, OCSP responses and the authority's own certificates."""
    address = check_address(status_url) if status_url is not None else None
    more = {str(tls_certificate): octets_of("--tls-certificate", tls_certificate)} if tls_certificate else {}
    findings = tuple(_found(run.authority, address, more))
    if any(finding.kind is FindingKind.LIST_LACKS for finding in findings):
        sleep(LOOKED_AGAIN_AFTER)
        findings = tuple(_found(run.authority, address, more))
    list_count = len(list_places(run.ctx))
    if findings:
        shown = "\n".join(f"{finding.kind}: {finding.sentence}" for finding in findings)
    elif list_count:
        lists = pluralise(list_count, "revocation list")
        shown = f"No problems found. Checked: {lists}, OCSP responses and certificates."
    else:
        shown = "No problems found. The first revocation lists are signed when sinetti authority serve starts."
    return Output([asdict(finding) for finding in findings], shown, EXIT_ACTION_REQUIRED if findings else 0)


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
