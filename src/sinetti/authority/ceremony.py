"""A ceremony on the offline machine, step by step, as its plan says.

It reads a request set from the folder that is carried, and writes result set and transcript into it. Each step is on
disk before the next one begins, so the same command continues after an interruption. It needs no database.
"""

import hashlib
import secrets
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Protocol, TypeVar

from sinetti import __version__
from sinetti.authority.data_directory import FolderError, locked
from sinetti.authority.offline_medium import (
    OpenedMedium,
    check_new,
    create_medium,
    has_medium,
    open_medium,
    read_registry,
)
from sinetti.ca.ceremony.objects import OFFLINE_ROLES
from sinetti.ca.ceremony.plan import NAMESPACE, CeremonyAct, CeremonyPlan, CeremonyRole, Participant, PlanStep
from sinetti.ca.ceremony.production import check_request, make_result
from sinetti.ca.ceremony.registry import Registry
from sinetti.ca.ceremony.sets import CeremonyKind, RequestSet, ResultSet, parse_request_set, parse_result_set
from sinetti.ca.ceremony.shares import CUSTODIANS, KEY_OCTETS, Share, combine_shares, parse_share, split_key
from sinetti.ca.ceremony.transcript import (
    ACTS,
    ROLES,
    PersonPresent,
    Transcript,
    begin_transcript,
    check_signature,
    parse_transcript,
    printed,
)
from sinetti.ca.ceremony.words import (
    WORD_COUNT,
    CeremonyError,
    check_digest_words,
    digest_words,
    number_of,
    word_of,
)
from sinetti.ca.hierarchy_model import Hierarchy
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop, translate
from sinetti.infra.atomic_files import write_atomic
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import generate_key
from sinetti.pki.trust_lists.lists import InvalidTrustList, parse_signed

REQUEST_SET, RESULT_SET, TRANSCRIPT = "request-set.json", "result-set.json", "transcript.json"
"""Files in the folder that is carried."""

_PROGRESS, _BEGUN = "ceremony-so-far.json", "media-begun.txt"
_REHEARSAL, _THROWN_AWAY = "rehearsal", "rehearsal-medium"
_ANOTHER_RESULT = f"{RESULT_SET} is not the one that this ceremony wrote: take a new folder, and begin again"
_ATTEMPTS = 3
_YES = frozenset({"yes", "y", "kyllä", "k", "ja", "j"})
_LEAST_CUSTODIANS = 2
_DONE_BY_PEOPLE = frozenset({CeremonyAct.CONFIRM, CeremonyAct.PRESENT})
"""Acts whose check is done before the command goes on; the others are done by it."""

_STEP = gettext_noop("Step {number} of {count}: {act} ({role})")
_SOFTWARE = gettext_noop("Software: sinetti {version}, SHA-256 {sha256}")
_CONFIRMED = gettext_noop("Is this done, and confirmed by the {role}? Type “yes”: ")
_BEGINS = gettext_noop("Type “yes” when the {role} is ready: ")
_IS_PRESENT = gettext_noop("Is {name} ({role}) present? Type “yes” or “no”: ")
_TYPE_WORDS = gettext_noop("Type the words of the request set from the paper: ")
_COPY = gettext_noop("Custodian {letter}, {name}: copy these two sheets by hand. The others look away.")
_TYPE_BACK = gettext_noop("Type the sheet {pair} {letter} back from the paper: ")
_TYPE_SHARE = gettext_noop("Type a share of the medium {medium}, the sheet in one line ({count} of 2): ")
_TYPE_PASSPHRASE = gettext_noop("Type the pass-phrase of the medium {medium}: ")
_VOID = gettext_noop("The sheets of the medium {medium} are void, because it was not completed. Destroy them.")
_MADE = gettext_noop("The medium {medium} exists. Two custodians open it now.")
_REHEARSED_WORDS = gettext_noop("Words of the rehearsal's request set:")
_RESULT_WORDS = gettext_noop("Words of the result set, for the paper that goes to the online machine:")
_HOW_TO_SIGN = gettext_noop("Each person present signs the transcript: {command}")
_WAIT_SIGNATURE = gettext_noop("Press Enter when {file} is in the folder: ")
_AGAIN = gettext_noop("{why}. Try again.")

Found = TypeVar("Found")


class CeremonyInterrupted(CeremonyError):
    """Ceremony that ended before its last step; the same command continues it."""


