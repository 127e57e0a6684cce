"""Retrieval in the browser.

The answers are those of the technical interface, and a private key is refused with a clear warning.
"""

import logging
import shlex
import shutil
import subprocess
from base64 import b64encode
from http.cookies import SimpleCookie
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.cli.main import build_parser
from sinetti.database import models
from sinetti.domain.certificates.enrolment import WRONG_PASSWORDS_ALLOWED
from sinetti.domain.values import TRANSFER_IDS_LIVE, Language
from sinetti.eservice.orders import browser_enrolment_pages
from sinetti.pki.encoding import certificate_pem, load_certificate
from sinetti.server.http import Request
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.pages import errors, fields, notices, page_text
from tests.support.scene import REQUEST, SECOND, csr, enrolled, new_key, ordered
from tests.support.secure import code_of_sms, offered

FETCH = "/fetch"


def pem_of(key):
    return x509.load_der_x509_csr(csr(key)).public_bytes(Encoding.PEM).decode()


def values(ids, request, **changes):
    typed = {
        "organisation": CUSTOMER_ID,
        "transfer_id": ids.transfer_id,
        "password": ids.transfer_password,
        "request": request,
    }
    return {**typed, **changes}


def fetch(browser, ids, request, **changes):
    return browser.get(FETCH).press("fetch", **values(ids, request, **changes))


def upload(browser, fields_sent, name, octets):
    """Send a form with a file in it, as browsers do (RFC 7578)."""
    lines = []
    for field, value in fields_sent.items():
        lines.append(f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode())
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="request.csr"\r\n\r\n'
    body = b"".join([*lines, head.encode(), octets, b"\r\n--x--\r\n"])
    cookies = "; ".join(f"{one}={value}" for one, value in browser.cookies.items())
    headers = {"host": "people.sinetti.example", "content-type": "multipart/form-data; boundary=x", "cookie": cookies}
    browser.reply = browser.door(Request("POST", FETCH, "", headers | {"origin": "null"}, REQUEST, body))
    for one in browser.reply.cookies:
        browser.cookies |= {name: morsel.value for name, morsel in SimpleCookie(one).items()}
    return browser.get(browser.reply.headers["location"]) if browser.reply.status == 303 else browser


def test_a_certificate_is_fetched_and_downloaded_with_nothing_in_an_address(browser, sqlite_scene):
    key, ids = new_key(), ordered(sqlite_scene)
    page = fetch(browser, ids, pem_of(key))
    certificate = load_certificate(page.page.xpath("string(//details//pre/code)").encode())
    assert certificate.public_key() == key.public_key()
    assert ids.transfer_password not in page.reply.body.decode()
    sent, files = fields(page, "pem"), {}
    for does in ("pem", "der", "chain", "bundle"):
        page.post(FETCH, {**sent, "do": does})
        files[does] = page.reply.body
        assert page.reply.headers["content-disposition"].startswith('attachment; filename="')
    assert load_certificate(files["der"]) == certificate
    chain = x509.load_pem_x509_certificates(files["bundle"])
    assert chain[0] == certificate
    for lower, upper in pairwise(chain):
        lower.verify_directly_issued_by(upper)
    assert files["bundle"] == files["pem"] + files["chain"]


def test_the_same_form_again_gives_the_same_certificate(browser, sqlite_scene):
    ids, request = ordered(sqlite_scene), pem_of(new_key())
    pages = {page_text(fetch(browser, ids, request)) for _ in range(2)}
    assert len(pages) == 1
    assert models.Certificate.objects.count() == 1


def test_bare_base64_and_a_transfer_id_with_blanks_are_taken(browser, sqlite_scene):
    ids = ordered(sqlite_scene)
    spaced = " ".join(ids.transfer_id[at : at + 4] for at in range(0, 32, 4))
    page = fetch(browser, ids, b64encode(csr(new_key())).decode(), transfer_id=spaced, organisation=f" {CUSTOMER_ID} ")
    assert "pem" in page.buttons


@pytest.mark.parametrize("octets", [csr, lambda key: pem_of(key).encode()], ids=["DER", "PEM"])
def test_a_file_is_taken(browser, sqlite_scene, octets):
    ids = ordered(sqlite_scene)
    page = browser.get(FETCH)
    upload(page, {**fields(page, "fetch"), **values(ids, ""), "do": "fetch"}, "file", octets(new_key()))
    assert "pem" in page.buttons


