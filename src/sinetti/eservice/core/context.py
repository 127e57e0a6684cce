"""Request context in the WSGI environ: authority, settings, sending of messages."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from django.http import HttpRequest

from sinetti.domain.values import Language
from sinetti.notifications.context import NotificationSettings
from sinetti.services.context import ServiceContext
from sinetti.settings.portal import DEFAULTS, EserviceSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PortalContext:
    """Context of the authority whose pages are served.

    `send_now` sends one message by its id and returns True if it was sent. `terms` are the settings of messages, which
    check pages show before they leave. `eservice` has the operator's settings of the portal. `sms`: a provider of text
    messages is configured, so PIN codes can be sent.
    """

    ctx: ServiceContext
    send_now: Callable[[str], bool]
    terms: NotificationSettings
    eservice: EserviceSettings = DEFAULTS
    sms: bool = True

    @property
    def service(self) -> str:
        """Name of the authority."""
        return self.terms.service

    @property
    def help(self) -> Mapping[Language, str]:
        """Support contact in each language."""
        return self.terms.help

    def given(self) -> dict[str, object]:
        """Return the context as members of a WSGI environ."""
        return {
            "sinetti.office": self.ctx,
            "sinetti.send_now": self.send_now,
            "sinetti.terms": self.terms,
            "sinetti.eservice": self.eservice,
            "sinetti.sms": self.sms,
        }


def portal_context(request: HttpRequest) -> PortalContext:
    """Return the context from a request's environ."""
    given = request.META
    return PortalContext(
        replace(given["sinetti.office"], caller=given.get("REMOTE_ADDR", "")),
        given["sinetti.send_now"],
        given["sinetti.terms"],
        given["sinetti.eservice"],
        given["sinetti.sms"],
    )


def request_id(request: HttpRequest) -> str:
    """Return the request id that this service assigned: 32 hex digits."""
    return str(request.META["sinetti.request_id"])


def language_of(request: HttpRequest) -> Language:
    """Return the reader's language (middleware.py)."""
    found: Callable[[], Language] | None = getattr(request, "reader_language", None)
    return Language.EN if found is None else found()


def forget_account(request: HttpRequest) -> None:
    """Exclude the account from the choice of language: the database may be down."""
    without: Callable[[], Language] | None = getattr(request, "language_without_account", None)
    if without is not None:
        request.reader_language = without  # type: ignore[attr-defined] # middleware.py


def send_at_once(request: HttpRequest, message_id: str) -> None:
    """Send one message while the reader waits; the timer retries a failed one."""
    try:
        portal_context(request).send_now(message_id)
    except Exception:  # noqa: BLE001 - on any error the page reports that the message has not been sent yet
        _log.exception("request %s: a message could not be sent at once", request_id(request))
