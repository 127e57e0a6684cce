"""Responses: demands of programs in the field, and checks of the client."""

import base64
import re
from dataclasses import replace

import pytest
import signxml
import xmlsec
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from sinetti.domain.requests import AcceptedResponse, CertificateResponse
from sinetti.wire.soap import operations
from sinetti.wire.soap.envelope import wrap_in_envelope
from sinetti.wire.soap.operations import (
    ErrorInfo,
    Failure,
    Operation,
    SoapFault,
    SoapResponse,
    UnreadableResponse,
    UntrustedResponse,
)
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support import xml_signing
from tests.support.xml_signing import ENVELOPED_ALONE, envelope

KINDS = ("rsa-2048", "p256", "p384")
SEALS = {kind: signer_for_key(xml_signing.key(kind), xml_signing.certificate(kind)) for kind in KINDS}
ISSUED = xml_signing.certificate("rsa-2048")
MESSAGE = 'Too early <now> & "then".\r\nTry  again.'
ANSWERS = {
    "new accepted": (Operation.NEW, AcceptedResponse("abc-DEF-1"), ("abc-DEF-1", None, ())),
    "renewal accepted": (Operation.RENEW, AcceptedResponse("0" * 32), ("0" * 32, None, ())),
    "collected": (Operation.GET, CertificateResponse(ISSUED), (None, ISSUED, ())),
    **{
        f"{operation.name} refused": (
            operation,
            Failure("PKI034", MESSAGE),
            (None, None, (ErrorInfo("PKI034", 'Too early <now> & "then". Try again.'),)),
        )
        for operation in Operation
    },
}
every_answer = pytest.mark.parametrize(("operation", "answer", "told"), ANSWERS.values(), ids=ANSWERS)
every_recipe = pytest.mark.parametrize("recipe", SignatureProfile)


def anybody(certificate):
    return True


def read(body, operation=Operation.NEW, accept=anybody):
    return operations.read_response(body, operation, accept)


@every_answer
@every_recipe
@pytest.mark.parametrize("kind", KINDS)
def test_the_client_reads_what_the_service_renders(operation, answer, told, recipe, kind):
    body = operations.render_response(operation, answer, SEALS[kind], recipe)
    assert read(body, operation) == SoapResponse(not isinstance(answer, Failure), *told, xml_signing.certificate(kind))


@every_answer
@every_recipe
def test_the_textual_demands_of_programs_in_the_field(operation, answer, told, recipe):
    text = operations.render_response(operation, answer, SEALS["rsa-2048"], recipe).decode()
    assert text.startswith(
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Header/>'
    )
    for literal in ("<ds:SignedInfo>", "<ds:SignatureValue>", "<ds:X509Certificate>\n", "\n</ds:X509Certificate>"):
        assert text.count(literal) == 1
    assert "\r" not in text
    assert "&#13;" not in text
    assert "DOCTYPE" not in text
    assert text.count("<ds:Signature xmlns:ds=") == 1
    assert len(re.findall(r"xmlns", text)) == 3  # SOAP's on the Envelope, ours on the payload, ds on the signature
    result = text.index("<Result>")
    assert result > max(text.find("<RetrievalId>"), text.find("<Certificate>"))
    root = etree.fromstring(text.encode())
    (payload,) = root.find("{*}Body")
    assert [child.tag for child in payload][-1] == "{http://www.w3.org/2000/09/xmldsig#}Signature"
    assert payload.tag == f"{{{SERVICE}}}{operation.value[0].upper()}{operation.value[1:]}Response"


def without_soap_declaration(body):
    """Extract the payload as the strictest program does.

    It drops the SOAP declaration and keeps everything else.
    """
    payload = etree.fromstring(body).find("{*}Body")[0]
    text = etree.tostring(payload).replace(b' xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"', b"")
    return etree.fromstring(text)


