"""Options of commands that name people, and the person that they describe."""

import argparse

from sinetti.database.notifications.recipients import Recipient
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.validation import LONGEST_PERSON, check_email, check_phone, check_unlinked
from sinetti.domain.values import Language

LANGUAGES = [one.value for one in Language]


def add_person_options(parser: argparse.ArgumentParser, whom: str, *, needed: bool = True) -> None:
    """Add the options for one person, such as "the signatory".

    If `needed` is False, each option may be left out.
    """
    parser.add_argument("--name", required=needed, metavar="NAME", help=f"name of {whom}")
    parser.add_argument("--email", required=needed, metavar="ADDRESS", help=f"e-mail address of {whom}")
    parser.add_argument("--phone", default="" if needed else None, metavar="NUMBER", help=f"phone number of {whom}")
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default=Language.FI.value if needed else None,
        help=f"language of messages to {whom} (default: {'fi' if needed else 'unchanged'})",
    )


def person_of(parsed: argparse.Namespace) -> ContactDetails:
    """Return the person that the options name. Raises WordError for wrong values."""
    return ContactDetails(
        check_unlinked("--name", parsed.name, LONGEST_PERSON),
        check_email("--email", parsed.email),
        check_phone("--phone", parsed.phone),
        Language(parsed.language),
    )


def person_row(reader: Recipient | None) -> dict[str, str | bool | None] | None:
    """Return a person as a JSON row. `reached` is True if mail may be sent there."""
    if reader is None:
        return None
    return {
        "person_id": reader.person_id,
        "name": reader.name,
        "email": reader.email,
        "phone": reader.phone or None,
        "language": reader.language.value,
        "reached": reader.mailable,
    }


def format_person(reader: Recipient | None) -> str:
    """Return a person as one line of text."""
    if reader is None:
        return "none"
    text = " ".join(one for one in (reader.name, f"<{reader.email}>", reader.phone, f"({reader.language})") if one)
    return text if reader.mailable else f"{text} (not reachable by e-mail)"
