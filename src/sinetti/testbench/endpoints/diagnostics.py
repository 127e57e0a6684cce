"""Explanations of messages that are refused.

The bench gives them at `/explain`, and in its log a guess for every call that it refuses. Only the bench does so: a
service that explains to every caller how far a forged message got would help only forgers.
"""

import base64
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from sinetti.client.messages import messages
from sinetti.database.issuance import transactions
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import Diagnosis, DiagnosisResult, diagnose
from sinetti.diagnostics.report import Report
from sinetti.diagnostics.search import Comparison, DiagnosisContext
from sinetti.diagnostics.signed_message import MessageType
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Language, Serial
from sinetti.i18n.translate import refusal_text
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import load_certificate
from sinetti.server.http import SOAP_PATH, Request, Response, json_reply
from sinetti.services.context import ServiceContext
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError
from sinetti.wire.soap import operations

PATH = "/explain"
TYPES = frozenset({"text/xml", "application/xml", "application/octet-stream"})
"""Media types of a message.

A page from elsewhere can send none of them without a preflight request (CORS).
"""

_PATIENCE = 0.5
"""Seconds of the search: more than a message of 10 kB takes."""

_LONGEST = 128 * 1024
"""Octets of a refused call that the log explains: the SOAP endpoint's limit."""

_WRONG = frozenset({DiagnosisResult.REFUSED, DiagnosisResult.UNREADABLE})
"""Results that name a fault of the message itself."""

_OF_THE_MESSAGE = frozenset(
    {
        RejectionReason.MALFORMED,
        RejectionReason.CSR_UNREADABLE,
        RejectionReason.SIGNATURE_INVALID,
        RejectionReason.SIGNER_UNKNOWN,
        RejectionReason.SIGNER_EXPIRED,
    }
)
"""Reasons that the message explains; any other is already the cause."""

_XML_TYPES = frozenset({"", "text/xml", "application/xml"})
_UTF_8 = frozenset({"utf-8", "utf8"})
_HTTP_GUESSES = {
    "wrong-address": "The path is not that of the service. Use soap_url unchanged.",
    "get-instead-of-post": "GET shows a page about the service. Send requests with POST.",
    "wrong-method": "The service does not know this HTTP method. Send requests with POST.",
    "wrong-charset": "Content-Type names another charset than UTF-8. Send text/xml; charset=utf-8.",
    "wrong-media-type": "Content-Type is not that of SOAP 1.1. Send text/xml; charset=utf-8.",
    "soapaction-of-another-operation": "SOAPAction names another operation than the Body. Send the Body's, or none.",
}
"""Guesses about a call beside its message, with their sentences."""

_FAILED = 400
_log = logging.getLogger(__name__)


def answer(request: Request, ctx: ServiceContext) -> Response:
    """Answer a call whose body is the message to explain.

    `?octets=whole` adds the octets of both sides in base64. Raises FieldError for another query.
    """
    asked = json_fields.query(request.query, "octets").get("octets")
    if asked not in {None, "whole"}:
        raise FieldError("octets must be whole, or left out")
    report = explained(request.body, ctx)
    files = {name: base64.b64encode(octets).decode() for name, octets in report.files().items()}
    return json_reply(200, report.as_json() | {"octets": files if asked else None})


def explained(octets: bytes, ctx: ServiceContext) -> Report:
    """Explain a message with this bench's CAs, database and clock."""
    holders = set(ctx.issuing.values())
    ends = monotonic_seconds() + _PATIENCE
    question = DiagnosisContext(
        policy=ctx.policy,
        anchors=[load_certificate(ctx.certificates[name]) for name in holders],
        services=[load_certificate(der) for name, der in ctx.certificates.items() if name not in holders],
        now=ctx.now(),
        enough=lambda: monotonic_seconds() > ends,
    )
    diagnosis = diagnose(octets, question)
    return Report(diagnosis if _is_known(diagnosis, ctx) else _not_registered(diagnosis))


