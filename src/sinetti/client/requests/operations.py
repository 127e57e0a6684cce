"""Operations of the holder's client: enrol, retrieve, renew.

One name at a time, under its lock.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sinetti.client import renewal_window
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.renewal_window import ValidityPhase
from sinetti.client.requests import exchange
from sinetti.client.requests.exchange import ClientContext, NameTask
from sinetti.client.results import CommandResult, ExitCode, Result, UsageError
from sinetti.client.store import (
    document_signature,
    event_log,
    files,
    generations,
    journal,
    key_storage,
    output_files,
    repair,
    settings,
)
from sinetti.client.store.generations import InstalledKeySet, NameState
from sinetti.client.store.journal import RequestJournal, RequestKind, RequestState
from sinetti.client.store.settings import NameSettings
from sinetti.domain.requests import EnrolRequest, RenewRequest
from sinetti.domain.values import Environment, Serial
from sinetti.pki import csr
from sinetti.pki.encoding import PrivateKey
from sinetti.pki.signers import SignerUnavailable
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation
from sinetti.wire.soap.schema_types import SchemaViolation
from sinetti.wire.xmldsig.signature import SignatureProfile

GIVEN_BY = {
    "CustomerId": "--customer-id",
    "CustomerName": "--customer-name",
    "TransferId": "--transfer-id",
    "TransferPassword": "--transfer-password-file",
}
"""Options of `enrol` by the element of the request that they set."""


@dataclass(frozen=True)
class TransferIdCredentials:
    """Transfer ID and one-time password of an order.

    The client sends them once and never stores the password.
    """

    transfer_id: str
    password: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the TransferId, kept in the journal.

        A resumed run recognises the pair by it.
        """
        return hashlib.sha256(self.transfer_id.encode()).hexdigest()


def enrol(ctx: ClientContext, name: str, wanted: NameSettings, ids: TransferIdCredentials) -> CommandResult:
    """Use transfer IDs to get a certificate, and install it.

    Resume where an earlier run with them stopped. Raises StoreError, UsageError, OSError.
    """
    folder = _folder_for(ctx, name)
    _new_message(wanted, ids, b"values that the schema refuses are reported before a key is made")
    files.make_folder(folder)
    with files.locked(folder):
        known = generations.notes(folder)
        present, is_lost = _set_to_replace(folder, known, ids)
        if present is not None or is_lost:
            kept = _same_holder(name, folder, wanted)
            wanted = replace(wanted, files=wanted.files.encrypted_as(kept.files))
        is_theirs = present is not None and (known.transfer, known.serial) == (ids.digest, present.serial)
        if present is not None and is_theirs and not _open_with(folder, ids):
            return _done_before(name, present)
        errand, held = _open_enrolment(NameTask(ctx, name, wanted, RequestKind.ENROL), ids)
        if held.fetchable:
            earlier = _finish_earlier(errand, held, ids)
            if held.state not in journal.OPEN_QUESTION or earlier.exit_code is ExitCode.DONE:
                return earlier
        message = _new_message(wanted, ids, files.read(held.folder / journal.REQUEST))
        sent = exchange.send(errand, held, Operation.NEW, message)
        return sent if isinstance(sent, CommandResult) else exchange.collect(errand, sent)


def retrieve(ctx: ClientContext, name: str) -> CommandResult:
    """Retrieve the certificate of an accepted request; send no request.

    Raises StoreError, UsageError, OSError.
    """
    folder = _existing(ctx, name)
    with files.locked(folder):
        generations.notes(folder)  # damage is reported before a retrieval
        generations.current(folder)
        waiting: CommandResult | None = None
        for kind in RequestKind:
            held = journal.load(journal.folder_of(folder, kind))
            if held is None or held.state is RequestState.REFUSED:
                continue
            errand = _errand(ctx, name, kind)
            if held.fetchable:
                return exchange.collect(errand, held)
            waiting = _to_be_sent(name, kind, held)
        return waiting or CommandResult(
            name, Result.NOT_DUE, ExitCode.DONE, (make_message(messages.NOTHING_TO_FETCH, name=name),)
        )


