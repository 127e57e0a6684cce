"""Helpers shared by the authority's commands.

They handle the folder, the opened authority, and errors in one sentence.
"""

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from sinetti.authority.bootstrap import Authority, open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.passphrases import read_passphrase
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.ca.issuance_request import LintError
from sinetti.ca.successors import CertificateRefused
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.commands import CommandGroup, option
from sinetti.cli.core.invocation import print_failure
from sinetti.client.results import ExitCode
from sinetti.database.authorities.register import CaChangeRefused, CaUnknown
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import DATABASE_ERRORS, DATABASE_UNAVAILABLE, DatabaseSetupError, is_corruption
from sinetti.database.operations.backups import BackupError, RegisterNotWhole
from sinetti.domain.approvals.officers import OfficerError
from sinetti.domain.approvals.proposals import ApprovalError
from sinetti.domain.authorities.distrust import DistrustRefused
from sinetti.domain.certificates.bulk_revocation import BulkRevocationError, actor_of, officer_of_machine
from sinetti.domain.certificates.renewal_info import EarlyReplacementError
from sinetti.domain.usage import GatewayRefused
from sinetti.domain.validation import ValidationError
from sinetti.domain.values import CustomerIdError
from sinetti.infra import standard_input
from sinetti.infra.clock import utc_now
from sinetti.infra.environment import login_uid
from sinetti.infra.file_permissions import user_name
from sinetti.infra.standard_input import InputTakenError
from sinetti.infra.toml_tables import SettingsError
from sinetti.journal.reader import JournalError
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.addresses import AddressInUse
from sinetti.server.listener import InvalidKeyPair
from sinetti.server.process_exit import STOP, interrupt, request_id
from sinetti.server.supervisor import NotStarted
from sinetti.services.access.accounts import AccountError
from sinetti.services.authorities.trust_lists import TrustListConflict
from sinetti.services.context import ServiceContext
from sinetti.services.facts import LogBrokenError, RowDiffersError
from sinetti.services.issuance.clock_guard import ClockNotAcceptable
from sinetti.services.issuance.order import OrderError
from sinetti.services.issuance.reconcile import preview
from sinetti.services.monitoring.retention import NotErased
from sinetti.services.monitoring.secret_usage import SecretError
from sinetti.services.organisations.people import PeopleError
from sinetti.services.organisations.registration import ChannelError
from sinetti.services.revocation.revoke import RevocationError
from sinetti.testbench.core.clock import ClockGoesBack, ClockOutOfRange

_FIRST_YEAR = 1950  # of dates in certificates and lists (RFC 5280, 4.1.2.5.1)

EXIT_ACTION_REQUIRED = 3
"""Exit code where a command did its part and a person has to continue.

The reason is either findings or an approval that is missing.
"""


class ActProposed(Exception):
    """End of a command whose act waits for officers."""


class OptionError(ValueError):
    """Error for an option that cannot be used.

    The sentence names the option and says what to write.
    """


_REGISTER_DAMAGED = (
    "the register is damaged: stop every node, move the register away, then run sinetti authority restore and "
    "reconcile (docs/operators/journal.md); for a test bench, start a new one in another folder"
)
_DAMAGED = (FolderDamaged, JournalError, LogBrokenError, SettingsError, SignerUnavailable)
_REFUSED = (
    CaChangeRefused,
    CeremonyError,
    CertificateRefused,
    DistrustRefused,
    LintError,
    RowDiffersError,
    SecretError,
)
_USAGE = (
    AccountError,
    AddressInUse,
    ApprovalError,
    BackupError,
    BulkRevocationError,
    CaUnknown,
    EarlyReplacementError,
    ClockGoesBack,
    ClockNotAcceptable,
    ClockOutOfRange,
    ChannelError,
    DatabaseSetupError,
    CustomerIdError,
    FolderError,
    GatewayRefused,
    HierarchyError,
    NotErased,
    OfficerError,
    RevocationError,
    OptionError,
    OrderError,
    InvalidKeyPair,
    PeopleError,
    TrustListConflict,
    ValidationError,
)


