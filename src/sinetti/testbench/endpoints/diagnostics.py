"""Explanations of signatures that do not fit.

The bench gives them at `/explain`, and in its log for every call that it refuses. Only the bench does so: a service
that explains to every caller how far a forged message got would help only forgers.
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
from sinetti.domain.values import Language, Serial
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.encoding import load_certificate
from sinetti.server.http import Request, Response, json_reply
from sinetti.services.context import ServiceContext
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError

PATH = "/explain"
TYPES = frozenset({"text/xml", "application/xml", "application/octet-stream"})
"""Media types of a message.

A page from elsewhere can send none of them without a preflight request (CORS).
"""

_PATIENCE = 0.25
"""Seconds of the search: twenty times those that a message of 10 kB takes."""

_LONGEST = 128 * 1024
"""Octets of a refused call that the log explains: the SOAP endpoint's limit."""

_WRONG = frozenset({DiagnosisResult.REFUSED, DiagnosisResult.UNREADABLE})
"""Results that the log explains.

A signature that fits, or is missing, needs no explanation: the answer states the reason.
"""

_FAILED = 400
_log = logging.getLogger(__name__)


def answer(request: Request, ctx: ServiceContext) -> Response:
    """Answer a call whose body is the message to explain.

    `?octets=whole` adds the octets of both sides in base64. Raises FieldError for another query.
    """
    asked = json_fields.query(request.query, "octets").get("octets")
    if asked not in {None, "whole"}:
        sentence = "octets must be whole, or left out"
        raise FieldError(sentence)
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
    found = diagnose(octets, question)
    return Report(found if _is_known(found, ctx) else _not_registered(found))


@dataclass(frozen=True, slots=True)
class DiagnosticsEndpoint:
    """Endpoint that logs the faults of a refused message.

    Accepted calls cost nothing more. Every reason of a refusal counts. To the service, a signature in the wrong place
    is a broken schema, and a message that is no SOAP gets a Fault.
    """

    door: Callable[[Request], Response]
    ctx: ServiceContext

    def __call__(self, request: Request) -> Response:
        """Answer as the wrapped endpoint does."""
        reply = self.door(request)
        reason = reason_of(reply)
        if reason and request.method == "POST" and len(request.body) <= _LONGEST:
            try:
                _log_refusal(request.request_id, reason, explained(request.body, self.ctx))
            except Exception:  # noqa: BLE001 - an error in the log must not cost the answer
                _log.exception("request %s: the refusal could not be explained", request.request_id)
            finally:
                self.ctx.db.refresh()
        return reply


def reason_of(reply: Response) -> str:
    """Return the reason of a refusal, or an empty text if the call was accepted.

    SOAP records the reason for the log. Others state it in a problem document.
    """
    if reply.status < _FAILED:
        return (reply.log_fields or {}).get("reason", "")
    if reply.content_type == "application/problem+json":
        return str(json.loads(reply.body)["reason"])
    return "fault"


def _log_refusal(request_id: str, reason: str, report: Report) -> None:
    """Write guesses and facts into the log, but no content of the message.

    The message may come from any caller.
    """
    found = report.found
    if found.verdict not in _WRONG:
        return
    facts = {
        "guesses": ",".join(found.guesses) or "none",
        "cut": "none" if found.element is None else found.element.cut,
    }
    for name, sides in (("document", found.document), ("signed_info", found.signed_info)):
        if sides is not None:
            facts[name] = _place(sides)
    if found.unfinished:
        facts["unfinished"] = "yes"
    explanation = " ".join(messages.render(one, Language.EN) for one in report.sentences())
    listed = " ".join(f"{name}={value}" for name, value in facts.items())
    _log.info("request %s: refused, %s: %s (%s)", request_id, reason, explanation, listed, extra={"facts": facts})


def _place(sides: Comparison) -> str:
    if sides.difference is None:
        return sides.method or sides.form or "unknown"
    return f"{sides.form}:line-{sides.difference.line}:column-{sides.difference.column}"


def _is_known(found: Diagnosis, ctx: ServiceContext) -> bool:
    """Return True if the database has the certificate.

    It is True also where that does not matter, or another CA issued the certificate.
    """
    certificate, element = found.certificate, found.element
    if certificate is None or element is None or not certificate.of_this_service:
        return True
    if element.kind not in {MessageType.REQUEST, MessageType.DOCUMENT}:
        return True
    known = transactions.find_certificate(ctx.db, Serial(certificate.serial))
    return known is not None and known.sha256 == certificate.sha256


def _not_registered(found: Diagnosis) -> Diagnosis:
    return replace(found, verdict=DiagnosisResult.REFUSED, guesses=(*found.guesses, Cause.NOT_REGISTERED))
