"""One thing that was looked at: well, worth knowing, or wrong; in words, with the next step."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.client.results import ExitCode
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop


class Level(StrEnum):
    """How it is; the values stand in JSON."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(StrEnum):
    """What was looked at; the values stand in JSON."""

    CONFIGURATION = "configuration"
    HOOKS = "hooks"
    STORE = "store"
    RIGHTS = "rights"
    DISK = "disk"
    LOCK = "lock"
    REACHABLE = "reachable"
    TLS = "tls"
    CLOCK = "clock"
    ANCHORS = "anchors"
    SIGNATURE = "signature"
    CERTIFICATE = "certificate"


SHOWN = {Level.OK: gettext_noop("ok"), Level.WARN: gettext_noop("look"), Level.FAIL: gettext_noop("WRONG")}
CHECKED = {
    Check.CONFIGURATION: gettext_noop("configuration"),
    Check.HOOKS: gettext_noop("programs"),
    Check.STORE: gettext_noop("store"),
    Check.RIGHTS: gettext_noop("rights"),
    Check.DISK: gettext_noop("disk"),
    Check.LOCK: gettext_noop("lock"),
    Check.REACHABLE: gettext_noop("service"),
    Check.TLS: gettext_noop("TLS"),
    Check.CLOCK: gettext_noop("clock"),
    Check.ANCHORS: gettext_noop("anchors"),
    Check.SIGNATURE: gettext_noop("answers"),
    Check.CERTIFICATE: gettext_noop("certificate"),
}


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """`code` is what the command ends with for this one; 0 for what is well or only worth knowing.

    `about` is a name of the store, an address or a path; None for the machine.
    """

    check: Check
    level: Level
    told: Message
    about: str | None = None
    step: Message | None = None
    code: ExitCode = ExitCode.DONE

    def as_json(self, language: Language) -> dict[str, object]:
        """Give it as `doctor --json` prints it; the sentences in one language."""
        return {
            "check": self.check.value,
            "level": self.level.value,
            "about": self.about,
            "text": messages.render(self.told, language),
            "next": None if self.step is None else messages.render(self.step, language),
        }


def passed(check: Check, told: Message, about: str | None = None) -> DoctorFinding:
    """Make one of what is well."""
    return DoctorFinding(check, Level.OK, told, about)


def warning(check: Check, told: Message, step: Message | None = None, about: str | None = None) -> DoctorFinding:
    """Make one of what is worth knowing."""
    return DoctorFinding(check, Level.WARN, told, about, step)


def worst(found: Iterable[DoctorFinding]) -> ExitCode:
    """Give the highest code."""
    return max((one.code for one in found), default=ExitCode.DONE)
