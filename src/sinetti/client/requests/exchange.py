"""One request and its retrieval, with the journal written before each step.

Enrolment and renewal share this module. Steps, as the kill points name them: `request-leaves`, `answered`, `accepted`,
`collected`, `in-place`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Timer
from typing import assert_never

from sinetti.client import renewal_window, results
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.requests import soap_client
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind
from sinetti.client.results import CommandResult, ExitCode, NextStep, Result
from sinetti.client.store import files, generations, journal, key_storage
from sinetti.client.store import settings as store_settings
from sinetti.client.store.journal import RequestJournal, RequestKind, RequestState
from sinetti.client.store.settings import NameSettings
from sinetti.domain.refusals import RejectionReason, reason_for_code
from sinetti.domain.requests import RetrieveRequest
from sinetti.domain.values import Language
from sinetti.pki import chain, encoding
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapResponse

SILENT_FOR = 2.0
"""Seconds without an answer after which the user is informed."""


@dataclass(frozen=True)
class ClientContext:
    """Dependencies of one run of the client.

    `wait` is in seconds; `sleep` and `ticks` belong together. `now` is the begin of the run and decides what is due.
    `clock` returns the current time; None: `now`.
    """

    store: Path
    now: datetime
    language: Language
    tell: Callable[[Message], None]
    sleep: Callable[[float], None]
    ticks: Callable[[], float]
    wait: float = 300.0
    step: Callable[[str], None] = lambda _name: None
    clock: Callable[[], datetime] | None = None

    @property
    def now_exact(self) -> datetime:
        """The instant (UTC) at which answers are judged.

        A run over hundreds of names takes longer than clocks may differ.
        """
        return self.now if self.clock is None else self.clock()


@dataclass(frozen=True)
class NameTask:
    """Task for one name: its settings and the kind of request."""

    run: ClientContext
    name: str
    settings: NameSettings
    kind: RequestKind

    @property
    def folder(self) -> Path:
        """Folder of the name's files."""
        return self.run.store / self.name

    @property
    def service(self) -> soap_client.SoapService:
        """The service that this name's settings point at."""
        return soap_client.service_of(self.settings, self.run.language, self.run.now_exact)

    def ended(
        self, result: Result, exit_code: ExitCode, *outcome_messages: Message, codes: tuple[str, ...] = ()
    ) -> CommandResult:
        """Make the outcome for this name."""
        return CommandResult(self.name, result, exit_code, outcome_messages, codes)


def send(task: NameTask, held: RequestJournal, operation: Operation, message: bytes) -> RequestJournal | CommandResult:
    """Send a request once and record the outcome.

    Return the journal of the accepted request, or the result with which the run ends.
    """
    leaving = journal.mark_sent(held)
    task.run.step("request-leaves")
    try:
        with _noticed(task):
            response = soap_client.call(task.service, operation, message)
    except ServiceError as trouble:
        return replace(_not_answered(task, held, leaving, trouble), retry_after=trouble.retry_after)
    task.run.step("answered")
    if response.status_ok and response.retrieval_id:
        # A repeated ID for the same request belongs to it, with any error code: _fetch sees the codes.
        codes = held.codes if response.retrieval_id == held.retrieval_id else ()
        accepted = journal.advance(leaving, RequestState.ACCEPTED, retrieval_id=response.retrieval_id, codes=codes)
        task.run.step("accepted")
        return accepted
    return _refused(task, leaving, response)


def collect(task: NameTask, held: RequestJournal) -> CommandResult:
    """Retrieve the certificate of a retrieval ID, waiting for it, and install it."""
    if held.state is RequestState.COLLECTED:
        return _put_in_place(task, held)
    started, attempt = task.run.ticks(), 0
    while True:
        got = _fetch(task, held)
        if isinstance(got, bytes):
            return _take(task, held, got)
        if got.exit_code is not ExitCode.AGAIN or got.result is Result.FAILED:
            return _doubted(task, held, got)
        rest = renewal_window.retry_delay(attempt, task.run.ticks() - started, task.run.wait, got.retry_after)
        if rest is None:
            return _doubted(task, held, _still_waiting(task, got))
        seconds = round(rest)
        task.run.tell(
            make_message(messages.WAITING_ONE) if seconds == 1 else make_message(messages.WAITING, seconds=seconds)
        )
        task.run.sleep(rest)
        attempt += 1


def service_message(response: SoapResponse) -> tuple[Message, ...]:
    """Return the service's own words, code first."""
    return tuple(
        make_message(
            messages.SERVICE_SAID,
            code=messages.strip_control_chars(error.code),
            text=messages.strip_control_chars(error.message),
        )
        for error in response.errors
    )