@every_answer
@every_recipe
@pytest.mark.parametrize("kind", KINDS)
def test_xmlsec_and_signxml_accept_the_payload(operation, answer, told, recipe, kind):
    body = operations.render_response(operation, answer, SEALS[kind], recipe)
    payload = without_soap_declaration(body)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(xml_signing.certificate(kind), xmlsec.constants.KeyDataFormatCertDer)
    context.verify(xmlsec.tree.find_node(payload, xmlsec.constants.NodeSignature))
    configuration = signxml.verifier.SignatureConfiguration(
        default_reference_c14n_method=signxml.CanonicalizationMethod.CANONICAL_XML_1_0
    )
    signer = x509.load_der_x509_certificate(xml_signing.certificate(kind))
    signxml.XMLVerifier().verify(etree.tostring(payload), x509_cert=signer, expect_config=configuration)


def test_a_message_is_cut_to_its_type():
    body = operations.render_response(
        Operation.GET, Failure("PKI099", "ä" * 300), SEALS["p256"], SignatureProfile.EXCLUSIVE
    )
    assert read(body, Operation.GET).errors == (ErrorInfo("PKI099", "ä" * 255),)


OK = "<Result><Status>OK</Status></Result>"
FAIL = "<Result><Status>FAIL</Status>{}</Result>"
INFO = "<ErrorInfo><ErrorCode>PKI001</ErrorCode><ErrorMessage>no</ErrorMessage></ErrorInfo>"


def response(inside, name="SignNewCertificateResponse", shape=xml_signing.OURS):
    return xml_signing.signed(f'<c:{name} xmlns:c="{SERVICE}">{inside}{{signature}}</c:{name}>', shape)


def test_several_errors_are_all_told():
    answer = read(envelope(response(FAIL.format(INFO + INFO.replace("001", "002")))))
    assert [error.code for error in answer.errors] == ["PKI001", "PKI002"]


def test_a_failure_may_come_without_a_reason():
    assert read(envelope(response(FAIL.format("")))) == SoapResponse(
        False, None, None, (), xml_signing.certificate("p256")
    )


TOLERATED = {
    "pretty-printed": envelope(response(f"\r\n<RetrievalId>\n a1 </RetrievalId>\r\n{OK}\r\n")),
    "no Header": envelope(response(f"<RetrievalId>a1</RetrievalId>{OK}"), header=""),
    "enveloped alone": envelope(response(f"<RetrievalId>a1</RetrievalId>{OK}", shape=ENVELOPED_ALONE)),
    "declared on the envelope": envelope(
        response(f"<RetrievalId>a1</RetrievalId>{OK}", shape=ENVELOPED_ALONE).replace(
            f' xmlns:c="{SERVICE}"'.encode(), b""
        ),
        declarations=f' xmlns:c="{SERVICE}"',
    ),
}


@pytest.mark.parametrize("body", TOLERATED.values(), ids=TOLERATED)
def test_other_services_answers_are_read(body):
    assert read(body).retrieval_id == "a1"


