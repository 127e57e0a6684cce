"""WSDL and XSDs of the service: other programs load them, and `shapes` agrees."""

from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
import zeep
from lxml import etree
from zeep.plugins import Plugin
from zeep.transports import Transport

from sinetti.domain.requests import AcceptedResponse, CertificateResponse, EnrolRequest, RenewRequest, RetrieveRequest
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Failure, Operation
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support import xml_signing
from tests.wire.soap.test_requests import BAD, MESSAGES, OTHERS, RENEWALS
from tests.wire.soap.test_responses import ANSWERS, SEALS

ADDRESS = "http://127.0.0.1:8080/2017/10/CertificateServices"
XSD = "{http://www.w3.org/2001/XMLSchema}"
SEAL = signer_for_key(xml_signing.key("p256"), xml_signing.certificate("p256"))


class Wire(Transport):
    """Transport that serves the WSDL as the service does.

    It answers requests with the result of `answer`.
    """

    def __init__(self, answer=None):
        super().__init__()
        self.answer = answer

    def load(self, url):
        parts = urlsplit(url)
        assert url.startswith(ADDRESS), url
        query = parse_qs(parts.query, keep_blank_values=True)
        return operations.wsdl(ADDRESS) if "wsdl" in query else operations.schema_file(query["xsd"][0], ADDRESS)

    def post(self, address, message, headers):
        assert address == ADDRESS
        return Reply(self.answer(message, headers))


class Reply:
    status_code = 200
    encoding = "utf-8"
    cookies = ()

    def __init__(self, content):
        self.content = content
        self.headers = {"Content-Type": "text/xml; charset=utf-8"}


class Signs(Plugin):
    """Plugin that signs a renewal before it leaves, in place of zeep's draft."""

    def egress(self, envelope, http_headers, operation, binding_options):  # noqa: ARG002 - zeep's signature
        body = envelope.find("{*}Body")
        payload = body[0]
        for draft in payload.findall("{http://www.w3.org/2000/09/xmldsig#}Signature"):
            payload.remove(draft)
            alone = etree.tostring(payload)
            body.replace(payload, etree.fromstring(sign_document(alone, SEAL, SignatureProfile.EXCLUSIVE)))
        return envelope, http_headers


def call(operation, answer, **values):
    heard = []

    def post(message, headers):
        opened = operations.parse_request(message, headers["Content-Type"], headers["SOAPAction"])
        heard.append(operations.verified_request(opened, KeyPolicy()))
        return operations.render_response(operation, answer, SEALS["rsa-2048"], SignatureProfile.EXCLUSIVE)

    client = zeep.Client(f"{ADDRESS}?wsdl", transport=Wire(post), plugins=[Signs()])
    return heard, getattr(client.service, operation.value)(**values)


WHO = {"Environment": "TEST", "CustomerId": "0123456-7", "CustomerName": "Sinisiipi Oy"}


def test_zeep_signs_a_new_certificate():
    heard, answer = call(
        Operation.NEW,
        AcceptedResponse("abc-1"),
        **WHO,
        TransferId="1" * 32,
        TransferPassword="p" * 16,
        CertificateRequest=b"csr",
    )
    assert heard == [EnrolRequest(Environment.TEST, "0123456-7", "Sinisiipi Oy", "1" * 32, "p" * 16, b"csr")]
    assert (answer.RetrievalId, answer.Result.Status) == ("abc-1", "OK")


def test_zeep_renews_with_a_signature_of_ours():
    draft = {
        "SignedInfo": {
            "CanonicalizationMethod": {"Algorithm": "x"},
            "SignatureMethod": {"Algorithm": "x"},
            "Reference": {
                "URI": "",
                "Transforms": {"Transform": [{"Algorithm": "x"}]},
                "DigestMethod": {"Algorithm": "x"},
                "DigestValue": b"x",
            },
        },
        "SignatureValue": {"_value_1": b"x"},
        "KeyInfo": {"_value_1": [etree.Element("{http://www.w3.org/2000/09/xmldsig#}X509Data")]},
    }
    heard, answer = call(
        Operation.RENEW, Failure("PKI034", "Too early."), **WHO, CertificateRequest=b"csr", Signature=draft
    )
    assert heard == [
        RenewRequest(Environment.TEST, "0123456-7", "Sinisiipi Oy", b"csr", xml_signing.certificate("p256"))
    ]
    assert [(error.ErrorCode, error.ErrorMessage) for error in answer.Result.ErrorInfo] == [("PKI034", "Too early.")]