def test_the_form_says_before_it_is_sent_that_one_of_two_is_required(browser, sqlite_scene):
    page = browser.get(FETCH).page
    assert page.xpath("//fieldset[.//*[@name='request'] and .//*[@name='file']]/legend")
    assert "(optional)" not in page.text_content(), "neither is marked as optional"


def test_a_file_and_a_pasted_request_are_too_many(browser, sqlite_scene):
    page, ids = browser.get(FETCH), ordered(sqlite_scene)
    sent = {**fields(page, "fetch"), **values(ids, pem_of(new_key())), "do": "fetch"}
    assert set(errors(upload(page, sent, "file", csr(new_key())))) == {"file"}
    sent["request"] = ""
    assert set(errors(upload(page, sent, "file", b"x" * 20_000))) == {"file"}


KEY = new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("how", ["pasted", "beside a request", "uploaded"])
def test_a_private_key_is_refused_and_nothing_of_it_stays(browser, sqlite_scene, caplog, how):
    caplog.set_level(logging.DEBUG)
    ids, secret = ordered(sqlite_scene), KEY.decode().splitlines()[1]
    if how == "uploaded":
        page = browser.get(FETCH)
        upload(page, {**fields(page, "fetch"), **values(ids, pem_of(new_key())), "do": "fetch"}, "file", KEY)
    else:
        page = fetch(browser, ids, KEY.decode() + (pem_of(new_key()) if how == "beside a request" else ""))
    assert page.reply.status == 422
    assert set(errors(page)) == {"request"}
    assert not fields(page, "fetch").get("request", "").strip()
    assert secret not in page.reply.body.decode()
    assert secret not in caplog.text
    assert not models.Certificate.objects.exists()
    assert models.TransferIds.objects.get().wrong_passwords == 0


WRONG = {
    "no organisation": ({"organisation": ""}, "organisation"),
    "another organisation": ({"organisation": "7654321-2"}, "organisation"),
    "no transfer ID": ({"transfer_id": ""}, "transfer_id"),
    "a short transfer ID": ({"transfer_id": "123"}, "transfer_id"),
    "letters": ({"transfer_id": "x" * 32}, "transfer_id"),
    "an unknown transfer ID": ({"transfer_id": "1" * 32}, "transfer_id"),
    "no password": ({"password": ""}, "password"),
    "a wrong password": ({"password": "wrong"}, "transfer_id"),
    "no request": ({"request": ""}, "request"),
    "prose": ({"request": "Hello"}, "request"),
    "a request that is broken": ({"request": b64encode(b"\x30\x03\x02\x01\x07").decode()}, "request"),
}


def test_wrong_input_is_told_beside_its_field_and_kept(browser, sqlite_scene):
    ids, request, said = ordered(sqlite_scene), pem_of(new_key()), {}
    for case, (changes, name) in WRONG.items():
        page = fetch(browser, ids, **{"request": request, **changes})
        assert page.reply.status == 422, case
        assert set(errors(page)) == {name}, case
        said[case] = errors(page)[name]
        kept, typed = fields(page, "fetch"), {**values(ids, ""), **changes}
        typed.pop("request")
        typed["password"] = ""  # never stored, so never shown again
        assert {one: kept.get(one, "") for one in typed} == typed, case
    assert not models.Certificate.objects.exists()
    golden.check("sentences/fetching/wrong-input", {"en.txt": golden.sections(said)})


def test_refusals_are_told_beside_their_field_as_the_interface_does(browser, sqlite_scene):
    key, ids, locked, late, said = new_key(), *(ordered(sqlite_scene) for _ in range(3)), {}

    def told(case, name, *typed):
        found = errors(fetch(browser, *typed))
        assert set(found) == {name}, case
        said[case] = found[name]

    fetch(browser, ids, pem_of(key))
    for _ in range(WRONG_PASSWORDS_ALLOWED):
        fetch(browser, locked, pem_of(new_key()), password="wrong")
    told("locked", "transfer_id", locked, pem_of(new_key()))
    told("used", "transfer_id", ids, pem_of(new_key()))
    told("a key used before", "request", ordered(sqlite_scene), pem_of(key))
    told("a certificate", "request", ordered(sqlite_scene), certificate_pem(enrolled(sqlite_scene).der).decode())
    sqlite_scene.clock.forward(TRANSFER_IDS_LIVE + SECOND)
    told("expired", "transfer_id", late, pem_of(new_key()))
    assert models.Certificate.objects.count() == 2
    golden.check("sentences/fetching/refusals", {"en.txt": golden.sections(said)})


