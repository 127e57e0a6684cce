"""Explanation of a message or document.

Any content is explained, and the explanation never contradicts the verifier.
"""

from collections.abc import Callable

from fuzz import messages
from fuzz.target import Target, must
from fuzz.xml_changing import change
from sinetti.diagnostics.explain import DiagnosisResult, diagnose
from sinetti.diagnostics.search import DiagnosisContext

_FORMS = 60
"""Number of forms that are tried for one input; all kinds come before that."""


def _few() -> Callable[[], bool]:
    """Return a function that stops the search after a number of forms.

    A clock would not give the same result for the same octets.
    """
    asked = iter(range(_FORMS))
    return lambda: next(asked, None) is None


def check(octets: bytes) -> None:
    """Explain the input twice, with the same result."""
    found = diagnose(octets, DiagnosisContext(enough=_few()))
    must(
        (found.verdict is DiagnosisResult.FITS) is not bool(found.guesses),
        "what fits has no guess, and all else has one",
    )
    must(found.verdict is not DiagnosisResult.FITS or found.why is None, "what fits has no flaw")
    for sides in filter(None, (found.document, found.signed_info)):
        must(not sides.proven or sides.signed is not None or found.withheld, "what is proven is known")
        must(
            found.verdict is not DiagnosisResult.FITS or sides.signed == sides.received,
            "what fits is the same on both sides",
        )
    must(diagnose(octets, DiagnosisContext(enough=_few())) == found, "it is explained in one way")


def _seeds() -> dict[str, bytes]:
    return dict([*messages.requests(), *messages.responses(), *messages.documents()])


TARGET = Target("explanation", check, _seeds, change)
