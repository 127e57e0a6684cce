"""Outputs of the commands at fixed instants, with the longest values: the golden files of tests/golden/outputs.

They are built from values, without a store or a service.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

from sinetti.cli.authority import account, approval, call_early, clock, gateway, officer, retention
from sinetti.cli.authority import status as authority_status
from sinetti.cli.client import doctor, explain, log, remove, status
from sinetti.cli.client.status import StatusView
from sinetti.cli.core import terminal
from sinetti.cli.core.blocks import Block, Paragraph, Screen
from sinetti.cli.core.commands import table_of
from sinetti.client.config import messages as config_messages
from sinetti.client.doctor import findings
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, passed, warning
from sinetti.client.messages import adoption_messages, document_messages, error_reasons, messages
from sinetti.client.messages.messages import Message, make_message, make_plural_message
from sinetti.client.model import DecisionReason, RenewalInfoState
from sinetti.client.reporting.status import StatusRow, status_of
from sinetti.client.results import ExitCode
from sinetti.client.store import rights
from sinetti.client.store.agent_state import AgentState, DeployState
from sinetti.client.store.event_log import EventType, LogEvent
from sinetti.client.store.generations import NameState
from sinetti.client.store.journal import RequestJournal, RequestState
from sinetti.client.store.snapshot import Absence, InstalledCertificate, NameSnapshot
from sinetti.diagnostics import causes
from sinetti.diagnostics.certificates import CertificateInfo
from sinetti.diagnostics.explain import Diagnosis, DiagnosisResult, Element
from sinetti.diagnostics.report import Report
from sinetti.diagnostics.search import ByteDiff, Comparison
from sinetti.diagnostics.signed_message import MessageType, SignatureInfo
from sinetti.domain.values import Environment, Language, ValidityPeriod
from sinetti.gateway.crl_freshness import CrlAge

WIDTHS = (60, 80, 120, 200)

NOW = datetime(2032, 7, 16, 8, 0, tzinfo=UTC)
END = datetime(2032, 9, 13, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STORE = Path("/var/lib/sinetti")
LONG_STORE = Path("/srv/organisations/accounting/certificate-clients/production/primary/sinetti-store")
LONGEST_NAME = "income-register-notifications-of-the-service-centre-eastern-2032"
ORGANISATION = "Itä-Suomen elintarviketeollisuuden palvelukeskus Oy Ab"
SERIAL = "40ce5aceef57040f68857d4d49e9ba7f740fcb01"
URL = "https://certificates.example/2017/10/CertificateServices"
KEY = "f00d"

VALUES = {
    "name": LONGEST_NAME,
    "names": f"payroll, {LONGEST_NAME}",
    "serial": SERIAL,
    "path": f"{LONG_STORE}/{LONGEST_NAME}/settings.toml",
    "folder": f"{LONG_STORE}/{LONGEST_NAME}/live",
    "store": str(LONG_STORE),
    "until": END,
    "at": NOW,
    "now": NOW,
    "host": "certificates.example",
    "port": 443,
    "why": make_message(error_reasons.NO_FOLDER),
    "customer_id": "0123456-7",
    "environment": "PRODUCTION",
    "code": "PKI034",
    "codes": "PKI034, PKI090",
    "text": "The request was refused because the certificate cannot be renewed yet. " * 3,
    "seconds": 30,
    "status": 503,
    "count": 1224,
    "well": 1204,
    "renewed": 17,
    "left": 3,
    "number": 4,
    "command": "renew",
    "message": make_message(messages.STATE_REFUSED),
    "signal": "SIGTERM",
    "owner": "operator",
}
"""Value of each placeholder of a message; the longest that occurs where there is no limit."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Output of one command; `in_pipe` is its output in a pipe where that has other blocks."""

    build: Callable[[Language], Sequence[Block]]
    in_pipe: Callable[[Language], Sequence[Block]] | None = None
    languages: tuple[Language, ...] = tuple(Language)


