"""Stories of the service: people in real browsers at the pages of a bench.

Each purpose of the service has one story.
"""

import json
import re
import subprocess

import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.testbench.core.totp import totp
from tests.support.chromium import started_chromium
from tests.support.programs import fetched, holder_of, new_key, ran, running
from tests.support.visitors import BenchVisitors

NOW = "2027-01-13T08:00:00Z"
PHONE = "+358 40 1234567"
DIRECTOR = "new.director@people.example"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Serve a bench whose clock is at a working day."""
    with running(tmp_path_factory.mktemp("stories") / "bench", "--http", "--now", NOW) as one:
        yield one


@pytest.fixture(scope="module")
def chromium():
    """Yield Debian's Chromium."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture
def visitors(bench, chromium):
    """Yield the bench; close its visitors' windows at the end."""
    one = BenchVisitors(bench, chromium)
    yield one
    one.close()


def request_of(folder, key="key.pem"):
    """Make a private key and a certificate signing request with openssl.

    The command is the one that the page shows.
    """
    words = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / key, "-subj", "/CN=0123456-7"]
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def test_ordered_and_fetched_with_the_keyboard_alone(visitors, tmp_path):
    signatory = visitors.somebody("signatory", mandates=[organisation("0123456-7", "signatory")])
    signatory.enters("a[href*='/settings/orders/new']")
    signatory.types(channel="WS", description="payroll", whose="own", contact_name="The Contact")
    signatory.types(contact_email="contact@customer.example", contact_phone=PHONE, contact_language="en")
    signatory.shows("order-asked")
    signatory.enters("button[value=check]")
    assert "contact@customer.example" in signatory.reads()
    signatory.shows("order-checked")
    signatory.enters("button[value=send]")
    assert "Certificate ordered." in signatory.reads()
    signatory.shows("ordered")

    contact = visitors.stranger()
    contact.goes(visitors.way("contact@customer.example", "transfer-ids"))
    contact.enters("button[value=open]")
    (sms,) = visitors.letters(PHONE, "pin")
    contact.types(pin=re.search(r"\b\d{6}\b", sms["text"])[0])
    contact.shows("pin-entered")
    contact.enters("button[value=pin]")
    assert re.search(r"\b[0-9]{32}\b", contact.reads().replace(" ", ""))
    contact.shows("transfer-ids")
    contact.tabs_to("form[action$='/fetch'] button")
    with contact.page.context.expect_page() as opened:
        contact.page.keyboard.press("Enter")
    contact.page = opened.value
    contact.page.wait_for_url(re.compile("^http"))  # a new window is empty first
    contact.types(request=request_of(tmp_path))
    contact.shows("fetch-asked")
    contact.enters("button[value=fetch]")
    assert "Certificate retrieved." in contact.reads()
    contact.shows("fetched")
    contact.tabs_to("button[value=pem]")
    with contact.page.expect_download() as download:
        contact.page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "certificate.pem")
    assert_theirs(tmp_path, visitors.bench)
    assert checked(visitors, tmp_path)["verdict"] == "accepted"
    signatory.goes("/settings/certificates")
    assert "payroll" in signatory.reads()
    signatory.shows("list")


def organisation(customer_id, role, name="Malli Oy", **more):
    return {"customer_id": customer_id, "customer_name": name, "role": role, **more}


def assert_theirs(folder, bench):
    """Check that the certificate is for the owner's key and that the bench has it.

    The key never left its owner.
    """
    certificate = folder / "certificate.pem"
    words = (["x509", "-in", certificate, "-noout", "-pubkey"], ["pkey", "-in", folder / "key.pem", "-pubout"])
    one, other = (subprocess.run(["openssl", *each], capture_output=True, check=True).stdout for each in words)
    assert one == other
    serial = serial_hex(load_certificate(certificate.read_bytes()).serial_number)
    assert serial in {row["serial"] for row in bench.rows()}


def test_a_viewer_sees_cannot_order_and_asks(visitors):
    enrolled(visitors, "story-2", "payroll of two")
    signatory = visitors.somebody("signatory", mandates=[organisation("story-2", "signatory")])
    viewer = visitors.somebody("viewer", mandates=[organisation("story-2", "viewer")])
    viewer.goes("/settings/certificates")
    assert "payroll of two" in viewer.reads()
    assert viewer.page.get_by_role("link", name="Order a certificate").count() == 0
    viewer.shows("viewer-list")
    assert viewer.goes("/settings/orders/new") == 403
    assert "order" in viewer.reads().lower()
    assert "representative" in viewer.reads()
    viewer.shows("viewer-lacks")
    viewer.presses("Request the authorisation")
    assert "Request saved." in viewer.reads()
    (told,) = visitors.letters(signatory.email, "authorisation")
    assert viewer.email in told["text"]
    signatory.goes("/settings/authorisations")
    assert viewer.email in signatory.reads()
    signatory.shows("request")
    signatory.presses(f"Approve Viewer, {viewer.email}")
    assert visitors.letters(viewer.email, "authorisation")
    assert viewer.goes("/settings/orders/new") == 200