def renew(
    ctx: ClientContext, name: str, *, force: bool, among_all: bool = False, only: Serial | None = None
) -> CommandResult:
    """Renew a name's certificate with a new key if it is due, or resume a renewal.

    Before `renew_from`, no service is called unless `force` is set. `among_all`: skip a name that has only an open
    enrolment, since only `enrol` can resume it. `only`: serial of the certificate to renew; if another one is in use
    meanwhile, nothing is due. Raises StoreError, UsageError, OSError.
    """
    folder = _existing(ctx, name)
    with files.locked(folder):
        generations.notes(folder)  # damage is reported before a request leaves
        present = generations.current(folder)
        if present is None:
            return _first_enrol(ctx, name, among_all=among_all)
        if only is not None and present.serial != only:
            return _not_due(name, present)
        errand = _errand(ctx, name, RequestKind.RENEW)
        held = _open_renewal(folder, present)
        if held is not None and held.fetchable:
            earlier = exchange.collect(errand, held)
            if held.state not in journal.OPEN_QUESTION or earlier.exit_code is ExitCode.DONE:
                return earlier
        asked_before = held is not None and held.state in journal.OPEN_QUESTION | journal.UNDER_WAY
        if renewal_window.phase(present.span, ctx.now) is ValidityPhase.VALID and not force and not asked_before:
            revoked = generations.notes(folder).revoked == present.serial
            return _never(name, present) if revoked else _not_due(name, present)
        if held is None:
            held = _begin_renewal(errand, present)
        sent = exchange.send(errand, held, Operation.RENEW, files.read(held.folder / journal.MESSAGE))
        return sent if isinstance(sent, CommandResult) else exchange.collect(errand, sent)


class ProgressListener(Protocol):
    """Listener to the progress over many names."""

    def begin(self, total: int) -> None:
        """Receive the number of names."""

    def advance(self, name: str) -> None:
        """Receive a name that is done."""


def run_for_all(
    ctx: ClientContext, wanted: str | None, act: Callable[[str], CommandResult], watch: ProgressListener | None = None
) -> tuple[CommandResult, ...]:
    """Run `act` for one name, or for every name of the store.

    A failure of one name does not stop the others. The outcome is written into the name's log. Raises UsageError.
    """
    if wanted is not None:
        return (_noted(ctx, _guarded(wanted, act)),)
    try:
        names = files.list_names(ctx.store)
    except (FileNotFoundError, NotADirectoryError) as bad:
        raise UsageError(messages.NO_STORE, store=str(ctx.store)) from bad
    except OSError as bad:
        raise files.StoreError(error_reasons.store_unusable(bad, ctx.store)) from bad
    if watch is not None:
        watch.begin(len(names))
    outcomes = []
    for name in names:
        outcomes.append(_noted(ctx, run_isolated(name, act)))
        if watch is not None:
            watch.advance(name)
    return tuple(outcomes)


def _noted(ctx: ClientContext, outcome: CommandResult) -> CommandResult:
    event_log.append_outcome(ctx.store / outcome.name, ctx.now_exact, outcome, ctx.language)
    return outcome


def in_production(store: Path, name: str) -> bool:
    """Return whether a name belongs to PRODUCTION.

    False if its settings cannot be read, since its damage is reported elsewhere.
    """
    try:
        return settings.load(store / name).environment is Environment.PRODUCTION
    except files.StoreError:
        return False


def run_isolated(name: str, act: Callable[[str], CommandResult]) -> CommandResult:
    """Run `act` for one name among many; turn any failure into its outcome.

    The outcome is not yet in the log.
    """
    try:
        return _guarded(name, act)
    except UsageError as nothing:  # among all names, an unsuitable one is no error
        return CommandResult(name, Result.NOT_DUE, ExitCode.DONE, (nothing.message,))
    except Exception as bad:  # noqa: BLE001 - a failure of one name, of any kind, must not stop the others
        message = make_message(messages.OUR_FAULT, why=f"{type(bad).__name__}: {bad}")
        return CommandResult(name, Result.FAILED, ExitCode.FAULT, (message,))


def _guarded(name: str, act: Callable[[str], CommandResult]) -> CommandResult:
    try:
        return act(name)
    except files.StoreError as bad:
        return CommandResult(name, Result.FAILED, ExitCode.STORE, (bad.message,))
    except SignerUnavailable as bad:
        message = make_message(messages.TOKEN_UNUSABLE, name=name, why=error_reasons.translate_reason(str(bad)))
        return CommandResult(name, Result.FAILED, ExitCode.STORE, (message,))
    except OSError as bad:
        message = error_reasons.store_unusable(bad, name)
        return CommandResult(name, Result.FAILED, ExitCode.STORE, (message,))


