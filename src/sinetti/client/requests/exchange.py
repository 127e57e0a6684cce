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
from sinetti.client.messages.messages import Message, say
from sinetti.client.refusal_policy import Verdict
from sinetti.client.requests import soap_client
from sinetti.client.requests.transport import Trouble, TroubleKind
from sinetti.client.results import ExitCode, Outcome, Result
from sinetti.client.store import files, generations, journal, key_storage, keys
from sinetti.client.store import settings as store_settings
from sinetti.client.store.journal import Journal, Kind, State
from sinetti.client.store.settings import Settings
from sinetti.domain.codes import reason_of
from sinetti.domain.refusals import Reason
from sinetti.domain.requests import GetAsk
from sinetti.domain.values import Language, Serial
from sinetti.pki import chain, encoding
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, Response

SILENT_FOR = 2.0
"""Seconds without an answer after which that is told."""


@dataclass(frozen=True, slots=True)
class Run:
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
class Errand:
    """One name that something is done for."""

    run: Run
    name: str
    settings: Settings
    kind: Kind

    @property
    def folder(self) -> Path:
        """Where the name's files are."""
        return self.run.store / self.name

    @property
    def service(self) -> soap_client.Service:
        """The service that this name's settings point at."""
        return soap_client.service_of(self.settings, self.run.language, self.run.moment)

    def ended(self, result: Result, exit_code: ExitCode, *told: Message, codes: tuple[str, ...] = ()) -> Outcome:
        """Make the outcome for this name."""
        return Outcome(self.name, result, exit_code, told, codes)


def send(errand: Errand, held: Journal, operation: Operation, message: bytes) -> Journal | Outcome:
    """Send a request once and write down what became of it: the accepted journal, or how the run ends."""
    leaving = journal.leave(held)
    errand.run.step("request-leaves")
    try:
        with _noticed(errand):
            response = soap_client.ask(errand.service, operation, message)
    except Trouble as trouble:
        return replace(_not_answered(errand, held, leaving, trouble), retry_after=trouble.retry_after)
    errand.run.step("answered")
    if response.status_ok and response.retrieval_id:
        # An id that is given once more for the same request is ours, whatever was said of it: _fetch sees the codes.
        codes = held.codes if response.retrieval_id == held.retrieval_id else ()
        accepted = journal.move(leaving, State.ACCEPTED, retrieval_id=response.retrieval_id, codes=codes)
        errand.run.step("accepted")
        return accepted
    return _refused(errand, leaving, response)


def collect(errand: Errand, held: Journal) -> Outcome:
    """Fetch the certificate of a retrieval id, waiting for it, and put it in place."""
    if held.state is State.COLLECTED:
        return _put_in_place(errand, held)
    started, attempt = errand.run.ticks(), 0
    while True:
        got = _fetch(errand, held)
        if isinstance(got, bytes):
            return _take(errand, held, got)
        if got.exit_code is not ExitCode.AGAIN or got.result is Result.FAILED:
            return _doubted(errand, held, got)
        rest = renewal_window.pause(attempt, errand.run.ticks() - started, errand.run.wait, got.retry_after)
        if rest is None:
            return _doubted(errand, held, _still_waiting(errand, got))
        seconds = round(rest)
        errand.run.tell(say(messages.WAITING_ONE) if seconds == 1 else say(messages.WAITING, seconds=seconds))
        errand.run.sleep(rest)
        attempt += 1


def said(response: Response) -> tuple[Message, ...]:
    """Give the service's own words, code first."""
    return tuple(
        say(messages.SERVICE_SAID, code=messages.plain(error.code), text=messages.plain(error.message))
        for error in response.errors
    )