def test_what_passes_by_itself_is_told_above_the_form(browser, sqlite_scene):
    ids = ordered(sqlite_scene)
    sqlite_scene.signer.away = True
    page = fetch(browser, ids, pem_of(new_key()))
    assert page.reply.status == 503
    assert not errors(page)
    golden.check("sentences/fetching/what-passes-by-itself", {"en.txt": notices(page)})


def test_a_download_without_a_retrieval_id_says_so(browser, sqlite_scene):
    page = browser.get(FETCH)
    token = fields(page, "fetch")["csrfmiddlewaretoken"]
    for sent in ({}, {"organisation": CUSTOMER_ID, "retrieval_id": "0" * 32}):
        page.post(FETCH, {"csrfmiddlewaretoken": token, "do": "der", **sent})
        assert page.reply.status == 422
        assert page.reply.content_type.startswith("text/html")


def test_the_page_of_transfer_ids_opens_this_one_with_both_filled_in(browser, sqlite_scene):
    sent = offered(sqlite_scene)
    page = browser.get(f"/m/{sent.token}").press("open")
    page.press("pin", pin=code_of_sms(sqlite_scene, sent))
    assert page.page.xpath("//form[@target='_blank']/@action") == [FETCH]
    shown = page.secrets
    page.press("open")
    filled = fields(page, "fetch")
    assert [filled["transfer_id"], filled["password"], filled["organisation"]] == [*shown, CUSTOMER_ID]
    assert not errors(page)


def test_the_first_page_leads_here(browser):
    assert FETCH in browser.get("/").page.xpath("//main//a/@href")


@pytest.mark.skipif(not shutil.which("openssl"), reason="OpenSSL is not here")
def test_the_commands_of_openssl_work(browser, sqlite_scene, tmp_path):
    def run(command):
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S602
        assert done.returncode == 0, done.stderr

    shown = [str(one) for one in browser.get(FETCH).page.xpath("//pre/code/text()")]
    made = next(one for one in shown if one.startswith("openssl"))
    run(made.replace("rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256"))
    page = fetch(browser, ordered(sqlite_scene), (tmp_path / "request.pem").read_text(encoding="utf-8"))
    sent = fields(page, "pem")
    for does, name in (("pem", "certificate.pem"), ("chain", "chain.pem")):
        page.post(FETCH, {**sent, "do": does})
        (tmp_path / name).write_bytes(page.reply.body)
    run(f"{browser_enrolment_pages.OPENSSL_AFTER} -passout pass:secret")
    assert (tmp_path / "certificate.p12").stat().st_size


def test_the_command_of_our_client_is_one_that_it_takes(browser):
    shown = [str(one) for one in browser.get(FETCH).page.xpath("//pre/code/text()")]
    program, *options = shlex.split(next(one for one in shown if one.startswith("sinetti")))
    assert program == "sinetti"
    assert build_parser().parse_args(options).customer_id == "1234567-1"


def test_an_id_that_is_typed_comes_into_the_commands_and_nothing_else_does(browser, sqlite_scene):
    ids = ordered(sqlite_scene)
    page = fetch(browser, ids, "", organisation="FI12345678")
    assert 'CN=FI12345678"' in page_text(page)
    page = fetch(browser, ids, "", organisation='$(rm -rf /)"')
    assert "CN=1234567-1" in page_text(page)
    assert "CN=$(rm" not in page_text(page)


def test_refusals_speak_the_readers_language(browser, sqlite_scene):
    page = browser.get(f"{FETCH}?lang={Language.FI.value}")
    page.press("fetch", **values(ordered(sqlite_scene), pem_of(new_key()), password="wrong"))
    golden.check("sentences/fetching/a-wrong-password", {"fi.txt": notices(page)})
