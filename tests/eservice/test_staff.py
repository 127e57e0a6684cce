"""Pages of clerks.

They do not exist for other users, nothing is shown without a purpose, and each view is in the audit trail first.
"""

from dataclasses import replace
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.models import AccessApplication, BulkRevocation, Invitation, OrganisationImport, PendingInvitation
from sinetti.domain.access.roles import Role
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.link_tokens import INVITATION, link_token
from sinetti.domain.values import Language
from sinetti.server.http import Request
from sinetti.services.staff.session import NotStaff
from sinetti.settings.portal import EserviceSettings
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.browser import ADDRESS, Browser, people_door
from tests.support.clerks import looked
from tests.support.pages import PARAGRAPHS, errors, notices
from tests.support.scene import REQUEST, TRANSFER_KEY, add_organisation, enrolled
from tests.support.users import account, mandate, signed_in

MALLI = "1234567-1"
APPEAL = {Language.FI: "Valita hallinto-oikeuteen.", Language.SV: "Besvär anförs hos förvaltningsdomstolen."}
PAGES = (
    "/staff/applications",
    "/staff/organisations",
    "/staff/organisations/new",
    "/staff/organisations/load",
    "/staff/invitations",
    "/staff/certificates",
    "/staff/certificates?text=0123",
    "/staff/revocations",
    "/staff/revocations/new",
    "/staff/early-replacements",
    "/staff/outbox",
    "/staff/outbox?state=given-up",
    "/staff/audit",
)
HEAD = "customer_id;kind;country;name;language;merged_into;ended\n"


@pytest.fixture
def door(sqlite_scene):
    """Return the pages, with settings that explain how to appeal."""
    found = people_door(sqlite_scene)
    return replace(found, given={**found.given, "sinetti.eservice": EserviceSettings(appeal=APPEAL)})


def at_work(scene, door, name="anna", purpose="application", case=""):
    """Return the browser of a clerk who has stated a purpose."""
    browser = signed_in(Browser(door), account(scene, name, staff=True))
    browser.get("/staff/purpose").press("go", purpose=purpose, case=case)
    return browser


@pytest.fixture
def anna(sqlite_scene, door):
    """Return the browser of a clerk at work."""
    return at_work(sqlite_scene, door)


def text_of(browser):
    return " ".join(browser.page.text_content().split())


def table(browser):
    return [[" ".join(cell.text_content().split()) for cell in row] for row in browser.page.findall(".//tbody/tr")]