@contextmanager
def _noticed(errand: Errand) -> Iterator[None]:
    """Tell the person once that an answer takes its time."""
    timer = Timer(SILENT_FOR, errand.run.tell, (say(messages.NO_ANSWER_YET),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _not_answered(errand: Errand, held: Journal, leaving: Journal, trouble: Trouble) -> Outcome:
    match trouble.kind:
        case TroubleKind.NOT_REACHED:
            journal.move(held, held.state, codes=held.codes)
            again = messages.CORRECT_NOTHING_DONE if trouble.in_vain else messages.RUN_AGAIN_NOTHING_SENT
            return errand.ended(Result.FAILED, ExitCode.AGAIN, trouble.message, say(again))
        case TroubleKind.LOST:
            journal.move(leaving, State.UNCERTAIN)
            return errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, trouble.message, say(messages.RUN_AGAIN_SAME_KEY))
        case TroubleKind.NOT_TRUSTED | TroubleKind.NOT_SERVED:
            journal.move(leaving, State.UNCERTAIN)
            again = messages.CORRECT_SAME_KEY if trouble.in_vain else messages.RUN_AGAIN_SAME_KEY
            return errand.ended(Result.FAILED, ExitCode.AGAIN, trouble.message, say(again))
        case never:
            assert_never(never)


def _refused(errand: Errand, leaving: Journal, response: Response) -> Outcome:
    codes, told = _codes(response), said(response)
    if Reason.SIGNER_REVOKED in map(reason_of, codes) and leaving.signer is not None:
        known = generations.notes(errand.folder)
        generations.remember(errand.folder, replace(known, revoked=leaving.signer))
    match refusal_policy.of_request(codes, doubt=leaving.doubt):
        case Verdict.LATER:
            journal.move(leaving, State.POSTPONED, codes=codes, doubt=refusal_policy.leaves_doubt(codes))
            return errand.ended(Result.PENDING, ExitCode.AGAIN, *told, say(messages.RUN_AGAIN_SAME_KEY), codes=codes)
        case Verdict.REFUSED:
            journal.move(leaving, State.REFUSED, codes=codes)
        case Verdict.REFUSED_FOR_GOOD:
            # An answer does not say to which request it belongs: the key of one that left is never thrown away.
            journal.abandon(journal.move(leaving, State.REFUSED, codes=codes))
        case Verdict.UNCERTAIN:
            unsure = journal.move(leaving, State.UNCERTAIN, codes=codes, retrieval_id=response.retrieval_id)
            return _uncertain(errand, unsure, told)
        case never:
            assert_never(never)
    return errand.ended(Result.REFUSED, ExitCode.REFUSED, *told, *_what_else(errand, codes), codes=codes)


def _what_else(errand: Errand, codes: tuple[str, ...]) -> tuple[Message, ...]:
    """Add to a refusal what only the client knows: that no request with this key was done, how a type is chosen."""
    reasons_given = set(map(reason_of, codes))
    if Reason.TRANSFER_IDS_USED in reasons_given:
        return (say(messages.KEY_LOST),)
    if Reason.KEY_NOT_ACCEPTED not in reasons_given:
        return ()
    if errand.kind is Kind.ENROL:
        return (say(messages.OTHER_KEY),)
    return (say(messages.OTHER_KEY_KEPT, path=str(errand.folder / store_settings.FILE)),)


def _uncertain(errand: Errand, unsure: Journal, told: tuple[Message, ...]) -> Outcome:
    """End with the service's words; but where it gave a retrieval id along with its "no", the certificate decides."""
    if unsure.retrieval_id is not None:
        for message in told:
            errand.run.tell(message)
        return collect(errand, unsure)
    told = (*told, say(messages.MAY_BE_SPENT))
    return errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *told, codes=unsure.codes)


def _doubted(errand: Errand, held: Journal, got: Outcome) -> Outcome:
    """Say that it is uncertain where a fetch failed whose request was never accepted."""
    if held.state not in journal.OPEN_QUESTION:
        return got
    told, codes = (*got.messages, say(messages.MAY_BE_SPENT)), held.codes + got.codes
    unsure = errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *told, codes=codes)
    return replace(unsure, retry_after=got.retry_after)


def _fetch(errand: Errand, held: Journal) -> bytes | Outcome:
    kept = errand.settings
    ask = GetAsk(kept.environment, kept.customer_id, kept.customer_name, held.retrieval_id or "")
    try:
        with _noticed(errand):
            response = soap_client.ask(errand.service, Operation.GET, operations.render_get(ask))
    except Trouble as trouble:
        again = Result.FAILED if trouble.kind is TroubleKind.NOT_TRUSTED else Result.PENDING
        failed = errand.ended(again, ExitCode.AGAIN, trouble.message, say(messages.RUN_AGAIN_TO_FETCH))
        return replace(failed, retry_after=trouble.retry_after)
    if response.status_ok and response.certificate is not None:
        return response.certificate
    codes, told = _codes(response), said(response)
    if refusal_policy.of_fetch(codes) is Verdict.REFUSED_FOR_GOOD:
        if held.state is State.ACCEPTED and Reason.RETRIEVAL_ID_UNKNOWN in map(reason_of, codes) and not held.codes:
            return _not_our_id(errand, held, told, codes)
        if held.state is State.ACCEPTED:
            journal.abandon(held)
        return errand.ended(Result.REFUSED, ExitCode.REFUSED, *told, codes=codes)
    return errand.ended(Result.PENDING, ExitCode.AGAIN, *told, codes=codes)


