"""The SOAP door: POST /2017/10/CertificateServices. Decode, act, encode; GET shows what this is, and the WSDL."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import assert_never
from urllib.parse import parse_qsl

from sinetti.api.errors import failure, preferred_language
from sinetti.api.landing_page import welcome
from sinetti.domain.refusals import Reason, Refusal
from sinetti.domain.requests import Accepted, Collected, GetAsk, NewAsk, RenewAsk
from sinetti.server.http import SOAP_PATH, Reply, Request, plain
from sinetti.services.context import Office
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import collect
from sinetti.wire.soap import operations, wsdl
from sinetti.wire.soap.operations import BadRequest, NotSoap, Operation, SignatureRefused
from sinetti.wire.xmldsig.signature import Recipe, Seal

_log = logging.getLogger(__name__)

PATH = SOAP_PATH
_XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class SoapDoor:
    """Answers the three operations. `address` is what the WSDL tells; `seal` signs every answer.

    `admits` is asked with the DER of a proven signer: whether it has room for one more call.
    """

    office: Office
    address: str
    recipe: Recipe
    seal: Callable[[], Seal] = field(repr=False)
    admits: Callable[[bytes], bool] = lambda _signer: True

    def __call__(self, request: Request) -> Reply:
        """Answer one request of any method and path."""
        if request.path.rstrip("/") != PATH:
            return plain(404, f"There is nothing here. The certificate service is at {PATH}.")
        if request.method == "POST":
            return self._post(request)
        if request.method in {"GET", "HEAD"}:
            return self._get(request)
        return plain(405, "The certificate service takes POST; GET shows a page about it.", allow="GET, HEAD, POST")

    def _get(self, request: Request) -> Reply:
        query = {name.casefold(): value for name, value in parse_qsl(request.query, keep_blank_values=True)}
        if "wsdl" in query:
            return Reply(200, _XML, wsdl.wsdl(self.address))
        if "xsd" in query:
            octets = wsdl.schema_file(query["xsd"], self.address)
            return Reply(200, _XML, octets) if octets else plain(404, "The WSDL imports no schema of this name.")
        page = welcome(
            self.office.environment, self.address, preferred_language(request.headers.get("accept-language"))
        )
        return Reply(200, "text/html; charset=utf-8", page, {"content-security-policy": "default-src 'none'"})

    def _post(self, request: Request) -> Reply:
        headers = request.headers
        try:
            opened = operations.open_request(request.body, headers.get("content-type"), headers.get("soapaction"))
        except NotSoap as bad:
            return Reply(500, _XML, operations.render_fault(str(bad), actor_is_client=True))
        except BadRequest as bad:
            return self._refuse(bad.operation, Refusal(Reason.MALFORMED, element=bad.element), request)
        try:
            answer = self._act(opened, request.request_id)
        except Exception:  # noqa: BLE001 - the last door: a signed FAIL; the trace stays in the log
            _log.exception("request %s failed", request.request_id)
            answer = Refusal(Reason.INTERNAL, reference=request.request_id)
        finally:
            self.office.register.refresh()
        if isinstance(answer, Refusal):
            return self._refuse(opened.operation, answer, request)
        return self._render(opened.operation, answer)

    def _act(self, opened: operations.Opened, request_id: str) -> Accepted | Collected | Refusal:
        if opened.environment is not self.office.environment:
            return Refusal(Reason.WRONG_ENVIRONMENT)
        try:
            ask = operations.ask_of(opened, self.office.policy)
        except SignatureRefused as refused:
            _log.info("request %s: signature refused: %s", request_id, refused)
            return Refusal(Reason.SIGNATURE_INVALID)
        match ask:
            case NewAsk():
                return enrol(ask, self.office, request_id)
            case RenewAsk():
                if not self.admits(ask.signer):
                    return Refusal(Reason.TOO_MANY_REQUESTS)
                return renew(ask, self.office, request_id)
            case GetAsk():
                return collect(ask, self.office, request_id)
            case never:
                assert_never(never)

    def _refuse(self, operation: Operation, refusal: Refusal, request: Request) -> Reply:
        told = self._render(operation, failure(refusal, request.headers.get("accept-language")))
        return replace(told, noted={**(told.noted or {}), "reason": refusal.reason.value})

    def _render(self, operation: Operation, answer: Accepted | Collected | operations.Failure) -> Reply:
        noted = {"operation": operation.name.lower()}
        try:
            return Reply(
                200, _XML, operations.render_response(operation, answer, self.seal(), self.recipe), noted=noted
            )
        except Exception:  # noqa: BLE001 - without the signing key no FAIL can be believed: a Fault is all that is left
            _log.exception("an answer could not be signed")
            why = "The service cannot sign its answers now. Send the same request again."
            return Reply(500, _XML, operations.render_fault(why, actor_is_client=False), noted=noted)
