"""Report of `sinetti explain`: in the reader's language, and in JSON.

See docs/integrators/explain.md. The test bench reports the same, at its control address and as sentences in its log.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.diagnostics.advice import GUESSES
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.certificates import CertificateInfo
from sinetti.diagnostics.explain import Diagnosis, DiagnosisResult
from sinetti.diagnostics.matchers import digest, name_of
from sinetti.diagnostics.search import AS_LOGGED, Comparison
from sinetti.diagnostics.signed_message import MessageType, SignatureInfo
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.clock import instant_or_none

FITS = gettext_noop("The signature matches the message.")
SELF_SIGNED = gettext_noop(
    "The signature matches the message, but its certificate is self-signed: this service refuses it. Sign with the "
    "certificate that you retrieved from the service."
)
FITS_AND_OURS = gettext_noop("The signature matches the message, and its certificate was issued by this service.")
TAKEN_WHOLE = gettext_noop("Examined: {element}, the whole document.")
NO_ENVELOPE = gettext_noop(
    "It is not in a SOAP envelope. As the body of an HTTP request, the service refuses it: put it in an envelope."
)
TAKEN_CUT = gettext_noop("Examined: {element}, exactly the bytes in the Body of the SOAP envelope.")
TAKEN_WITH = gettext_noop(
    "Examined: {element} from the Body of the SOAP envelope, with the envelope's declarations of {prefixes}."
)
METHODS = gettext_noop(
    "Transforms: {transforms}. SignedInfo: {canonicalisation}. Digest: {digest}. Signature: {signature}."
)
CERTIFICATE = gettext_noop(
    "Certificate: {subject}; serial number {serial}; issued by {issuer}; valid from {begins} until {ends}."
)
OF_THIS_SERVICE = gettext_noop("It was issued by a CA in --anchors.")
OF_ANOTHER = gettext_noop("It was not issued by any CA in --anchors.")
WHOSE_NOT_ASKED = gettext_noop("Its issuer was not checked. To check it, give the service's CAs with --anchors.")
DOCUMENT_FITS = gettext_noop("The digest of the document matches.")
DOCUMENT_FOUND = gettext_noop(
    "The document: the digest in the signature belongs to another form, {form}. The first difference is "
    "in line {line}, column {column} (byte {offset}):"
)
DOCUMENT_OTHERWISE = gettext_noop(
    "The document is the same on both sides, but its digest was computed differently: {form}."
)
DOCUMENT_LOGGED = gettext_noop(
    "The document: the digest in the signature does not match the --signed file either. The first "
    "difference between that file and this form is in line {line}, column {column} (byte {offset}):"
)
DOCUMENT_UNKNOWN = gettext_noop(
    "The document: the digest in the signature matches no known form. The signature has {stated}, but the "
    "digest computed here is {computed}."
)
INFO_FITS = gettext_noop("The signature of SignedInfo matches.")
INFO_FOUND = gettext_noop(
    "SignedInfo: the signature was made over another form, {form}. The first difference is in line "
    "{line}, column {column} (byte {offset}):"
)
INFO_OTHERWISE = gettext_noop("SignedInfo is the same on both sides, but it was signed differently: {form}.")
INFO_UNKNOWN = gettext_noop("SignedInfo: the signature matches no known form.")
SIGNED = gettext_noop("signed")
RECEIVED = gettext_noop("received")
PROBABLE = gettext_noop("This is a guess from the message itself. No digest proves it.")
WITHHELD = gettext_noop("The bytes are not shown, because they may contain a one-time password.")
UNFINISHED = gettext_noop("Not every form was tried, because it took too long.")
BY_THIS_CLOCK = gettext_noop(
    "Checked by this computer's clock, {now}. If the message went to a test bench, give the bench's time with --now."
)

_NONE = "–"


@dataclass(frozen=True)
class _Words:
    """Message ids for one pair of sides."""

    fits: str
    found: str
    otherwise: str
    logged: str
    unknown: str


_DOCUMENT = _Words(
    DOCUMENT_FITS,
    DOCUMENT_FOUND,
    DOCUMENT_OTHERWISE,
    DOCUMENT_LOGGED,
    DOCUMENT_UNKNOWN,
)
_INFO = _Words(
    INFO_FITS,
    INFO_FOUND,
    INFO_OTHERWISE,
    INFO_UNKNOWN,
    INFO_UNKNOWN,
)


@dataclass(frozen=True)
class Report:
    """Report on a diagnosis, for people and programs."""

    found: Diagnosis = field(repr=False)

    def sentences(self) -> tuple[Message, ...]:
        """Return what is wrong and what to do: one message for each cause, never empty.

        The first cause to correct comes first. The messages contain nothing of the examined message, so that they are
        fit for a log.
        """
        if self.found.verdict is DiagnosisResult.FITS:
            certificate = self.found.certificate
            if certificate is None:
                return (make_message(FITS),)
            is_self_signed = certificate.subject == certificate.issuer
            return (
                make_message(FITS_AND_OURS if certificate.of_this_service else SELF_SIGNED if is_self_signed else FITS),
            )
        said: list[Message] = []
        for guess in self.found.guesses:
            said.append(self._message(guess))
            if guess in self.found.probable:
                said.append(make_message(PROBABLE))
        return tuple(said)

    def _message(self, guess: Cause) -> Message:
        text = GUESSES[guess]
        return make_message(text, **{name: one for name, one in self.found.named.items() if f"{{{name}}}" in text})

    def lines(self, language: Language) -> Iterator[str]:
        """Yield the whole report, line by line."""
        names = iter(() if self.found.verdict is DiagnosisResult.FITS else self.found.guesses)
        for sentence in self.sentences():
            text = messages.render(sentence, language)
            name = None if sentence.text == PROBABLE else next(names, None)
            yield text if name is None else f"{text} [{name.value}]"
        if self.found.why is not None:
            why = make_message("{why}", why=error_reasons.translate_reason(self.found.why))
            yield f"({messages.render(why, language)})"
        for fact in self._facts():
            yield messages.render(fact, language)
        for sides, words in ((self.found.document, _DOCUMENT), (self.found.signed_info, _INFO)):
            if sides is not None:
                yield messages.render(self._comparison_message(sides, words), language)
                yield from _marked(sides, language)
        if self.found.unfinished:
            yield translate.translate(UNFINISHED, language)
        if self.found.withheld:
            yield translate.translate(WITHHELD, language)

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON for programs."""
        diagnosis = self.found
        return {
            "verdict": diagnosis.verdict.value,
            "fault": diagnosis.guesses[0].value if diagnosis.guesses else None,
            "guesses": [self._guess_as_json(guess) for guess in diagnosis.guesses],
            "why": diagnosis.why,
            "element": self._element(),
            "signature": None if diagnosis.stated is None else _stated_as_json(diagnosis.stated),
            "certificate": None if diagnosis.certificate is None else _certificate_as_json(diagnosis.certificate),
            "document": None if diagnosis.document is None else self._sides_as_json(diagnosis.document),
            "signed_info": None if diagnosis.signed_info is None else self._sides_as_json(diagnosis.signed_info),
            "withheld": diagnosis.withheld,
            "unfinished": diagnosis.unfinished,
        }

    def files(self) -> Mapping[str, bytes]:
        """Return both sides' octets, whole, by file names; an unknown side is missing."""
        if self.found.withheld:
            return {}
        sides = {"document": self.found.document, "signed-info": self.found.signed_info}
        return {
            f"{name}-{which}.xml": octets
            for name, comparison in sides.items()
            if comparison is not None
            for which, octets in (("received", comparison.received), ("signed", comparison.signed))
            if octets is not None
        }

    def _guess_as_json(self, guess: Cause) -> dict[str, object]:
        message = self._message(guess)
        return {
            "guess": guess.value,
            "text": {language.value: messages.render(message, language) for language in Language},
        }

    def _facts(self) -> Iterator[Message]:
        element, signature_info, certificate = self.found.element, self.found.stated, self.found.certificate
        if element is not None:
            name = messages.strip_control_chars(element.name)
            if element.cut == "document":
                yield make_message(TAKEN_WHOLE, element=name)
                if element.kind is MessageType.REQUEST:
                    yield make_message(NO_ENVELOPE)
            elif element.declarations:
                prefixes = ", ".join(
                    f"xmlns:{declaration}" if declaration else "xmlns" for declaration in element.declarations
                )
                yield make_message(TAKEN_WITH, element=name, prefixes=messages.strip_control_chars(prefixes))
            else:
                yield make_message(TAKEN_CUT, element=name)
        if signature_info is not None:
            yield make_message(
                METHODS,
                transforms=", ".join(map(_short, signature_info.transforms)) or _NONE,
                canonicalisation=_short(signature_info.canonicalisation),
                digest=_short(signature_info.digest_method),
                signature=_short(signature_info.signature_method),
            )
        if certificate is not None:
            yield from _about(certificate)

    def _comparison_message(self, sides: Comparison, words: _Words) -> Message:
        form = sides.form or _NONE
        if sides.difference is not None:
            difference = sides.difference
            chosen = words.logged if form == AS_LOGGED and not sides.proven else words.found
            place = {"line": difference.line, "column": difference.column, "offset": difference.offset}
            return make_message(chosen, form=form, **place)
        if sides.proven:
            fits = not sides.guesses
            return make_message(words.fits if fits else words.otherwise, form=sides.method or form)
        signature_info = self.found.stated
        return make_message(
            words.unknown,
            stated=messages.strip_control_chars("" if signature_info is None else signature_info.digest_text[:100]),
            computed=_computed(signature_info, sides) or _NONE,
        )

    def _element(self) -> dict[str, object] | None:
        element = self.found.element
        if element is None:
            return None
        return {
            "name": element.name,
            "kind": element.kind.value,
            "operation": None if element.operation is None else element.operation.value,
            "cut": element.cut,
            "declarations": list(element.declarations),
        }

    def _sides_as_json(self, sides: Comparison) -> dict[str, object]:
        difference = sides.difference
        return {
            "fits": sides.proven and not sides.guesses,
            "form": sides.form,
            "proven": sides.proven,
            "method": sides.method,
            "received_octets": len(sides.received),
            "signed_octets": None if sides.signed is None else len(sides.signed),
            "difference": None
            if difference is None
            else {
                "line": difference.line,
                "column": difference.column,
                "offset": difference.offset,
                "before": difference.before,
                "signed": difference.signed,
                "received": difference.received,
            },
        }