def _new_message(wanted: NameSettings, ids: TransferIdCredentials, request: bytes) -> bytes:
    ask = EnrolRequest(
        environment=wanted.environment,
        customer_id=wanted.customer_id,
        customer_name=wanted.customer_name,
        transfer_id=ids.transfer_id,
        transfer_password=ids.password,
        request=request,
    )
    try:
        return operations.render_new(ask)
    except SchemaViolation as bad:
        raise UsageError(messages.BAD_OPTION, option=GIVEN_BY.get(bad.element, bad.element)) from bad
    except ValueError as bad:
        raise UsageError(messages.BAD_SETTING, why=error_reasons.translate_reason(bad)) from bad


def _open_enrolment(task: NameTask, ids: TransferIdCredentials) -> tuple[NameTask, RequestJournal]:
    where = journal.folder_of(task.folder, RequestKind.ENROL)
    held = journal.load(where)
    if (
        held is not None
        and held.transfer != ids.digest
        and held.state not in {RequestState.ACCEPTED, RequestState.COLLECTED}
    ):
        _set_aside(task.run, held)
        held = None
    if held is None and (before := journal.set_aside_before(task.folder, RequestKind.ENROL, ids.digest)) is not None:
        held = journal.resume(before, RequestKind.ENROL)
    if held is not None:
        begun = settings.load(where)  # a damaged file is reported, never overwritten
        if begun.key is not task.settings.key:
            task.run.tell(make_message(messages.KEY_MADE_BEFORE, made=begun.key.value, wanted=task.settings.key.value))
        looks = task.settings.files.going_on(begun.files)
        task = replace(task, settings=replace(task.settings, key=begun.key, files=looks))
        settings.store(where, task.settings)
        return task, held
    if not files.exists(files.live_path(task.folder)):
        if files.exists(task.folder / settings.FILE):
            settings.load(task.folder)
        settings.store(task.folder, task.settings)
    key, kept_key = _new_key(task)
    request = csr.build_request(key, task.settings.customer_id, task.settings.customer_name)
    contents = {journal.REQUEST: request, settings.FILE: settings.dump(task.settings).encode()}
    about = RequestJournal(where, RequestState.PREPARED, key_storage.key_id(key), transfer=ids.digest)
    held = journal.begin(where, kept_key, contents, about)
    task.run.step("prepared")
    return task, held


def _new_key(task: NameTask) -> tuple[PrivateKey, bytes]:
    wanted = task.settings.files
    output_files.check(task.name, wanted)  # unsuitable options are reported before a request
    return key_storage.make(task.folder, task.settings.key, wanted, task.run.tell)


def _set_to_replace(folder: Path, known: NameState, ids: TransferIdCredentials) -> tuple[InstalledKeySet | None, bool]:
    """Return the set that an enrolment replaces, and whether it is lost.

    A new order replaces a lost key or certificate. Raises StoreDamaged if the lost set came by the same transfer IDs,
    or if files of the user are in the place of `live`.
    """
    try:
        return generations.current(folder), False
    except files.StoreDamaged:
        if known.transfer == ids.digest or repair.is_in_the_way(folder / files.LIVE):
            raise
        return None, True


def _open_with(folder: Path, ids: TransferIdCredentials) -> bool:
    held = journal.load(journal.folder_of(folder, RequestKind.ENROL))
    return held is not None and held.transfer == ids.digest


def _set_aside(ctx: ClientContext, held: RequestJournal) -> None:
    # A key whose request has left is kept, with any answer: a certificate for it may appear later.
    if not held.sends:
        journal.close(held)
        return
    unknown, folder = held.state is not RequestState.REFUSED, journal.set_aside(held)
    if unknown:
        ctx.tell(make_message(messages.SET_ASIDE, folder=str(folder)))


def _open_renewal(folder: Path, present: InstalledKeySet) -> RequestJournal | None:
    held = journal.load(journal.folder_of(folder, RequestKind.RENEW))
    if held is None or held.signer == present.serial or key_storage.is_for(present.certificate, held.key_id):
        return held
    # The certificate that signed it has been replaced since then, so its signature is useless now.
    if held.sends:
        journal.set_aside(held)
    else:
        journal.close(held)
    return None


