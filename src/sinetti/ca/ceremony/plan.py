"""Plan of a ceremony: one TOML file that people review beforehand.

It names steps, people, their keys, dates and, at a founding, every CA. `default_plan` writes one to begin with.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sinetti.ca.ceremony.sets import INSTANT, CeremonyKind, OfficerLine, RequestSet, RevocationLine, read_instant
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_config import PresetTable, read_authority, read_hierarchy
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy, HierarchyError, file_name_for
from sinetti.domain.approvals.acts import OfficerRole
from sinetti.domain.approvals.officers import APPROVERS, FOUNDERS, OfficerError, check_name, is_founded
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Environment
from sinetti.infra.toml_tables import TomlTable, parse_toml
from sinetti.pki.ssh_signatures import SshKeyError, SshPublicKey, load_key

FORMAT = "sinetti-ceremony-v1"
NAMESPACE = "sinetti-ceremony@v1"
"""Namespace of the participants' signatures (`ssh-keygen -Y sign -n`)."""

_NAME = re.compile(r"[^\W_][\w.-]{0,39}")
_CUSTODIANS = 3
_LIST_DAYS = range(1, 401)
_ONE_DAY = timedelta(days=1)


class CeremonyRole(StrEnum):
    """Role of a participant."""

    ADMINISTRATOR = "administrator"
    CUSTODIAN = "custodian"
    WITNESS = "witness"


class CeremonyAct(StrEnum):
    """Act of a step.

    `confirm` has people confirm its text, and may stand at any place.
    """

    CONFIRM = "confirm"
    PRESENT = "present"
    REQUEST = "request"
    KEYS = "keys"
    OPEN = "open"
    SIGN = "sign"
    RESULT = "result"
    SIGNATURES = "signatures"


_LATER = (CeremonyAct.PRESENT, CeremonyAct.REQUEST, CeremonyAct.OPEN, CeremonyAct.SIGN, CeremonyAct.RESULT)
ACTS = {
    CeremonyKind.FOUNDING: (
        CeremonyAct.PRESENT,
        CeremonyAct.REQUEST,
        CeremonyAct.KEYS,
        CeremonyAct.SIGN,
        CeremonyAct.RESULT,
        CeremonyAct.SIGNATURES,
    ),
    CeremonyKind.LISTS: (*_LATER, CeremonyAct.SIGNATURES),
    CeremonyKind.OFFICERS: (*_LATER, CeremonyAct.SIGNATURES),
    CeremonyKind.CERTIFY: (*_LATER, CeremonyAct.SIGNATURES),
    CeremonyKind.REVOKE: (*_LATER, CeremonyAct.SIGNATURES),
}
"""Acts that each kind of ceremony has, in this order."""


@dataclass(frozen=True)
class Participant:
    """A person with a role, and the SSH key that signs the transcript."""

    name: str
    role: CeremonyRole
    key: SshPublicKey


@dataclass(frozen=True)
class PlanStep:
    """A step: its act, the role that answers for it, and the text that is read aloud."""

    act: CeremonyAct
    by: CeremonyRole
    check: str


@dataclass(frozen=True)
class CeremonyPlan:
    """A plan that was checked.

    `hierarchy` is set for a founding, `officers` for new officers, `authorities` for later CAs, and `revocations` for
    revoked ones.

    `sha256` is that of the file. `list_days` is the life of revocation lists.
    """

    sha256: str
    title: str
    kind: CeremonyKind
    environment: Environment
    earliest: datetime
    latest: datetime
    participants: tuple[Participant, ...]
    steps: tuple[PlanStep, ...]
    list_days: int
    hierarchy: Hierarchy | None = None
    officers: tuple[OfficerLine, ...] = field(default=())
    authorities: tuple[CaSpec, ...] = field(default=())
    revocations: tuple[RevocationLine, ...] = field(default=())

    @property
    def custodians(self) -> tuple[str, ...]:
        """Names of the custodians A, B and C."""
        return tuple(
            participant.name for participant in self.participants if participant.role is CeremonyRole.CUSTODIAN
        )

    def check_date(self, at: datetime, named: str) -> None:
        """Raise CeremonyError unless an instant is within the days of the plan."""
        if not self.earliest <= at < self.latest + _ONE_DAY:
            days = f"{self.earliest:%Y-%m-%d} to {self.latest:%Y-%m-%d}"
            raise CeremonyError(
                f"{named} is of {at:%Y-%m-%d %H:%M} UTC, and the plan is for {days}: correct the one that is wrong"
            )