def machine_officer() -> str:
    """Return the officer's id of the user of the machine that runs the command."""
    return officer_of_machine(user_name(login_uid()))


def machine_user() -> str:
    """Return the user of the machine that runs the command, as an actor."""
    return actor_of(machine_officer())


DIR = option("DIR", "folder of the authority", name="--dir")


EXIT_CODES = """\
exit codes: 0 done · 1 internal error · 2 usage error, or address in use · 3 action needed: watch found a problem,
officers must approve, or a result set is refused · 4 register not available, run the command again · 5 folder,
register, journal, settings or keys damaged, missing or in use, or the register older than the journals · 130
interrupted"""


def group(commands: Commands, name: str, summary: str, example: str) -> Commands:
    """Add a group of commands, with an example and the exit codes.

    Returns the object to which the group's commands are added.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example:\n  {example}\n\n{EXIT_CODES}",
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def run_command(run: Callable[[argparse.Namespace], int], parsed: argparse.Namespace) -> int:
    """Run a command and return its exit code.

    An error that an operator can fix is printed in one sentence, with the exit code of the contracts.
    """
    STOP.is_requested = False
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        return run(parsed)
    except ActProposed:
        return EXIT_ACTION_REQUIRED
    except RegisterNotWhole as bad:
        return _say(f"{_REGISTER_DAMAGED} (it says: {bad})", ExitCode.STORE)
    except (*_DAMAGED, *_USAGE, *_REFUSED) as bad:
        return _say(bad, _code_of(bad))
    except DATABASE_UNAVAILABLE as away:
        return _say(f"the register is not available: {away}", ExitCode.AGAIN)
    except (*DATABASE_ERRORS, ValueError) as bad:
        if not is_corruption(bad):
            raise
        return _say(f"{_REGISTER_DAMAGED} (it says: {bad})", ExitCode.STORE)
    except NotStarted as bad:
        return _say(bad, ExitCode.FAULT)
    except OSError as bad:
        return _say(f"{bad.filename or 'a file'}: {bad.strerror or bad}", ExitCode.STORE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        # A service that failed to start had SIGHUP blocked during its preparation.
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class AuthorityRun:
    """Context of a command: the authority, and the user of the machine who acts on it.

    The authority is opened when it is needed first, so a command checks its options before.
    """

    def __init__(self, parsed: argparse.Namespace, open_now: Callable[[], Authority]) -> None:
        """Take the options, and the function that opens the authority."""
        self.parsed, self._open = parsed, open_now
        self.actor, self.request = machine_user(), request_id()

    @property
    def folder(self) -> DataDirectory:
        """Folder of the authority, which need not be open."""
        return DataDirectory(self.parsed.dir.absolute())

    @cached_property
    def authority(self) -> Authority:
        """The opened authority."""
        return self._open()

    @property
    def ctx(self) -> ServiceContext:
        """Context of the services."""
        return self.authority.ctx

    @property
    def by(self) -> tuple[ServiceContext, str, str]:
        """Last arguments of a service that acts: context, actor and request."""
        return self.ctx, self.actor, self.request

    @property
    def audit(self) -> AuditContext:
        """Audit data of an act."""
        return self.ctx.audit_entry(self.actor, self.request)

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Add the options of the context to a parser."""
        DIR.add_to(parser, "dir", Path)

    @classmethod
    @contextmanager
    def opened(cls, parsed: argparse.Namespace) -> Iterator["AuthorityRun"]:
        """Yield the context of a command, and close the authority at the end."""
        with ExitStack() as stack:
            # The option is that of commands whose keys may need a pass-phrase.
            path = getattr(parsed, "passphrase_file", None)
            yield cls(
                parsed,
                lambda: stack.enter_context(
                    opened_authority(parsed.dir, None if path is None else read_passphrase(path))
                ),
            )

    @contextmanager
    def opened_with(self, passphrase: bytes | None) -> Iterator["AuthorityRun"]:
        """Open the authority at once with this pass-phrase, and close it after the block.

        The user that the process acts as there opens and closes it.
        """
        with opened_authority(self.parsed.dir, passphrase) as authority:
            yield AuthorityRun(self.parsed, lambda: authority)


