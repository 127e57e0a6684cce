"""One request and one fetch, with the journal kept before each step: what enrolling and renewing have in common.

Steps, as the kill points name them: `request-leaves`, `answered`, `accepted`, `collected`, `in-place`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Timer
from typing import assert_never

from sinetti.client import refusal_policy, renewal_window
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.refusal_policy import NextStep
from sinetti.client.requests import soap_client
from sinetti.client.requests.transport import ServiceError, ServiceErrorKind
from sinetti.client.results import CommandResult, ExitCode, Result
from sinetti.client.store import files, generations, journal, key_storage, keys
from sinetti.client.store import settings as store_settings
from sinetti.client.store.journal import RequestJournal, RequestKind, RequestState
from sinetti.client.store.settings import NameSettings
from sinetti.domain.codes import reason_for_code
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.requests import RetrieveRequest
from sinetti.domain.values import Language, Serial
from sinetti.pki import chain, encoding
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapResponse

SILENT_FOR = 2.0
"""Seconds without an answer after which that is told."""


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What one run of the client has from outside. `wait` is seconds; `sleep` and `ticks` belong together.

    `now` is when it began, by which it is decided what is due. `clock` tells how late it is meanwhile; None: `now`.
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
    def moment(self) -> datetime:
        """The instant (UTC) that answers are judged at: one over hundreds of names takes longer than clocks differ."""
        return self.now if self.clock is None else self.clock()


@dataclass(frozen=True, slots=True)
class NameTask:
    """One name that something is done for."""

    run: ClientContext
    name: str
    settings: NameSettings
    kind: RequestKind

    @property
    def folder(self) -> Path:
        """Where the name's files are."""
        return self.run.store / self.name

    @property
    def service(self) -> soap_client.SoapService:
        """The service that this name's settings point at."""
        return soap_client.service_of(self.settings, self.run.language, self.run.moment)

    def ended(self, result: Result, exit_code: ExitCode, *told: Message, codes: tuple[str, ...] = ()) -> CommandResult:
        """Make the outcome for this name."""
        return CommandResult(self.name, result, exit_code, told, codes)


def send(
    errand: NameTask, held: RequestJournal, operation: Operation, message: bytes
) -> RequestJournal | CommandResult:
    """Send a request once and write down what became of it: the accepted journal, or how the run ends."""
    leaving = journal.mark_sent(held)
    errand.run.step("request-leaves")
    try:
        with _noticed(errand):
            response = soap_client.call(errand.service, operation, message)
    except ServiceError as trouble:
        return replace(_not_answered(errand, held, leaving, trouble), retry_after=trouble.retry_after)
    errand.run.step("answered")
    if response.status_ok and response.retrieval_id:
        # An id that is given once more for the same request is ours, whatever was said of it: _fetch sees the codes.
        codes = held.codes if response.retrieval_id == held.retrieval_id else ()
        accepted = journal.advance(leaving, RequestState.ACCEPTED, retrieval_id=response.retrieval_id, codes=codes)
        errand.run.step("accepted")
        return accepted
    return _refused(errand, leaving, response)


def collect(errand: NameTask, held: RequestJournal) -> CommandResult:
    """Fetch the certificate of a retrieval id, waiting for it, and put it in place."""
    if held.state is RequestState.COLLECTED:
        return _put_in_place(errand, held)
    started, attempt = errand.run.ticks(), 0
    while True:
        got = _fetch(errand, held)
        if isinstance(got, bytes):
            return _take(errand, held, got)
        if got.exit_code is not ExitCode.AGAIN or got.result is Result.FAILED:
            return _doubted(errand, held, got)
        rest = renewal_window.retry_delay(attempt, errand.run.ticks() - started, errand.run.wait, got.retry_after)
        if rest is None:
            return _doubted(errand, held, _still_waiting(errand, got))
        seconds = round(rest)
        errand.run.tell(
            make_message(messages.WAITING_ONE) if seconds == 1 else make_message(messages.WAITING, seconds=seconds)
        )
        errand.run.sleep(rest)
        attempt += 1


def service_message(response: SoapResponse) -> tuple[Message, ...]:
    """Give the service's own words, code first."""
    return tuple(
        make_message(
            messages.SERVICE_SAID,
            code=messages.strip_control_chars(error.code),
            text=messages.strip_control_chars(error.message),
        )
        for error in response.errors
    )