class _PlanTable(TomlTable):
    """Table of a plan."""

    error_class = CeremonyError
    place_template = "[{key}]: "
    row_template = "[[{key}]] number {number}: "
    missing_template = "{key} is missing; write {wanted}"
    wrong_template = "{key}: {value!r} is not valid; write {wanted}"
    unknown_template = "{key}: there is no such key; remove it or correct its spelling"


def parse_plan(octets: bytes) -> CeremonyPlan:
    """Read a plan. Raises CeremonyError, which says what to write."""
    try:
        raw = parse_toml(octets.decode("utf-8"))
    except ValueError as bad:
        raise CeremonyError(f"the plan is not valid TOML: {bad}; correct that line") from None
    top = _PlanTable(raw, "plan: ")
    if top.text("format") != FORMAT:
        top.refuse("format", f'"{FORMAT}"', raw["format"])
    kind, environment = top.choice("kind", CeremonyKind), top.choice("environment", Environment)
    plan = CeremonyPlan(
        sha256=hashlib.sha256(octets).hexdigest(),
        title=top.text("title"),
        kind=kind,
        environment=environment,
        earliest=_day(top, "earliest"),
        latest=_day(top, "latest"),
        participants=tuple(_participant(table) for table in top.tables("participants", _CUSTODIANS)),
        steps=tuple(_step(table) for table in top.tables("steps", 1)),
        list_days=top.number("list_days", _LIST_DAYS, 365),
        hierarchy=_hierarchy(top, environment) if kind is CeremonyKind.FOUNDING else None,
        officers=tuple(_officer(table) for table in top.tables("officers", 1)) if kind is CeremonyKind.OFFICERS else (),
        authorities=_authorities(top, environment) if kind is CeremonyKind.CERTIFY else (),
        revocations=_revocations(top) if kind is CeremonyKind.REVOKE else (),
    )
    top.finish()
    _check(plan)
    return plan


def _check(plan: CeremonyPlan) -> None:
    names, keys = (
        {participant.name for participant in plan.participants},
        {participant.key.fingerprint for participant in plan.participants},
    )
    roles = Counter(participant.role for participant in plan.participants)
    if len(names) < len(plan.participants) or len(keys) < len(plan.participants):
        raise CeremonyError("plan: two participants have one name or one key; each person takes part once")
    if roles[CeremonyRole.CUSTODIAN] != _CUSTODIANS or not roles[CeremonyRole.ADMINISTRATOR]:
        raise CeremonyError('plan: participants: write three of the role "custodian" and at least one "administrator"')
    acts = tuple(step.act for step in plan.steps if step.act is not CeremonyAct.CONFIRM)
    if acts != ACTS[plan.kind]:
        wanted = ", ".join(ACTS[plan.kind])
        raise CeremonyError(
            f'plan: steps: write the acts {wanted} once each, in this order; "confirm" may stand between them'
        )
    if missing := sorted({step.by for step in plan.steps} - roles.keys()):
        raise CeremonyError(
            f"plan: steps: no participant has the role {missing[0]}; name one, or give the step another role"
        )
    if plan.kind is CeremonyKind.OFFICERS:
        _check_officers(plan)
    if plan.latest < plan.earliest:
        raise CeremonyError("plan: latest is before earliest; write the last day of the ceremony")


def _check_officers(plan: CeremonyPlan) -> None:
    least, approvers = FOUNDERS[plan.environment], APPROVERS[plan.environment]
    names, keys = ({officer.name for officer in plan.officers}, {officer.key for officer in plan.officers})
    is_one_each = len(names) == len(keys) == len(plan.officers)
    if not is_one_each or not is_founded([OfficerRole(officer.role) for officer in plan.officers], plan.environment):
        raise CeremonyError(
            f'plan: officers: write {least} or more, {approvers} of the role "approver" or more, each with a name and '
            "a key of their own"
        )


def _day(top: _PlanTable, key: str) -> datetime:
    written = top.text(key)
    try:
        return datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        top.refuse(key, 'a day in UTC, such as "2027-01-15"', written)


