"""What the languages of the service are called, in each of them."""

from collections.abc import Mapping

from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop

LANGUAGES: Mapping[Language, str] = {
    Language.FI: gettext_noop("Finnish"),
    Language.SV: gettext_noop("Swedish"),
    Language.EN: gettext_noop("English"),
}