def statements(caught):
    """Return the statements without those that begin and end a transaction."""
    return [one["sql"] for one in caught if not one["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]


NO_CLERKS = {
    "a stranger": None,
    "a signatory": {"staff": False},
    "a clerk without a second factor": {"staff": True, "second_factor": False},
}


@pytest.mark.parametrize("who", NO_CLERKS.values(), ids=NO_CLERKS)
def test_for_others_there_is_no_such_page(sqlite_scene, browser, who):
    if who is not None:
        user = account(sqlite_scene, "maija", staff=who["staff"])
        mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
        signed_in(browser, user, second_factor=who.get("second_factor", True))
    nowhere = browser.get("/no-such-page")
    observed = (nowhere.reply.status, text_of(nowhere).replace("/no-such-page", ""))
    for address in ("/staff", "/staff/purpose", *PAGES, "/staff/applications/x", "/staff/organisations/load/x"):
        if who is None:
            assert browser.get(address).reply.headers["location"] == f"/account/login?{urlencode({'next': address})}"
            continue
        assert (browser.get(address).reply.status, text_of(browser).replace(address, "")) == observed
        assert browser.reply.status == 404
    assert browser.get("/no-such-page").page.xpath("//main//a/@href") == ["/"]
    assert "/staff" not in browser.get("/").reply.body.decode()
    assert looked(sqlite_scene) == []


SENT = {
    "a form without a token": ("POST", "", b"do=go"),
    "a form with a token of somebody else's": ("POST", "", b"csrfmiddlewaretoken=" + b"x" * 64),
    "what is no form": ("POST", "", b"%00=%00"),
    "a form in parts that are none": ("POST", "", b"--x"),
    "a method that no page has": ("PUT", "", b""),
    "a head": ("HEAD", "", b""),
    "a zero octet": ("GET", "text=%00", b""),
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("who", NO_CLERKS.values(), ids=NO_CLERKS)
def test_by_nothing_that_is_sent_others_learn_which_clerks_pages_there_are(sqlite_scene, browser, who, sent):
    method, query, body = sent
    if who is not None:
        user = account(sqlite_scene, "maija", staff=who["staff"])
        signed_in(browser, user, second_factor=who.get("second_factor", True))
    kind = "multipart/form-data; boundary=y" if body == b"--x" else "application/x-www-form-urlencoded"
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"host": urlsplit(ADDRESS).netloc, "content-type": kind, "origin": "null", "cookie": cookie}

    def answered(path):
        reply = browser.door(Request(method, path, query, headers, REQUEST, body))
        observed = {
            name: value.replace(quote(path, safe=""), "/somewhere")
            for name, value in reply.headers.items()
            if name != "content-length"
        }
        return reply.status, observed, reply.cookies, reply.body.decode().replace(path, "/somewhere")

    nowhere = answered("/staff/no-such-page")
    assert nowhere[0] == (302 if who is None else 404)
    for address in ("/staff", "/staff/purpose", "/staff/audit", "/staff/organisations/new", "/staff/revocations/x"):
        assert answered(address) == nowhere, address
    assert looked(sqlite_scene) == []


def test_nothing_is_shown_without_a_purpose(sqlite_scene, browser):
    signed_in(browser, account(sqlite_scene, "anna", staff=True))
    for address in PAGES:
        reply = browser.get(address).reply
        assert (reply.status, reply.headers["location"].split("=")[0]) == (302, "/staff/purpose?next")
    assert looked(sqlite_scene) == []
    assert browser.get("/staff/purpose").press("go").page.xpath("//select[@name='purpose']/@aria-invalid") == ["true"]
    page = browser.get("/staff/purpose?next=/staff/outbox").press("go", purpose="x", case="my own words")
    assert page.page.xpath("//input[@name='case']/@value") == ["my own words"]
    assert len(page.page.xpath("//*[@class='wrong']")) == 2
    assert page.press("go", purpose="support", case="si-00000-00000").path == "/staff/outbox"
    assert "SI-00000-00000" in text_of(page)
    assert looked(sqlite_scene) == [("search:outbox", {"purpose": "support", "case": "SI-00000-00000"})]
    page.get("/staff/purpose?next=https://elsewhere.example").press("go", purpose="incident", case="")
    assert page.path == "/staff"


@pytest.mark.parametrize("address", ["/staff", *PAGES])
def test_a_page_takes_eight_statements_at_most(sqlite_scene, anna, address):
    enrolled(sqlite_scene)
    anna.get(address)
    with CaptureQueriesContext(connections["default"]) as caught:
        assert anna.get(address).reply.status == 200
    assert len(statements(caught)) <= 8, statements(caught)


def applied(scene, language="sv"):
    organisation = models.Organisation.objects.get(pk=add_organisation(scene, MALLI, frozenset()))
    return AccessApplication.objects.create(
        case_number="SI-7K3M2-Q9PXW", organisation=organisation, channels=["WS"], purpose="Löner\nPensioner",
        language=language, state="open", created=scene.clock.now, user=account(scene, "maija"),
    )  # fmt: skip


def test_an_application_is_refused_in_its_own_language(sqlite_scene, anna):
    made = applied(sqlite_scene)
    (row,) = table(anna.get("/staff/applications"))
    assert row[0] == "SI-7K3M2-Q9PXW"
    anna.get("/staff/applications?case=si-7k3m2-q9pxw").get(anna.reply.headers["location"])
    anna.press("check-decide", verdict="refused", reason="Nej.")
    assert set(errors(anna)) == {"reason"}
    assert anna.page.xpath("//textarea/text()")[0].strip() == "Nej."
    anna.press("check-decide", verdict="refused", reason="Ändamålet kräver inte gränssnittet.")
    assert APPEAL[Language.SV] in text_of(anna), "the very decision"
    made.refresh_from_db()
    assert made.state == "open"
    anna.press("decide")
    made.refresh_from_db()
    assert made.state == "refused"
    assert APPEAL[Language.SV] in made.decision
    assert made.decision.splitlines()[-1] in text_of(anna)
    again = anna.post(anna.path, {"do": "decide", "verdict": "approved", "reason": ""}) if anna.buttons else anna
    assert again.reply.status in {200, 403}
    assert "decide" not in again.buttons


def test_where_the_settings_say_no_appeal_nothing_is_refused(sqlite_scene, anna):
    made = applied(sqlite_scene, "en")
    anna.get(f"/staff/applications/{made.pk}")
    anna.press("check-decide", verdict="refused", reason="The purpose does not need it.")
    assert "decide" not in anna.buttons
    made.refresh_from_db()
    assert made.state == "open"
    anna.press("check-decide", verdict="approved", reason="").press("decide")
    made.refresh_from_db()
    assert made.state == "approved"


def test_unknown_things_have_no_page(sqlite_scene, anna):
    for address in (
        "/staff/applications/x",
        "/staff/organisations/x",
        "/staff/organisations/load/x",
        "/staff/certificates/ff",
        "/staff/revocations/x",
    ):
        assert anna.get(address).reply.status == 404
    assert looked(sqlite_scene) == []


def test_an_organisation_is_added_renamed_and_ended(sqlite_scene):
    """The settings let one clerk do it."""
    numbers = {TwoPersonAct.ORGANISATION_NAME: 1, TwoPersonAct.ORGANISATION_END: 1}
    alone = sqlite_scene.but(approvals=ApprovalPolicy(numbers))
    anna = at_work(alone, people_door(alone))
    anna.get("/staff/organisations/new").press("add", customer_id="", kind="artificial", country="xx1", name="Malli Oy")
    assert len(anna.page.xpath("//*[@class='wrong']")) >= 2
    assert anna.page.xpath("//input[@name='name']/@value") == ["Malli Oy"]
    anna.press("add", customer_id=MALLI, kind="artificial", country="fi", spoken="fi")
    assert anna.heading == "Malli Oy"
    anna.press("save", name="Malli Oyj")
    assert anna.heading == "Malli Oyj"
    anna.press("check-end")
    assert not anna.page.xpath("//blockquote"), "no letter"
    anna.press("end")
    assert not {"end", "check-end"} & set(anna.buttons)
    anna.get("/staff/organisations?text=malli")
    assert [row[:2] for row in table(anna)] == [["Malli Oyj", MALLI]]
    anna.get("/staff/organisations/new").press("add", customer_id=MALLI, kind="artificial", name="Malli", spoken="fi")
    assert set(errors(anna)) == {"customer_id"}
    assert models.Organisation.objects.count() == 2


def upload(browser, content, token):
    """Send a file as browsers do."""
    edge = "xxxxxxxx"
    body = (
        (
            f'--{edge}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        ).encode()
        + content
        + f"\r\n--{edge}--\r\n".encode()
    )
    browser.headers["content-type"] = f"multipart/form-data; boundary={edge}"
    browser._ask("POST", "/staff/organisations/load", body)
    del browser.headers["content-type"]
    return browser.get(browser.reply.headers["location"]) if browser.reply.status == 303 else browser


def token_of(browser):
    return browser.page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]


def test_a_file_is_shown_and_then_applied(sqlite_scene, anna):
    token = token_of(anna.get("/staff/organisations/load"))
    upload(anna, b"name\n", token)
    assert set(errors(anna)) == {"file"}
    said = {"no columns": notices(anna)}
    lines = f"A-1;artificial;FI;Uusi Oy;fi;;\n{CUSTOMER_ID};artificial;FI;{CUSTOMER_NAME};sv;;\nX;y\n"
    upload(anna, (HEAD + lines).encode(), token)
    wrong, changes = table(anna)[:1], table(anna)[1:]
    assert wrong[0][0] == "4"
    assert [one[0] for one in changes] == ["A-1", CUSTOMER_ID]
    assert models.Organisation.objects.count() == 1
    stale = Browser(anna.door, cookies=dict(anna.cookies), path=anna.path).get(anna.path)
    models.Organisation.objects.filter(customer_id=CUSTOMER_ID).update(language="en")
    assert stale.press("accept").reply.status == 409
    said["the register has changed"] = notices(stale)
    golden.check("sentences/clerks/files", {"en.txt": golden.sections(said)})
    stale.press("accept")
    assert models.Organisation.objects.count() == 2
    assert models.Organisation.objects.get(customer_id=CUSTOMER_ID).language == "sv"


def totals(browser):
    """Return the names and values of the lists of a page."""
    pairs = ((name, name.getnext()) for name in browser.page.xpath("//dl//dt"))
    return {name.text_content().strip(): " ".join(value.text_content().split()) for name, value in pairs}


def a_merger(anna):
    """Send a file that merges an organisation into a new one, as a clerk."""
    lines = f"A-1;artificial;FI;Uusi Oy;fi;;\n{CUSTOMER_ID};artificial;FI;Sinisiipi Oyj;fi;A-1;\n"
    return upload(anna.get("/staff/organisations/load"), (HEAD + lines).encode(), token_of(anna))


def test_a_second_clerk_sees_totals_and_rows_and_confirms(sqlite_scene, door, anna):
    a_merger(anna)
    assert "accept" not in anna.buttons
    bo = at_work(sqlite_scene, door, "bo", "register").get(anna.path)
    assert "propose" not in bo.buttons
    golden.check("sentences/clerks/a-file-of-another-clerk", {"en.txt": notices(bo)})
    anna.press("propose")
    assert "confirm" not in anna.buttons
    assert models.Organisation.objects.count() == 1
    assert "/staff/organisations/load" in bo.get("/staff").page.xpath("//ul[@class='tasks']//a/@href")
    (row, *_) = table(bo.get("/staff/organisations/load"))
    assert row[1].startswith("user:")
    bo.get(bo.page.xpath("//tbody/tr[1]//a/@href")[0])
    observed = [
        totals(bo)[one]
        for one in (
            "Organisations added",
            "Organisations renamed",
            "Organisations with a new language",
            "Organisations merged into another",
            "Organisations ended",
        )
    ]
    assert observed == ["1", "1", "0", "1", "0"]
    assert [one[0] for one in table(bo)] == ["A-1", CUSTOMER_ID]
    assert_after_the_list(bo, "confirm")
    bo.press("confirm")
    assert "2 of 2" in text_of(bo)
    assert models.Organisation.objects.get(customer_id=CUSTOMER_ID).merged_into.customer_id == "A-1"


def test_moved_before_it_is_confirmed_it_is_shown_again_and_nothing_is_done(sqlite_scene, door, anna):
    a_merger(anna).press("propose")
    bo = at_work(sqlite_scene, door, "bo", "register").get(anna.path)
    models.Organisation.objects.filter(customer_id=CUSTOMER_ID).update(name="Sinisiipi")
    assert bo.press("confirm").reply.status == 409
    assert "confirm" not in bo.buttons
    anna.get(anna.path).press("propose")
    bo.get(anna.path).press("confirm")
    assert models.Organisation.objects.count() == 2


def test_a_proposal_is_rejected_or_withdrawn(sqlite_scene, door, anna):
    a_merger(anna).press("propose")
    bo = at_work(sqlite_scene, door, "bo", "register").get(anna.path)
    late = at_work(sqlite_scene, door, "cecilia", "register").get(anna.path)
    bo.press("end")
    late.press("confirm")
    a_merger(anna).press("propose").press("end")
    assert not {"propose", "confirm", "end"} & {*bo.buttons, *late.buttons, *anna.buttons}
    assert models.Organisation.objects.count() == 1


def test_a_new_name_and_an_end_need_a_second_clerk(sqlite_scene, door, anna, monkeypatch):
    organisation = models.Organisation.objects.get()
    anna.get(f"/staff/organisations/{organisation.pk}")
    anna.press("save", name="Sinisiipi Oyj")
    bo = at_work(sqlite_scene, door, "bo", "register").get(anna.path)
    assert totals(bo)["Organisations renamed"] == "1"
    bo.press("confirm")
    organisation.refresh_from_db()
    assert organisation.name == "Sinisiipi Oyj"
    anna.get(f"/staff/organisations/{organisation.pk}").press("save", name="Sinisiipi Oyj", spoken="sv")
    organisation.refresh_from_db()
    assert organisation.language == "sv", "a language takes one"
    anna.press("check-end").press("end")
    bo.get(anna.path).press("confirm")
    organisation.refresh_from_db()
    assert organisation.closed_at
    models.Organisation.objects.update(closed_at=None)
    anna.get(f"/staff/organisations/{organisation.pk}")
    monkeypatch.setattr("sinetti.eservice.staff.organisations.organisations.propose_change", lambda *_: None)
    anna.press("check-end").press("end")
    golden.check("sentences/clerks/an-organisation-that-changed", {"en.txt": notices(anna)})


def test_dismissed_while_the_page_is_open_there_is_no_such_page(sqlite_scene, anna, monkeypatch):
    a_merger(anna)

    def dismissed(*_):
        raise NotStaff

    monkeypatch.setattr("sinetti.eservice.staff.csv_imports.organisations.propose_load", dismissed)
    assert anna.press("propose").reply.status == 404


def test_what_the_register_has_instead_is_named(sqlite_scene, anna):
    token = token_of(anna.get("/staff/organisations/load"))
    lines = f"{CUSTOMER_ID};foreign;FI;Sinisiipi Oy;fi;;\n"
    upload(anna, (HEAD + lines).encode(), token)
    said = {"the type": table(anna)[0][-1]}
    upload(anna.get("/staff/organisations/load"), (HEAD + lines.replace("foreign;FI", "artificial;SE")).encode(), token)
    said["the country"] = table(anna)[0][-1]
    golden.check("sentences/clerks/what-the-register-has", {"en.txt": golden.sections(said)})


def test_a_file_of_before_is_told_what_may_be_written(sqlite_scene, anna):
    token = token_of(anna.get("/staff/organisations/load"))
    upload(anna, f"{HEAD}{CUSTOMER_ID};foreign;FI;Sinisiipi Oy;fi;;\n".encode(), token)
    (load,) = OrganisationImport.objects.all()
    for one in load.wrong:
        del one["known"]
    load.save()
    ((*_, observed),) = table(anna.get(f"/staff/organisations/load/{load.pk}"))
    assert "business-id, vat, foreign" in observed


def test_two_clerks_revoke_many(sqlite_scene, door, anna, monkeypatch):
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    serials = [enrolled(sqlite_scene).serial for _ in range(2)]
    anna.get("/staff/revocations/new").press("check-propose", organisation="", serials="xyz", first="2026-01-01")
    assert len(anna.page.xpath("//*[@class='wrong']")) == 2
    anna.get("/staff/revocations/new?draft=none").press("check-propose", reason="superseded")
    assert "propose" not in anna.buttons
    anna.press("check-propose", organisation=CUSTOMER_ID, first="2026-03-01", last="2026-03-02", reason="superseded")
    golden.check("sentences/clerks/two-revoke-many", {"en.txt": notices(anna, PARAGRAPHS)})
    anna.press("propose")
    assert "confirm" not in anna.buttons
    assert "withdraw" in anna.buttons
    bo = at_work(sqlite_scene, door, "bo", "revocation").get(anna.path)
    assert_after_the_list(bo, "confirm")
    bo.press("confirm")
    assert all(sqlite_scene.certificate(one).revoked for one in serials)
    assert table(bo.get("/staff/revocations")) == []


def test_what_was_not_shown_is_not_proposed(sqlite_scene, anna):
    enrolled(sqlite_scene)
    anna.get("/staff/revocations/new").press("check-propose", organisation=CUSTOMER_ID, reason="superseded")
    enrolled(sqlite_scene)
    anna.press("propose")
    golden.check("sentences/clerks/what-was-not-shown", {"en.txt": notices(anna, PARAGRAPHS)})
    assert len(table(anna)) == 2
    assert not BulkRevocation.objects.exists()
    anna.press("propose")
    assert BulkRevocation.objects.get().done_at is not None


def badges(browser):
    found = browser.page.xpath("//main//span[contains(@class, 'badge')]")
    return [(one.get("class"), one.text_content()) for one in found]


def test_a_search_that_finds_too_much_says_that_it_shows_a_part(sqlite_scene, anna, monkeypatch):
    enrolled(sqlite_scene)
    said = {"all": notices(anna.get(f"/staff/certificates?text={CUSTOMER_ID}"))}
    monkeypatch.setattr("sinetti.database.certificates.search.MOST_MATCHES", 0)
    said["a part"] = notices(anna.get(f"/staff/certificates?text={CUSTOMER_ID}"))
    assert said["a part"] != said["all"]
    golden.check("sentences/clerks/searches", {"en.txt": golden.sections(said)})


def assert_after_the_list(browser, does):
    """Check that a button stands after the last row of what it confirms."""
    (button,) = browser.page.xpath(f"//main//button[@value='{does}']")
    assert button.xpath("preceding::tbody/tr")
    assert not button.xpath("following::table")


def test_a_certificate_is_looked_at_and_revoked(sqlite_scene, anna):
    serial = enrolled(sqlite_scene).serial
    assert table(anna.get("/staff/certificates?text=x")) == []
    (row,) = table(anna.get(f"/staff/certificates?text={serial[:10]}"))
    assert row[0].startswith(serial)
    assert badges(anna) == [("badge good", "Valid")]
    anna.get(f"/staff/certificates/{serial}").press("check-revoke", reason="")
    assert len(anna.page.xpath("//*[@class='wrong']")) == 1
    anna.press("check-revoke", reason="privilegeWithdrawn")
    assert anna.page.xpath("//blockquote"), "the letter that leaves"
    assert not sqlite_scene.certificate(serial).revoked
    anna.press("revoke")
    assert sqlite_scene.certificate(serial).revoked
    assert "revoke" not in anna.buttons


def test_one_certificate_too_many_needs_a_second_clerk(sqlite_scene, door, anna, monkeypatch):
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    first, second = (enrolled(sqlite_scene).serial for _ in range(2))
    anna.get(f"/staff/certificates/{first}").press("check-revoke", reason="superseded").press("revoke")
    assert sqlite_scene.certificate(first).revoked
    anna.get(f"/staff/certificates/{second}").press("check-revoke", reason="superseded").press("revoke")
    assert anna.path.startswith("/staff/revocations/")
    assert "confirm" not in anna.buttons
    assert not sqlite_scene.certificate(second).revoked
    at_work(sqlite_scene, door, "bo", "revocation").get(anna.path).press("confirm")
    assert sqlite_scene.certificate(second).revoked


def test_what_somebody_else_has_revoked_meanwhile_is_told(sqlite_scene, door, anna):
    serial = enrolled(sqlite_scene).serial
    anna.get(f"/staff/certificates/{serial}")
    at_work(sqlite_scene, door, "bo").get(anna.path).press("check-revoke", reason="superseded").press("revoke")
    anna.press("check-revoke", reason="superseded")
    golden.check("sentences/clerks/revoked-meanwhile", {"en.txt": notices(anna)})


def test_a_clerk_does_not_invite_themselves(sqlite_scene, door, anna):
    anna.get("/staff/invitations")
    anna.press("invite", organisation=CUSTOMER_ID, name="Anna", email="Anna@people.example", spoken="fi")
    assert set(errors(anna)) == {"email"}
    assert anna.page.xpath("//input[@name='email']/@value") == ["Anna@people.example"]
    assert table(anna) == []
    anna.press("invite", email="another-of-annas@elsewhere.example")
    confirmed(sqlite_scene, door)
    address = f"/invitation/{link_token(TRANSFER_KEY, INVITATION, Invitation.objects.get().pk)}"
    anna.get(address)
    assert (anna.reply.status, anna.buttons) == (403, [])
    golden.check("sentences/clerks/their-own-invitation", {"en.txt": notices(anna, PARAGRAPHS)})
    token = token_of(anna.get("/staff/invitations"))
    anna.post(address, {"do": "take-up", "csrfmiddlewaretoken": token})
    assert anna.reply.status == 403
    assert models.RoleAssignment.objects.get().waiting
    cai = signed_in(Browser(anna.door), account(sqlite_scene, "cai", staff=True)).get(address)
    assert cai.press("take-up").path == "/settings/certificates"


def confirmed(scene, door):
    """Confirm the waiting invitation as a second clerk, and return that clerk's page."""
    return at_work(scene, door, "bo").get(f"/staff/invitations/{PendingInvitation.objects.get().pk}").press("confirm")


def test_an_invitation_waits_for_a_second_clerk(sqlite_scene, door, anna):
    anna.get("/staff/invitations").press("invite", organisation="X", name="Nimi", email="nimi", spoken="fi")
    assert set(errors(anna)) == {"email"}
    anna.press("invite", email="nimi@customer.example")
    assert set(errors(anna)) == {"organisation"}
    anna.press("invite", organisation=CUSTOMER_ID)
    assert len(table(anna)) == 1
    place = f"/staff/invitations/{PendingInvitation.objects.get().pk}"
    assert "confirm" not in anna.get(place).buttons
    bo = at_work(sqlite_scene, door, "bo").get(place)
    for said in (CUSTOMER_ID, "nimi@customer.example", "Nimi", "Suomi", "anna@people.example"):
        assert said in text_of(bo)
    bo.press("confirm")
    anna.post(place, {"do": "withdraw", "csrfmiddlewaretoken": token_of(anna)})
    golden.check("sentences/clerks/an-invitation-that-was-decided", {"en.txt": notices(anna)})
    anna.get("/staff/invitations")
    assert [len(row) for row in table(anna)] == [5, 5]
    (link,) = anna.page.xpath("//input[@name='invitation']/@value")
    anna.press("check-end", invitation=link).press("end")
    assert [len(row) for row in table(anna)] == [5]
    assert "nimi@customer.example" not in "".join(str(one) for one in looked(sqlite_scene))


def test_an_invitation_is_withdrawn_or_rejected(sqlite_scene, door, anna):
    who = {"organisation": CUSTOMER_ID, "name": "Nimi", "email": "nimi@customer.example", "spoken": "fi"}
    anna.get("/staff/invitations").press("invite", **who)
    anna.get(f"/staff/invitations/{PendingInvitation.objects.get().pk}").press("withdraw")
    assert PendingInvitation.objects.get().state == "withdrawn"
    anna.get("/staff/invitations").press("invite", **who)
    waits = PendingInvitation.objects.get(state="waiting").pk
    at_work(sqlite_scene, door, "bo").get(f"/staff/invitations/{waits}").press("reject")
    assert "rejected" in text_of(anna.get(f"/staff/invitations/{waits}"))
    assert anna.get(f"/staff/invitations/{'0' * 32}").reply.status == 404


def test_a_page_says_that_no_more_invitations_are_asked_for_today(sqlite_scene, door, anna, monkeypatch):
    monkeypatch.setattr("sinetti.database.access.pending_invitations.PENDING_A_DAY", 0)
    who = {"organisation": CUSTOMER_ID, "name": "Nimi", "email": "nimi@customer.example", "spoken": "fi"}
    anna.get("/staff/invitations").press("invite", **who)
    golden.check("sentences/clerks/no-more-invitations-today", {"en.txt": notices(anna)})
    assert not PendingInvitation.objects.exists()


def test_what_came_in_between_stops_a_confirmation(sqlite_scene, door, anna):
    who = {"organisation": CUSTOMER_ID, "name": "Nimi", "email": "nimi@people.example", "spoken": "fi"}
    anna.get("/staff/invitations").press("invite", **who)
    bo = at_work(sqlite_scene, door, "bo").get(f"/staff/invitations/{PendingInvitation.objects.get().pk}")
    mandate(sqlite_scene, account(sqlite_scene, "nimi"), CUSTOMER_ID, Role.VIEWER)
    bo.press("confirm")
    assert not Invitation.objects.exists()
    golden.check("sentences/clerks/another-authorisation", {"en.txt": notices(bo)})


def test_a_representative_confirms_and_no_clerk_does(sqlite_scene, door, anna):
    user = account(sqlite_scene, "chair")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    who = {"organisation": CUSTOMER_ID, "name": "Nimi", "email": "nimi@customer.example", "spoken": "fi"}
    anna.get("/staff/invitations").press("invite", **who)
    place = f"/staff/invitations/{PendingInvitation.objects.get().pk}"
    bo = at_work(sqlite_scene, door, "bo").get(place)
    assert "confirm" not in bo.buttons
    chair = signed_in(Browser(anna.door), user).get("/settings/authorisations")
    assert "nimi@customer.example" in text_of(chair)
    place = place.replace("/staff/invitations", "/settings/authorisations/pending")
    for said in (CUSTOMER_ID, "nimi@customer.example", "Nimi", "Suomi", "anna@people.example"):
        assert said in text_of(chair.get(place))
    token = token_of(chair)
    chair.press("confirm")
    assert "confirm" not in chair.get(place).buttons
    chair.post(place, {"do": "reject", "csrfmiddlewaretoken": token})
    assert PendingInvitation.objects.get().state == "confirmed"


def test_messages_that_were_given_up_are_tried_again(sqlite_scene, anna):
    now = sqlite_scene.clock.now
    models.OutboxMessage.objects.create(
        message_id="a" * 32, kind="operator", channel="email", step="x:email", created=now, due=now,
        failed_at=now, attempts=9,
        problem="no such host", address="ops@pki.example",
    )  # fmt: skip
    anna.get("/staff/outbox?state=given-up")
    assert "no such host" in text_of(anna)
    assert "ops@" not in text_of(anna)
    anna.press("again", message="a" * 32)
    assert models.OutboxMessage.objects.get(pk="a" * 32).failed_at is None


def test_days_at_the_ends_of_the_calendar_are_days(sqlite_scene, anna):
    anna.get("/staff/audit?since=0001-01-01&until=9999-12-31")
    assert table(anna)
    serial = enrolled(sqlite_scene).serial
    anna.get("/staff/revocations/new").press(
        "check-propose", first="0001-01-01", last="9999-12-31", reason="superseded"
    )
    assert serial in text_of(anna)


def test_the_trail_is_in_words(sqlite_scene, anna):
    anna.get("/staff/audit?object=search:audit&since=2026-03-02&until=2026-03-02")
    ((when, what, subject, _, more),) = table(anna.get("/staff/audit?object=search:audit&since=2026-03-02"))[-1:]
    assert what
    assert subject.startswith("search:audit")
    assert more.startswith("purpose: ")
    assert when.startswith("2 March 2026 at 14:00")
    (search,) = anna.page.xpath("//td[@data-name='Actor']/span[@class='note']")[-1:]
    assert search.text == "account"
    anna.get("/staff/audit?since=yesterday")
    assert anna.page.xpath("//input[@name='since']/@value") == ["yesterday"]
    assert len(anna.page.xpath("//*[@class='wrong']")) == 1


WORDS = {
    Language.FI: ("1 234", "2.3.2026 klo 14.00", "edustaja", "ruotsi"),
    Language.SV: ("1 234", "2.3.2026 kl. 14.00", "representant", "svenska"),
    Language.EN: ("1,234", "2 March 2026 at 14:00", "representative", "Swedish"),
}


@pytest.mark.parametrize("language", Language)
def test_what_rows_of_the_trail_say_more_is_in_words_in_each_language(sqlite_scene, anna, language):
    facts = {
        "reason": "keyCompromise",
        "channel": "WS",
        "kind": "business-id",
        "language": "sv",
        "role": "signatory",
        "count": 1234,
        "newest": "2026-03-02T12:00:00Z",
    }
    with transaction.atomic("default"):
        audit_log.write(sqlite_scene.db, sqlite_scene.audit_entry(), "certificate-revoked", "certificate:5f", **facts)
    (row,) = table(anna.get(f"/staff/audit?object=certificate:5f&lang={language}"))
    assert not [value for value in facts.values() if f": {value};" in f"{row[-1]};"], row
    assert all(one in row[-1] for one in WORDS[language]), row
    assert "certificate-revoked" not in row[1]
