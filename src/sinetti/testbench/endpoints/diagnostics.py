"""The bench says why a signature does not fit: at `/explain`, and in its log for every call that it refuses.

On the bench alone: a service that explains to everybody how far a forged message got would be of use to forgers only.
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
"""What a message comes as: none of them can be sent by a page from elsewhere without being asked about (CORS)."""

_PATIENCE = 0.25
"""Seconds in which forms are tried: twenty times what a message of 10 kB takes."""

_LONGEST = 128 * 1024
"""Octets of a refused call that are explained in the log: what the SOAP door takes at most."""

_WRONG = frozenset({DiagnosisResult.REFUSED, DiagnosisResult.UNREADABLE})
"""Of what fits, or bears no signature, there is nothing to say: the answer has told the reason."""

_FAILED = 400
_log = logging.getLogger(__name__)


def answer(request: Request, ctx: ServiceContext) -> Response:
    """Answer a call: the message is the body; `?octets=whole` adds both sides' octets in base64.

    Raises FieldError for another query.
    """
    asked = json_fields.query(request.query, "octets").get("octets")
    if asked not in {None, "whole"}:
        sentence = "octets is whole, or left out"
        raise FieldError(sentence)
    report = explained(request.body, ctx)
    files = {name: base64.b64encode(octets).decode() for name, octets in report.files().items()}
    return json_reply(200, report.as_json() | {"octets": files if asked else None})


def explained(octets: bytes, ctx: ServiceContext) -> Report:
    """Explain a message to this bench: it knows its own CAs, its register and its clock."""
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
    """A door that leaves in the log what is wrong with a message that was refused; accepted calls cost nothing more.

    Refused for whatever reason: a signature that is not where it should be is a broken schema to the service, and what
    is no SOAP gets a Fault.
    """

    door: Callable[[Request], Response]
    ctx: ServiceContext

    def __call__(self, request: Request) -> Response:
        """Answer as the door behind does."""
        reply = self.door(request)
        reason = _reason_of(reply)
        if reason and request.method == "POST" and len(request.body) <= _LONGEST:
            try:
                _tell(request.request_id, reason, explained(request.body, self.ctx))
            except Exception:  # noqa: BLE001 - the answer is there: a line of the log must not cost it
                _log.exception("request %s: the refusal could not be explained", request.request_id)
            finally:
                self.ctx.db.refresh()
        return reply


def _reason_of(reply: Response) -> str:
    """Why a call was refused, empty if it was not: SOAP notes it for the log, others say it in a problem document."""
    if reply.status < _FAILED:
        return (reply.log_fields or {}).get("reason", "")
    if reply.content_type == "application/problem+json":
        return str(json.loads(reply.body)["reason"])
    return "fault"


def _tell(request_id: str, reason: str, report: Report) -> None:
    """Write guesses and facts into the log: nothing that stands in the message, which may be of anybody."""
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
    told = " ".join(messages.render(one, Language.EN) for one in report.sentences())
    listed = " ".join(f"{name}={value}" for name, value in facts.items())
    _log.info("request %s: refused, %s: %s (%s)", request_id, reason, told, listed, extra={"facts": facts})


def _place(sides: Comparison) -> str:
    if sides.difference is None:
        return sides.method or sides.form or "unknown"
    return f"{sides.form}:line-{sides.difference.line}:column-{sides.difference.column}"


def _is_known(found: Diagnosis, ctx: ServiceContext) -> bool:
    """Whether the register has the certificate; True too where that does not matter, or others issued it."""
    certificate, element = found.certificate, found.element
    if certificate is None or element is None or not certificate.of_this_service:
        return True
    if element.kind not in {MessageType.REQUEST, MessageType.DOCUMENT}:
        return True
    known = transactions.find_certificate(ctx.db, Serial(certificate.serial))
    return known is not None and known.sha256 == certificate.sha256


def _not_registered(found: Diagnosis) -> Diagnosis:
    return replace(found, verdict=DiagnosisResult.REFUSED, guesses=(*found.guesses, Cause.NOT_REGISTERED))
