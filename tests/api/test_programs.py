"""Programs in the field, imitated in shape.

Each program enrols, retrieves, renews with a new key and retrieves again.
"""

import base64
from dataclasses import replace
from functools import cache

import pytest
from cryptography import x509

from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.pki.encoding import certificate_der
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.api.counter import Counter, opened_counter
from tests.api.presets import incomes_register_test
from tests.api.programs import haskell_erp, java_tool, java_tool_moved, odoo_module, sample_signer, wcf_proxy
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, issuer
from tests.support.scene import DAY, ordered

PROGRAMS = {one.NAME: one for one in (java_tool, java_tool_moved, haskell_erp, odoo_module, wcf_proxy, sample_signer)}
RECIPES = {recipe.name.lower(): recipe for recipe in SignatureProfile}


@cache
def keys(program):
    """Make two keys of this program's kind, once per run: RSA keys are slow to make."""
    return program.make_key(), program.make_key()


def bench(scene, recipe: SignatureProfile = SignatureProfile.EXCLUSIVE) -> Counter:
    """Answer with an RSA signer and take e=3, as the test bench does."""
    return opened_counter(scene.but(policy=KeyPolicy(small_exponent=True)), recipe, KeyType.RSA_2048)


def ask(counter: Counter, program, body: bytes, action: str) -> str:
    reply = counter.post(body, program.WAY | {"soapaction": action})
    assert reply.status == 200, reply.body
    assert counter.judged(reply).status == "OK", reply.body.decode()
    return program.read(reply.body, CUSTOMER_ID)


def fetched(counter: Counter, program, retrieval_id: str) -> bytes:
    text = ask(counter, program, program.get(CUSTOMER_ID, CUSTOMER_NAME, retrieval_id), program.GET_ACTION)
    return base64.b64decode(text, validate=True)


def enrolled(counter: Counter, program, key) -> bytes:
    ids = ordered(counter.scene)
    csr = program.make_csr(key, CUSTOMER_ID, CUSTOMER_NAME)
    body = program.new(CUSTOMER_ID, CUSTOMER_NAME, (ids.transfer_id, ids.transfer_password), csr)
    return fetched(counter, program, ask(counter, program, body, program.NEW_ACTION))


def check(der: bytes, key) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    certificate.verify_directly_issued_by(issuer().certificate)
    assert certificate.public_key() == key.public_key()
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value == CUSTOMER_ID, "whatever the CSR says"
    assert {one.value for one in certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)} == {
        CUSTOMER_NAME
    }
    return certificate


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_lives_with_the_service(program, recipe, sqlite_scene):
    counter = bench(sqlite_scene, recipe)
    old_key, key = keys(program)
    old = enrolled(counter, program, old_key)
    first = check(old, old_key)
    sqlite_scene.clock.now = first.not_valid_after_utc - 30 * DAY
    csr = program.make_csr(key, CUSTOMER_ID, CUSTOMER_NAME)
    body = program.renew(CUSTOMER_ID, CUSTOMER_NAME, csr, old_key, old)
    second = check(fetched(counter, program, ask(counter, program, body, program.RENEW_ACTION)), key)
    assert second.not_valid_before_utc == sqlite_scene.clock.now
    serial = x509.NameOID.SERIAL_NUMBER
    assert first.subject.get_attributes_for_oid(serial) == second.subject.get_attributes_for_oid(serial)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_may_not_change_what_it_signed(program, sqlite_scene):
    """Each imitation's signature covers the request: another name is rejected."""
    counter = bench(sqlite_scene)
    old_key, key = keys(program)
    old = enrolled(counter, program, old_key)
    sqlite_scene.clock.now = x509.load_der_x509_certificate(old).not_valid_after_utc - 30 * DAY
    body = program.renew(CUSTOMER_ID, CUSTOMER_NAME, program.make_csr(key, CUSTOMER_ID, CUSTOMER_NAME), old_key, old)
    changed = body.replace(CUSTOMER_ID.encode(), b"0123456-8")
    assert changed != body
    answer = counter.judged(counter.post(changed, program.WAY | {"soapaction": program.RENEW_ACTION}))
    assert answer.code == "PKI030"


def test_where_policy_says_no_a_small_exponent_is_refused(counter):
    """In production, the answer to the Haskell program names the key to make."""
    ids = ordered(counter.scene)
    csr = haskell_erp.make_csr(keys(haskell_erp)[0], CUSTOMER_ID, CUSTOMER_NAME)
    body = haskell_erp.new(CUSTOMER_ID, CUSTOMER_NAME, (ids.transfer_id, ids.transfer_password), csr)
    answer = counter.ask(body)
    assert answer.code == "PKI011"
    assert "65537" in answer.message


def test_the_odoo_module_knows_the_names_of_the_incomes_registers_test_environment(sqlite_db):
    """A variant of it needs the name `Data Providers Test Issuing CA v1`.

    The bench's other preset has that name.
    """
    built, scene = incomes_register_test(sqlite_db)
    signer, certificate = built.entries[built.hierarchy.response_signer.file_name]
    counter = opened_counter(scene.but(policy=built.hierarchy.key_policy))
    seal = signer_for_key(signer, certificate_der(certificate))
    counter = replace(counter, door=replace(counter.door, seal=lambda: seal))
    ids, key = ordered(scene), keys(odoo_module)[0]
    csr = odoo_module.make_csr(key, CUSTOMER_ID, CUSTOMER_NAME)
    services_ca = built.certificate(built.hierarchy.services.file_name)
    reply = counter.post(odoo_module.new(CUSTOMER_ID, CUSTOMER_NAME, (ids.transfer_id, ids.transfer_password), csr))
    retrieval_id = odoo_module.checked(reply.body, services_ca).findtext("RetrievalId")
    reply = counter.post(odoo_module.get(CUSTOMER_ID, CUSTOMER_NAME, retrieval_id or ""))
    given = odoo_module.checked(reply.body, services_ca).findtext("Certificate")
    odoo_module.check_certificate(given or "", CUSTOMER_ID, "Data Providers Test Issuing CA v1")