def _participant(table: _PlanTable) -> Participant:
    participant = Participant(table.text("name"), table.choice("role", CeremonyRole), _key(table))
    if not _NAME.fullmatch(participant.name):
        table.refuse("name", "1 to 40 letters, digits, dots and hyphens, since a file has this name", participant.name)
    table.finish()
    return participant


def _key(table: _PlanTable) -> SshPublicKey:
    written = table.text("key")
    try:
        return load_key(written.encode())
    except SshKeyError as bad:
        table.refuse("key", f"the line of an OpenSSH public key ({bad})", written[:40])


def _step(table: _PlanTable) -> PlanStep:
    plan_step = PlanStep(table.choice("act", CeremonyAct), table.choice("by", CeremonyRole), table.text("check"))
    table.finish()
    return plan_step


def _officer(table: _PlanTable) -> OfficerLine:
    officer_line = OfficerLine(table.text("name"), table.choice("role", OfficerRole).value, _key(table).line)
    try:
        check_name(officer_line.name)
    except OfficerError as bad:
        table.refuse("name", f"another one ({bad})", officer_line.name)
    table.finish()
    return officer_line


def _hierarchy(top: _PlanTable, environment: Environment) -> Hierarchy:
    """Read the hierarchy of a founding. Raises CeremonyError."""
    written = top.table("hierarchy").raw
    try:
        return read_hierarchy(PresetTable(written), environment)
    except HierarchyError as bad:
        raise CeremonyError(f"plan: [hierarchy] {bad}") from None


def _authorities(top: _PlanTable, environment: Environment) -> tuple[CaSpec, ...]:
    """Read the CAs to be certified, parents first. Raises CeremonyError."""
    try:
        cas = tuple(read_authority(PresetTable(table.raw), environment) for table in top.tables("authorities", 1))
    except HierarchyError as bad:
        raise CeremonyError(f"plan: [[authorities]] {bad}") from None
    names = {ca.file_name.lower() for ca in cas}
    if len(names) < len(cas) or sum(ca.role is CaRole.ROOT for ca in cas) > 1:
        raise CeremonyError("plan: [[authorities]]: write each CA once, and at most one root")
    return cas


def _revocations(top: _PlanTable) -> tuple[RevocationLine, ...]:
    lines = tuple(_revocation(table) for table in top.tables("revocations", 1))
    if len({line.name for line in lines}) < len(lines):
        raise CeremonyError("plan: [[revocations]]: write each CA once")
    return lines


def _revocation(table: _PlanTable) -> RevocationLine:
    name, reason = file_name_for(table.text("name")), table.choice("reason", RevocationReason)
    written = table.text_or_none("since")
    try:
        since = read_instant(written) if written is not None else None
    except ValueError:
        table.refuse("since", 'an instant in UTC, such as "2027-01-15T08:00:00Z"', written)
    table.finish()
    if (reason is RevocationReason.CA_COMPROMISE) is not (since is not None):
        raise CeremonyError(
            f"plan: [[revocations]] {name}: since, the instant of the theft, belongs to cACompromise alone"
        )
    return RevocationLine(name, reason, since)


_HEAD = """\
# Plan of a key ceremony. Replace what is in capitals, review the file with all participants, and run it with
#   sinetti ceremony run PLAN.toml --medium DIR2 --exchange FOLDER
# docs/operators/ceremony.md describes the whole ceremony.

format = "{format}"
title = "{title}"
kind = "{kind}"                     # founding, lists, officers, certify or revoke
environment = "{environment}"
earliest = "{day}"             # first and last day (UTC) of the ceremony
latest = "{day}"
list_days = 365                       # days until the next lists of root and intermediate CAs

# The three custodians are A, B and C in this order. Two of them open the medium. Each key is the line of an OpenSSH
# public key, with which the person signs the transcript.
"""

_PEOPLE = (
    ("ADMINISTRATOR", CeremonyRole.ADMINISTRATOR),
    ("CUSTODIAN-A", CeremonyRole.CUSTODIAN),
    ("CUSTODIAN-B", CeremonyRole.CUSTODIAN),
    ("CUSTODIAN-C", CeremonyRole.CUSTODIAN),
    ("WITNESS", CeremonyRole.WITNESS),
)

