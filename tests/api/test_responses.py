"""Every answer, OK and FAIL, against the demands of programs in the field.

signxml judges the answers, and textual checks do.
"""

import base64
import re
from dataclasses import dataclass

import pytest
from cryptography import x509
from lxml import etree
from signxml import InvalidDigest

from sinetti.api.soap import PATH, SoapEndpoint
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.initialise import InitOptions
from sinetti.ca.hierarchy_config import load_preset
from sinetti.domain.values import Environment, KeyType
from sinetti.server.http import Request
from sinetti.settings.authority import AuthoritySettings, ResponseRecipe
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.api import messages
from tests.api.counter import SERVICE, Counter, opened_counter, payload_of
from tests.api.drafts import FAULTS, get_draft, new_draft, renew_draft, wrong
from tests.api.programs import haskell_erp, odoo_module
from tests.support.authority import CUSTOMER_ID, NOW, services_issuer
from tests.support.foundings import copy_founded
from tests.support.scene import REQUEST

DS = "http://www.w3.org/2000/09/xmldsig#"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
LEAVES = (KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384)


def _failing(operation: str, code: str):
    fault = next(one for one in FAULTS[operation] if one.code == code)
    return lambda counter: wrong(counter, operation, fault)


MADE = {
    "a new certificate accepted": new_draft,
    "a renewal accepted": renew_draft,
    "a certificate fetched": get_draft,
    "a new one refused": _failing("new", "PKI004"),
    "a renewal refused": _failing("renew", "PKI034"),
    "a fetch refused": _failing("get", "PKI021"),
    "a message that breaks the schema": _failing("new", "PKI001"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """Answer as octets, with the recipe that it should have."""

    counter: Counter
    body: bytes
    recipe: SignatureProfile

    @property
    def payload(self) -> bytes:
        return payload_of(self.body)


@pytest.fixture(params=MADE.values(), ids=MADE)
def make(request):
    """Return each kind of request."""
    return request.param


@pytest.fixture(params=LEAVES)
def leaf(request):
    """Return each type of key that may sign answers."""
    return request.param


@pytest.fixture(params=SignatureProfile, ids=lambda recipe: recipe.name.lower())
def given(request, make, leaf, sqlite_scene) -> Given:
    """Return each kind of answer in each recipe."""
    counter = opened_counter(sqlite_scene, request.param, leaf)
    # In Finnish: letters outside ASCII are part of what is signed.
    reply = make(counter).reply(**{"accept-language": "fi"})
    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    return Given(counter, reply.body, request.param)


def test_every_demand_of_the_programs(given):
    counter = given.counter
    signer = x509.load_pem_x509_certificate(counter.signer.encode())
    haskell_erp.checked(given.body, signer)
    payload = odoo_module.checked(given.body, services_issuer().certificate)
    for text in payload.findall("Certificate"):
        odoo_module.check_certificate(text.text or "", CUSTOMER_ID)
    _check_order(etree.fromstring(given.payload))
    _check_inheritance(given.body)
    _check_recipe(etree.fromstring(given.payload), given.recipe)
    _check_text(given.payload.decode())


def _check_order(payload: etree._Element) -> None:
    """Check the order of RetrievalId or Certificate, Result and ds:Signature.

    The root is qualified, its children are not.
    """
    assert etree.QName(payload).namespace == SERVICE
    names = [child.tag for child in payload]
    assert names[-2:] == ["Result", f"{{{DS}}}Signature"]
    assert names[:-2] in ([], ["RetrievalId"], ["Certificate"])
    assert (len(names) == 3) == (payload.findtext("Result/Status") == "OK")
    assert payload.find("Result")[0].tag == "Status"


def _check_inheritance(body: bytes) -> None:
    """Check that the payload inherits only the SOAP namespace.

    This holds for Envelope and Body. The Body has one payload, and the message is at most 1 MiB.
    """
    root = etree.fromstring(body)
    (found,) = root.findall(f"{{{SOAP}}}Body")
    assert set(root.nsmap.values()) | set(found.nsmap.values()) == {SOAP}
    assert len(found) == 1
    assert not (found.text or "").strip()
    assert len(body) <= 1024 * 1024


def _check_recipe(payload: etree._Element, recipe: SignatureProfile) -> None:
    """Check that the payload is signed with the configured recipe.

    SignedInfo is in exclusive C14N, with one Reference `""`. KeyInfo has one certificate alone.
    """
    transforms = [one.get("Algorithm") for one in payload.iter(f"{{{DS}}}Transform")]
    assert transforms == [f"{DS}enveloped-signature", *([EXCLUSIVE] if recipe is SignatureProfile.EXCLUSIVE else [])]
    (method,) = payload.iter(f"{{{DS}}}CanonicalizationMethod")
    assert method.get("Algorithm") == EXCLUSIVE
    (reference,) = payload.iter(f"{{{DS}}}Reference")
    assert reference.get("URI") == ""
    (key_info,) = payload.iter(f"{{{DS}}}KeyInfo")
    assert [one.tag for one in key_info.iter()] == [
        f"{{{DS}}}{name}" for name in ("KeyInfo", "X509Data", "X509Certificate")
    ]


def _check_text(payload: str) -> None:
    """Check the strings that textual parsers look for.

    The `ds:` prefix stands throughout, and values stand on one line.
    """
    for literal in ("<ds:SignedInfo>", "<ds:SignatureValue>", "<ds:X509Certificate>\n", "\n</ds:X509Certificate>"):
        assert payload.count(literal) == 1
    assert set(re.findall(r"</(\w+):Signature>", payload)) == {"ds"}
    for value in re.findall(r"<(?:RetrievalId|Certificate|ErrorMessage)>([^<]*)<", payload):
        assert not re.search(r"[\r\n\t]|^ | $", value)
    for certificate in re.findall(r"<Certificate>([^<]*)<", payload):
        base64.b64decode(certificate, validate=True)


@pytest.mark.parametrize("setting", ResponseRecipe)
def test_the_recipe_is_a_setting(setting, tmp_path):
    base_url, root = "http://pki.sinetti.example", tmp_path / "authority"
    settings = AuthoritySettings(Environment.TEST, base_url, "https://certificates.example", response_recipe=setting)
    copy_founded(root, InitOptions(DirectoryKind.AUTHORITY, load_preset("default"), settings, NOW))
    authority = open_authority(root, DirectoryKind.AUTHORITY, RuntimeOptions(lambda: NOW))
    door = SoapEndpoint(authority.ctx, "", authority.recipe, authority.responses.seal)
    message = messages.element("GetCertificateRequest", {"Environment": "TEST", "CustomerId": "0", "RetrievalId": "x"})
    reply = door(Request("POST", PATH, "", {}, REQUEST, messages.enveloped(message)))
    authority.ctx.db.close()
    odoo_module.checked(reply.body)
    _check_recipe(etree.fromstring(payload_of(reply.body)), SignatureProfile[setting.name])


def test_a_retrieval_id_has_the_shape_that_clients_take(counter):
    retrieval_id = new_draft(counter).ask().retrieval_id
    assert retrieval_id is not None
    assert re.fullmatch(r"[A-Za-z0-9-]{32}", retrieval_id), "128 random bits"


def test_a_changed_answer_is_refused_by_the_judges(counter):
    """The judges do judge: neither accepts an answer with one changed character."""
    body = new_draft(counter).reply().body
    retrieval_id = re.search(rb"<RetrievalId>(.)", body)
    assert retrieval_id is not None
    other = b"1" if retrieval_id[1] == b"0" else b"0"
    changed = body.replace(retrieval_id[0], b"<RetrievalId>" + other)
    for check in (haskell_erp.checked, odoo_module.checked):
        with pytest.raises((AssertionError, InvalidDigest)):
            check(changed)
        check(body)
