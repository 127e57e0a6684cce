"""The SOAP client zeep on our WSDL as served, against a listening endpoint.

zeep is no part of this project.
"""

import copy
from dataclasses import dataclass, field

import pytest
import zeep
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from sinetti.database.organisations.organisations import NewOrganisation
from sinetti.domain.values import Channel, IdentifierType, Language
from sinetti.services.issuance.order import order
from sinetti.services.organisations.registration import register_organisation
from tests.api import messages
from tests.api.listening import BEGIN, ListeningAuthority
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.scene import DAY, REQUEST, an_order, csr, new_key

WHO = {"Environment": "TEST", "CustomerId": CUSTOMER_ID, "CustomerName": CUSTOMER_NAME}


@dataclass(slots=True)
class Signing(zeep.Plugin):
    """Signs outgoing requests, as documents of their own, with the current `pair`."""

    pair: tuple | None = field(default=None)

    def egress(self, envelope, http_headers, _operation, _binding_options):
        """Take the request out, sign it, and put it back."""
        if self.pair is not None:
            (body,) = envelope.iterchildren("{*}Body")
            alone = copy.deepcopy(body[0])
            etree.cleanup_namespaces(alone)
            body[:] = [etree.fromstring(messages.signed(etree.tostring(alone).decode(), *self.pair))]
        return envelope, http_headers


@pytest.fixture
def signing() -> Signing:
    """Return the plugin that signs."""
    return Signing()


@pytest.fixture(params=["wsdl", "WSDL"])
def client(request, service: ListeningAuthority, signing: Signing) -> zeep.Client:
    """Load the WSDL from the endpoint, with every schema that it imports."""
    return zeep.Client(f"{service.address}?{request.param}", plugins=[signing])


def ids_of(service: ListeningAuthority):
    """Order a certificate."""
    service.set_clock(BEGIN)
    channels = frozenset(Channel)
    new = NewOrganisation(CUSTOMER_ID, IdentifierType.ARTIFICIAL, "FI", CUSTOMER_NAME, Language.FI, channels)
    with service.opened() as authority:
        register_organisation(new, authority.ctx, "operator", REQUEST)
        return order(an_order(), authority.ctx, "operator", REQUEST)


def enrolled(client: zeep.Client, service: ListeningAuthority, key) -> bytes:
    ids = ids_of(service)
    answer = client.service.signNewCertificate(
        **WHO,
        TransferId=ids.transfer_id,
        TransferPassword=ids.transfer_password,
        CertificateRequest=csr(key),
    )
    assert (answer.Result.Status, answer.Result.ErrorInfo) == ("OK", [])
    return fetched(client, answer.RetrievalId)


def fetched(client: zeep.Client, retrieval_id: str) -> bytes:
    answer = client.service.getCertificate(**WHO, RetrievalId=retrieval_id)
    assert answer.Result.Status == "OK"
    return answer.Certificate


def test_zeep_enrols_fetches_and_renews(client, signing, service):
    assert client.service._binding_options["address"] == service.address
    old_key, key = new_key(), new_key()
    old = x509.load_der_x509_certificate(enrolled(client, service, old_key))
    service.set_clock(old.not_valid_after_utc - 30 * DAY)
    signing.pair = (old_key, old.public_bytes(Encoding.DER))
    answer = client.service.renewCertificate(**WHO, CertificateRequest=csr(key), Signature=zeep.xsd.SkipValue)
    assert answer.Result.Status == "OK"
    signing.pair = None
    new = x509.load_der_x509_certificate(fetched(client, answer.RetrievalId))
    assert new.public_key() == key.public_key()


def test_zeep_is_told_why_not(client, service):
    ids = ids_of(service)
    answer = client.service.signNewCertificate(
        **WHO, TransferId=ids.transfer_id, TransferPassword="wrong", CertificateRequest=csr(new_key())
    )
    (error,) = answer.Result.ErrorInfo
    assert (answer.Result.Status, answer.RetrievalId, error.ErrorCode) == ("FAIL", None, "PKI004")


def test_zeep_may_leave_the_name_out(client):
    answer = client.service.getCertificate(Environment="TEST", CustomerId=CUSTOMER_ID, RetrievalId="none")
    assert answer.Result.ErrorInfo[0].ErrorCode == "PKI020"