def operator_commands(words: str = "", summary: str = "", example: str = "") -> CommandGroup:
    """Return a group of commands, or commands that stand beside the groups."""
    return CommandGroup(
        f"sinetti authority {words}".rstrip(), summary, guard=run_command, example=example, epilog=EXIT_CODES,
        ending="--dir /srv/sinetti",
    )  # fmt: skip


@contextmanager
def opened_authority(folder: Path, passphrase: bytes | None = None) -> Iterator[Authority]:
    """Open an authority for one command.

    Without a pass-phrase, it is looked up where the service has it.
    """
    authority = open_authority(folder.absolute(), DirectoryKind.AUTHORITY, passphrase=passphrase)
    try:
        # The command's rows must not hide the gap from a later start.
        authority.clock.compare()
        yield authority
    finally:
        authority.journal.close()
        authority.ctx.db.close()
        authority.keys.close()


def check_register(authority: Authority) -> None:
    """Check that the register lacks no fact of the journals, before a list is signed.

    A list of an older register would have a higher number and fewer revocations. Raises FolderDamaged, and the errors
    of the journals.
    """
    status = preview(authority.ctx, authority.journal)
    if not status.agrees:
        way_out = f"nothing is published until you run sinetti authority reconcile --dir {authority.folder.root}"
        raise FolderDamaged(f"{status.ahead}; {way_out}")


def unknown_organisation(customer_id: str) -> CustomerIdError:
    """Return the error for an id that no organisation has."""
    return CustomerIdError(f"there is no organisation with the ID {customer_id}")


def zoned_instant(option: str, text: str) -> datetime:
    """Read a time with its zone; UTC, whole seconds.

    Raises OptionError, also for a time before 1950.
    """
    try:
        parsed = datetime.fromisoformat(text)
        at = parsed.astimezone(UTC).replace(microsecond=0) if parsed.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    # Refuses a year with a digit too few, as 0202, because a revocation and its date cannot be undone.
    if at is None or at.year < _FIRST_YEAR:
        raise OptionError(f"{option}: {text!r} is not a time with a time zone, such as 2027-03-01T12:00:00Z")
    return at


def octets_of(option: str, path: Path) -> bytes:
    """Read a file that an option names, "-" for standard input.

    Raises OptionError if it cannot be read.
    """
    try:
        return standard_input.read_file(path)
    except InputTakenError as bad:
        raise OptionError(f"{option}: {bad}") from None
    except OSError as bad:
        raise OptionError(f"{option}: {path} cannot be read: {bad.strerror}") from None


def past_instant(option: str, text: str) -> datetime:
    """Parse an instant in the past. Raises OptionError for any other."""
    at = zoned_instant(option, text)
    if at > utc_now():
        raise OptionError(f"{option} must not be in the future; for the present time, leave it out")
    return at


def _code_of(error: Exception) -> ExitCode:
    if isinstance(error, _DAMAGED):
        return ExitCode.STORE
    if isinstance(error, TrustListConflict):
        return ExitCode.AGAIN
    return ExitCode.REFUSED if isinstance(error, _REFUSED) else ExitCode.USAGE


def _say(error: object, code: ExitCode) -> int:
    text = " ".join(str(error).split())
    # An error text from elsewhere may end in a question mark, which needs no full stop.
    sentence = text if text.endswith(("?", "!")) else f"{text.rstrip('.')}."
    print_failure(f"sinetti: {sentence}", code, sentence)
    return code
