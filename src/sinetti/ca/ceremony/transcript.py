"""Transcript of a ceremony: what was done, by whom, with which software.

The participants sign its octets. `printed` gives the same as a protocol for paper, in three languages.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sinetti.ca.ceremony.plan import NAMESPACE, CeremonyAct, CeremonyPlan, CeremonyRole, Participant, PlanStep
from sinetti.ca.ceremony.sets import INSTANT, CeremonyKind, canonical, read_instant
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.domain.validation import is_visible
from sinetti.domain.values import Environment, Language
from sinetti.i18n.translate import gettext_noop, translate
from sinetti.pki.ssh_signatures import SshSignatureError, load_key, verify_signature

_FORMAT = "sinetti-transcript-v1"

ROLES: Mapping[CeremonyRole, str] = {
    CeremonyRole.ADMINISTRATOR: gettext_noop("administrator of the ceremony"),
    CeremonyRole.CUSTODIAN: gettext_noop("custodian"),
    CeremonyRole.WITNESS: gettext_noop("witness"),
}
ACTS: Mapping[CeremonyAct, str] = {
    CeremonyAct.CONFIRM: gettext_noop("Confirmation"),
    CeremonyAct.PRESENT: gettext_noop("People present"),
    CeremonyAct.REQUEST: gettext_noop("Request set"),
    CeremonyAct.KEYS: gettext_noop("Keys and custodians' shares"),
    CeremonyAct.OPEN: gettext_noop("Opening of the medium"),
    CeremonyAct.SIGN: gettext_noop("Signing"),
    CeremonyAct.RESULT: gettext_noop("Result set"),
    CeremonyAct.SIGNATURES: gettext_noop("Signatures"),
}
FACTS: Mapping[str, str] = {
    "person": gettext_noop("Present"),
    "request": gettext_noop("SHA-256 of the request set"),
    "request_words": gettext_noop("Words of the request set"),
    "medium": gettext_noop("Medium"),
    "key": gettext_noop("New key"),
    "certificate": gettext_noop("Certificate (SHA-256)"),
    "list": gettext_noop("Revocation list (SHA-256)"),
    "link": gettext_noop("Cross-certificate of roots (SHA-256)"),
    "anchors": gettext_noop("SHA-256 of the list of anchors"),
    "distrust": gettext_noop("SHA-256 of the list of distrust"),
    "officer": gettext_noop("New officer"),
    "result": gettext_noop("SHA-256 of the result set"),
    "result_words": gettext_noop("Words of the result set"),
    "void": gettext_noop("Void sheets of a medium that was not completed"),
}
_TITLE = gettext_noop("Protocol of a key ceremony")
_REHEARSAL = gettext_noop("REHEARSAL: the keys were thrown away")
_SUBJECT, _ENVIRONMENT = gettext_noop("Subject"), gettext_noop("Environment")
_PLAN = gettext_noop("SHA-256 of the plan")
_SOFTWARE = gettext_noop("Software")
_SOFTWARE_HASH = gettext_noop("SHA-256 of the software")
_TRANSCRIPT_HASH = gettext_noop("SHA-256 of the transcript")
_SIGNED = gettext_noop("Each person below signed the file transcript.json with the named SSH key.")
_BY = gettext_noop("Step {number}: {act} ({role}, {at})")


@dataclass(frozen=True)
class TranscriptStep:
    """A step that was done at `at` (UTC): its act, role and text, and facts by name."""

    act: CeremonyAct
    by: CeremonyRole
    check: str
    at: datetime
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PersonPresent:
    """Person who is present: name, role, and the line and fingerprint of the SSH key."""

    name: str
    role: CeremonyRole
    key: str
    fingerprint: str


@dataclass(frozen=True)
class Transcript:
    """Transcript of a ceremony, complete or so far.

    `software` is the version, `software_sha256` the digest of all its files.
    """

    plan: str
    title: str
    kind: CeremonyKind
    environment: Environment
    is_rehearsal: bool
    software: str
    software_sha256: str
    present: tuple[PersonPresent, ...] = ()
    steps: tuple[TranscriptStep, ...] = ()

    @property
    def octets(self) -> bytes:
        """The file that participants sign."""
        return canonical(
            {
                "format": _FORMAT,
                "plan": self.plan,
                "title": self.title,
                "kind": self.kind.value,
                "environment": self.environment.value,
                "rehearsal": self.is_rehearsal,
                "software": self.software,
                "software_sha256": self.software_sha256,
                "present": [
                    {
                        "name": present.name,
                        "role": present.role.value,
                        "key": present.key,
                        "fingerprint": present.fingerprint,
                    }
                    for present in self.present
                ],
                "steps": [_step_value(step) for step in self.steps],
            }
        )

    def fact(self, name: str) -> str:
        """Return the fact with this name; empty before its step."""
        return next((text for step in self.steps for named, text in step.facts if named == name), "")

    def with_step(self, step: PlanStep, at: datetime, facts: tuple[tuple[str, str], ...]) -> "Transcript":
        """Return the transcript with one more step."""
        return replace(self, steps=(*self.steps, TranscriptStep(step.act, step.by, step.check, at, facts)))

    def with_present(self, people: tuple[Participant, ...]) -> "Transcript":
        """Return the transcript with the people who are present."""
        person_presents = (
            PersonPresent(person.name, person.role, person.key.line, person.key.fingerprint) for person in people
        )
        return replace(self, present=tuple(person_presents))


def begin_transcript(plan: CeremonyPlan, software: tuple[str, str], *, is_rehearsal: bool) -> Transcript:
    """Return a transcript without steps; `software` is version and digest."""
    return Transcript(plan.sha256, plan.title, plan.kind, plan.environment, is_rehearsal, *software)


def parse_transcript(octets: bytes) -> Transcript:
    """Read a transcript. Raises CeremonyError for any other octets."""
    try:
        value = json.loads(octets)
        transcript = Transcript(
            value["plan"],
            value["title"],
            CeremonyKind(value["kind"]),
            Environment(value["environment"]),
            value["rehearsal"],
            value["software"],
            value["software_sha256"],
            tuple(_person(one) for one in value["present"]),
            tuple(_step(one) for one in value["steps"]),
        )
        is_same = transcript.octets == octets
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        is_same = False
    if not is_same:
        raise CeremonyError(
            "the file is not a transcript of a ceremony, or it was changed: take the file of the ceremony"
        )
    return transcript


def check_signature(transcript: Transcript, person: PersonPresent, armored: bytes) -> None:
    """Raise CeremonyError unless a person present signed the transcript."""
    try:
        verify_signature(armored, transcript.octets, load_key(person.key.encode()), NAMESPACE)
    except SshSignatureError as bad:
        raise CeremonyError(f"the signature of {person.name} does not count: {bad}") from None


def printed(transcript: Transcript, sha256: str, language: Language) -> str:
    """Return the protocol as text for paper, in a language."""
    return "\n".join(_lines(transcript, sha256, language)) + "\n"


def _lines(transcript: Transcript, sha256: str, language: Language) -> Iterator[str]:
    yield translate(_TITLE, language)
    if transcript.is_rehearsal:
        yield translate(_REHEARSAL, language)
    yield ""
    head = (
        (_SUBJECT, transcript.title),
        (_ENVIRONMENT, transcript.environment.value),
        (_PLAN, transcript.plan),
        (_SOFTWARE, f"sinetti {transcript.software}"),
        (_SOFTWARE_HASH, transcript.software_sha256),
        (_TRANSCRIPT_HASH, sha256),
    )
    yield from (f"{translate(label, language)}: {text}" for label, text in head)
    for number, step in enumerate(transcript.steps, 1):
        yield ""
        at, act, role = f"{step.at:{INSTANT}}", translate(ACTS[step.act], language), translate(ROLES[step.by], language)
        yield translate(_BY, language, number=number, act=act, role=role, at=at)
        yield f"   {step.check}"
        yield from (f"   {translate(FACTS[name], language)}: {text}" for name, text in step.facts)
    yield ""
    yield translate(_SIGNED, language)
    for person in transcript.present:
        yield from ("", "_" * 40, f"{person.name}, {translate(ROLES[person.role], language)}", person.fingerprint)


def _person(value: dict[str, Any]) -> PersonPresent:
    key = load_key(value["key"].encode())
    return PersonPresent(value["name"], CeremonyRole(value["role"]), key.line, key.fingerprint)


def _step(value: dict[str, Any]) -> TranscriptStep:
    facts = tuple((str(name), str(text)) for name, text in value["facts"])
    if not {name for name, _ in facts} <= FACTS.keys() or not all(is_visible(text) for _, text in facts):
        raise ValueError(facts)
    act, by = CeremonyAct(value["act"]), CeremonyRole(value["by"])
    return TranscriptStep(act, by, value["check"], read_instant(value["at"]), facts)


def _step_value(step: TranscriptStep) -> dict[str, Any]:
    head = {"act": step.act.value, "by": step.by.value, "check": step.check, "at": step.at.strftime(INSTANT)}
    return {**head, "facts": [list(fact) for fact in step.facts]}