@contextmanager
def _noticed(task: NameTask) -> Iterator[None]:
    """Inform the user once if an answer takes long."""
    timer = Timer(SILENT_FOR, task.run.tell, (make_message(messages.NO_ANSWER_YET),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _not_answered(
    task: NameTask, held: RequestJournal, leaving: RequestJournal, trouble: ServiceError
) -> CommandResult:
    match trouble.kind:
        case ServiceErrorKind.NOT_REACHED:
            journal.advance(held, held.state, codes=held.codes)
            again = messages.CORRECT_NOTHING_DONE if trouble.is_permanent else messages.RUN_AGAIN_NOTHING_SENT
            return task.ended(Result.FAILED, ExitCode.AGAIN, trouble.message, make_message(again))
        case ServiceErrorKind.LOST:
            journal.advance(leaving, RequestState.UNCERTAIN)
            return task.ended(
                Result.UNCERTAIN, ExitCode.UNCERTAIN, trouble.message, make_message(messages.RUN_AGAIN_SAME_KEY)
            )
        case ServiceErrorKind.NOT_TRUSTED | ServiceErrorKind.NOT_SERVED:
            journal.advance(leaving, RequestState.UNCERTAIN)
            again = messages.CORRECT_SAME_KEY if trouble.is_permanent else messages.RUN_AGAIN_SAME_KEY
            return task.ended(Result.FAILED, ExitCode.AGAIN, trouble.message, make_message(again))
        case never:
            assert_never(never)


def _refused(task: NameTask, leaving: RequestJournal, response: SoapResponse) -> CommandResult:
    codes, service_messages = _codes(response), service_message(response)
    if RejectionReason.SIGNER_REVOKED in map(reason_for_code, codes) and leaving.signer is not None:
        known = generations.notes(task.folder)
        generations.remember(task.folder, replace(known, revoked=leaving.signer))
    match results.after_request(codes, doubt=leaving.doubt):
        case NextStep.LATER:
            journal.advance(leaving, RequestState.POSTPONED, codes=codes, doubt=results.may_have_been_processed(codes))
            return task.ended(
                Result.PENDING,
                ExitCode.AGAIN,
                *service_messages,
                make_message(messages.RUN_AGAIN_SAME_KEY),
                codes=codes,
            )
        case NextStep.REFUSED:
            journal.advance(leaving, RequestState.REFUSED, codes=codes)
        case NextStep.REFUSED_FOR_GOOD:
            # An answer does not name its request, so the key of a request that left is never deleted.
            journal.set_aside(journal.advance(leaving, RequestState.REFUSED, codes=codes))
        case NextStep.UNCERTAIN:
            unsure = journal.advance(leaving, RequestState.UNCERTAIN, codes=codes, retrieval_id=response.retrieval_id)
            return _uncertain(task, unsure, service_messages)
        case never:
            assert_never(never)
    return task.ended(Result.REFUSED, ExitCode.REFUSED, *service_messages, *_what_else(task, codes), codes=codes)


def _what_else(task: NameTask, codes: tuple[str, ...]) -> tuple[Message, ...]:
    """Add to a refusal what only the client knows.

    That is: no request with this key was processed, or how to choose another key type.
    """
    reasons_given = set(map(reason_for_code, codes))
    if RejectionReason.TRANSFER_IDS_USED in reasons_given:
        return (make_message(messages.KEY_LOST),)
    if RejectionReason.KEY_NOT_ACCEPTED not in reasons_given:
        return ()
    if task.kind is RequestKind.ENROL:
        return (make_message(messages.OTHER_KEY),)
    return (make_message(messages.OTHER_KEY_KEPT, path=str(task.folder / store_settings.FILE)),)


def _uncertain(task: NameTask, unsure: RequestJournal, reported: tuple[Message, ...]) -> CommandResult:
    """End with the service's words, unless it sent a retrieval ID with its refusal.

    With a retrieval ID, the certificate decides.
    """
    if unsure.retrieval_id is not None:
        for message in reported:
            task.run.tell(message)
        return collect(task, unsure)
    reported = (*reported, make_message(messages.MAY_BE_SPENT))
    return task.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *reported, codes=unsure.codes)


def _doubted(task: NameTask, held: RequestJournal, got: CommandResult) -> CommandResult:
    """Return the result as uncertain if the request was never accepted.

    The retrieval of such a request has failed.
    """
    if held.state not in journal.OPEN_QUESTION:
        return got
    outcome_messages, codes = (*got.messages, make_message(messages.MAY_BE_SPENT)), held.codes + got.codes
    unsure = task.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *outcome_messages, codes=codes)
    return replace(unsure, retry_after=got.retry_after)


def _fetch(task: NameTask, held: RequestJournal) -> bytes | CommandResult:
    kept = task.settings
    ask = RetrieveRequest(kept.environment, kept.customer_id, kept.customer_name, held.retrieval_id or "")
    try:
        with _noticed(task):
            response = soap_client.call(task.service, Operation.GET, operations.render_get(ask))
    except ServiceError as trouble:
        again = Result.FAILED if trouble.kind is ServiceErrorKind.NOT_TRUSTED else Result.PENDING
        way_out = messages.CORRECT_TO_FETCH if trouble.is_permanent else messages.RUN_AGAIN_TO_FETCH
        failed = task.ended(again, ExitCode.AGAIN, trouble.message, make_message(way_out))
        return replace(failed, retry_after=trouble.retry_after)
    if response.status_ok and response.certificate is not None:
        return response.certificate
    codes, service_messages = _codes(response), service_message(response)
    if results.after_retrieval(codes) is NextStep.REFUSED_FOR_GOOD:
        if (
            held.state is RequestState.ACCEPTED
            and RejectionReason.RETRIEVAL_ID_UNKNOWN in map(reason_for_code, codes)
            and not held.codes
        ):
            return _not_our_id(task, held, service_messages, codes)
        if held.state is RequestState.ACCEPTED:
            journal.set_aside(held)
        return task.ended(Result.REFUSED, ExitCode.REFUSED, *service_messages, codes=codes)
    return task.ended(Result.PENDING, ExitCode.AGAIN, *service_messages, codes=codes)


