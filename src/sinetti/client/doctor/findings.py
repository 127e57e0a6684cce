"""Finding of `sinetti doctor`: level, text and next step.

The message ids are declared as in messages.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message
from sinetti.client.results import ExitCode
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop, ngettext_noop


class Level(StrEnum):
    """Level of a finding; the values stand in JSON."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(StrEnum):
    """Subject of a check; the values stand in JSON."""

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


SERVICE_CHECKS = frozenset({Check.REACHABLE, Check.TLS, Check.CLOCK, Check.ANCHORS, Check.SIGNATURE})
"""Checks of a service: their findings are about its address."""

PROBLEMS = gettext_noop("Problems")
THIS_COMPUTER = gettext_noop("This computer")

SHOWN = {Level.OK: gettext_noop("OK"), Level.WARN: gettext_noop("Warning"), Level.FAIL: gettext_noop("Error")}
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
    """Finding of one check.

    `code`: exit code of the command for this finding; 0 for the levels "ok" and "warn". `about`: a name of the store,
    an address or a path; None for the machine.
    """

    check: Check
    level: Level
    told: Message
    about: str | None = None
    step: Message | None = None
    code: ExitCode = ExitCode.DONE

    def as_json(self, language: Language) -> dict[str, object]:
        """Return the finding as `doctor --json` prints it; the sentences in one language."""
        return {
            "check": self.check.value,
            "level": self.level.value,
            "about": self.about,
            "text": messages.render(self.told, language),
            "next": None if self.step is None else messages.render(self.step, language),
        }


def passed(check: Check, message: Message, about: str | None = None) -> DoctorFinding:
    """Make a finding of level "ok"."""
    return DoctorFinding(check, Level.OK, message, about)


def warning(check: Check, message: Message, step: Message | None = None, about: str | None = None) -> DoctorFinding:
    """Make a finding of level "warn"."""
    return DoctorFinding(check, Level.WARN, message, about, step)


def worst(found: Iterable[DoctorFinding]) -> ExitCode:
    """Return the highest exit code."""
    return max((one.code for one in found), default=ExitCode.DONE)


CONFIG_GOOD = ngettext_noop(
    "{path} can be read; it speaks of {count} certificate.", "{path} can be read; it speaks of {count} certificates."
)
IN_LINE = gettext_noop("Line {line}: {told}")
CONFIG_BAD_STEP = gettext_noop("Correct it: until then no run begins.")
NOT_ENROLLED_YET = gettext_noop("The table certificates.{name} has no certificate in the store.")
ENROL_STEP = gettext_noop("Order one and run “sinetti enrol {name}”, or take the table away.")
OTHER_SERVICE = gettext_noop("settings.toml has another address or other anchors than the table of the service.")
OTHER_SERVICE_STEP = gettext_noop("Nothing: the next “sinetti run” brings it in line with the table.")
OTHER_ENVIRONMENT = gettext_noop("The certificate is in {kept}, the table says {wanted}.")
OTHER_ENVIRONMENT_STEP = gettext_noop("Give the name a service in {kept}; a certificate cannot change its environment.")
PROGRAM_GOOD = gettext_noop("{stage}: {program} is there and can be run.")
PROGRAM_MISSING = gettext_noop("{stage}: {program} is not there, or cannot be run.")
PROGRAM_OPEN = gettext_noop("{stage}: {program} is not run: every user can write {path}.")
PROGRAM_STEP = gettext_noop("Write the whole path of a program that this user may run.")
SECRET_MISSING = gettext_noop("{path} cannot be read: {why}.")
SECRET_STEP = gettext_noop("Put the file there, readable for this user alone.")
SECRET_OPEN = gettext_noop("{path} can be read by others on this computer.")
CHMOD_STEP = gettext_noop("Run: chmod {mode} {path}")

