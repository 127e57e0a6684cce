"""What a request brings along in its environ: whose pages these are, and how a message is sent at once."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest

from sinetti.actions.office import Office
from sinetti.domain.values import Language

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The authority that the pages are of.

    `send_now` sends one message, by its id, and tells whether it got away; `service` is the authority's name, and
    `help` says in each language how to reach help. `sms`: there is a provider of text messages, so PIN codes can be
    sent.
    """

    office: Office
    send_now: Callable[[str], bool]
    service: str
    help: Mapping[Language, str]
    sms: bool = True

    def given(self) -> dict[str, object]:
        """As it stands in an environ."""
        return {
            "sinetti.office": self.office,
            "sinetti.send_now": self.send_now,
            "sinetti.service": self.service,
            "sinetti.help": self.help,
            "sinetti.sms": self.sms,
        }


def surroundings(request: HttpRequest) -> Surroundings:
    """Read what stands in a request's environ."""
    given = request.META
    return Surroundings(
        given["sinetti.office"],
        given["sinetti.send_now"],
        given["sinetti.service"],
        given["sinetti.help"],
        given["sinetti.sms"],
    )


def request_id(request: HttpRequest) -> str:
    """The request's id, ours: 32 hex digits."""
    return str(request.META["sinetti.request_id"])


def language_of(request: HttpRequest) -> Language:
    """The reader's language (middleware.py)."""
    language: Language = getattr(request, "reader_language", Language.EN)
    return language


def send_at_once(request: HttpRequest, message_id: str) -> None:
    """Send one message while the reader waits; what does not get away is tried again by the timer."""
    try:
        surroundings(request).send_now(message_id)
    except Exception:  # noqa: BLE001 - whatever it was: the reader is told that the message has not got away yet
        _log.exception("request %s: a message could not be sent at once", request_id(request))