def files() -> Iterator[tuple[str, str]]:
    """Yield name and text of each file."""
    for name, sample in SAMPLES.items():
        for language in sample.languages:
            shown = sample.build(language)
            in_pipe = shown if sample.in_pipe is None else sample.in_pipe(language)
            parts = [("pipe", terminal.render(in_pipe, None))]
            parts += [(f"{width} columns", terminal.render(shown, Screen(width))) for width in WIDTHS]
            yield f"{name}.{language.value}.txt", "\n".join(f"=== {title}\n{text}\n" for title, text in parts)


def paragraphs(*found: str | tuple[str, str] | Message) -> Callable[[Language], Sequence[Block]]:
    """Return the output of a command that prints messages, filled with `VALUES`."""
    return lambda language: [Paragraph(messages.render(filled(one), language)) for one in found]


def filled(found: str | tuple[str, str] | Message) -> Message:
    """Return a message with the values of its placeholders."""
    if isinstance(found, Message):
        return found
    one = found if isinstance(found, str) else found[1]
    values = {name: VALUES.get(name, name) for _, name, _, _ in Formatter().parse(one) if name}
    if isinstance(found, str):
        return make_message(found, **values)
    return make_plural_message(found, int(values.pop("count", 1224)), **values)


def _snapshot(name: str, end: datetime = END, life: timedelta = 730 * DAY, **changes: object) -> NameSnapshot:
    held = InstalledCertificate(SERIAL, ValidityPeriod(end - life, end), b"")
    seen = NameSnapshot(name, STORE / name, "0123456-7", "Sinisiipi Oy", URL, Environment.TEST, held)
    return replace(seen, **changes)


def _rows() -> list[StatusRow]:
    open_request = RequestJournal(STORE / "x" / "pending" / "enrol", RequestState.REFUSED, KEY, codes=("PKI005",))
    hint, past = (RenewalInfoState(NOW + one * DAY, NOW + (one + 1) * DAY, "") for one in (2, -2))
    seen = (
        _snapshot("payroll", END + 700 * DAY),
        _snapshot("hinted", END + 100 * DAY, memory=AgentState(SERIAL, hint=hint)),
        _snapshot(
            LONGEST_NAME,
            customer_name=ORGANISATION,
            folder=LONG_STORE / LONGEST_NAME,
            memory=AgentState(SERIAL, 5, NOW + DAY, ("PKI034", "PKI090"), hint=past),
        ),
        _snapshot("deployed-nowhere", deployment=DeployState(None, 3, NOW + DAY, SERIAL)),
        _snapshot("ended", NOW - 3 * DAY),
        _snapshot("lost", notes=NameState(revoked=SERIAL)),
        _snapshot("first", in_use=None, open=(open_request,), dispensable=True),
        replace(
            _snapshot("broken", in_use=None),
            trouble=make_message(messages.DAMAGED_FILE, path=str(STORE / "broken/live/key.pem"), why="x"),
            step=make_message(messages.LOST_SET, name="broken"),
        ),
    )
    absent = NameSnapshot("planned", STORE / "planned", "7654321-0", absence=Absence.PLANNED)
    return [*(status_of(one, NOW) for one in seen), status_of(absent, NOW)]


def _status(*names: str, in_detail: bool = False) -> Callable[[Language], Sequence[Block]]:
    rows = [row for row in _rows() if not names or row.name in names]
    return lambda language: status.blocks(rows, StatusView(LONG_STORE, in_detail=in_detail), language)


def _urgent(language: Language) -> Sequence[Block]:
    well = [row for row in _rows() if row.name == "hinted"]
    return [*status.blocks((), StatusView(STORE), language), *status.blocks(well, StatusView(STORE, True), language)]