STORE_GOOD = ngettext_noop(
    "{path} has {count} name and can be written.", "{path} has {count} names and can be written."
)
STORE_NOT_YET = gettext_noop("{path} is not there yet; the first “sinetti enrol” or “sinetti adopt” makes it.")
STORE_EMPTY = gettext_noop("{path} has nothing in it yet.")
STORE_READ_ONLY = gettext_noop("{path} cannot be written by this user.")
STORE_STEP = gettext_noop("Run it as the user that the store belongs to, or give that right back.")
RIGHTS_GOOD = gettext_noop("Keys can be read by nobody else.")
RIGHTS_OPEN = gettext_noop("{path} can be read or changed by others on this computer (mode {mode}).")
RIGHTS_OPEN_STEP = gettext_noop("Run: chmod {mode} {path} – and think about whether somebody has read the key.")
RIGHTS_GROUP = gettext_noop("{path} can be read or changed by its group (mode {mode}).")
RIGHTS_OWNER = gettext_noop("{path} belongs to another user than the store.")
RIGHTS_OWNER_STEP = gettext_noop("Run: chown {owner} {path}")
DISK_GOOD = gettext_noop("{megabytes} MB are free.")
DISK_LITTLE = gettext_noop("Only {megabytes} MB are free.")
DISK_STEP = gettext_noop("Make room: nothing is sent without room for the answer.")
LOCK_FREE = gettext_noop("No run is at work.")
LOCK_HELD = gettext_noop("A run is at work on it: process {pid}.")
LOCK_STEP = gettext_noop("Nothing, if it is meant; if it hangs, end that process and run the same command again.")

REACHED = gettext_noop("It answers (HTTP status {status}).")
TLS_GOOD = gettext_noop("The server's certificate, issued by {issuer}, is trusted and valid until {until}.")
TLS_SOON = gettext_noop("The server's certificate ends soon: {until}.")
TLS_STEP = gettext_noop("Nothing here: the service has to replace it. Ask its support if it does not.")
TLS_NONE = gettext_noop("This service is called without TLS: it is on this computer itself.")
CLOCK_GOOD = ngettext_noop(
    "The clock of this computer and that of the service differ by {count} second.",
    "The clock of this computer and that of the service differ by {count} seconds.",
)
CLOCK_OFF = gettext_noop("This computer's clock says {here}, the service's {there}.")
CLOCK_STEP = gettext_noop("Set the clock right, best by NTP (for example systemd-timesyncd or chrony).")
CLOCK_UNKNOWN = gettext_noop("No service has said what time it is.")
ANCHORS_GOOD = ngettext_noop(
    "{bundle}: {count} CA, which ends {until}.", "{bundle}: {count} CAs, the first of them ends {until}."
)
ANCHORS_SOON = gettext_noop("{bundle}: the CA {ca} ends soon, {until}.")
ANCHORS_ENDED = gettext_noop("{bundle}: the CA {ca} ended {until}.")
ANCHORS_ALL_ENDED = gettext_noop("{bundle}: all CAs in it have ended.")
ANCHORS_STEP = gettext_noop("Get the service's present CAs and put them into {bundle}.")
SIGNATURE_GOOD = gettext_noop("Its answers are signed by a certificate of {bundle}.")
SIGNATURE_STEP = gettext_noop(
    "Compare {bundle} with the service's CAs; if they are right, somebody else may have answered: ask its support."
)

CERTIFICATE_GOOD = gettext_noop("Valid until {until}; renewal from {at}. Key, certificate and chain belong together.")
CERTIFICATE_OPEN = gettext_noop("Valid until {until}, renewal is open. Key, certificate and chain belong together.")
CERTIFICATE_NONE = gettext_noop("No certificate yet: {state}.")
CERTIFICATE_ENDED = gettext_noop("Ended {until}.")
CERTIFICATE_REVOKED = gettext_noop("Revoked, as the service has said.")
CERTIFICATE_EARLY = gettext_noop("Valid only from {at}.")
CERTIFICATE_EARLY_STEP = gettext_noop("Look at this computer's clock.")
CERTIFICATE_FOREIGN = gettext_noop("It was not issued directly by a CA in trust_holders.")
CERTIFICATE_FOREIGN_STEP = gettext_noop(
    "Put the CAs of the service into trust_holders in {path}: a renewed certificate is not taken without them."
)
RENEW_STEP = gettext_noop("Run “sinetti renew {name}”, or “sinetti run”.")
DEPLOY_FAILED = gettext_noop(
    "The hook deploy ({program}) has failed, number of tries: {tries}. Your programs do not use the certificate "
    "{serial} yet."
)
DEPLOY_STEP = gettext_noop("Read {log}, correct the hook, then run “sinetti run”.")
UNREADABLE = gettext_noop("{path} cannot be read: {why}.")
