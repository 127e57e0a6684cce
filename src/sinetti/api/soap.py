"""SOAP endpoint: POST /2017/10/CertificateServices.

It decodes, acts and encodes. GET returns the WSDL, or a page for people who open the address in a browser. The page
says what the service is, and where its description is.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import assert_never
from urllib.parse import parse_qsl

from sinetti.api.errors import rejection_response
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse, CertificateResponse, EnrolRequest, RenewRequest, RetrieveRequest
from sinetti.domain.values import Environment, Language
from sinetti.i18n.translate import preferred_language, translate
from sinetti.infra.traces import step
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.server.http import SOAP_PATH, Request, Response, text_response
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.enrol import enrolment
from sinetti.services.issuance.renew import renewal
from sinetti.services.issuance.retrieve import retrieval
from sinetti.services.waves import LeaveWave, Step, Steps, result_of, run_alone
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import NotSoapError, Operation, RequestSignatureError, SchemaError
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import DocumentSigner

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{what}</p>
<p>{environment} {meaning}</p>
<p>{looking}</p>
<ul>
<li><a href="?wsdl">{wsdl}</a></li>{documentation}
</ul>
</main>
</body>
</html>
"""


def welcome(environment: Environment, address: str, language: Language | None, documentation_url: str = "") -> bytes:
    """Return the page for browsers; `language` None: English.

    It links to the documentation if there is an address.
    """
    chosen = language or Language.EN
    values = {
        "title": translate("Certificate service (Sinetti)", chosen),
        "what": translate(
            "Programs request, retrieve and renew certificates by sending SOAP 1.1 requests with POST to {address}.",
            chosen,
            address=address,
        ),
        "environment": translate("Environment: {environment}.", chosen, environment=environment.value),
        "meaning": translate(
            "Certificates from this service are for testing and are not accepted in production."
            if environment is Environment.TEST
            else "Certificates from this service are for production use.",
            chosen,
        ),
        "looking": translate(
            "If you are looking for your organisation's certificate, ask your software supplier or your "
            "technical contact person.",
            chosen,
        ),
        "wsdl": translate("Interface description (WSDL)", chosen),
    }
    escaped = {name: escape(value) for name, value in values.items()}
    link = f'\n<li><a href="{escape(documentation_url)}">{escape(translate("Documentation", chosen))}</a></li>'
    return _PAGE.format(language=chosen.value, documentation=link if documentation_url else "", **escaped).encode()


_log = logging.getLogger(__name__)

PATH = SOAP_PATH
_XML = "text/xml; charset=utf-8"


@dataclass(frozen=True)
class SignResponse(Step[bytes]):
    """Step 12: sign a response. It raises SignerUnavailable."""

    seal: DocumentSigner
    octets: bytes = field(repr=False)

    def alone(self, _ctx: ServiceContext) -> bytes:
        """Sign one response."""
        return self.seal.sign(self.octets)

    @classmethod
    def together(cls, steps: Sequence["SignResponse"], _ctx: ServiceContext) -> Sequence[bytes | Exception | None]:
        """Sign those of one signer in one request.

        Those of its successor go on alone. After a refusal each asks alone. If the signer cannot be reached, none asks
        again.
        """
        seal = steps[0].seal
        mine = [place for place, sign_response in enumerate(steps) if sign_response.seal is seal]
        results: Sequence[bytes | Exception]
        try:
            results = seal.sign_all([steps[place].octets for place in mine])
        except SignatureRefused:
            return [None] * len(steps)
        except SignerUnavailable as away:
            results = [away] * len(mine)
        found = dict(zip(mine, results, strict=True))
        return [found.get(place) for place in range(len(steps))]


