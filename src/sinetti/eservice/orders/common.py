"""What the pages of this part share: speaking one language, people as values, and where they lead back to."""

from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

from django.http import HttpRequest

from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import current_actor
from sinetti.eservice.ui.components import DescriptionItem, Input, Link
from sinetti.eservice.ui.links import url_or_empty
from sinetti.i18n.languages import LANGUAGES
from sinetti.i18n.translate import format_datetime, translate
from sinetti.services.access.permissions import Actor

_FORM_OCTETS = 16


class HasContactDetails(Protocol):
    """Somebody, and how they are reached."""

    @property
    def name(self) -> str:
        """What they are called."""

    @property
    def email(self) -> str:
        """Where mail goes."""

    @property
    def phone(self) -> str:
        """Where text messages go; it may be empty."""

    @property
    def language(self) -> Language:
        """What they are written to in."""


class HasDescription(Protocol):
    """What a certificate is called by."""

    @property
    def description(self) -> str:
        """What people call it; it may be empty."""

    @property
    def serial(self) -> Serial:
        """Its serial number."""


def translator(language: Language) -> Callable[..., str]:
    """What gives the text of a message id in one language."""

    def say(message_id: str, /, **values: object) -> str:
        return translate(message_id, language, **values)

    return say


def signed_in_actor(request: HttpRequest) -> Actor:
    """Who is signed in, on pages that only they reach."""
    actor = current_actor(request)
    assert actor is not None  # noqa: S101 - @signed_in
    return actor


def display_name(one: HasDescription) -> str:
    """What people call a certificate."""
    return one.description or one.serial


def serves(count: int | None, language: Language) -> str:
    """For whom reports are sent with a certificate."""
    _ = translator(language)
    match count:
        case None:
            return _("Not told")
        case 0:
            return _("Own reports only")
        case 1:
            return _("Own reports, and those of one other organisation")
        case _many:
            return _("Own reports, and those of about {count} other organisations", count=_many)


def person(one: HasContactDetails | None, language: Language) -> str:
    """Somebody in one line."""
    if one is None:
        return translate("Nobody", language)
    reached = [one.email, *([one.phone] if one.phone else [])]
    return ", ".join([one.name, *reached, translate(LANGUAGES[one.language], language)])


def certificate_values(
    seen: HasDescription, organisation: tuple[str, str], channel: str, ends: object, language: Language
) -> list[DescriptionItem]:
    """What a certificate is: the first lines of pages about one."""
    _ = translator(language)
    name, customer_id = organisation
    values = [
        DescriptionItem(_("Certificate"), display_name(seen)),
        DescriptionItem(_("Organisation"), f"{name}, {customer_id}"),
        DescriptionItem(_("Certificate type"), channel),
        DescriptionItem(_("Serial number"), seen.serial),
    ]
    if ends is not None:
        values.append(DescriptionItem(_("Valid until"), format_datetime(ends, language)))  # type: ignore[arg-type]
    return values


def back_to_certificate(serial: str, language: Language) -> Link | None:
    """Where pages about one certificate lead back to."""
    address = url_or_empty("certificate", serial)
    return Link(translate("Back to the certificate", language), address) if address else None


def back_to_list(language: Language) -> Link | None:
    """Where other pages lead back to."""
    address = url_or_empty("certificates")
    return Link(translate("Back to the certificates", language), address) if address else None


def hidden(name: str, value: str) -> Input:
    """A value that a form brings along."""
    return Input(name, "", "hidden", value)


def new_form() -> str:
    """The id of a form that is shown now: what it does is done once, however often it is sent."""
    return token_hex(_FORM_OCTETS)