def _begin_renewal(task: NameTask, present: InstalledKeySet) -> RequestJournal:
    kept = task.settings
    key, kept_key = _new_key(task)
    request = csr.build_request(key, kept.customer_id, kept.customer_name)
    seal = document_signature.document_signer(present)
    ask = RenewRequest(kept.environment, kept.customer_id, kept.customer_name, request, seal.certificate)
    message = operations.render_renew(ask, seal, SignatureProfile.EXCLUSIVE)
    where = journal.folder_of(task.folder, RequestKind.RENEW)
    about = RequestJournal(where, RequestState.PREPARED, key_storage.key_id(key), signer=present.serial)
    held = journal.begin(where, kept_key, {journal.REQUEST: request, journal.MESSAGE: message}, about)
    task.run.step("prepared")
    return held


def _finish_earlier(task: NameTask, held: RequestJournal, ids: TransferIdCredentials) -> CommandResult:
    if held.transfer != ids.digest:
        task.run.tell(make_message(messages.EARLIER_FIRST))
    earlier = settings.load(held.folder)
    return exchange.collect(NameTask(task.run, task.name, earlier, RequestKind.ENROL), held)


def _first_enrol(ctx: ClientContext, name: str, *, among_all: bool) -> CommandResult:
    folder = ctx.store / name
    held = journal.load(journal.folder_of(folder, RequestKind.ENROL))
    if held is not None and held.fetchable:
        return exchange.collect(_errand(ctx, name, RequestKind.ENROL), held)
    if among_all:
        word = messages.ONLY_ASKED_FOR if journal.is_deletable(folder) else messages.ONLY_OPEN
        message = make_message(word, name=name, folder=str(folder))
        return CommandResult(name, Result.NOT_DUE, ExitCode.DONE, (message,), () if held is None else held.codes)
    if held is None or held.state is RequestState.REFUSED:
        raise UsageError(messages.NOT_ENROLLED, name=name)
    return _to_be_sent(name, RequestKind.ENROL, held)


def _to_be_sent(name: str, kind: RequestKind, held: RequestJournal) -> CommandResult:
    message = make_message(messages.SEND_FIRST, name=name, command=kind.value)
    if held.state in journal.OPEN_QUESTION:
        return CommandResult(name, Result.UNCERTAIN, ExitCode.UNCERTAIN, (message,), held.codes)
    return CommandResult(name, Result.PENDING, ExitCode.AGAIN, (message,), held.codes)


def _errand(ctx: ClientContext, name: str, kind: RequestKind) -> NameTask:
    folder = ctx.store / name
    where = journal.folder_of(folder, kind) if kind is RequestKind.ENROL else folder
    return NameTask(ctx, name, settings.load(where), kind)


def _not_due(name: str, present: InstalledKeySet) -> CommandResult:
    until = present.span.not_after
    message = make_message(messages.NOT_DUE, name=name, at=renewal_window.renewal_opens_at(present.span), until=until)
    return CommandResult(name, Result.NOT_DUE, ExitCode.DONE, (message,))


def _never(name: str, present: InstalledKeySet) -> CommandResult:
    """Report that a revoked certificate will not be renewed later either.

    No service is called.
    """
    message = make_message(
        messages.ORDER_REPLACEMENT, name=name, serial=present.serial, why=make_message(messages.NEVER_REVOKED)
    )
    return CommandResult(name, Result.NOT_DUE, ExitCode.REFUSED, (message,))


def _done_before(name: str, present: InstalledKeySet) -> CommandResult:
    message = make_message(messages.DONE_BEFORE, name=name, serial=present.serial, until=present.span.not_after)
    return CommandResult(name, Result.ENROLLED, ExitCode.DONE, (message,))


def _same_holder(name: str, folder: Path, wanted: NameSettings) -> NameSettings:
    kept = settings.load(folder)
    if (kept.environment, kept.customer_id) != (wanted.environment, wanted.customer_id):
        world = kept.environment.value
        raise UsageError(messages.OTHER_HOLDER, name=name, customer_id=kept.customer_id, environment=world)
    return kept


def _folder_for(ctx: ClientContext, name: str) -> Path:
    if not files.is_name(name):
        raise UsageError(messages.BAD_NAME, name=name)
    if name in files.RESERVED and not files.is_kept(ctx.store / name):
        raise UsageError(messages.RESERVED_NAME, name=name)
    return ctx.store / name


def _existing(ctx: ClientContext, name: str) -> Path:
    folder = _folder_for(ctx, name)
    if not files.is_kept(folder):
        raise UsageError(messages.UNKNOWN_NAME, name=name, store=str(ctx.store))
    return folder