FINDINGS = (
    passed(
        Check.CONFIGURATION,
        make_plural_message(findings.CONFIG_GOOD, 2, path="/etc/sinetti/sinetti.toml"),
        "/etc/sinetti/sinetti.toml",
    ),
    passed(Check.STORE, make_plural_message(findings.STORE_GOOD, 2, path=str(LONG_STORE)), str(LONG_STORE)),
    warning(
        Check.DISK,
        make_message(findings.DISK_LITTLE, megabytes=12),
        make_message(rights.DISK_STEP),
        str(LONG_STORE),
    ),
    DoctorFinding(
        Check.RIGHTS,
        Level.FAIL,
        make_message(rights.OPEN, path=f"{LONG_STORE}/payroll/generations/{SERIAL}/key.pem", mode="0644"),
        "payroll",
        make_message(rights.OPEN_STEP, path=f"{LONG_STORE}/payroll/generations/{SERIAL}/key.pem", mode="0600"),
        ExitCode.STORE,
    ),
    passed(Check.LOCK, make_message(findings.LOCK_FREE), str(LONG_STORE)),
    passed(Check.ANCHORS, make_plural_message(findings.ANCHORS_GOOD, 3, bundle="trust_services", until=END), URL),
    passed(Check.REACHABLE, make_message(findings.REACHED, status=200), URL),
    passed(Check.TLS, make_message(findings.TLS_GOOD, issuer="Sinetti Example TLS CA 2030", until=END), URL),
    DoctorFinding(
        Check.CLOCK,
        Level.FAIL,
        make_message(findings.CLOCK_OFF, here=NOW, there=NOW + DAY),
        URL,
        make_message(findings.CLOCK_STEP),
        ExitCode.AGAIN,
    ),
    passed(Check.SIGNATURE, make_message(findings.SIGNATURE_GOOD, bundle="trust_services"), URL),
    passed(Check.CERTIFICATE, make_message(findings.CERTIFICATE_GOOD, until=END, at=NOW), "payroll"),
    DoctorFinding(
        Check.HOOKS,
        Level.FAIL,
        make_message(findings.DEPLOY_FAILED, program="/usr/local/bin/reload-payroll", serial=SERIAL, tries=3),
        LONGEST_NAME,
        make_message(findings.DEPLOY_STEP, name=LONGEST_NAME, log=f"{LONG_STORE}/{LONGEST_NAME}/hooks/deploy.log"),
        ExitCode.AGAIN,
    ),
)
ADDRESSES = {"payroll": URL, LONGEST_NAME: URL}

EVENTS = (
    LogEvent(NOW - 30 * DAY, EventType.ENROLLED, {"serial": SERIAL, "until": "2032-09-13T08:00:00Z"}),
    LogEvent(NOW - 2 * DAY, EventType.SETTINGS_CHANGED, {"changed": "service, trust_services, trust_holders, tls_ca"}),
    LogEvent(
        NOW - DAY,
        EventType.HOOK,
        {"stage": "deploy", "result": "exit code 7", "program": f"{LONG_STORE}/../bin/reload-the-payroll-service"},
    ),
    LogEvent(NOW - DAY, EventType.REPLACEMENT_NEEDED, {"why": DecisionReason.EXPIRED.value}),
    LogEvent(NOW, EventType.REPAIRED, {}),
)


def _log(language: Language) -> Sequence[Block]:
    held = RequestJournal(STORE / "payroll" / "pending" / "renew", RequestState.SENT, KEY)
    return log.blocks(EVENTS, _snapshot("payroll", open=(held,)), language)


DIAGNOSIS = Diagnosis(
    DiagnosisResult.REFUSED,
    (causes.Cause.INDENTED,),
    "the signature does not fit",
    Element("RenewCertificateRequest", MessageType.REQUEST, None, "envelope", ("cer", "soapenv")),
    SignatureInfo(
        ("http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/2001/10/xml-exc-c14n#"),
        "http://www.w3.org/2001/10/xml-exc-c14n#",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        b"",
        None,
        (),
        None,
        None,
        None,
        None,
    ),
    CertificateInfo(
        f"CN=0123456-7,O={ORGANISATION},C=FI", "CN=Sinetti Example Issuing CA 2030,C=FI", SERIAL, "", NOW, END, True
    ),
    Comparison(
        b"",
        b"",
        "without-white-space",
        proven=True,
        difference=ByteDiff(
            1, 98, 97, 'es.vero.fi/2017/10/certificateservices">', "<Environment>TEST</Environment><Customer",
            "\\n      <Environment>TEST</Environment>\\n "
        ),
    ),
)  # fmt: skip