@dataclass(frozen=True)
class SoapEndpoint:
    """Endpoint of the three operations.

    `address` is the service address in the WSDL; `seal` signs every response. `admits` gets the DER of a proven signer
    and returns whether its rate limit allows one more call. The page for browsers links to `documentation_url`.
    """

    ctx: ServiceContext
    address: str
    recipe: SignatureProfile
    seal: Callable[[], DocumentSigner] = field(repr=False)
    admits: Callable[[bytes], bool] = lambda _signer: True
    documentation_url: str = ""

    def __call__(self, request: Request) -> Response:
        """Answer one request of any method and path."""
        if request.path.rstrip("/") != PATH:
            return text_response(404, f"There is no page at this address. The certificate service is at {PATH}.")
        if request.method == "POST":
            return run_alone(self.answer(request), self.ctx)
        if request.method in {"GET", "HEAD"}:
            return self._get(request)
        return text_response(
            405,
            "Send requests to the certificate service with POST. GET shows a page about it.",
            allow="GET, HEAD, POST",
        )

    def _get(self, request: Request) -> Response:
        query = {name.casefold(): value for name, value in parse_qsl(request.query, keep_blank_values=True)}
        if "wsdl" in query:
            return Response(200, _XML, operations.wsdl(self.address))
        if "xsd" in query:
            octets = operations.schema_file(query["xsd"], self.address)
            return (
                Response(200, _XML, octets)
                if octets
                else text_response(404, "The WSDL does not import a schema of this name.")
            )
        language = preferred_language(request.headers.get("accept-language"))
        page = welcome(self.ctx.environment, self.address, language, self.documentation_url)
        return Response(200, "text/html; charset=utf-8", page, {"content-security-policy": "default-src 'none'"})

    def answer(self, request: Request) -> Steps[Response]:
        """Answer a POST request, alone or in a wave."""
        headers = request.headers
        step("2 verify the message")
        try:
            opened = operations.parse_request(request.body, headers.get("content-type"), headers.get("soapaction"))
        except NotSoapError as bad:
            return Response(500, _XML, operations.render_fault(str(bad), actor_is_client=True))
        except SchemaError as bad:
            malformed = Rejection(RejectionReason.MALFORMED, element=bad.element)
            return (yield from self._refuse(bad.operation, malformed, request))
        try:
            answer = yield from self._act(opened, request)
        except Exception:  # noqa: BLE001 - last handler: a signed FAIL; the traceback is logged
            _log.exception("request %s failed", request.request_id)
            answer = Rejection(RejectionReason.INTERNAL, reference=request.request_id)
        finally:
            self.ctx.db.refresh()
        if isinstance(answer, Rejection):
            return (yield from self._refuse(opened.operation, answer, request))
        return (yield from self._render(opened.operation, answer))

    def _act(
        self, opened: operations.ParsedRequest, request: Request
    ) -> Steps[AcceptedResponse | CertificateResponse | Rejection]:
        ctx, request_id = replace(self.ctx, caller=request.caller), request.request_id
        if opened.environment is not ctx.environment:
            return Rejection(RejectionReason.WRONG_ENVIRONMENT)
        try:
            ask = operations.verified_request(opened, ctx.policy)
        except RequestSignatureError as refused:
            _log.info("request %s: signature refused: %s", request_id, refused)
            return Rejection(RejectionReason.SIGNATURE_INVALID)
        match ask:
            case EnrolRequest():
                return (yield from enrolment(ask, ctx, request_id))
            case RenewRequest():
                if not self.admits(ask.signer):
                    return Rejection(RejectionReason.TOO_MANY_REQUESTS)
                return (yield from renewal(ask, ctx, request_id))
            case RetrieveRequest():
                return (yield from retrieval(ask, ctx, request_id))
            case never:
                assert_never(never)

    def _refuse(self, operation: Operation, refusal: Rejection, request: Request) -> Steps[Response]:
        yield LeaveWave()
        failure = rejection_response(refusal, request.headers.get("accept-language"))
        response = yield from self._render(operation, failure)
        return replace(response, log_fields={**(response.log_fields or {}), "reason": refusal.reason.value})

    def _render(
        self, operation: Operation, answer: AcceptedResponse | CertificateResponse | operations.Failure
    ) -> Steps[Response]:
        noted = {"operation": operation.name.lower()}
        step("12 answer")
        try:
            seal = self.seal()
            prepared = operations.prepare_response(operation, answer, seal, self.recipe)
            plain = yield from result_of(SignResponse(seal, prepared.signature.octets))
            return Response(200, _XML, prepared.finish(plain), log_fields=noted)
        except Exception:  # noqa: BLE001 - without the signing key no FAIL can be trusted, so a Fault is returned
            _log.exception("the response could not be signed")
            why = "The service cannot sign its responses now. Send the same request again."
            return Response(500, _XML, operations.render_fault(why, actor_is_client=False), log_fields=noted)
