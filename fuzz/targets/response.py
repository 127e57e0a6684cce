"""Parsing of an answer by the client: its values are those signed by the service."""

from fuzz import messages
from fuzz.opinions import parsers_agree
from fuzz.target import Target, must
from fuzz.targets.document import accept
from fuzz.targets.envelope import payload_of
from fuzz.xml_changing import change
from fuzz.xml_reading import Element
from sinetti.domain.requests import AcceptedResponse, CertificateResponse
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import (
    Failure,
    Operation,
    SoapFault,
    SoapResponse,
    UnreadableResponse,
    UntrustedResponse,
)


def check(octets: bytes) -> None:
    """Read the octets as the answer to each operation."""
    with parsers_agree():
        read = [operation for operation in Operation if _is_read(octets, operation)]
        must(len(read) <= 1, "an answer answers one operation")


def _is_read(octets: bytes, operation: Operation) -> bool:
    try:
        response = operations.read_response(octets, operation, accept)
    except (SoapFault, UntrustedResponse, UnreadableResponse):
        return False
    must(operations.read_response(octets, operation, accept) == response, "the same answer says the same again")
    _whole(response, payload_of(octets))
    _again(response, operation)
    return True


def _whole(response: SoapResponse, payload: Element) -> None:
    (result,) = [one for one in payload.elements if one.name.local == "Result"]
    texts = [" ".join((one.text or "").split()) for one in result.elements if one.name.local == "Status"]
    must(texts == ["OK" if response.status_ok else "FAIL"], "the status is read whole")
    errors = [_words(part) for one in result.elements if one.name.local == "ErrorInfo" for part in one.elements]
    read = [" ".join(text.split()) for one in response.errors for text in (one.code, one.message)]
    must(errors == read, "every error is read whole")
    given = [_words(one) for one in payload.elements if one.name.local == "RetrievalId"]
    must(given == ([] if response.retrieval_id is None else [" ".join(response.retrieval_id.split())]), "so is the id")


def _words(element: Element) -> str:
    return " ".join((element.text or "").split())


def _again(response: SoapResponse, operation: Operation) -> None:
    """Check that a response can be written again, and is read as the same."""
    answer: AcceptedResponse | CertificateResponse | Failure
    if response.status_ok:
        must(bool(response.certificate) is (operation is Operation.GET), "what was asked for is there")
        answer = (
            CertificateResponse(response.certificate)
            if response.certificate
            else AcceptedResponse(response.retrieval_id or "")
        )
    elif response.errors:
        answer = Failure(response.errors[0].code, response.errors[0].message)
    else:
        return
    again = operations.read_response(
        operations.render_response(operation, answer, messages.seal("p256")), operation, accept
    )
    must(again.status_ok is response.status_ok, "the status can be said again")
    if response.status_ok:
        said = (again.certificate, again.retrieval_id)
        must(said == (response.certificate, response.retrieval_id), "what was given can be given again")


TARGET = Target("response", check, lambda: dict(messages.responses()), change)
