"""Options of commands that name people, and the person that they describe."""

import argparse
from dataclasses import dataclass
from typing import Any

from sinetti.cli.authority.common import OptionError
from sinetti.cli.core.commands import Spec, inner_type
from sinetti.database.notifications.recipients import Recipient
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.validation import LONGEST_PERSON, check_email, check_phone, check_unlinked
from sinetti.domain.values import Language


@dataclass(frozen=True, slots=True)
class PersonSpec(Spec):
    """Options for one person, which together are the value of a parameter.

    If the parameter may be None, they may be left out. `incomplete` is the sentence for a name or an address alone.
    """

    prefix: str = ""
    incomplete: str = ""

    def add_to(self, parser: argparse.ArgumentParser, name: str, kind: object) -> None:  # noqa: ARG002 - as Spec
        """Add the options to a parser."""
        is_needed, language = inner_type(kind)[1], "fi" if self.prefix or inner_type(kind)[1] else None
        for word, metavar, text in (("name", "NAME", "name"), ("email", "ADDRESS", "e-mail address")):
            parser.add_argument(
                f"--{self.prefix}{word}", required=is_needed, metavar=metavar, help=f"{text} of {self.help}"
            )
        parser.add_argument(
            f"--{self.prefix}phone", default=language and "", metavar="NUMBER", help=f"phone number of {self.help}"
        )
        parser.add_argument(
            f"--{self.prefix}language",
            choices=[language.value for language in Language],
            default=language,
            help=f"language of messages to {self.help} (default: {language or 'unchanged'})",
        )

    def value(self, parsed: argparse.Namespace, name: str, kind: object) -> ContactDetails | None:  # noqa: ARG002
        """Return the person. Raises OptionError and WordError."""
        before = self.prefix.replace("-", "_")
        given = {word: getattr(parsed, f"{before}{word}") for word in ("name", "email", "phone")}
        if not all((given["name"], given["email"])) and not inner_type(kind)[1]:
            if any(given.values()) or (getattr(parsed, f"{before}language") and not self.prefix):
                raise OptionError(self.incomplete)
            return None
        return ContactDetails(
            check_unlinked(f"--{self.prefix}name", given["name"], LONGEST_PERSON),
            check_email(f"--{self.prefix}email", given["email"]),
            check_phone(f"--{self.prefix}phone", given["phone"] or ""),
            Language(getattr(parsed, f"{before}language") or "fi"),
        )


def person(whom: str, prefix: str = "", incomplete: str = "") -> Any:  # noqa: ANN401 - stands for the value
    """Return the default of a parameter that is a person, such as "the signatory"."""
    return PersonSpec(whom, {}, prefix=prefix, incomplete=incomplete)


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
    text = " ".join(text for text in (reader.name, f"<{reader.email}>", reader.phone, f"({reader.language})") if text)
    return text if reader.mailable else f"{text} (not reachable by e-mail)"
