"""Options of `call-early` and `drill` that select certificates, and phone lists."""

import argparse
from pathlib import Path

from sinetti.authority.bootstrap import Authority
from sinetti.cli.authority.common import OptionError
from sinetti.cli.authority.serial_selection import is_serial, issue_interval, serials_of
from sinetti.cli.core.invocation import print_note
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.domain.notifications.early_replacement import PhoneCall
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Channel, Serial
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.infra.spreadsheets import BOM, lines_of
from sinetti.settings import notifications

CHOICES = (
    "serial",
    "serials",
    "customer_id",
    "authority",
    "channel",
    "software",
    "issued_between",
    "every_certificate",
)
"""Names of the options that select certificates."""


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select certificates."""
    which = parser.add_argument_group("certificates (all conditions must apply)")
    one = which.add_mutually_exclusive_group()
    one.add_argument("--serial", metavar="SERIAL", help="serial number in hex, from `status --customer-id ID`")
    one.add_argument(
        "--serials", metavar="FILE", help="file with serial numbers in hex, one per line, - for standard input"
    )
    which.add_argument("--customer-id", metavar="ID", help="certificates of this organisation")
    which.add_argument("--authority", metavar="NAME", help="certificates of this issuing CA, by its name in `status`")
    which.add_argument("--channel", choices=[one.value for one in Channel], help="certificates of this type")
    which.add_argument(
        "--software", metavar="NAME", help="certificates whose program asked for hints as NAME or NAME/VERSION"
    )
    which.add_argument(
        "--issued-between",
        nargs=2,
        metavar=("FROM", "UNTIL"),
        help="issued from the first time until before the second",
    )
    which.add_argument("--every-certificate", action="store_true", help="all certificates of the authority")


def selection_of(parsed: argparse.Namespace) -> CertificateSelection:
    """Return the selection of the options. Raises OptionError."""
    serials: tuple[Serial, ...] | None = None
    if parsed.serial is not None:
        serial = parsed.serial.strip().casefold()
        if not is_serial(serial):
            raise OptionError("--serial: this is not a serial number in hex, as `status --customer-id` prints it")
        serials = (Serial(serial),)
    elif parsed.serials is not None:
        serials = serials_of(parsed.serials, "called")
    return CertificateSelection(
        serials=serials,
        customer_id=parsed.customer_id,
        authority=parsed.authority,
        issued=issue_interval(parsed.issued_between),
        channel=Channel(parsed.channel) if parsed.channel is not None else None,
        software=parsed.software,
        is_every=parsed.every_certificate,
    )


def check_alone(option: str, parsed: argparse.Namespace, *others: str) -> None:
    """Raise OptionError for a selection or `others` beside this option.

    An operator could think that they count.
    """
    if any(getattr(parsed, name) not in {None, False} for name in (*CHOICES, *others)):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise OptionError(f"{option} cannot be combined with a selection" + (f", {named}" if named else ""))


def has_sms(authority: Authority) -> bool:
    """Return True if the authority sends text messages.

    Without settings of messages it counts as one that does. Raises SettingsError for wrong settings.
    """
    path = authority.folder.notices
    return not path.exists() or notifications.read(path).sms is not None


def note_silence(authority: Authority) -> None:
    """Note on standard error that no message leaves without settings."""
    if not authority.folder.notices.exists():
        print_note(
            f"{authority.folder.notices} is missing, so no message leaves: copy deploy/notices.toml to begin with "
            "(docs/operators/notifications.md)"
        )


def write_phone_list(path: Path, calls: tuple[PhoneCall, ...]) -> None:
    """Write the people whom no message reaches as CSV, readable by this user alone."""
    rows = [["organisation", "customer_id", "name", "phone", "language", "certificates"]]
    for one in calls:
        person = one.person
        rows.append(
            [one.organisation, one.customer_id, person.name, person.phone, person.language.value, str(one.count)]
        )
    write_atomic(path, (BOM + lines_of(rows)).encode(), PRIVATE)
    print_note(f"{pluralise(len(calls), 'row')} of people to call by phone: {path}")