def _still_waiting(task: NameTask, last: CommandResult) -> CommandResult:
    outcome_messages = (*last.messages, make_message(messages.NOT_READY_IN_TIME))
    if last.codes and results.after_retrieval(last.codes) is NextStep.UNCERTAIN:
        return task.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *outcome_messages, codes=last.codes)
    return replace(last, messages=outcome_messages)


def _take(task: NameTask, held: RequestJournal, octets: bytes) -> CommandResult:
    try:
        certificate = encoding.load_certificate(octets)
    except ValueError as bad:
        return _not_taken(task, make_message(messages.CERTIFICATE_UNREADABLE, why=error_reasons.translate_reason(bad)))
    if not key_storage.is_for(certificate, held.key_id):
        return _not_ours(task, held)
    anchors = chain.load_bundle(task.settings.trust_holders.encode())
    wrong = generations.reason_not_installable(certificate, task.settings.customer_id, anchors, task.run.now_exact)
    if wrong is not None:
        return _not_taken(task, wrong)
    collected = journal.keep_certificate(held, encoding.certificate_der(certificate))
    task.run.step("collected")
    return _put_in_place(task, collected)


def _not_our_id(
    task: NameTask, held: RequestJournal, service_messages: tuple[Message, ...], codes: tuple[str, ...]
) -> CommandResult:
    """Return the result for a retrieval ID that is unknown for this customer.

    Such an ID comes with an answer to another request, so the same request has to be sent again. The key is kept for
    that: another key would lead to a second certificate, and the first would never be retrieved.
    """
    journal.advance(held, RequestState.UNCERTAIN, codes=codes)
    again = make_message(messages.ID_MAY_BE_ANOTHERS, command=task.kind.value)
    return task.ended(Result.FAILED, ExitCode.AGAIN, *service_messages, again, codes=codes)


def _not_ours(task: NameTask, held: RequestJournal) -> CommandResult:
    """Return the result for a certificate with another key.

    The retrieval ID came with an answer to another client's request or to an earlier one. The same request has to be
    sent again.
    """
    if held.state is RequestState.ACCEPTED:
        journal.advance(held, RequestState.UNCERTAIN)
    again = make_message(messages.SENDS_AGAIN, command=task.kind.value)
    return task.ended(Result.FAILED, ExitCode.AGAIN, make_message(messages.NOT_OUR_KEY), again)


def _not_taken(task: NameTask, why: Message) -> CommandResult:
    way_out = make_message(messages.CERTIFICATE_NOT_TAKEN)
    if why.text == messages.NOT_OUR_ISSUER:
        kept = task.folder / store_settings.FILE
        way_out = {
            RequestKind.ENROL: make_message(messages.OTHER_TRUST),
            RequestKind.RENEW: make_message(messages.OTHER_TRUST_KEPT, path=str(kept)),
        }[task.kind]
    return task.ended(Result.FAILED, ExitCode.AGAIN, why, way_out)


def _put_in_place(task: NameTask, held: RequestJournal) -> CommandResult:
    path = held.folder / journal.CERTIFICATE
    try:
        certificate = encoding.load_certificate(files.read(path))
    except ValueError as bad:
        raise files.corruption_error(path, bad) from bad
    bundle = chain.load_bundle(task.settings.trust_holders.encode())
    key = files.read(key_storage.path_of(held.folder))
    serial = generations.install(task.folder, key, certificate, bundle, task.settings.files)
    task.run.step("in-place")
    known = generations.notes(task.folder)
    if task.kind is RequestKind.ENROL:
        store_settings.store(task.folder, task.settings)
        known = replace(known, transfer=held.transfer, serial=serial)
    generations.remember(task.folder, known)
    journal.close(held)
    until = certificate.not_valid_after_utc
    done, word = {
        RequestKind.ENROL: (Result.ENROLLED, messages.ENROLLED),
        RequestKind.RENEW: (Result.RENEWED, messages.RENEWED),
    }[task.kind]
    live = str(task.folder / files.LIVE)
    message = make_message(word, name=task.name, serial=serial, until=until, folder=live)
    return task.ended(
        done,
        ExitCode.DONE,
        message,
        renewal_window.opening_message(generations.span_of(certificate)),
    )


def _codes(response: SoapResponse) -> tuple[str, ...]:
    return tuple(messages.strip_control_chars(error.code) for error in response.errors)
