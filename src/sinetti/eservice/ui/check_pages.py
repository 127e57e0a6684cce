"""Check page: shows the effects of an act before it is done.

It has the answers with their links *Change*, the effects, the letters that leave, and the form with the button that
acts (docs/e-service/pages.md).
"""

from collections.abc import Sequence
from typing import TypedDict, Unpack

from sinetti.eservice.ui.components import (
    Alert,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Letter,
    Link,
    Section,
    Severity,
    Text,
)
from sinetti.eservice.ui.page import Page
from sinetti.i18n.translate import _, gettext_noop

_EFFECTS, _LETTERS, _NO_LETTERS = (
    gettext_noop("Effects"),
    gettext_noop("Messages to be sent"),
    gettext_noop("No messages are sent."),
)


class CheckParts(TypedDict, total=False):
    """Parts of a check page.

    `effects` are sentences, of which the first is the most important one. `letters` are the messages that the act
    sends; an empty list is stated, and without the key the page has no such part. `blocks` are further components.
    """

    summary: Sequence[DescriptionItem]
    effects: Sequence[str]
    letters: Sequence[Letter]
    blocks: Sequence[Component]
    back: Link | None


def check_page(title: str, form: Form, **parts: Unpack[CheckParts]) -> Page:
    """Return the page that shows an act before it is done."""
    summary, effects, letters = parts.get("summary", ()), parts.get("effects", ()), parts.get("letters", ())
    blocks: list[Component] = []
    if effects:
        blocks.append(Alert(effects[0], Severity.WARNING))
    if summary:
        blocks.append(DescriptionList(summary))
    if len(effects) > 1:
        blocks.append(Section(_(_EFFECTS), [Text(effects[1:])]))
    blocks += parts.get("blocks", ())
    if "letters" in parts:
        blocks.append(Section(_(_LETTERS), letters or [Text([_(_NO_LETTERS)])]))
    return Page(title, [*blocks, form], back=parts.get("back"))