def _marked(sides: Comparison, language: Language) -> Iterator[str]:
    """Yield both sides, one per line, and a mark below their first difference."""
    difference = sides.difference
    if difference is None:
        return
    labels = [translate.translate(text, language) for text in (SIGNED, RECEIVED)]
    width = max(map(len, labels)) + 1
    for label, octets in zip(labels, (difference.signed, difference.received), strict=True):
        yield f"  {f'{label}:':{width}} {difference.before}{octets}"
    yield f"  {'':{width}} {'':{len(difference.before)}}^"


def _about(certificate: CertificateInfo) -> Iterator[Message]:
    yield make_message(
        CERTIFICATE,
        subject=messages.strip_control_chars(certificate.subject),
        serial=certificate.serial,
        issuer=messages.strip_control_chars(certificate.issuer),
        begins=certificate.not_before,
        ends=certificate.not_after,
    )
    whose = {True: OF_THIS_SERVICE, False: OF_ANOTHER, None: WHOSE_NOT_ASKED}
    yield make_message(whose[certificate.of_this_service])


def _short(uri: str | None) -> str:
    """Return the end of an algorithm's URI, by which people know it."""
    return messages.strip_control_chars((uri or _NONE).rstrip("#").rpartition("/")[2].rpartition("#")[2][:60])


def _computed(signature_info: SignatureInfo | None, sides: Comparison) -> str | None:
    name = None if signature_info is None else name_of(signature_info.digest_method)
    return None if name is None or not sides.received else base64.b64encode(digest(name, sides.received)).decode()


def _stated_as_json(signature_info: SignatureInfo) -> dict[str, object]:
    return {
        "transforms": list(signature_info.transforms),
        "canonicalisation": signature_info.canonicalisation,
        "digest_method": signature_info.digest_method,
        "signature_method": signature_info.signature_method,
        "digest": signature_info.digest_text,
    }


def _certificate_as_json(certificate: CertificateInfo) -> dict[str, object]:
    return {
        "subject": messages.strip_control_chars(certificate.subject),
        "issuer": messages.strip_control_chars(certificate.issuer),
        "serial": certificate.serial,
        "sha256": certificate.sha256,
        "not_before": instant_or_none(certificate.not_before),
        "not_after": instant_or_none(certificate.not_after),
        "of_this_service": certificate.of_this_service,
    }