UNREADABLE = {
    "nothing": b"",
    "a page": b"<html><body>no</body></html>",
    "another operation's answer": envelope(response(f"<RetrievalId>a</RetrievalId>{OK}", "RenewCertificateResponse")),
    "the request": envelope(response(OK, "SignNewCertificateRequest")),
    "two payloads": envelope(response(OK) + response(OK)),
    "nothing in it": envelope(response("")),
    "no result": envelope(response("<RetrievalId>a</RetrievalId>")),
    "the result first": envelope(response(f"{OK}<RetrievalId>a</RetrievalId>")),
    "OK without a retrieval id": envelope(response(OK)),
    "a certificate instead": envelope(response(f"<Certificate>QUJD</Certificate>{OK}")),
    "a blank retrieval id": envelope(response(f"<RetrievalId> </RetrievalId>{OK}")),
    "an unknown status": envelope(response("<Result><Status>MAYBE</Status></Result>")),
    "no status": envelope(response("<Result></Result>")),
    "something else in the result": envelope(response(FAIL.format("<Other/>"))),
    "an error without a code": envelope(
        response(FAIL.format("<ErrorInfo><ErrorMessage>no</ErrorMessage></ErrorInfo>"))
    ),
    "text in the result": envelope(response(FAIL.format("text"))),
    "text in an error": envelope(response(FAIL.format(INFO.replace("<ErrorCode>", "x<ErrorCode>")))),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_says_nothing_we_know(body):
    with pytest.raises(UnreadableResponse):
        read(body)


GOOD = operations.render_response(Operation.NEW, AcceptedResponse("abc-1"), SEALS["p256"], SignatureProfile.EXCLUSIVE)
UNTRUSTED = {
    "unsigned": re.sub(rb"<ds:Signature .*</ds:Signature>", b"", GOOD, flags=re.DOTALL),
    "changed": GOOD.replace(b"abc-1", b"abc-2"),
    "changed with a comment": GOOD.replace(b"abc-1", b"abc<!-- -->-2"),
    "another signer's": GOOD.replace(
        base64.b64encode(xml_signing.certificate("p256"))[:76], base64.b64encode(xml_signing.certificate("p384"))[:76]
    ),
    "the declaration is gone": envelope(
        response(OK, shape=ENVELOPED_ALONE).replace(
            f'xmlns:c="{SERVICE}"'.encode(), f'xmlns:c="{SERVICE}" xmlns:u="urn:u"'.encode()
        )
    ),
}


@pytest.mark.parametrize("body", UNTRUSTED.values(), ids=UNTRUSTED)
def test_an_answer_that_is_not_trusted(body):
    with pytest.raises(UntrustedResponse):
        read(body)


def test_the_caller_judges_the_signer():
    seen = []

    def nobody(certificate):
        seen.append(certificate.serial_number)
        return False

    with pytest.raises(UntrustedResponse, match="not accepted"):
        read(GOOD, accept=nobody)
    assert seen == [1 << 70]


# A changed octet may make a serial number negative: cryptography warns, and the certificate has no holder.
odd_certificates = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")


@settings(max_examples=80)
@odd_certificates
@given(at=st.integers(0, len(GOOD) - 1), octet=st.integers(0, 255))
def test_any_one_octet_changed_is_refused_or_means_the_same(at, octet):
    try:
        answer = read(GOOD[:at] + bytes([octet]) + GOOD[at + 1 :])
    except (SoapFault, UntrustedResponse, UnreadableResponse):
        return
    assert replace(answer, signer=b"") == SoapResponse(True, "abc-1", None, (), b"")


@pytest.mark.parametrize(("client", "code"), [(True, "SOAP-ENV:Client"), (False, "SOAP-ENV:Server")])
def test_a_fault_is_soap_1_1(client, code):
    body = operations.render_fault("Not <this>\n way", actor_is_client=client)
    fault = etree.fromstring(body).find("{*}Body")[0]
    assert fault.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Fault"
    assert [(part.tag, part.text) for part in fault] == [("faultcode", code), ("faultstring", "Not <this> way")]
    with pytest.raises(SoapFault, match=r"^Not <this> way$"):
        read(body)


FAULT = b'<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">%s</s:Fault>'


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (b"", "no reason given"),
        (b"<faultstring>a<!-- -->b</faultstring>", "ab"),
        (b"<faultstring><b/></faultstring>", "no"),
    ],
)
def test_a_fault_may_say_little(inside, text):
    with pytest.raises(SoapFault, match=text):
        read(wrap_in_envelope(FAULT % inside))


def test_no_secret_stands_in_a_repr():
    body = operations.render_response(
        Operation.GET, CertificateResponse(ISSUED), SEALS["p256"], SignatureProfile.EXCLUSIVE
    )
    assert "x30" not in repr(read(body, Operation.GET))
