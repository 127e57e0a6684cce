"""What a person reads who is to get transfer IDs: the message with the link, and the text message with the PIN code."""

from sinetti.i18n.translate import gettext_noop

IDS_SUBJECT = gettext_noop("Transfer IDs, open by {day} – {organisation}")
ORDERED = gettext_noop(
    "{organisation} ordered the certificate “{description}” on {ordered} and named you to retrieve it. For that you "
    "need transfer IDs, which wait for you in a secure message."
)
OPEN_WITH_PIN = gettext_noop(
    "Open the link below and press “{button}”. You then get a PIN code as a text message to the number that ends in "
    "{digits}; enter it on the page."
)
OPEN_WITH_CODE = gettext_noop(
    "Open the link below and press “{button}”. We have no phone number of yours, so the page asks for a code that you "
    "get from the organisation's representative."
)
BUTTON = gettext_noop("Open message")
LINK_WORKS = gettext_noop(
    "The page then shows the transfer IDs, which you give to the program that retrieves the certificate. The link "
    "works until {expires}."
)
UNEXPECTED = gettext_noop(
    "If you did not expect this message, leave the link closed and tell the organisation's representative, or ask us."
)

PIN = gettext_noop(
    "PIN code {pin} opens the secure message about a certificate of {organisation}. It works for 15 minutes. Nobody "
    "will ask you for it by phone."
)