def test_zeep_gets_a_certificate_without_a_name():
    heard, answer = call(
        Operation.GET, CertificateResponse(b"der"), Environment="TEST", CustomerId="1", RetrievalId="abc-1"
    )
    assert heard == [RetrieveRequest(Environment.TEST, "1", None, "abc-1")]
    assert answer.Certificate == b"der"


def test_the_names_of_the_real_service():
    client = zeep.Client(f"{ADDRESS}?wsdl", transport=Wire())
    (service,) = client.wsdl.services.values()
    (port,) = service.ports.values()
    assert (service.name, port.name, port.binding.name.localname, port.binding.port_type.name.localname) == (
        "CertificateServices",
        "CertificateServicesPort",
        "CertificateServicesSoap",
        "CertificateServicesPortType",
    )
    assert {name: one.soapaction for name, one in port.binding.all().items()} == {
        one.value: one.value for one in Operation
    }
    root = etree.fromstring(operations.wsdl(ADDRESS))
    assert {part.get("name") for part in root.iter("{*}part")} == {"in", "out"}


def test_an_address_with_special_characters_is_written_safely():
    root = etree.fromstring(operations.wsdl('https://x/?a=1&b="2"'))
    assert next(root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")).get("location") == 'https://x/?a=1&b="2"'


def test_every_imported_schema_is_served_and_nothing_else():
    names = ["certificate-services.xsd"]
    for name in names:
        imports = etree.fromstring(operations.schema_file(name, ADDRESS)).iter(f"{XSD}import")
        names.extend(one.get("schemaLocation").rpartition("?xsd=")[2] for one in imports)
    assert names == ["certificate-services.xsd", "xml-signature.xsd"]
    for unknown in ("", "certificate-services.wsdl", "../soap.py", "/etc/passwd"):
        assert operations.schema_file(unknown, ADDRESS) is None


PLACES = {
    "just the service": (ADDRESS, "/2017/10/CertificateServices"),
    "behind a proxy that adds a path": ("https://x/pki/a%20b/2017/10/CertificateServices", None),
    "a path that has to be escaped": ("https://x/a&b/2017/10/CertificateServices", None),
    "no path at all": ("https://x", "/"),
}


@pytest.mark.parametrize(("address", "path"), PLACES.values(), ids=PLACES)
def test_schemas_are_where_programs_call(address, path):
    served = (
        etree.fromstring(operations.wsdl(address)),
        etree.fromstring(operations.schema_file("certificate-services.xsd", address)),
    )
    places = [one.get("schemaLocation") for root in served for one in root.iter(f"{XSD}import")]
    expected = path or urlsplit(address).path
    assert places == [f"{expected}?xsd=certificate-services.xsd", f"{expected}?xsd=xml-signature.xsd"]


class Schemas(etree.Resolver):
    def resolve(self, url, public_id, context):  # noqa: ARG002 - lxml's signature
        return self.resolve_file(
            BytesIO(operations.schema_file(url.rpartition("?xsd=")[2], ADDRESS)), context, base_url=url
        )


@pytest.fixture(scope="module")
def schema():
    parser = etree.XMLParser()
    parser.resolvers.add(Schemas())
    root = etree.fromstring(operations.schema_file("certificate-services.xsd", ADDRESS), parser, base_url="http://x/")
    return etree.XMLSchema(root)


def payload_of(body):
    return etree.fromstring(
        etree.tostring(next(etree.fromstring(body).find("{*}Body").iterchildren("*")), with_tail=False)
    )


GOOD = {
    **{operation.name: body for operation, (body, _) in MESSAGES.items()},
    **RENEWALS,
    **{name: body for name, (body, _) in OTHERS.items()},
    **{
        name: operations.render_response(operation, answer, SEALS["p256"], SignatureProfile.EXCLUSIVE)
        for name, (operation, answer, _) in ANSWERS.items()
    },
}


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_the_schema_takes_what_we_take_and_send(schema, body):
    schema.assertValid(payload_of(body))


STRICTER = {"a blank id", "two operations", "text beside it"}


@pytest.mark.parametrize("body", [body for name, (body, _) in BAD.items() if name not in STRICTER])
def test_the_schema_refuses_what_we_refuse(schema, body):
    assert not schema.validate(payload_of(body))