RUN = paragraphs(
    messages.RENEWED,
    messages.HOOK_FAILED,
    messages.DEPLOYED,
    messages.RUN_SUMMARY,
    messages.RUN_NEEDS_ACTION,
    messages.RUN_LEFT,
    messages.RUN_NEXT,
)
CLERKS = [
    {
        "email": "a@vero.example",
        "name": "A",
        "active": True,
        "second_factor": False,
        "person": False,
        "created": "2032-07-16T08:00:00Z",
    },
    {
        "email": "maija-liisa.korhonen-virtanen@certificates.authority.example",
        "name": "Maija-Liisa Korhonen-Virtanen",
        "active": False,
        "second_factor": True,
        "person": True,
        "created": "2032-07-16T08:00:00Z",
    },
]
GATEWAYS = [
    {
        "name": "gateway-of-the-income-register-eastern-service-centre",
        "added": "2032-07-16T08:00:00Z",
        "withdrawn": None,
        "first_report": "2032-07-16T08:00:00Z",
        "last_report": None,
    }
]
SUMMARY = {
    "environment": "TEST",
    "organisations": 12,
    "open_orders": 3,
    "authorities": [{"name": "holders-ws-2030", "ends": "2042-01-01T00:00:00Z"}],
    "warnings": [
        "The backup of the register is 9 days old. Run `sinetti authority backup` and keep the copy elsewhere."
    ],
}
CERTIFICATES = [
    {
        "serial": SERIAL,
        "customer_id": "0123456-7",
        "channel": "WS",
        "state": "issued",
        "not_after": "2032-09-13T08:00:00Z",
        "renewed_by": None,
        "in use": "not seen since 2032-07-16T08:00:00Z",
    }
]
ORDERS = [
    {
        "order_id": 4711,
        "customer_id": "0123456-7",
        "channel": "SFTP",
        "expires": "2032-09-13T08:00:00Z",
        "description": f"Payroll of {ORGANISATION}, replaces the certificate of the former accounting firm",
    }
]
PROPOSALS = [
    {
        "id": "0190b6f29f5c7c7e8a513f3c0e7f2a10",
        "act": "bulk-revocation",
        "sentence": "Revoke many certificates",
        "object": "certificates: 12",
        "proposer": "maija.korhonen",
        "state": "open",
        "signed": ["maija.korhonen"],
        "missing": 1,
        "expires": "2032-07-17T08:00:00Z",
    }
]
OFFICERS = [
    {
        "name": "maija.korhonen",
        "role": "key-custodian",
        "key": "SHA256:Q2hlY2sgdGhlIGZpbmdlcnByaW50IG9mIGtleXMuLi4uLg",
        "fido2": True,
        "added": "2032-07-01T08:00:00Z",
        "removed": None,
    }
]
CALLS = [
    {
        "call": "0190b6f2-9f5c-7c7e-8a51-3f3c0e7f2a10",
        "officer": "maija.korhonen",
        "reason": "The issuing CA is replaced before its time because its algorithm is being phased out",
        "count": 1204,
        "replaced": 311,
        "heard": 800,
        "unreached": 93,
        "begins": "2032-07-16T08:00:00Z",
        "ends": "2032-08-16T08:00:00Z",
        "done": None,
    }
]
RETENTION = {"messages": {"before": "2031-07-16T08:00:00Z", "count": 120431, "ids": [17]}}
CLOCK = {
    "machine": "2032-07-16T08:00:00Z",
    "database": None,
    "difference": 0.25,
    "newest": "2032-07-17T08:00:00Z",
    "accepted": None,
    "issuing": False,
    "problem": "the machine's clock is 24 hours behind the newest instant that the register has stored",
}


def _of_clerks(blocks: Sequence[Block]) -> Sample:
    """Return a sample of a command for operators, which is only in English."""
    return Sample(lambda _: blocks, languages=(Language.EN,))


def _ages() -> Iterable[Block]:
    for age, current in ((timedelta(hours=3), True), (9 * DAY, False), (None, False)):
        yield Paragraph(CrlAge("Sinetti Example Issuing CA for Organisations 2030", NOW, age, current).said())