@contextmanager
def _noticed(errand: NameTask) -> Iterator[None]:
    """Tell the person once that an answer takes its time."""
    timer = Timer(SILENT_FOR, errand.run.tell, (make_message(messages.NO_ANSWER_YET),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _not_answered(
    errand: NameTask, held: RequestJournal, leaving: RequestJournal, trouble: ServiceError
) -> CommandResult:
    match trouble.kind:
        case ServiceErrorKind.NOT_REACHED:
            journal.advance(held, held.state, codes=held.codes)
            again = messages.CORRECT_NOTHING_DONE if trouble.in_vain else messages.RUN_AGAIN_NOTHING_SENT
            return errand.ended(Result.FAILED, ExitCode.AGAIN, trouble.message, make_message(again))
        case ServiceErrorKind.LOST:
            journal.advance(leaving, RequestState.UNCERTAIN)
            return errand.ended(
                Result.UNCERTAIN, ExitCode.UNCERTAIN, trouble.message, make_message(messages.RUN_AGAIN_SAME_KEY)
            )
        case ServiceErrorKind.NOT_TRUSTED | ServiceErrorKind.NOT_SERVED:
            journal.advance(leaving, RequestState.UNCERTAIN)
            again = messages.CORRECT_SAME_KEY if trouble.in_vain else messages.RUN_AGAIN_SAME_KEY
            return errand.ended(Result.FAILED, ExitCode.AGAIN, trouble.message, make_message(again))
        case never:
            assert_never(never)


def _refused(errand: NameTask, leaving: RequestJournal, response: SoapResponse) -> CommandResult:
    codes, told = _codes(response), service_message(response)
    if RejectionReason.SIGNER_REVOKED in map(reason_for_code, codes) and leaving.signer is not None:
        known = generations.notes(errand.folder)
        generations.remember(errand.folder, replace(known, revoked=leaving.signer))
    match refusal_policy.after_request(codes, doubt=leaving.doubt):
        case NextStep.LATER:
            journal.advance(
                leaving, RequestState.POSTPONED, codes=codes, doubt=refusal_policy.may_have_been_processed(codes)
            )
            return errand.ended(
                Result.PENDING, ExitCode.AGAIN, *told, make_message(messages.RUN_AGAIN_SAME_KEY), codes=codes
            )
        case NextStep.REFUSED:
            journal.advance(leaving, RequestState.REFUSED, codes=codes)
        case NextStep.REFUSED_FOR_GOOD:
            # An answer does not say to which request it belongs: the key of one that left is never thrown away.
            journal.set_aside(journal.advance(leaving, RequestState.REFUSED, codes=codes))
        case NextStep.UNCERTAIN:
            unsure = journal.advance(leaving, RequestState.UNCERTAIN, codes=codes, retrieval_id=response.retrieval_id)
            return _uncertain(errand, unsure, told)
        case never:
            assert_never(never)
    return errand.ended(Result.REFUSED, ExitCode.REFUSED, *told, *_what_else(errand, codes), codes=codes)


def _what_else(errand: NameTask, codes: tuple[str, ...]) -> tuple[Message, ...]:
    """Add to a refusal what only the client knows: that no request with this key was done, how a type is chosen."""
    reasons_given = set(map(reason_for_code, codes))
    if RejectionReason.TRANSFER_IDS_USED in reasons_given:
        return (make_message(messages.KEY_LOST),)
    if RejectionReason.KEY_NOT_ACCEPTED not in reasons_given:
        return ()
    if errand.kind is RequestKind.ENROL:
        return (make_message(messages.OTHER_KEY),)
    return (make_message(messages.OTHER_KEY_KEPT, path=str(errand.folder / store_settings.FILE)),)


def _uncertain(errand: NameTask, unsure: RequestJournal, told: tuple[Message, ...]) -> CommandResult:
    """End with the service's words; but where it gave a retrieval id along with its "no", the certificate decides."""
    if unsure.retrieval_id is not None:
        for message in told:
            errand.run.tell(message)
        return collect(errand, unsure)
    told = (*told, make_message(messages.MAY_BE_SPENT))
    return errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *told, codes=unsure.codes)


def _doubted(errand: NameTask, held: RequestJournal, got: CommandResult) -> CommandResult:
    """Say that it is uncertain where a fetch failed whose request was never accepted."""
    if held.state not in journal.OPEN_QUESTION:
        return got
    told, codes = (*got.messages, make_message(messages.MAY_BE_SPENT)), held.codes + got.codes
    unsure = errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *told, codes=codes)
    return replace(unsure, retry_after=got.retry_after)


def _fetch(errand: NameTask, held: RequestJournal) -> bytes | CommandResult:
    kept = errand.settings
    ask = RetrieveRequest(kept.environment, kept.customer_id, kept.customer_name, held.retrieval_id or "")
    try:
        with _noticed(errand):
            response = soap_client.call(errand.service, Operation.GET, operations.render_get(ask))
    except ServiceError as trouble:
        again = Result.FAILED if trouble.kind is ServiceErrorKind.NOT_TRUSTED else Result.PENDING
        failed = errand.ended(again, ExitCode.AGAIN, trouble.message, make_message(messages.RUN_AGAIN_TO_FETCH))
        return replace(failed, retry_after=trouble.retry_after)
    if response.status_ok and response.certificate is not None:
        return response.certificate
    codes, told = _codes(response), service_message(response)
    if refusal_policy.after_retrieval(codes) is NextStep.REFUSED_FOR_GOOD:
        if (
            held.state is RequestState.ACCEPTED
            and RejectionReason.RETRIEVAL_ID_UNKNOWN in map(reason_for_code, codes)
            and not held.codes
        ):
            return _not_our_id(errand, held, told, codes)
        if held.state is RequestState.ACCEPTED:
            journal.set_aside(held)
        return errand.ended(Result.REFUSED, ExitCode.REFUSED, *told, codes=codes)
    return errand.ended(Result.PENDING, ExitCode.AGAIN, *told, codes=codes)