def test_a_firm_asks_is_approved_and_loses_a_client(visitors):
    clients = ("0000031-1", "0000032-1")
    for one in clients:
        enrolled(visitors, one, f"payroll of {one}")
    signatories = [visitors.somebody("signatory", mandates=[organisation(one, "signatory", one)]) for one in clients]
    firm = visitors.somebody("firm", mandates=[organisation("story-3", "manager", "Tilitoimisto Malli Oy")])
    firm.goes("/settings/clients")
    firm.follows("Request authorisations")
    firm.fills(customer_ids="\n".join(clients), role="manager")
    firm.shows("firm-asks")
    firm.presses("Send request")
    for one in signatories:
        (told,) = visitors.letters(one.email, "authorisation")
        assert "Tilitoimisto Malli Oy" in told["text"]
        one.goes("/settings/authorisations")
        one.presses("Approve Tilitoimisto Malli Oy, story-3")
    firm.goes("/settings/certificates")
    assert [one in firm.reads() for one in clients] == [True, True]
    firm.shows("firm-two-clients")
    firm.follows(f"payroll of {clients[1]}")
    lost = firm.page.url
    signatories[1].goes("/settings/authorisations")
    signatories[1].follows("Tilitoimisto Malli Oy")
    signatories[1].shows("firm-s-authorisation")
    signatories[1].presses("Withdraw the authorisation")
    signatories[1].presses("Withdraw the authorisation permanently")
    firm.goes("/settings/certificates")
    assert [one in firm.reads() for one in clients] == [True, False]
    firm.shows("firm-one-client")
    assert firm.goes(lost) in {403, 404}