def _still_waiting(errand: Errand, last: Outcome) -> Outcome:
    told = (*last.messages, say(messages.NOT_READY_IN_TIME))
    if last.codes and refusal_policy.of_fetch(last.codes) is Verdict.UNCERTAIN:
        return errand.ended(Result.UNCERTAIN, ExitCode.UNCERTAIN, *told, codes=last.codes)
    return replace(last, messages=told)


def _take(errand: Errand, held: Journal, octets: bytes) -> Outcome:
    try:
        certificate = encoding.load_certificate(octets)
    except ValueError as bad:
        return _not_taken(errand, say(messages.CERTIFICATE_UNREADABLE, why=error_reasons.of(bad)))
    if not keys.is_for(certificate, held.key_id):
        return _not_ours(errand, held)
    anchors = chain.load_bundle(errand.settings.trust_holders.encode())
    wrong = generations.misfit(certificate, errand.settings.customer_id, anchors, errand.run.moment)
    if wrong is not None:
        return _not_taken(errand, wrong)
    collected = journal.keep_certificate(held, encoding.certificate_der(certificate))
    errand.run.step("collected")
    return _put_in_place(errand, collected)


def _not_our_id(errand: Errand, held: Journal, told: tuple[Message, ...], codes: tuple[str, ...]) -> Outcome:
    """The retrieval id is no one's of this customer, as one is that came with an answer to another request: ask again.

    The key is kept for that: another one would be a second certificate, with the first one lying unfetched.
    """
    journal.move(held, State.UNCERTAIN, codes=codes)
    again = say(messages.ID_MAY_BE_ANOTHERS, command=errand.kind.value)
    return errand.ended(Result.FAILED, ExitCode.AGAIN, *told, again, codes=codes)


def _not_ours(errand: Errand, held: Journal) -> Outcome:
    """The retrieval id came with an answer to somebody else's request, or to an earlier one: ask ours again."""
    if held.state is State.ACCEPTED:
        journal.move(held, State.UNCERTAIN)
    again = say(messages.SENDS_AGAIN, command=errand.kind.value)
    return errand.ended(Result.FAILED, ExitCode.AGAIN, say(messages.NOT_OUR_KEY), again)


def _not_taken(errand: Errand, why: Message) -> Outcome:
    way_out = say(messages.CERTIFICATE_NOT_TAKEN)
    if why.text == messages.NOT_OUR_ISSUER:
        kept = errand.folder / store_settings.FILE
        way_out = {
            Kind.ENROL: say(messages.OTHER_TRUST),
            Kind.RENEW: say(messages.OTHER_TRUST_KEPT, path=str(kept)),
        }[errand.kind]
    return errand.ended(Result.FAILED, ExitCode.AGAIN, why, way_out)


def _put_in_place(errand: Errand, held: Journal) -> Outcome:
    path = held.folder / journal.CERTIFICATE
    try:
        certificate = encoding.load_certificate(files.read(path))
    except ValueError as bad:
        raise files.damaged(path, bad) from bad
    bundle = chain.load_bundle(errand.settings.trust_holders.encode())
    key = files.read(key_storage.path_of(held.folder))
    serial = generations.install(errand.folder, key, certificate, bundle, errand.settings.files)
    errand.run.step("in-place")
    _note(errand, held, serial)
    journal.close(held)
    until = certificate.not_valid_after_utc
    done, word = {
        Kind.ENROL: (Result.ENROLLED, messages.ENROLLED),
        Kind.RENEW: (Result.RENEWED, messages.RENEWED),
    }[errand.kind]
    live = str(errand.folder / files.LIVE)
    told = say(word, name=errand.name, serial=serial, until=until, folder=live)
    return errand.ended(
        done,
        ExitCode.DONE,
        told,
        say(messages.RENEW_FROM, at=renewal_window.renew_from(generations.span_of(certificate))),
    )


def _note(errand: Errand, held: Journal, serial: Serial) -> None:
    known = generations.notes(errand.folder)
    if errand.kind is Kind.ENROL:
        store_settings.store(errand.folder, errand.settings)
        known = replace(known, transfer=held.transfer, serial=serial)
    generations.remember(errand.folder, known)


def _codes(response: Response) -> tuple[str, ...]:
    return tuple(messages.plain(error.code) for error in response.errors)
