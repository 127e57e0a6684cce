"""Signed documents: the one enveloped signature of `wire/xmldsig.py`, and what it says as a verdict."""

from collections.abc import Callable
from typing import NoReturn

from cryptography import x509

from sinetti.gateway import sentences
from sinetti.gateway.verdict import Phrase, Reason, Verdict
from sinetti.wire import parsing
from sinetti.wire.flaws import CoversSomethingElse, SignatureInvalid, SignatureMissing
from sinetti.wire.parsing import NotWellFormed, Unparsable
from sinetti.wire.shapes import SERVICE
from sinetti.wire.xmldsig import verify_document

LARGEST_DOCUMENT = 20_000_000
"""Octets; one text or attribute in it may have 10 MB, libxml2's own bound."""

MOST_MARKS = 2_000_000
"""Tags, comments and attributes, as far as `<` and `=` tell. Official messages of 20 MB have 700,000.

In the tree 2 million take 0.4 GB, and 20 MB of nothing else a whole one: two such would end the process (MemoryMax).
"""


class Refused(Exception):
    """The document is refused with this verdict."""

    def __init__(self, verdict: Verdict) -> None:
        """Keep the verdict."""
        super().__init__(verdict.reason)
        self.verdict = verdict


def verified(document: bytes, judge: Callable[[x509.Certificate], None]) -> tuple[bytes, bytes]:
    """Give the octets that the signature covers, and its certificate's DER. Raises Refused.

    `judge` sees the certificate before anything is computed with its key, and raises Refused for one that is not taken.
    """
    if len(document) > LARGEST_DOCUMENT:
        _refuse(Reason.MALFORMED, sentences.MALFORMED_DOCUMENT, sentences.TOO_LONG_DOCUMENT)
    if document.count(b"<") + document.count(b"=") > MOST_MARKS:
        _refuse(Reason.MALFORMED, sentences.MALFORMED_DOCUMENT, parsing.TOO_MUCH)

    def accept(certificate: x509.Certificate) -> bool:
        judge(certificate)
        return True

    try:
        root = parsing.parse(document)
        # Both are signed by the same key in the same way: a renewal must never pass for a delivery.
        if str(root.tag).startswith(f"{{{SERVICE}}}"):
            raise Refused(Verdict(Reason.COVERS_SOMETHING_ELSE, sentences.FOR_THE_CERTIFICATE_SERVICE))
        found = verify_document([root], accept)
    except NotWellFormed as bad:
        why = Phrase(parsing.NOT_WELL_FORMED, {"line": bad.line})
        raise Refused(Verdict(Reason.MALFORMED, sentences.MALFORMED_DOCUMENT, {"why": why})) from None
    except Unparsable as bad:
        _refuse(Reason.MALFORMED, sentences.MALFORMED_DOCUMENT, str(bad))
    except SignatureMissing:
        raise Refused(Verdict(Reason.SIGNATURE_MISSING, sentences.SIGNATURE_MISSING)) from None
    except CoversSomethingElse as bad:
        _refuse(Reason.COVERS_SOMETHING_ELSE, sentences.COVERS_SOMETHING_ELSE, str(bad))
    except SignatureInvalid as bad:
        _refuse(Reason.SIGNATURE_INVALID, sentences.SIGNATURE_INVALID, str(bad))
    return found.octets, found.certificate


def _refuse(reason: Reason, sentence: str, why: str) -> NoReturn:
    raise Refused(Verdict(reason, sentence, {"why": Phrase(why)})) from None
