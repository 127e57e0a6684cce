"""What the languages of the service are called, in each of them."""

from collections.abc import Mapping

from sinetti.domain.values import Language
from sinetti.i18n.translate import mark

LANGUAGES: Mapping[Language, str] = {
    Language.FI: mark("Finnish"),
    Language.SV: mark("Swedish"),
    Language.EN: mark("English"),
}