def _still_waiting(errand: NameTask, last: CommandResult) -> CommandResult:
    told = (*last.messages, make_message(messages.NOT_READY_IN_TIME))
    if last.codes and refusal_policy.after_retrieval(last.codes) is NextStep.UNCERTAIN:
        return errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *told, codes=last.codes)
    return replace(last, messages=told)


def _take(errand: NameTask, held: RequestJournal, octets: bytes) -> CommandResult:
    try:
        certificate = encoding.load_certificate(octets)
    except ValueError as bad:
        return _not_taken(
            errand, make_message(messages.CERTIFICATE_UNREADABLE, why=error_reasons.translate_reason(bad))
        )
    if not keys.is_for(certificate, held.key_id):
        return _not_ours(errand, held)
    anchors = chain.load_bundle(errand.settings.trust_holders.encode())
    wrong = generations.reason_not_installable(certificate, errand.settings.customer_id, anchors, errand.run.moment)
    if wrong is not None:
        return _not_taken(errand, wrong)
    collected = journal.keep_certificate(held, encoding.certificate_der(certificate))
    errand.run.step("collected")
    return _put_in_place(errand, collected)


def _not_our_id(
    errand: NameTask, held: RequestJournal, told: tuple[Message, ...], codes: tuple[str, ...]
) -> CommandResult:
    """The retrieval id is no one's of this customer, as one is that came with an answer to another request: ask again.

    The key is kept for that: another one would be a second certificate, with the first one lying unfetched.
    """
    journal.advance(held, RequestState.UNCERTAIN, codes=codes)
    again = make_message(messages.ID_MAY_BE_ANOTHERS, command=errand.kind.value)
    return errand.ended(Result.FAILED, ExitCode.AGAIN, *told, again, codes=codes)


def _not_ours(errand: NameTask, held: RequestJournal) -> CommandResult:
    """The retrieval id came with an answer to somebody else's request, or to an earlier one: ask ours again."""
    if held.state is RequestState.ACCEPTED:
        journal.advance(held, RequestState.UNCERTAIN)
    again = make_message(messages.SENDS_AGAIN, command=errand.kind.value)
    return errand.ended(Result.FAILED, ExitCode.AGAIN, make_message(messages.NOT_OUR_KEY), again)


def _not_taken(errand: NameTask, why: Message) -> CommandResult:
    way_out = make_message(messages.CERTIFICATE_NOT_TAKEN)
    if why.text == messages.NOT_OUR_ISSUER:
        kept = errand.folder / store_settings.FILE
        way_out = {
            RequestKind.ENROL: make_message(messages.OTHER_TRUST),
            RequestKind.RENEW: make_message(messages.OTHER_TRUST_KEPT, path=str(kept)),
        }[errand.kind]
    return errand.ended(Result.FAILED, ExitCode.AGAIN, why, way_out)


def _put_in_place(errand: NameTask, held: RequestJournal) -> CommandResult:
    path = held.folder / journal.CERTIFICATE
    try:
        certificate = encoding.load_certificate(files.read(path))
    except ValueError as bad:
        raise files.corruption_error(path, bad) from bad
    bundle = chain.load_bundle(errand.settings.trust_holders.encode())
    key = files.read(key_storage.path_of(held.folder))
    serial = generations.install(errand.folder, key, certificate, bundle, errand.settings.files)
    errand.run.step("in-place")
    _note(errand, held, serial)
    journal.close(held)
    until = certificate.not_valid_after_utc
    done, word = {
        RequestKind.ENROL: (Result.ENROLLED, messages.ENROLLED),
        RequestKind.RENEW: (Result.RENEWED, messages.RENEWED),
    }[errand.kind]
    live = str(errand.folder / files.LIVE)
    told = make_message(word, name=errand.name, serial=serial, until=until, folder=live)
    return errand.ended(
        done,
        ExitCode.DONE,
        told,
        make_message(messages.RENEW_FROM, at=renewal_window.renewal_opens_at(generations.span_of(certificate))),
    )


def _note(errand: NameTask, held: RequestJournal, serial: Serial) -> None:
    known = generations.notes(errand.folder)
    if errand.kind is RequestKind.ENROL:
        store_settings.store(errand.folder, errand.settings)
        known = replace(known, transfer=held.transfer, serial=serial)
    generations.remember(errand.folder, known)


def _codes(response: SoapResponse) -> tuple[str, ...]:
    return tuple(messages.strip_control_chars(error.code) for error in response.errors)
