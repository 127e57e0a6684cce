"""Checks of the services of a store: reachability, TLS, clock, anchors, signature.

The last check needs a signed answer. It calls GetCertificate with a retrieval ID that the service never issued.
Retrieval uses nothing up, may be repeated any number of times, and every answer is signed, including a refusal (the
facts sheet, 1 and 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from sinetti.client import service_address
from sinetti.client.doctor import findings
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, passed, warning
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message, make_plural_message
from sinetti.client.requests import soap_client, transport
from sinetti.client.requests.transport import ServerProbe, ServiceError
from sinetti.client.requests.trust_lists import fetch_lists
from sinetti.client.results import ExitCode
from sinetti.client.store import generations
from sinetti.client.store.settings import NameSettings
from sinetti.client.store.trust_memory import extend, find_distrusted, memory_of
from sinetti.domain.requests import RetrieveRequest
from sinetti.domain.values import Language
from sinetti.pki import chain
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation

NEVER_GIVEN = "0" * 32
"""Retrieval ID of the service's form that is never issued, since they are random."""

SOON = timedelta(days=30)
OFF = timedelta(minutes=5)
"""Largest difference of clocks at which answers and signatures of calls count.

Answers beyond it are not believed (generations.CLOCK_SKEW).
"""

NAMES_ITS_STEP = frozenset(
    {
        messages.VALID_FROM,
        messages.VALID_UNTIL,
        messages.WRONG_ADDRESS,
        messages.REDIRECTED,
        messages.ANSWER_UNREADABLE,
    }
)
"""Messages that say what to correct: the clock or the address, not the CAs."""

_SLIGHTLY = timedelta(seconds=30)


@dataclass(frozen=True)
class Clocks:
    """Two clocks of a check.

    `now` judges certificates; `machine` is this computer's clock, on which TLS and the service depend.
    """

    now: datetime
    machine: datetime


def distinct(all_settings: list[NameSettings]) -> list[NameSettings]:
    """Return one entry for each combination of service and anchors.

    A store of many names has few of them.
    """
    by_service = {
        (setting.service, setting.environment, setting.trust_services, setting.trust_holders, setting.tls_ca): setting
        for setting in all_settings
    }
    return list(by_service.values())


def check_service(kept: NameSettings, clocks: Clocks, language: Language) -> Iterator[DoctorFinding]:
    """Check one service, by the settings of a name."""
    yield from anchors("trust_services", kept.trust_services, kept.service, clocks.now)
    yield from anchors("trust_holders", kept.trust_holders, kept.service, clocks.now)
    address = service_address.parse_service_url(kept.service)
    try:
        server_probe = transport.probe(address, kept.tls_ca, language)
    except ServiceError as trouble:
        yield DoctorFinding(Check.REACHABLE, Level.FAIL, trouble.message, kept.service, None, ExitCode.AGAIN)
        date = None
        if trouble.message.text == messages.TLS_NOT_TRUSTED:  # perhaps for a wrong clock
            date = transport.fetch_date(kept.service, kept.tls_ca)
        yield _clock(date, kept.service, clocks.machine)
        return
    yield passed(Check.REACHABLE, make_message(findings.REACHED, status=server_probe.status), kept.service)
    yield _tls(server_probe, kept.service, clocks.machine)
    yield _clock(server_probe.date, kept.service, clocks.machine)
    yield _signature(kept, clocks.now, language)


def anchors(bundle: str, pem: str, about: str, now: datetime) -> Iterator[DoctorFinding]:
    """Check the validity of the CAs of a bundle."""
    certificates = sorted(chain.load_bundle(pem.encode()), key=lambda certificate: certificate.not_valid_after_utc)
    step = make_message(findings.ANCHORS_STEP, bundle=bundle)
    if all(one.not_valid_after_utc < now for one in certificates):
        message = make_message(findings.ANCHORS_ALL_ENDED, bundle=bundle)
        yield DoctorFinding(Check.ANCHORS, Level.FAIL, message, about, step, ExitCode.AGAIN)
        return
    troubled = False
    for certificate in certificates:
        until = certificate.not_valid_after_utc
        if until < now + SOON:
            troubled = True
            word = findings.ANCHORS_ENDED if until < now else findings.ANCHORS_SOON
            yield warning(
                Check.ANCHORS, make_message(word, bundle=bundle, ca=_named(certificate), until=until), step, about
            )
    if not troubled:
        first = certificates[0].not_valid_after_utc
        yield passed(
            Check.ANCHORS,
            make_plural_message(findings.ANCHORS_GOOD, len(certificates), bundle=bundle, until=first),
            about,
        )


