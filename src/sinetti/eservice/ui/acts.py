"""Acts that cannot be undone: the letters that they send, and their confirmation.

See docs/e-service/check-pages.md. `check_pages.check_page` shows both.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import DescriptionItem, Input, Letter
from sinetti.i18n.translate import _
from sinetti.notifications.context import NotificationContext, RenderedMessage
from sinetti.notifications.dry_run import rehearse
from sinetti.services.context import ServiceContext
from sinetti.services.token_encryption import link_unsealer

SEEN, STEP = "seen", "step"
"""Hidden fields of a check page: the digest of its content, and its act."""
_MOST, _IN_FULL = 20, 2


@dataclass(frozen=True)
class ActLetters:
    """Letters of an act: some in full, and the addresses of all, at most 20."""

    letters: Sequence[Letter]
    to: Sequence[str]

    @property
    def informed(self) -> DescriptionItem:
        """The people whom the act informs, as a value of a check page."""
        return DescriptionItem(_("Informed by e-mail"), ", ".join(self.to) or _("No messages are sent."))


def letters_of(
    request: HttpRequest, act: Callable[[ServiceContext], object], known: Collection[str] | None = None
) -> ActLetters:
    """Return the letters that an act would send now, without doing it.

    `known` are the addresses that the reader sees elsewhere, besides their own; None for all. Others are shortened, and
    their letters have no greeting. Raises the errors of the act.
    """
    ctx, terms = portal_context(request).ctx, portal_context(request).terms
    room = NotificationContext(
        ctx.db, ctx.environment, ctx.now, ctx.machine_now, terms, {}, ctx.keys, unseal=link_unsealer(ctx.keys)
    )
    messages = rehearse(lambda: act(ctx), room, _MOST)
    own = getattr(request.user, "email", "")
    to = {message.to: _shown(message.to, known if known is None else {*known, own}) for message in messages}
    full = messages[:_IN_FULL]
    letters = [
        Letter(message.subject, _paragraphs(message, to[message.to]), to[message.to], message.language)
        for message in full
    ]
    return ActLetters(letters, tuple(to.values()))


def _paragraphs(letter: RenderedMessage, shown: str) -> Sequence[str]:
    """Return the text of a letter.

    It lacks the greeting, which has the recipient's name, if the address is shortened.
    """
    greeting, *rest = letter.text.strip().split("\n\n")
    return [greeting, *rest] if shown == letter.to else rest


def _shown(address: str, known: Collection[str] | None) -> str:
    """Return an address; one that the reader does not know in short."""
    if known is None or address.casefold() in {text.casefold() for text in known}:
        return address
    name, _at, host = address.rpartition("@")
    return f"{name[:1]}…@{host}"


class Confirmation:
    """Confirmation of one act by the button of its check page.

    `shown` are the values that the page shows. If they have changed, the page has to be shown again.
    """

    def __init__(self, request: HttpRequest, does: str, *shown: object) -> None:
        """Compare the digest that was sent with that of the values now."""
        self.does = does
        digest = sha256("\0".join([does, *map(str, shown)]).encode()).hexdigest()
        sent = request.POST.get(SEEN, "") if request.method == "POST" else ""
        self.fields = [Input(STEP, "", "hidden", does), Input(SEEN, "", "hidden", digest)]
        """Hidden fields of the check page's form."""
        self.was_pressed = request.method == "POST" and request.POST.get("do") == does
        self.is_given = self.was_pressed and constant_time_compare(sent, digest)
        """True if the button was pressed on a page that showed these values."""


def is_step(request: HttpRequest, does: str) -> bool:
    """Return True at the check page of this act, or if its button was pressed.

    The button that leads there has the value `check_of(does)`.
    """
    at = {request.POST.get(STEP), request.POST.get("do")}
    return request.method == "POST" and not at.isdisjoint({does, check_of(does)})


def check_of(does: str) -> str:
    """Return the value of a button that leads to the check page of an act."""
    return f"check-{does}"