SAMPLES = {
    "status": Sample(_status()),
    "status-details": Sample(_status(LONGEST_NAME, "hinted", "broken", "first", "planned", in_detail=True)),
    "status-without-rows": Sample(_urgent),
    "doctor": Sample(
        lambda language: doctor.blocks(FINDINGS, ADDRESSES, language),
        lambda language: [doctor.pipe_table(FINDINGS, language)],
    ),
    "log": Sample(_log),
    "log-empty": Sample(lambda language: log.blocks((), _snapshot("payroll"), language)),
    "explain": Sample(lambda language: explain.blocks(Report(DIAGNOSIS), language)),
    "run": Sample(RUN),
    "run-dry-run": Sample(
        paragraphs(
            messages.WOULD_RENEW,
            messages.WOULD_GO_ON,
            messages.WAITS_PLANNED,
            messages.WAITS_MAINTENANCE,
            messages.WAITS_AFTER_FAILURE,
        )
    ),
    "enrol": Sample(paragraphs(messages.ENROLLED, messages.RENEW_FROM, messages.NOT_READY_IN_TIME)),
    "renew": Sample(paragraphs(messages.NOT_DUE, messages.RENEWED, messages.SERVICE_SAID, messages.MAY_BE_SPENT)),
    "retrieve": Sample(paragraphs(messages.NOTHING_TO_FETCH, messages.WAITING, messages.CERTIFICATE_NOT_TAKEN)),
    "adopt": Sample(paragraphs(adoption_messages.ADOPTED_IN_CLEAR, messages.OTHER_HOLDER)),
    "sign": Sample(paragraphs(document_messages.SEALED, messages.OUT_IN_STORE)),
    "verify": Sample(
        paragraphs(document_messages.SEAL_GOOD, document_messages.SEAL_BROKEN, document_messages.SEAL_UNTRUSTED)
    ),
    "deliver": Sample(
        paragraphs(document_messages.DELIVERED, document_messages.DELIVERED_BEFORE, document_messages.DELIVERY_REFUSED)
    ),
    "receipt": Sample(paragraphs(document_messages.RECEIPT_GOOD, document_messages.RECEIPT_NOT_FOR_THIS)),
    "export": Sample(paragraphs(messages.EXPORTED, messages.EXPORTED_WITH_KEY, messages.UNWRITABLE_FILE)),
    "remove": Sample(paragraphs(remove.LOSES_FOLDER, remove.LOSES_CERTIFICATE, remove.STILL_VALID, remove.TABLE_LEFT)),
    "deploy": Sample(paragraphs(messages.HOOK_FAILED, messages.DEPLOY_AGAIN, messages.NO_HOOKS)),
    "revoke": Sample(paragraphs(messages.NOT_CONFIRMED, messages.TYPE_THE_NAME, messages.NO_TERMINAL)),
    "errors": Sample(
        paragraphs(
            messages.NO_STORE,
            messages.UNKNOWN_NAME,
            messages.STORE_DAMAGED,
            messages.NOT_REACHED,
            messages.TLS_NOT_TRUSTED,
            messages.ANSWER_NOT_TRUSTED,
            config_messages.NO_STORE_YET,
        )
    ),
    "gateway-fetch": _of_clerks(list(_ages())),
    "authority-account": _of_clerks(table_of(account.COLUMNS, CLERKS, fold={"email", "name"}, nothing="")),
    "authority-gateway": _of_clerks(table_of(gateway.COLUMNS, GATEWAYS, fold={"name"}, nothing="")),
    "authority-status": _of_clerks(authority_status.summary_blocks(SUMMARY)),
    "authority-certificates": _of_clerks(
        table_of(authority_status.CERTIFICATES, CERTIFICATES, fold={"in use"}, nothing="")
    ),
    "authority-orders": _of_clerks(table_of(authority_status.ORDERS, ORDERS, fold={"description"}, nothing="")),
    "authority-approval": _of_clerks(approval._table(PROPOSALS)),
    "authority-officer": _of_clerks(table_of(officer.COLUMNS, OFFICERS, fold={"key"}, nothing="")),
    "authority-call-early": _of_clerks(call_early._call_table(CALLS)),
    "authority-retention": _of_clerks(retention.plan_blocks(RETENTION)),
    "authority-clock": _of_clerks(clock._blocks(CLOCK)),
}