_TITLES = {
    CeremonyKind.FOUNDING: "Founding of the certificate authority",
    CeremonyKind.LISTS: "Revocation lists of root and intermediate CAs",
    CeremonyKind.OFFICERS: "Replacement of lost officers",
    CeremonyKind.CERTIFY: "Certificates of new CAs",
    CeremonyKind.REVOKE: "Revocation of CAs",
}

_CHECKS = {
    CeremonyAct.PRESENT: (CeremonyRole.ADMINISTRATOR, "Each person shows an identity document to the others."),
    CeremonyAct.REQUEST: (
        CeremonyRole.WITNESS,
        "The words come from the paper that was written at the online machine.",
    ),
    CeremonyAct.KEYS: (CeremonyRole.CUSTODIAN, "Each custodian copies two sheets, and the others look away."),
    CeremonyAct.OPEN: (CeremonyRole.CUSTODIAN, "Two custodians type the shares of their pair."),
    CeremonyAct.SIGN: (CeremonyRole.ADMINISTRATOR, "The machine makes what the plan says, and nothing else."),
    CeremonyAct.RESULT: (CeremonyRole.WITNESS, "The words of the result are written on paper."),
    CeremonyAct.SIGNATURES: (CeremonyRole.WITNESS, "Each person who is present signs the transcript."),
}

_CONFIRMED = (
    ("ADMINISTRATOR", "The machine has no network: no cable, no radio, and a system that was started for this day."),
    ("WITNESS", "The version and the hash that the command printed are those in the release notes."),
)

_OFFICER = """
[[officers]]
name = "OFFICER-{number}"
role = "approver"
key = "KEY"
"""


def default_plan(
    kind: CeremonyKind,
    environment: Environment,
    day: datetime,
    founding: tuple[str, str] = ("", ""),
    request: RequestSet | None = None,
) -> str:
    """Return a plan to begin with.

    `founding` is the TOML of a hierarchy and its base URL, for a founding. `request` has the CAs of the kinds certify
    and revoke.
    """
    hierarchy, url = founding
    head = {"format": FORMAT, "title": _TITLES[kind], "kind": kind.value, "environment": environment.value}
    parts = [_HEAD.format(**head, day=f"{day:%Y-%m-%d}")]
    parts += [f'\n[[participants]]\nname = "{name}"\nrole = "{role}"\nkey = "KEY"\n' for name, role in _PEOPLE]
    confirmed = [(CeremonyAct.CONFIRM, CeremonyRole[by], text) for by, text in _CONFIRMED]
    for act, by, text in (*confirmed, *((act, *_CHECKS[act]) for act in ACTS[kind])):
        parts.append(f'\n[[steps]]\nact = "{act}"\nby = "{by}"\ncheck = "{text}"\n')
    if kind is CeremonyKind.OFFICERS:
        parts.append("\n# The new officers. All officers in force are replaced.")
        parts += [_OFFICER.format(number=number + 1) for number in range(FOUNDERS[environment])]
    if kind is CeremonyKind.FOUNDING:
        parts.append(f'\n# Every CA: names, keys and lifetimes.\n[hierarchy]\nbase_url = "{url}"\n{_below(hierarchy)}')
    if request is not None:
        parts.append(_asked(request))
    return "".join(parts)


def _asked(request: RequestSet) -> str:
    """Return the CAs of a request as tables of a plan."""
    parts = ["\n# The CAs of the request set. Compare them with what was decided.\n"]
    for ca in request.authorities:
        rows = {"role": ca.role, "name": ca.name, "parent": ca.parent, "key": ca.key_type, "channel": ca.channel}
        parts.append(_table("authorities", rows) + f"lifetime_days = {ca.lifetime.days}\n")
    for line in request.revocations:
        since = line.since.strftime(INSTANT) if line.since else None
        parts.append(_table("revocations", {"name": line.name, "reason": line.reason, "since": since}))
    return "".join(parts)


def _table(name: str, rows: Mapping[str, str | None]) -> str:
    return f"\n[[{name}]]\n" + "".join(f'{key} = "{value}"\n' for key, value in rows.items() if value is not None)


def _below(hierarchy: str) -> str:
    """Return the TOML of a hierarchy with its tables below [hierarchy]."""
    own = re.sub(r"^base_url\b.*\n", "", hierarchy, flags=re.MULTILINE)
    return re.sub(r"^(\[\[?)", r"\1hierarchy.", own, flags=re.MULTILINE)