def test_the_contact_changes_it_is_revoked_and_the_gateway_refuses(visitors, tmp_path):
    certificate = enrolled(visitors, "story-4", "payroll of four")
    (tmp_path / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    assert checked(visitors, tmp_path)["verdict"] == "accepted"
    manager = visitors.somebody("manager", mandates=[organisation("story-4", "manager")])
    manager.goes("/settings/certificates")
    manager.follows("payroll of four")
    manager.shows("certificate")
    serial = serial_hex(certificate.serial_number)
    manager.goes(f"/settings/certificates/{serial}/contact")
    manager.fills(person_name="Another Contact", person_email="another@customer.example", person_phone=PHONE)
    manager.presses("Check the change")
    manager.presses("Save and send the messages")
    assert "Contact person changed." in manager.reads()
    for address in ("story-4@customer.example", "another@customer.example"):
        assert visitors.letters(address, "contact-changed"), address
    manager.goes(f"/settings/certificates/{serial}/revoke")
    manager.fills(reason="cessationOfOperation")
    manager.presses("See the effects of the revocation")
    assert serial in manager.reads()
    manager.shows("second-look")
    manager.presses("Revoke this certificate permanently")
    assert "revoked" in manager.reads().lower()
    assert visitors.letters("another@customer.example", "revoked")
    said = checked(visitors, tmp_path)
    assert (said["verdict"], said["reason"], said["revocation"]) == ("refused", "revoked", "revoked")


def test_years_ahead_who_is_signed_in_stays_so_and_the_certificate_has_expired(visitors):
    enrolled(visitors, "story-5", "payroll of five")
    signatory = visitors.somebody("signatory", mandates=[organisation("story-5", "signatory")])
    assert visitors.bench.control("PUT", "/clock", {"advance": "P731D"})[0] == 200
    assert signatory.goes("/settings/certificates") == 200
    assert signatory.page.get_by_role("link", name="Sign out", include_hidden=True).count() == 1
    signatory.page.get_by_text("More filters").click()
    signatory.fills(state="expired")
    signatory.presses("Search")
    assert "payroll of five" in signatory.reads()
    signatory.shows("years-ahead")
    visitors.somebody("late", mandates=[organisation("story-5", "viewer")])


def test_roles_of_an_outside_source(visitors):
    enrolled(visitors, "story-6", "payroll of six")
    director = visitors.stranger()
    director.goes("/account/login")
    director.presses("Sign in with the test bench's test sign-in")
    assert "This page is part of the test bench" in director.reads()
    for language in ("Suomi", "Svenska", "English"):
        with director.page.expect_navigation():
            director.page.get_by_role("link", name=language).click()
        violations = Axe().run(director.page).response["violations"]
        assert not violations, violations
    director.fills(who="test-person-1", organisations="story-6")
    director.shows("double")
    director.presses("Sign in")
    director.fills(email="director@people.example", name="Director")
    director.presses("Create an account")
    director.goes(visitors.way("director@people.example", "account"))
    director.shows("address-confirmed")
    director.presses("Confirm")
    director.goes("/account/login")
    director.presses("Sign in with the test bench's test sign-in")
    director.fills(who="test-person-1", organisations="story-6")
    director.presses("Sign in")
    director.goes("/settings/certificates")
    assert "payroll of six" in director.reads()
    assert director.page.get_by_role("link", name="Order a certificate").count() == 1


def test_an_organisation_comes_in(visitors):
    """The story begins without an organisation.

    A clerk adds it and sends an invitation. Its director makes an account, applies, gets the approval and may order.
    """
    clerk = visitors.somebody("clerk", staff=True)
    added(clerk, "story-7", "Uusi Malli Oy")
    clerk.goes("/staff/invitations")
    clerk.fills(organisation="story-7", name="New Director", email=DIRECTOR, spoken="en")
    clerk.presses("Request the invitation")
    clerk.shows("invitation-asked")
    assert not visitors.letters(DIRECTOR, "authorisation")
    second = visitors.somebody("second-clerk", staff=True)
    says_what_for(second)
    second.goes("/staff/invitations")
    second.follows("Uusi Malli Oy")
    second.shows("invitation-to-confirm")
    second.presses("Confirm the invitation and send the link")
    director = invited(visitors, visitors.way(DIRECTOR, "authorisation"))
    director.goes("/settings/applications")
    director.follows("Apply on behalf of Uusi Malli Oy")
    director.fills(channels="WS", purpose="We send wage reports, twelve times a year.", software="Payroll")
    director.presses("Send the application")
    case = re.search(r"SI-[0-9A-Z]{5}-[0-9A-Z]{5}", director.reads())[0]
    director.shows("applied")
    clerk.goes("/staff/applications")
    clerk.follows(case)
    clerk.fills(verdict="approved")
    clerk.presses("Read the decision before it is sent")
    clerk.presses("Approve and send the decision")
    assert "Decision text" in clerk.reads()
    clerk.shows("decided")
    assert any(case in one["text"] for one in visitors.letters(DIRECTOR, "authorisation"))
    assert director.goes("/settings/orders/new") == 200
    assert "Uusi Malli Oy" in director.reads()


def added(clerk, customer_id, name):
    """Have a clerk state a purpose and add an organisation."""
    says_what_for(clerk)
    clerk.goes("/staff/organisations/new")
    clerk.fills(customer_id=customer_id, name=name, kind="artificial", country="FI", spoken="en")
    clerk.presses("Add the organisation")
    clerk.shows("organisation-added")


def says_what_for(clerk):
    """Have a clerk state the purpose of the access."""
    clerk.goes("/staff")
    clerk.follows("State the purpose")
    clerk.fills(purpose="application")
    clerk.presses("Continue")


def invited(visitors, way):
    """Follow an invitation without an account.

    The director makes an account, adds a second factor and takes up the authorisation.
    """
    director, pass_phrase = visitors.stranger(), "a pass phrase of some words"
    director.goes(way)
    director.follows("Create an account")
    director.fills(name="New Director", email=DIRECTOR, password1=pass_phrase)
    director.presses("Create an account")
    director.goes(visitors.way(DIRECTOR, "account"))
    director.presses("Confirm")
    director.goes(way)
    director.follows("Sign in")
    director.fills(login=DIRECTOR, password=pass_phrase)
    director.presses("Sign in")
    director.goes(way)
    assert director.page.get_by_role("button", name="Accept the authorisation").count() == 0
    assert "requires a second factor" in director.reads()
    director.shows("invited")
    director.presses("Set up a second factor")
    director.follows("Set up verification codes")
    director.page.get_by_text("Cannot scan the QR code?").click()
    secret = re.search(r"\b[A-Z2-7]{32}\b", director.reads().replace(" ", ""))[0]
    director.fills(code=totp(secret, utc_now()))
    director.presses("Start using verification codes")
    director.goes(way)
    director.presses("Accept the authorisation")
    assert "You can now act for Uusi Malli Oy." in director.reads()
    return director


def enrolled(visitors, customer_id, description):
    """Have a certificate issued to an organisation as its program would."""
    contact = {"name": "The Contact", "email": f"{customer_id}@customer.example", "language": "en"}
    ids = visitors.bench.order(
        customer_id=customer_id, customer_name="Malli Oy", description=description, contact=contact
    )
    return holder_of(visitors.bench, customer_id).enrolled(ids, new_key())


def checked(visitors, folder):
    """Have a gateway judge the certificate by the current CRL."""
    certificate = load_certificate((folder / "certificate.pem").read_bytes())
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    crl = folder / "fresh.crl"
    crl.write_bytes(fetched(points[0].full_name[0].value))
    holders, now = visitors.bench.ready["trust"]["holders"], visitors.bench.now().isoformat()
    words = ["--anchors", holders, "--crl", crl, "--channel", "WS", "--at", now, "--json", folder / "certificate.pem"]
    return json.loads(ran("gateway", "check", *words).stdout)