def trust_lists(kept: NameSettings, store: Path, now: datetime, language: Language) -> Iterator[DoctorFinding]:
    """Compare the trust lists of a service with those of the store; change nothing."""
    known = memory_of(store, kept.service)
    fetched = fetch_lists(kept, known, now, language)
    if fetched.trouble is not None and fetched.is_refused:
        message = make_message(findings.TRUST_REFUSED, why=fetched.trouble.rstrip("."))
        yield warning(Check.ANCHORS, message, make_message(findings.TRUST_REFUSED_STEP), kept.service)
    if fetched.has_new or extend(kept, known) != kept:
        step = make_message(findings.TRUST_WAITS_STEP, store=str(store))
        yield warning(Check.ANCHORS, make_message(findings.TRUST_WAITS), step, kept.service)
    for certificate in find_distrusted(kept, fetched.memory):
        message = make_message(findings.TRUST_DISTRUSTED, ca=_named(certificate))
        yield warning(Check.ANCHORS, message, make_message(findings.TRUST_DISTRUSTED_STEP), kept.service)


def _named(certificate: x509.Certificate) -> str:
    try:
        return messages.strip_control_chars(
            generations.common_name(certificate) or certificate.subject.rfc4514_string()
        )
    except ValueError:
        return "?"


def _tls(server_probe: ServerProbe, about: str, machine: datetime) -> DoctorFinding:
    if server_probe.tls_until is None:
        return passed(Check.TLS, make_message(findings.TLS_NONE), about)
    if server_probe.tls_until < machine + SOON:
        return warning(
            Check.TLS,
            make_message(findings.TLS_SOON, until=server_probe.tls_until),
            make_message(findings.TLS_STEP),
            about,
        )
    issuer = messages.strip_control_chars(server_probe.tls_issuer) or "?"
    return passed(Check.TLS, make_message(findings.TLS_GOOD, issuer=issuer, until=server_probe.tls_until), about)


def _clock(date: datetime | None, about: str, machine: datetime) -> DoctorFinding:
    if date is None:
        return warning(Check.CLOCK, make_message(findings.CLOCK_UNKNOWN), about=about)
    off = abs(date - machine)
    seconds = int(off.total_seconds())
    if off < _SLIGHTLY:
        return passed(Check.CLOCK, make_plural_message(findings.CLOCK_GOOD, seconds), about)
    message, step = (
        make_message(findings.CLOCK_OFF, here=machine, there=date),
        make_message(findings.CLOCK_STEP),
    )
    if off < OFF:
        return warning(Check.CLOCK, make_plural_message(findings.CLOCK_GOOD, seconds), step, about)
    return DoctorFinding(Check.CLOCK, Level.FAIL, message, about, step, ExitCode.AGAIN)


def _signature(kept: NameSettings, now: datetime, language: Language) -> DoctorFinding:
    ask = RetrieveRequest(kept.environment, kept.customer_id, kept.customer_name, NEVER_GIVEN)
    try:
        soap_client.call(soap_client.service_of(kept, language, now), Operation.GET, operations.render_get(ask))
    except ServiceError as trouble:
        has_step = trouble.message.text in NAMES_ITS_STEP
        step = None if has_step else make_message(findings.SIGNATURE_STEP, bundle="trust_services")
        return DoctorFinding(Check.SIGNATURE, Level.FAIL, trouble.message, kept.service, step, ExitCode.AGAIN)
    return passed(Check.SIGNATURE, make_message(findings.SIGNATURE_GOOD, bundle="trust_services"), kept.service)
