"""What the pages of this part share: speaking one language, people as values, and where they lead back to."""

from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

from django.http import HttpRequest

from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import actor_of
from sinetti.eservice.ui.components import Input, Link, Value
from sinetti.eservice.ui.links import link_to
from sinetti.i18n.languages import LANGUAGES
from sinetti.i18n.translate import text, when
from sinetti.services.access.permissions import Actor

_FORM_OCTETS = 16


class Named(Protocol):
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


class About(Protocol):
    """What a certificate is called by."""

    @property
    def description(self) -> str:
        """What people call it; it may be empty."""

    @property
    def serial(self) -> Serial:
        """Its serial number."""


def speaker(language: Language) -> Callable[..., str]:
    """What gives the text of a message id in one language."""

    def say(message_id: str, /, **values: object) -> str:
        return text(message_id, language, **values)

    return say


def signed_in_actor(request: HttpRequest) -> Actor:
    """Who is signed in, on pages that only they reach."""
    actor = actor_of(request)
    assert actor is not None  # noqa: S101 - @signed_in
    return actor


def called(one: About) -> str:
    """What people call a certificate."""
    return one.description or one.serial


def serves(count: int | None, language: Language) -> str:
    """For whom reports are sent with a certificate."""
    _ = speaker(language)
    match count:
        case None:
            return _("Not told")
        case 0:
            return _("Own reports only")
        case 1:
            return _("Own reports, and those of one other organisation")
        case _many:
            return _("Own reports, and those of about {count} other organisations", count=_many)


def person(one: Named | None, language: Language) -> str:
    """Somebody in one line."""
    if one is None:
        return text("Nobody", language)
    reached = [one.email, *([one.phone] if one.phone else [])]
    return ", ".join([one.name, *reached, text(LANGUAGES[one.language], language)])


def certificate_values(
    seen: About, organisation: tuple[str, str], channel: str, ends: object, language: Language
) -> list[Value]:
    """What a certificate is: the first lines of pages about one."""
    _ = speaker(language)
    name, customer_id = organisation
    values = [
        Value(_("Certificate"), called(seen)),
        Value(_("Organisation"), f"{name}, {customer_id}"),
        Value(_("Certificate type"), channel),
        Value(_("Serial number"), seen.serial),
    ]
    if ends is not None:
        values.append(Value(_("Valid until"), when(ends, language)))  # type: ignore[arg-type]
    return values


def back_to_certificate(serial: str, language: Language) -> Link | None:
    """Where pages about one certificate lead back to."""
    address = link_to("certificate", serial)
    return Link(text("Back to the certificate", language), address) if address else None


def back_to_list(language: Language) -> Link | None:
    """Where other pages lead back to."""
    address = link_to("certificates")
    return Link(text("Back to the certificates", language), address) if address else None


def hidden(name: str, value: str) -> Input:
    """A value that a form brings along."""
    return Input(name, "", "hidden", value)


def new_form() -> str:
    """The id of a form that is shown now: what it does is done once, however often it is sent."""
    return token_hex(_FORM_OCTETS)