class Desk(Protocol):
    """Terminal of the ceremony."""

    def show(self, text: str) -> None:
        """Show a text."""

    def ask(self, prompt: str, *, is_secret: bool = False) -> str:
        """Return one line that a person types.

        Raises EOFError at the end of input.
        """

    def clear(self) -> None:
        """Remove what stands on the screen."""


@dataclass
class Ceremony:
    """One ceremony: its plan, the folder of the medium, and the carried folder.

    `step` is called at each point where a test ends the process.
    """

    plan: CeremonyPlan
    place: Path
    exchange: Path
    desk: Desk
    now: Callable[[], datetime]
    language: Language = Language.EN
    is_rehearsal: bool = False
    step: Callable[[str], None] = lambda _name: None
    _medium: OpenedMedium | None = field(default=None, repr=False)

    def run(self) -> Transcript:
        """Do all steps that are not done yet, and return the signed transcript.

        Raises CeremonyError, CeremonyInterrupted if people must act first, FolderError and FolderDamaged.
        """
        if not self.exchange.is_dir():
            raise FolderError(f"{self.exchange} is not a folder: name the one that was carried from the online machine")
        if self.place.resolve().is_relative_to(self.exchange.resolve()):
            raise FolderError(
                f"the medium {self.place} is in the folder that is carried to the online machine: keep them apart"
            )
        if self.is_rehearsal:
            self._prepare_rehearsal()
        with locked(self.exchange):
            self.plan.check_date(self.now(), "the clock of this machine")
            so_far = self._so_far()
            self._show(_SOFTWARE, version=so_far.software, sha256=so_far.software_sha256)
            for number, step in enumerate(self.plan.steps, 1):
                if number > len(so_far.steps):
                    so_far = self._do(number, step, so_far)
                    self._write(_PROGRESS, so_far.octets)
                    self.step(f"step {step.act}")
            (self.exchange / _BEGUN).unlink(missing_ok=True)
            (self.exchange / _PROGRESS).unlink(missing_ok=True)
            if self.is_rehearsal:
                shutil.rmtree(self.place)
        return so_far

    def _so_far(self) -> Transcript:
        """Return the transcript of an interrupted ceremony, or a new one."""
        if (self.exchange / TRANSCRIPT).exists() and not (self.exchange / _PROGRESS).exists():
            raise CeremonyError(f"a ceremony was completed in {self.exchange}: take a new folder for another one")
        new = begin_transcript(self.plan, (__version__, package_digest()), is_rehearsal=self.is_rehearsal)
        if not (self.exchange / _PROGRESS).exists():
            self._write(_PROGRESS, new.octets)
            return new
        transcript = parse_transcript(self._read(_PROGRESS))
        done, planned = ([(step.act, step.by, step.check) for step in of.steps] for of in (transcript, self.plan))
        if replace(transcript, present=(), steps=()) != new or planned[: len(done)] != done:
            raise CeremonyError(
                f"another ceremony was begun in {self.exchange}, with another plan or software: take the same ones, or "
                "a new folder"
            )
        self._confirm_again({step.act for step in transcript.steps}, transcript)
        return transcript

    def _confirm_again(self, done: set[CeremonyAct], so_far: Transcript) -> None:
        """Have people confirm again what an interrupted ceremony recorded.

        The folder came from outside, so the record may be forged. Raises CeremonyError if it differs.
        """
        if CeremonyAct.PRESENT in done and so_far.with_present(self._present()) != so_far:
            raise CeremonyError(
                "the people present are not those of the interrupted ceremony: call them, or take a new folder"
            )
        if CeremonyAct.REQUEST in done:
            octets = self._request(so_far).octets
            self._ask_until(_TYPE_WORDS, lambda typed: check_digest_words(typed, octets))
        if CeremonyAct.RESULT in done and self._write_result(so_far)[0] != ("result", so_far.fact("result")):
            raise CeremonyError(_ANOTHER_RESULT)

    def _do(self, number: int, step: PlanStep, so_far: Transcript) -> Transcript:
        role = translate(ROLES[step.by], self.language)
        act = translate(ACTS[step.act], self.language)
        self.desk.show("")
        self._show(_STEP, number=number, count=len(self.plan.steps), act=act, role=role)
        self.desk.show(step.check)
        # A person confirms what was done, so the words of the result are confirmed after they were shown.
        if step.act is not CeremonyAct.RESULT:
            self._confirm(_CONFIRMED if step.act in _DONE_BY_PEOPLE else _BEGINS, number, role)
        facts: tuple[tuple[str, str], ...] = ()
        match step.act:
            case CeremonyAct.PRESENT:
                people = self._present()
                so_far = so_far.with_present(people)
                facts = tuple(
                    ("person", f"{person.name} ({person.role}) {person.key.fingerprint}") for person in people
                )
            case CeremonyAct.REQUEST:
                facts = self._take_request()
            case CeremonyAct.KEYS:
                facts = self._make_keys(so_far)
            case CeremonyAct.OPEN:
                facts = (("medium", self._opened(so_far).registry.medium),)
            case CeremonyAct.SIGN:
                facts = self._sign(so_far)
            case CeremonyAct.RESULT:
                facts = self._write_result(so_far)
                self._confirm(_CONFIRMED, number, role)
            case CeremonyAct.SIGNATURES:
                self._collect_signatures(so_far)
        return so_far.with_step(step, self.now(), facts)

    def _confirm(self, prompt: str, number: int, role: str) -> None:
        if self._ask(prompt, role=role).casefold() not in _YES:
            raise CeremonyInterrupted(
                f"step {number} was not confirmed, so the ceremony stops here: the same command continues with it"
            )

    def _present(self) -> tuple[Participant, ...]:
        """Ask for each participant, and check that there are enough people."""
        people = tuple(participant for participant in self.plan.participants if self._is_present(participant))
        roles = [person.role for person in people]
        least = len(CUSTODIANS) if self.plan.kind is CeremonyKind.FOUNDING else _LEAST_CUSTODIANS
        missing = least - roles.count(CeremonyRole.CUSTODIAN)
        if missing > 0:
            raise CeremonyInterrupted(
                f"{missing} of {least} custodians are missing: run the same command when they are present"
            )
        if absent := sorted({step.by for step in self.plan.steps} - set(roles)):
            raise CeremonyInterrupted(
                f"a person with the role {absent[0]} is missing: run the same command when one is present"
            )
        return people

    def _is_present(self, participant: Participant) -> bool:
        role = translate(ROLES[participant.role], self.language)
        return self._ask(_IS_PRESENT, name=participant.name, role=role).casefold() in _YES

    def _take_request(self) -> tuple[tuple[str, str], ...]:
        octets = self._read(REQUEST_SET)
        request = parse_request_set(octets)
        is_new = self.plan.kind is CeremonyKind.FOUNDING and not has_medium(self.place)
        if is_new:
            check_new(self.place)
        registry = None if is_new else read_registry(self.place, request)
        check_request(self.plan, request, registry)
        self._ask_until(_TYPE_WORDS, lambda typed: check_digest_words(typed, octets))
        return (("request", request.sha256), ("request_words", " ".join(digest_words(octets))))

    def _request(self, so_far: Transcript) -> RequestSet:
        """Return the request that was confirmed before.

        Raises CeremonyError if it is another one now.
        """
        request = parse_request_set(self._read(REQUEST_SET))
        if request.sha256 != so_far.fact("request"):
            raise CeremonyError(
                f"{REQUEST_SET} is not the one whose words were typed: put that one back, or take a new folder"
            )
        return request

    def _make_keys(self, so_far: Transcript) -> tuple[tuple[str, str], ...]:
        """Make the medium's key, hand out its shares, and create the medium.

        The medium is created as a whole after all sheets were checked. An interruption before that leaves no key.
        """
        hierarchy = self.plan.hierarchy
        assert hierarchy is not None  # noqa: S101 - the act belongs to a founding alone
        begun = self._read(_BEGUN).decode("ascii", "replace").split() if (self.exchange / _BEGUN).exists() else []
        for word in begun:
            number_of(word)  # the file may be of another origin, and is shown
        if has_medium(self.place):
            self._show(_MADE, medium=read_registry(self.place).medium)
            return self._key_facts(self._opened(so_far), begun)
        request = self._request(so_far)
        for void in begun:
            self._show(_VOID, medium=void)
        medium, key = word_of(secrets.randbelow(WORD_COUNT)), secrets.token_bytes(KEY_OCTETS)
        self._write(_BEGUN, " ".join((*begun, medium)).encode())
        self._hand_out(split_key(key, medium, secrets.token_bytes))
        self.step("shares")
        names = {spec.file_name: spec.name for spec in hierarchy.authorities}
        registry = Registry(medium, self.plan.environment, request.base_url, self.plan.custodians, names)
        keys = {spec.file_name: generate_key(spec.key_type) for spec in hierarchy.kept_offline}
        self._medium = create_medium(self.place, registry, key, keys)
        self.step("medium")
        return self._key_facts(self._medium, begun)

    def _key_facts(self, medium: OpenedMedium, begun: list[str]) -> tuple[tuple[str, str], ...]:
        word = medium.registry.medium
        void = [("void", text) for text in begun if text != word]
        return (("medium", word), *(("key", name) for name in medium.keys), *void)

    def _hand_out(self, shares: tuple[Share, ...]) -> None:
        for letter, name in zip(CUSTODIANS, self.plan.custodians, strict=True):
            own = [one for one in shares if one.holder == letter]
            self.desk.clear()
            self._show(_COPY, letter=letter, name=name)
            for share in own:
                self.desk.show(share.line)
            for share in own:
                check = partial(_check_sheet, wanted=share)
                self._ask_until(_TYPE_BACK, check, is_secret=True, pair=share.pair, letter=letter)
        self.desk.clear()

    def _opened(self, so_far: Transcript) -> OpenedMedium:
        """Return the medium, which two custodians open unless it is open."""
        request = self._request(so_far)
        if self._medium is None and not (registry := read_registry(self.place, request)).custodians:
            self._medium = self._ask_until(
                _TYPE_PASSPHRASE,
                lambda typed: open_medium(self.place, typed.encode(), request),
                is_secret=True,
                medium=registry.medium,
            )
        elif self._medium is None:
            medium = registry.medium
            shares: list[Share] = []
            for count in (1, 2):
                try:
                    found = self._ask_until(_TYPE_SHARE, parse_share, is_secret=True, medium=medium, count=count)
                except CeremonyInterrupted:
                    missing = _LEAST_CUSTODIANS - len(shares)
                    raise CeremonyInterrupted(
                        f"too few shares: {missing} of 2 missing. The same command asks for both again"
                    ) from None
                shares.append(found)
            self._medium = open_medium(self.place, combine_shares(*shares))
        return self._medium

    def _sign(self, so_far: Transcript) -> tuple[tuple[str, str], ...]:
        request, before = self._request(so_far), self._opened(so_far)
        later = [spec for spec in self.plan.authorities if spec.role in OFFLINE_ROLES]
        check_request(self.plan, request, before.registry)
        medium = self._medium = before.with_keys(later)
        self.step("keys")
        signer = medium.signer(self.step)
        made = replace(make_result(self.plan, request, signer, medium.public_keys), is_rehearsal=self.is_rehearsal)
        medium.write_certificates(signer.registry)
        self._write(RESULT_SET, made.octets)
        return (*(("key", spec.file_name) for spec in later), *_facts_of(made))

    def _write_result(self, so_far: Transcript) -> tuple[tuple[str, str], ...]:
        octets = self._read(RESULT_SET)
        signed = next(step.facts for step in so_far.steps if step.act is CeremonyAct.SIGN)
        result, request = parse_result_set(octets), self._request(so_far).sha256
        # The folder may have a forged record and result; the medium says what its keys signed.
        on_medium = {one.made for one in read_registry(self.place).items if one.request == request}
        made = {*result.certificates.values(), *result.lists.values(), result.signature} - {b""}
        made |= {*result.links.values(), *_list_signatures(result)}
        if tuple(_facts_of(result)) != tuple(fact for fact in signed if fact[0] != "key") or (result.request, made) != (
            request,
            on_medium,
        ):
            raise CeremonyError(_ANOTHER_RESULT)
        words = " ".join(digest_words(octets))
        self._show(_RESULT_WORDS)
        self.desk.show(f"  {words}")
        return (("result", hashlib.sha256(octets).hexdigest()), ("result_words", words))

    def _collect_signatures(self, so_far: Transcript) -> None:
        """Write the transcript, and wait for the signature of each person present."""
        self._write(TRANSCRIPT, so_far.octets)
        sha256 = hashlib.sha256(so_far.octets).hexdigest()
        for language in Language:
            self._write(f"transcript.{language.value}.txt", printed(so_far, sha256, language).encode())
        self.step("transcript")
        source, folder = shlex.quote(str(self.exchange / TRANSCRIPT)), shlex.quote(str(self.exchange))
        self._show(_HOW_TO_SIGN, command=f"ssh-keygen -Y sign -n {NAMESPACE} -f KEY < {source} > {folder}/NAME.sig")
        for person in so_far.present:
            check = partial(self._check_signature, so_far, person)
            self._ask_until(_WAIT_SIGNATURE, check, file=f"{person.name}.sig")

    def _check_signature(self, so_far: Transcript, person: PersonPresent, _typed: str) -> None:
        check_signature(so_far, person, self._read(f"{person.name}.sig"))

    def _prepare_rehearsal(self) -> None:
        """Set up a folder with a request whose keys are thrown away. Raises CeremonyError."""
        hierarchy = self.plan.hierarchy
        if hierarchy is None:
            raise CeremonyError(
                "a rehearsal has throw-away keys, which only a founding makes: rehearse lists and officers in TEST"
            )
        self.place = self.exchange / _THROWN_AWAY
        self.exchange /= _REHEARSAL
        self.exchange.mkdir(mode=0o700, exist_ok=True)
        if not (self.exchange / REQUEST_SET).exists():
            self._write(REQUEST_SET, _rehearsal_request(hierarchy, self.now()).octets)
        self._show(_REHEARSED_WORDS)
        self.desk.show(f"  {' '.join(digest_words(self._read(REQUEST_SET)))}")

    def _ask_until(
        self, prompt: str, check: Callable[[str], Found], *, is_secret: bool = False, **values: object
    ) -> Found:
        """Ask until `check` accepts what is typed, three times at most.

        Raises CeremonyError.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            typed = self._ask(prompt, is_secret=is_secret, **values)
            try:
                return check(typed)
            except CeremonyError as bad:
                if attempt == _ATTEMPTS:
                    raise
                self._show(_AGAIN, why=str(bad))
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _ask(self, prompt: str, *, is_secret: bool = False, **values: object) -> str:
        try:
            return self.desk.ask(translate(prompt, self.language, **values), is_secret=is_secret).strip()
        except EOFError:
            raise CeremonyInterrupted(
                "the ceremony was interrupted, and nothing is lost: the same command continues it"
            ) from None

    def _show(self, text: str, **values: object) -> None:
        self.desk.show(translate(text, self.language, **values))

    def _read(self, name: str) -> bytes:
        try:
            return (self.exchange / name).read_bytes()
        except OSError as missing:
            raise CeremonyError(
                f"{self.exchange / name} cannot be read ({missing.strerror}): put it into the folder"
            ) from missing

    def _write(self, name: str, octets: bytes) -> None:
        write_atomic(self.exchange / name, octets)


def package_digest() -> str:
    """Return the SHA-256 over all files of the installed package, by name.

    `sha256sum` over the sorted list of `sha256sum` lines gives the same (docs/operators/ceremony.md).
    """
    with as_file(files("sinetti")) as root:
        paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
        lines = (f"{hashlib.sha256((root / path).read_bytes()).hexdigest()}  {path}\n" for path in paths)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def _check_sheet(typed: str, wanted: Share) -> None:
    """Raise CeremonyError unless a sheet was copied exactly."""
    if parse_share(typed) != wanted:
        raise CeremonyError(f"this is another sheet than {wanted.pair} {wanted.holder}: type the one that is asked for")


def _facts_of(made: ResultSet) -> list[tuple[str, str]]:
    facts = [
        ("certificate", f"{name} {hashlib.sha256(der).hexdigest()}") for name, der in sorted(made.certificates.items())
    ]
    facts += [
        ("list", f"{name}-{shard} {hashlib.sha256(der).hexdigest()}")
        for (name, shard), der in sorted(made.lists.items())
    ]
    facts += [("link", f"{name} {kind} {hashlib.sha256(der).hexdigest()}") for (kind, name), der in made.links.items()]
    lists = (("anchors", made.anchors), ("distrust", made.distrust))
    facts += [(name, hashlib.sha256(parse_signed(octets).payload).hexdigest()) for name, octets in lists if octets]
    return facts + [("officer", f"{officer.name} ({officer.role}) {officer.key}") for officer in made.officers]


def _list_signatures(made: ResultSet) -> set[bytes]:
    """Return the signatures of the trust lists of a result. Raises CeremonyError."""
    try:
        lists = [parse_signed(octets) for octets in (made.anchors, made.distrust) if octets]
    except InvalidTrustList:
        raise CeremonyError(_ANOTHER_RESULT) from None
    return {signature.signature for signed_list in lists for signature in signed_list.signatures}


def _rehearsal_request(hierarchy: Hierarchy, now: datetime) -> RequestSet:
    asking = [spec for spec in hierarchy.authorities if spec not in hierarchy.kept_offline]
    requests = {
        spec.file_name: build_request(generate_key(spec.key_type), spec.name, hierarchy.organisation) for spec in asking
    }
    nonce = secrets.token_hex(32)
    return RequestSet(CeremonyKind.FOUNDING, hierarchy.environment, hierarchy.base_url, now, nonce, requests=requests)