@dataclass(frozen=True)
class DiagnosticsEndpoint:
    """Endpoint that logs a guess for each refused call.

    Accepted calls cost nothing more. Every reason of a refusal counts. To the service, a signature in the wrong place
    is a broken schema, and a message that is no SOAP gets a Fault.
    """

    door: Callable[[Request], Response]
    ctx: ServiceContext

    def __call__(self, request: Request) -> Response:
        """Answer as the wrapped endpoint does; the log fields have the guess."""
        reply = self.door(request)
        reason = reason_of(reply)
        if not reason and request.method != "GET":
            return reply
        try:
            guess = self._guess(request, reply, reason)
        except Exception:  # noqa: BLE001 - an error in the log must not cost the answer
            _log.exception("request %s: the refusal could not be explained", request.request_id)
            return reply
        finally:
            self.ctx.db.refresh()
        if guess is None:
            return reply
        name, sentence = guess
        return replace(reply, log_fields={**(reply.log_fields or {}), "guess": name, "guess_text": sentence})

    def _guess(self, request: Request, reply: Response, reason: str) -> tuple[str, str] | None:
        """Log the guess about a call; return its name and sentence, or None."""
        facts: dict[str, str] = {}
        name = _http_guess(request, reply, reason)
        sentence = _HTTP_GUESSES.get(name or "", "")
        if name is None and reason and _is_explained(request, reason):
            report = explained(request.body, self.ctx)
            if report.found.verdict in _WRONG:
                name, facts = ",".join(report.found.guesses) or None, _facts(report.found)
                sentence = " ".join(messages.render(sentence, Language.EN) for sentence in report.sentences())
        if name is None and reason:
            name, sentence = reason, _sentence(reply, reason)
        if name is None:
            return None
        facts = {"guesses": name, **facts}
        listed = " ".join(f"{fact}={value}" for fact, value in facts.items())
        outcome = f"refused, {reason}" if reason else "accepted"
        _log.info("request %s: %s: %s (%s)", request.request_id, outcome, sentence, listed, extra={"facts": facts})
        return name, sentence


def _is_explained(request: Request, reason: str) -> bool:
    """Return whether an explanation of the message may say more than the reason."""
    is_known = reason in set(RejectionReason)
    return (
        request.method == "POST"
        and len(request.body) <= _LONGEST
        and (not is_known or RejectionReason(reason) in _OF_THE_MESSAGE)
    )


def _http_guess(request: Request, reply: Response, reason: str) -> str | None:
    """Return the guess about method, address, headers or or None."""
    by_status = {404: "wrong-address", 405: "wrong-method"}
    if reply.status in by_status and reply.content_type.startswith("text/plain"):
        return by_status[reply.status]
    if request.method == "GET":
        is_page = reply.content_type.startswith("text/html")
        return "get-instead-of-post" if is_page and request.path.rstrip("/") == SOAP_PATH else None
    media_type, *parameters = (request.headers.get("content-type") or "").casefold().split(";")
    charsets = [
        parameter.partition("=")[2].strip().strip('"')
        for parameter in parameters
        if parameter.strip().startswith("charset")
    ]
    if reason == "fault" and any(charset not in _UTF_8 for charset in charsets):
        return "wrong-charset"
    if reason == "fault" and media_type.strip() not in _XML_TYPES:
        return "wrong-media-type"
    is_other = reason == RejectionReason.MALFORMED and _names_another_operation(request)
    return "soapaction-of-another-operation" if is_other else None


def _names_another_operation(request: Request) -> bool:
    """Return whether a malformed request would be accepted without its SOAPAction."""
    try:
        operations.parse_request(request.body, request.headers.get("content-type"), None)
    except (operations.NotSoapError, operations.SchemaError):
        return False
    return True


def _sentence(reply: Response, reason: str) -> str:
    """Return the text of the reason, or the detail of a problem document."""
    if reason in set(RejectionReason):
        return refusal_text(Rejection(RejectionReason(reason)), Language.EN)
    if reply.content_type == "application/problem+json":
        return str(json.loads(reply.body)["detail"])
    return "The message could not be read. Compare it with the WSDL."


def reason_of(reply: Response) -> str:
    """Return the reason of a refusal, or an empty text if the call was accepted.

    SOAP records the reason for the log. Others state it in a problem document.
    """
    if reply.status < _FAILED:
        return (reply.log_fields or {}).get("reason", "")
    if reply.content_type == "application/problem+json":
        return str(json.loads(reply.body)["reason"])
    return "fault"


def _facts(diagnosis: Diagnosis) -> dict[str, str]:
    """Return facts of a diagnosis for the log, but no content of the message.

    The message may come from any caller.
    """
    facts = {"cut": "none" if diagnosis.element is None else diagnosis.element.cut}
    for name, sides in (("document", diagnosis.document), ("signed_info", diagnosis.signed_info)):
        if sides is not None:
            facts[name] = _place(sides)
    if diagnosis.unfinished:
        facts["unfinished"] = "yes"
    return facts


def _place(sides: Comparison) -> str:
    if sides.difference is None:
        return sides.method or sides.form or "unknown"
    return f"{sides.form}:line-{sides.difference.line}:column-{sides.difference.column}"


def _is_known(diagnosis: Diagnosis, ctx: ServiceContext) -> bool:
    """Return True if the database has the certificate.

    It is True also where that does not matter, or another CA issued the certificate.
    """
    certificate, element = diagnosis.certificate, diagnosis.element
    if certificate is None or element is None or not certificate.of_this_service:
        return True
    if element.kind not in {MessageType.REQUEST, MessageType.DOCUMENT}:
        return True
    known = transactions.find_certificate(ctx.db, Serial(certificate.serial))
    return known is not None and known.sha256 == certificate.sha256


def _not_registered(diagnosis: Diagnosis) -> Diagnosis:
    return replace(diagnosis, verdict=DiagnosisResult.REFUSED, guesses=(*diagnosis.guesses, Cause.NOT_REGISTERED))
