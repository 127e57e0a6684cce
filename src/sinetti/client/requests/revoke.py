"""Revocation of a certificate with its own key: POST /api/v1/revocations.

The request goes to the service that issued the certificate. The answer is not signed, and only TLS authenticates it.
It is recorded all the same, since it can only mean that the certificate is no longer usable. A repeated request gets
the same answer.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sinetti.client import service_address
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.requests import transport
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind, ServiceRequest, ServiceResponse
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.service_address import ServiceUrl
from sinetti.client.store import event_log, files, generations
from sinetti.client.store import settings as store_settings
from sinetti.client.store.event_log import EventType
from sinetti.client.store.generations import InstalledKeySet
from sinetti.client.store.settings import NameSettings
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.values import Language, Serial
from sinetti.i18n.translate import gettext_noop
from sinetti.wire.http_signatures import certificate_keys
from sinetti.wire.json_api import revocations

REASONS = tuple(reason for reason in RevocationReason if may_use_reason(RevokerRole.HOLDER, reason))
"""Reasons that a holder may give."""

WHAT_STOPS = gettext_noop(
    "{name}: certificate {serial} of {customer_id} will be revoked permanently in {environment} at "
    "{service}. After that, every service refuses it, also on other computers, and it can no longer be "
    "renewed. To continue, order a replacement."
)
RENEWALS_TOO = gettext_noop(
    "With keyCompromise, the certificates renewed from it are revoked too, because anyone with the key "
    "could have renewed it."
)
REVOKED = gettext_noop(
    "{name}: certificate {serial} was revoked on {at}. Order a replacement, then run “sinetti enrol {name}”."
)
REVOKED_BEFORE = gettext_noop("{name}: certificate {serial} is already revoked. Nothing was sent.")
REVOKED_OTHERWISE = gettext_noop(
    "{name}: certificate {serial} was revoked earlier for another reason. It stays revoked."
)
NO_SUCH_DOOR = gettext_noop(
    "This service does not accept revocations from programs. Revoke the certificate at any time in the "
    "e-service (Settings > Technical interface and certificates). You can also ask the service's support "
    "to revoke certificate {serial} of {customer_id}."
)
NOT_REVOKED = gettext_noop("Nothing was revoked.")
MAY_BE_REVOKED = gettext_noop("Run the same command again. If the certificate is already revoked, the service says so.")
ANSWER_OF_NO_USE = gettext_noop("The service's answer is not an answer to a revocation (HTTP status {status}).")

_OK, _NOT_FOUND, _NOT_ALLOWED, _CONFLICT, _NOT_IMPLEMENTED = 200, 404, 405, 409, 501
_NO_DOOR = frozenset({_NOT_FOUND, _NOT_ALLOWED, 410, _NOT_IMPLEMENTED})
_REFUSING = range(400, 500)
_PROBLEM = "application/problem+json"
_ALREADY = "already"
_LONGEST = 1000


class RevocationResult(StrEnum):
    """Result of a revocation; the values stand in JSON."""

    REVOKED = "revoked"
    REVOKED_BEFORE = "revoked-before"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class RevocationOutcome:
    """Outcome of a revocation.

    `reason` is the service's word for a refusal. `revoked_at` is in UTC, None if the service did not state it.
    """

    result: RevocationResult
    exit_code: ExitCode
    serial: Serial
    messages: tuple[Message, ...]
    revoked_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _RevocationTask:
    run: ClientContext
    name: str
    settings: NameSettings
    held: InstalledKeySet
    reason: RevocationReason


def describe_impact(ctx: ClientContext, name: str, reason: RevocationReason) -> tuple[Message, ...]:
    """Return messages about the effects of a revocation.

    Raises UsageError if there is nothing to revoke, StoreDamaged.
    """
    errand = _errand(ctx, name, reason)
    kept = errand.settings
    message = make_message(
        WHAT_STOPS,
        name=name,
        serial=errand.held.serial,
        customer_id=kept.customer_id,
        environment=kept.environment.value,
        service=kept.service,
    )
    return (message, make_message(RENEWALS_TOO)) if reason is RevocationReason.KEY_COMPROMISE else (message,)


def revoke(ctx: ClientContext, name: str, reason: RevocationReason, created: datetime) -> RevocationOutcome:
    """Revoke the certificate in use at the service.

    `created`: the true time, which goes into the signature. Raises UsageError if there is nothing to revoke,
    StoreError, OSError.
    """
    with files.locked(_folder(ctx, name)):
        errand = _errand(ctx, name, reason)
        if _is_known(errand):
            message = make_message(REVOKED_BEFORE, name=name, serial=errand.held.serial)
            return RevocationOutcome(RevocationResult.REVOKED_BEFORE, ExitCode.DONE, errand.held.serial, (message,))
        try:
            answer = transport.send_request(_outgoing(errand, created))
        except ServiceError as trouble:
            again = MAY_BE_REVOKED
            if trouble.kind is ServiceErrorKind.NOT_REACHED:
                again = messages.CORRECT_NOTHING_DONE if trouble.is_permanent else messages.RUN_AGAIN_NOTHING_SENT
            outcome_messages = (trouble.message, make_message(again))
            return RevocationOutcome(RevocationResult.FAILED, ExitCode.AGAIN, errand.held.serial, outcome_messages)
        return _judged(errand, answer)


def is_revoked(ctx: ClientContext, name: str) -> bool:
    """Return whether the certificate in use is known to be revoked.

    Raises as `describe_impact` does.
    """
    return _is_known(_errand(ctx, name, RevocationReason.UNSPECIFIED))


def _is_known(errand: _RevocationTask) -> bool:
    return generations.notes(errand.run.store / errand.name).revoked == errand.held.serial


def _folder(ctx: ClientContext, name: str) -> Path:
    folder = ctx.store / name
    if not files.is_name(name) or not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(ctx.store))
    return folder


def _errand(ctx: ClientContext, name: str, reason: RevocationReason) -> _RevocationTask:
    folder = _folder(ctx, name)
    held = generations.current(folder)
    if held is None:
        raise UsageError(messages.NOT_ENROLLED, name=name)
    return _RevocationTask(ctx, name, store_settings.load(folder), held, reason)


def _outgoing(errand: _RevocationTask, created: datetime) -> ServiceRequest:
    there = service_address.parse_service_url(errand.settings.service)
    address = ServiceUrl(there.secure, there.host, there.port, revocations.PATH)
    signer = certificate_keys.certificate_signer(errand.held.key)
    call = revocations.sign_revocation(errand.held.certificate, errand.reason, signer, created)
    return ServiceRequest(address, call.headers, call.body, errand.run.language, errand.settings.tls_ca)


def _judged(errand: _RevocationTask, answer: ServiceResponse) -> RevocationOutcome:
    serial = errand.held.serial
    if answer.status == _OK:
        return _done(errand, answer)
    problem = _problem(answer)
    word = _text(problem.get("reason"))
    if answer.status == _CONFLICT and word == _ALREADY:
        _remember(errand)
        message = make_message(REVOKED_OTHERWISE, name=errand.name, serial=serial)
        return RevocationOutcome(RevocationResult.REVOKED_BEFORE, ExitCode.DONE, serial, (message,), None, word)
    if answer.status in _NO_DOOR and not word:
        message = make_message(NO_SUCH_DOOR, serial=serial, customer_id=errand.settings.customer_id)
        return RevocationOutcome(
            RevocationResult.REFUSED, ExitCode.REFUSED, serial, (message, make_message(NOT_REVOKED))
        )
    if answer.status in _REFUSING and word:
        service_message = make_message(messages.SERVICE_SAID, code=word, text=_words(problem, errand.run.language))
        return RevocationOutcome(
            RevocationResult.REFUSED, ExitCode.REFUSED, serial, (service_message, make_message(NOT_REVOKED)), None, word
        )
    return _no_answer(errand, answer)


def _done(errand: _RevocationTask, answer: ServiceResponse) -> RevocationOutcome:
    try:
        revoked = revocations.parse_revoked(answer.body)
    except revocations.InvalidRevocation:
        return _no_answer(errand, answer)
    if revoked.serial != errand.held.serial:
        return _no_answer(errand, answer)
    _remember(errand)
    message = make_message(REVOKED, name=errand.name, serial=revoked.serial, at=revoked.revoked_at)
    return RevocationOutcome(RevocationResult.REVOKED, ExitCode.DONE, revoked.serial, (message,), revoked.revoked_at)


def _no_answer(errand: _RevocationTask, answer: ServiceResponse) -> RevocationOutcome:
    outcome_messages = (make_message(ANSWER_OF_NO_USE, status=answer.status), make_message(MAY_BE_REVOKED))
    return RevocationOutcome(RevocationResult.FAILED, ExitCode.AGAIN, errand.held.serial, outcome_messages)


def _remember(errand: _RevocationTask) -> None:
    folder, serial = errand.run.store / errand.name, errand.held.serial
    generations.remember(folder, replace(generations.notes(folder), revoked=serial))
    event_log.append(folder, errand.run.now, EventType.REVOKED, serial=serial, reason=errand.reason.value)


def _problem(answer: ServiceResponse) -> dict[str, object]:
    """Read a problem document (RFC 9457); empty for anything else."""
    if answer.content_type != _PROBLEM or len(answer.body) > transport.LIMIT:
        return {}
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _words(problem: dict[str, object], language: Language) -> str:
    texts = problem.get("text")
    known = _text(texts.get(language.value)) if isinstance(texts, dict) else ""
    return known or _text(problem.get("detail")) or "–"


def _text(value: object) -> str:
    return messages.strip_control_chars(value)[:_LONGEST] if isinstance(value, str) else ""
