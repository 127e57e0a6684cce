"""Verdicts on signed XML documents.

A document has one enveloped signature, which `wire/xmldsig/signature.py` verifies.
"""

import re
from collections.abc import Callable, Iterator
from typing import NoReturn

from cryptography import x509

from sinetti.gateway.verdicts.verdict import Phrase, Verdict, VerdictReason
from sinetti.gateway.x509 import verdict_texts
from sinetti.pki.encoding import AnyPublicKey
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing, WrongReference
from sinetti.wire.xmldsig.parser import NotWellFormed, XmlRejected
from sinetti.wire.xmldsig.signature import verify_document

LARGEST_DOCUMENT = 20_000_000
"""Largest size of a document in octets.

One text or attribute in it may have 10 MB, which is libxml2's own limit.
"""

MOST_MARKS, OCTETS_OF_A_MARK = 400_000, 12
"""Limit of tags, comments and attributes in a document, counted by `<` and `=`.

The limit is the larger of the first number and one for each 12 octets. Each takes some 130 octets in libxml2's tree,
even before the signature is checked. A million of them in 4 MB took 130 MB and a second. Official messages have one
for 28 octets.
"""

# Octets. A tag contains no further `<` (XML 1.0, 3.1), so long tags are found by the distance between two of them.
_LONG = 16_384
# A start tag with more attributes and declarations than are accepted; also matches inside a comment.
_CROWDED = re.compile(
    rb"<[^\s<>/=!?]++(?:\s++[^\s<>/=\"']++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+')){%d}" % (2 * parser.MOST_ATTRIBUTES + 1)
)


class DocumentRejected(Exception):
    """Rejection of a document, with its verdict."""

    def __init__(self, verdict: Verdict) -> None:
        """Store the verdict."""
        super().__init__(verdict.reason)
        self.verdict = verdict


def verified(
    document: bytes, judge: Callable[[x509.Certificate], None], known_key: Callable[[bytes], AnyPublicKey | None]
) -> tuple[bytes, bytes]:
    """Return the octets that the signature covers, and its certificate's DER.

    `judge` gets the certificate before any computation with its key, and raises DocumentRejected to reject it.
    `known_key` returns the key of a certificate (DER) that needs no further judgement, or None. Raises DocumentRejected
    if the document or its signature is invalid.
    """
    tags = _check_proportions(document)

    def accept(certificate: x509.Certificate) -> bool:
        judge(certificate)
        return True

    try:
        root = parser.parse(document, tags)
        # Renewal requests are signed by the same key in the same way and must never be accepted as a delivery.
        if str(root.tag).startswith(f"{{{SERVICE}}}"):
            raise DocumentRejected(
                Verdict(VerdictReason.COVERS_SOMETHING_ELSE, verdict_texts.FOR_THE_CERTIFICATE_SERVICE)
            )
        found = verify_document([root], accept, known_key)
    except NotWellFormed as bad:
        why = Phrase(parser.NOT_WELL_FORMED, {"line": bad.line})
        raise DocumentRejected(
            Verdict(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, {"why": why})
        ) from None
    except XmlRejected as bad:
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, str(bad))
    except SignatureMissing:
        raise DocumentRejected(Verdict(VerdictReason.SIGNATURE_MISSING, verdict_texts.SIGNATURE_MISSING)) from None
    except WrongReference as bad:
        _refuse(VerdictReason.COVERS_SOMETHING_ELSE, verdict_texts.COVERS_SOMETHING_ELSE, str(bad))
    except SignatureInvalid as bad:
        _refuse(VerdictReason.SIGNATURE_INVALID, verdict_texts.SIGNATURE_INVALID, str(bad))
    return found.octets, found.certificate


def _check_proportions(document: bytes) -> int:
    """Return the number of `<` in a document.

    Raises DocumentRejected if the XML tree or one tag would be out of proportion. A tag is rejected if it has more
    attributes than are ever accepted. This check precedes all parsers: expat and libxml2 store the attributes of a tag
    before they report it, and a million took a second and 130 MB.
    """
    if len(document) > LARGEST_DOCUMENT:
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, verdict_texts.TOO_LONG_DOCUMENT)
    tags, most = document.count(b"<"), max(MOST_MARKS, len(document) // OCTETS_OF_A_MARK)
    if len(document) > most and tags + document.count(b"=") > most:
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, verdict_texts.TOO_MANY_MARKS)
    if any(_CROWDED.match(document, at) for at in _long_tags(document)):
        _refuse(VerdictReason.MALFORMED, verdict_texts.MALFORMED_DOCUMENT, parser.TOO_MUCH)
    return tags


def _long_tags(document: bytes) -> Iterator[int]:
    """Yield the offsets where a long tag, or a tag followed by long text, may begin.

    Leaps from one `<` to the last `<` within the limit.
    """
    at = document.find(b"<")
    while at >= 0:
        further = document.rfind(b"<", at + 1, at + _LONG)
        if further < 0:
            yield at
            further = document.find(b"<", at + 1)
        at = further


def _refuse(reason: VerdictReason, sentence: str, why: str) -> NoReturn:
    raise DocumentRejected(Verdict(reason, sentence, {"why": Phrase(why)})) from None
