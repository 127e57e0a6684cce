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
    """Level of a finding; the values are those of JSON."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(StrEnum):
    """Subject of a check; the values are those of JSON."""

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
    LOG = "log"


SERVICE_CHECKS = frozenset({Check.REACHABLE, Check.TLS, Check.CLOCK, Check.ANCHORS, Check.SIGNATURE})
"""Checks of a service: their findings are about its address."""

STORE_CHECKS = frozenset({Check.CONFIGURATION, Check.STORE, Check.RIGHTS, Check.DISK, Check.LOCK})
"""Checks of the store and its sinetti.toml, or of one name in them."""

PROBLEMS = gettext_noop("Problems")
THIS_COMPUTER = gettext_noop("This computer")

SHOWN = {Level.OK: gettext_noop("OK"), Level.WARN: gettext_noop("Warning"), Level.FAIL: gettext_noop("Error")}
CHECKED = {
    Check.CONFIGURATION: gettext_noop("settings"),
    Check.HOOKS: gettext_noop("hooks"),
    Check.STORE: gettext_noop("store"),
    Check.RIGHTS: gettext_noop("permissions"),
    Check.DISK: gettext_noop("disk"),
    Check.LOCK: gettext_noop("lock"),
    Check.REACHABLE: gettext_noop("service"),
    Check.TLS: gettext_noop("TLS"),
    Check.CLOCK: gettext_noop("clock"),
    Check.ANCHORS: gettext_noop("trusted CAs"),
    Check.SIGNATURE: gettext_noop("signature"),
    Check.CERTIFICATE: gettext_noop("certificate"),
    Check.LOG: gettext_noop("log of the service"),
}


@dataclass(frozen=True)
class DoctorFinding:
    """Finding of one check.

    `code`: exit code of the command for this finding; 0 for the levels "ok" and "warn". `about`: a name of the store,
    an address or a path; None for the machine.
    """

    check: Check
    level: Level
    message: Message
    about: str | None = None
    step: Message | None = None
    code: ExitCode = ExitCode.DONE

    def as_json(self, language: Language) -> dict[str, object]:
        """Return the finding as `doctor --json` prints it; the sentences in one language."""
        return {
            "check": self.check.value,
            "level": self.level.value,
            "about": self.about,
            "text": messages.render(self.message, language),
            "next": None if self.step is None else messages.render(self.step, language),
        }


def passed(check: Check, message: Message, about: str | None = None) -> DoctorFinding:
    """Make a finding of level "ok"."""
    return DoctorFinding(check, Level.OK, message, about)


def warning(check: Check, message: Message, step: Message | None = None, about: str | None = None) -> DoctorFinding:
    """Make a finding of level "warn"."""
    return DoctorFinding(check, Level.WARN, message, about, step)


def worst(doctor_findings: Iterable[DoctorFinding]) -> ExitCode:
    """Return the highest exit code."""
    return max((one.code for one in doctor_findings), default=ExitCode.DONE)


CONFIG_GOOD = ngettext_noop(
    "{path} is valid. It has {count} certificate.", "{path} is valid. It has {count} certificates."
)
IN_LINE = gettext_noop("Line {line}: {message}")
CONFIG_BAD_STEP = gettext_noop("Correct the settings file. Until then, “sinetti run” does nothing.")
OTHER_SERVICE = gettext_noop("The address or the trusted CAs in settings.toml differ from the service's table.")
OTHER_SERVICE_STEP = gettext_noop("No action needed. The next renewal uses the table and updates settings.toml.")
METRICS_PLACE = gettext_noop("The metrics cannot be written to {path}. Correct “prometheus”, or make the folder.")
PROGRAM_GOOD = gettext_noop("{stage}: {program} can be run.")
PROGRAM_MISSING = gettext_noop("{stage}: {program} is not an executable program.")
PROGRAM_OPEN = gettext_noop("{stage}: {program} is not run because every user can change {path}.")
PROGRAM_STEP = gettext_noop("Give the full path of a program that this user may run.")
SECRET_MISSING = gettext_noop("{path} cannot be read: {why}.")
SECRET_STEP = gettext_noop("Make sure that the file exists and that only this user can read it.")
SECRET_OPEN = gettext_noop("Other users of this computer can read {path}.")

STORE_GOOD = ngettext_noop("{path} has {count} name and is writable.", "{path} has {count} names and is writable.")
STORE_NOT_YET = gettext_noop("{path} does not exist yet. The first “sinetti enrol” or “sinetti adopt” creates it.")
STORE_EMPTY = gettext_noop("The store {path} is empty.")
STORE_READ_ONLY = gettext_noop("This user cannot write to {path}.")
STORE_STEP = gettext_noop("Run the command as the owner of the store, or restore the permissions.")
RIGHTS_GOOD = gettext_noop("Only the owner can read the keys.")
STORE_FOREIGN = gettext_noop("{path} belongs to the user {owner}, who can change every key in it.")
STORE_OPEN = gettext_noop("Other users of this computer can change the store {path}. It belongs to {owner}.")
DISK_GOOD = gettext_noop("{megabytes} MB of disk space is free.")
DISK_LITTLE = gettext_noop("Only {megabytes} MB of disk space is free.")
LOCK_FREE = gettext_noop("No run is in progress.")
LOCK_HELD = gettext_noop("A run is in progress (process {pid}).")
LOCK_STEP = gettext_noop(
    "No action needed while it works. If it hangs, end the process and run the same command again."
)

REACHED = gettext_noop("The service answers (HTTP status {status}).")
TLS_GOOD = gettext_noop("The server certificate is trusted. It was issued by {issuer} and is valid until {until}.")
TLS_SOON = gettext_noop("The server certificate expires on {until}.")
TLS_STEP = gettext_noop("The service must replace it. If it does not, ask its support.")
TLS_NONE = gettext_noop("The service is on this computer and is called without TLS.")
CLOCK_GOOD = ngettext_noop(
    "This computer's clock and the service's clock differ by {count} second.",
    "This computer's clock and the service's clock differ by {count} seconds.",
)
CLOCK_OFF = gettext_noop("This computer's clock shows {here}, the service's clock {there}.")
CLOCK_STEP = gettext_noop("Set the clock, preferably with NTP (for example systemd-timesyncd or chrony).")
CLOCK_UNKNOWN = gettext_noop("The service did not report its time.")
ANCHORS_GOOD = ngettext_noop(
    "{bundle}: {count} CA, valid until {until}.", "{bundle}: {count} CAs. The first expires on {until}."
)
ANCHORS_SOON = gettext_noop("{bundle}: the CA {ca} expires on {until}.")
ANCHORS_ENDED = gettext_noop("{bundle}: the CA {ca} expired on {until}.")
ANCHORS_ALL_ENDED = gettext_noop("{bundle}: all CAs have expired.")
TRUST_WAITS = gettext_noop("The service has a new list of trusted CAs that this store has not taken yet.")
TRUST_WAITS_STEP = gettext_noop("Run: sinetti trust fetch --store {store}. The agent does so by itself within an hour.")
TRUST_REFUSED = gettext_noop("The service's list of trusted CAs is not accepted: {why}.")
TRUST_REFUSED_STEP = gettext_noop(
    "Get the service's current CA certificates from its operator, and put them into trust_services and trust_holders."
)
TRUST_DISTRUSTED = gettext_noop(
    "The key of the CA {ca} was stolen. Certificates of this CA are accepted only for a few days more."
)
TRUST_DISTRUSTED_STEP = gettext_noop("Renew the certificates of this CA now: sinetti renew --all --force.")
ANCHORS_STEP = gettext_noop("Get the service's current CA certificates and put them into {bundle}.")
SIGNATURE_GOOD = gettext_noop("The certificate that signs the answers was issued by a CA in {bundle}.")
SIGNATURE_STEP = gettext_noop(
    "Compare {bundle} with the CAs that the service publishes. If they match, another server may have "
    "answered. Ask the service's support."
)

CERTIFICATE_GOOD = gettext_noop("Valid until {until}, renewable from {at}. Key, certificate and chain match.")
CERTIFICATE_OPEN = gettext_noop("Valid until {until}, renewable now. Key, certificate and chain match.")
CERTIFICATE_NONE = gettext_noop("No certificate yet: {state}.")
CERTIFICATE_ENDED = gettext_noop("Expired on {until}.")
CERTIFICATE_REVOKED = gettext_noop("Revoked, as the service reported.")
CERTIFICATE_EARLY = gettext_noop("Valid only from {at}.")
RENEW_STEP = gettext_noop("Run “sinetti renew {name}” or “sinetti run”.")
DEPLOY_FAILED = gettext_noop(
    "The deploy hook ({program}) failed. Attempts: {tries}. Your programs do not use the certificate {serial} yet."
)
REMOVAL_LEFT = gettext_noop("The removal of {name} was interrupted. Its keys may still be in {folder}.")
REMOVAL_STEP = gettext_noop("Run “sinetti remove {name}”, which completes it.")
JKS_MISSING = gettext_noop(
    "The file {file} of the certificate {serial} could not be made. Programs that read it do not get the "
    "new certificate."
)
NO_KEYTOOL = gettext_noop("The format jks needs Java's keytool, which is not installed here.")
KEYTOOL_STEP = gettext_noop("Install Java's keytool, or use the format pkcs12.")
DEPLOY_STEP = gettext_noop("Read {log}, fix the deploy hook, then run “sinetti deploy {name}”.")
UNREADABLE = gettext_noop("{path} cannot be read: {why}.")
