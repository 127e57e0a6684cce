"""*Settings > Authorisations*: views, forms, and messages about wrong input.

The forms grant, change, withdraw and answer.
"""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext, override_settings

from sinetti.database.access import pending_invitations
from sinetti.domain.access.roles import Role
from sinetti.domain.link_tokens import INVITATION, link_token
from sinetti.domain.values import Language
from sinetti.services.self_service.role_assignments import NoLongerExists
from tests.support import golden
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME
from tests.support.browser import Browser, people_door
from tests.support.firms import rows
from tests.support.pages import notices
from tests.support.people import a_person
from tests.support.scene import DAY, TRANSFER_KEY, add_organisation
from tests.support.signing_in import PASSWORD, code, follow, send, way
from tests.support.users import account, mandate, signed_in

CLIENT, FIRM, NOBODYS = CUSTOMER_ID, "7654321-4", "9999999-9"
PAGE = "/settings/authorisations"
CLIENTS = ("/settings/clients", "/settings/clients/requests", "/settings/clients/ask")
MOST_STATEMENTS = 8


@pytest.fixture
def browser(sqlite_scene):
    """Return the browser of a signatory of the client."""
    add_organisation(sqlite_scene, FIRM)
    signatory = account(sqlite_scene, "signatory")
    mandate(sqlite_scene, signatory, CLIENT, Role.SIGNATORY)
    return signed_in(Browser(people_door(sqlite_scene)), signatory)


def another(scene, name, *roles, second_factor=True):
    """Return the browser of another user with roles.

    The roles are pairs of customer id and role.
    """
    user = account(scene, name)
    for customer_id, role in roles:
        mandate(scene, user, customer_id, role)
    return signed_in(Browser(people_door(scene)), user, second_factor=second_factor)


def organisation_id(scene, customer_id=CLIENT):
    return rows(scene, "Organisation").get(customer_id=customer_id).pk


def text_of(browser):
    return " ".join(browser.page.find(".//main").text_content().split())


def errors(browser):
    return [str(one) for one in browser.page.xpath("//p[@class='wrong']/text()")]


GIVEN = {"name": "New Person", "email": "new@people.example", "written_in": "sv", "role": "manager", "until": ""}


def test_a_person_is_invited_takes_it_up_and_loses_it(browser, sqlite_scene):
    page = browser.get(f"{PAGE}/person?organisation={organisation_id(sqlite_scene)}").press("give", **GIVEN)
    assert CUSTOMER_NAME in page.heading
    assert "new@people.example" in text_of(page)
    (link,) = rows(sqlite_scene, "Invitation").all()
    address = f"/invitation/{link_token(TRANSFER_KEY, INVITATION, link.pk)}"
    stranger = Browser(people_door(sqlite_scene)).get(address)
    assert CUSTOMER_NAME not in text_of(stranger)
    newcomer = another(sqlite_scene, "newcomer", second_factor=False)
    assert CUSTOMER_NAME in text_of(newcomer.get(address))
    newcomer.press("take-up")
    row = rows(sqlite_scene, "RoleAssignment").get(user__email="newcomer@people.example")
    assert (row.role, row.waiting) == (Role.MANAGER, False)
    newcomer.get(address)
    assert newcomer.reply.status == 303
    assert another(sqlite_scene, "thief").get(address).reply.status == 404
    browser.get(f"{PAGE}/{row.pk}").press("check-withdraw").press("withdraw")
    browser.get(PAGE)
    assert "new@people.example" not in text_of(browser)


def test_a_signatory_needs_a_second_factor_to_take_it_up(browser, sqlite_scene):
    browser.get(f"{PAGE}/person").press("give", **{**GIVEN, "role": "signatory"})
    address = f"/invitation/{link_token(TRANSFER_KEY, INVITATION, rows(sqlite_scene, 'Invitation').get().pk)}"
    newcomer = another(sqlite_scene, "newcomer", second_factor=False).get(address)
    assert newcomer.buttons == ["add-second-factor"]
    newcomer.post(address, {"do": "take-up", "csrfmiddlewaretoken": ""})
    assert not rows(sqlite_scene, "RoleAssignment").filter(user__email="newcomer@people.example").exists()
    signed_in(newcomer, rows(sqlite_scene, "User").get(email="newcomer@people.example")).get(address).press("take-up")
    assert rows(sqlite_scene, "RoleAssignment").filter(user__email="newcomer@people.example", waiting=False).exists()


@override_settings(PASSWORD_HASHERS=["tests.support.cheap_hashing.CheapArgon2"])
def test_who_makes_an_account_first_comes_back_to_the_invitation(browser, sqlite_scene):
    browser.get(f"{PAGE}/person").press("give", **{**GIVEN, "role": "signatory"})
    address = f"/invitation/{link_token(TRANSFER_KEY, INVITATION, rows(sqlite_scene, 'Invitation').get().pk)}"
    newcomer = Browser(people_door(sqlite_scene)).get(address)
    (make,) = newcomer.page.xpath("//main//a[contains(@href, 'signup')]/@href")
    email = GIVEN["email"]
    send(newcomer.get(make), name="New Person", email=email, password1=PASSWORD)
    send(newcomer.get(way(sqlite_scene, email, "Confirm")))
    assert newcomer.path == "/account/login"
    send(newcomer, login=email, password=PASSWORD)
    assert newcomer.path == address
    follow(newcomer.press("add-second-factor"))
    follow(newcomer.get("/account/security/codes/add"))
    send(newcomer, code=code(newcomer.secrets[0]))
    assert newcomer.heading == "Recovery codes"
    (ahead,) = newcomer.page.xpath("//main//a[@class='button'][normalize-space()='Continue']/@href")
    assert ahead == address
    newcomer.get(ahead).press("take-up")
    assert rows(sqlite_scene, "RoleAssignment").filter(user__email=email, role=Role.SIGNATORY, waiting=False).exists()


def test_links_that_work_no_more_look_alike(browser, sqlite_scene):
    browser.get(f"{PAGE}/person").press("give", **GIVEN)
    (first,) = rows(sqlite_scene, "Invitation").all()
    browser.get(f"{PAGE}/{first.mandate_id}").press("again")
    second = rows(sqlite_scene, "Invitation").exclude(pk=first.pk).get()
    newcomer = another(sqlite_scene, "newcomer")
    pages = set()
    for one in (first.pk, "nobody's"):
        newcomer.get(f"/invitation/{link_token(TRANSFER_KEY, INVITATION, one)}")
        assert newcomer.reply.status == 404
        pages.add(text_of(newcomer))
    assert newcomer.get(f"/invitation/{link_token(TRANSFER_KEY, INVITATION, second.pk)}").reply.status == 200
    sqlite_scene.clock.forward(timedelta(days=14, seconds=1))
    newcomer.get(f"/invitation/{link_token(TRANSFER_KEY, INVITATION, second.pk)}")
    assert pages == {text_of(newcomer)}


WRONG = {
    "no name": ("person", {"name": ""}),
    "no address": ("person", {"email": "new.people.example"}),
    "no role": ("person", {"role": "king"}),
    "no day": ("person", {"until": "soon"}),
    "no id": ("organisation", {"customer_id": ""}),
    "nobody's id": ("organisation", {"customer_id": "1-1"}),
    "not to a firm": ("organisation", {"role": "signatory"}),
    "no end": ("organisation", {"until": ""}),
    "an end that has passed": ("person", {"until": "2020-01-01"}),
    "an end too far away": ("organisation", {"until": "2099-01-01"}),
    "another authorisation": ("person", {"email": "signatory@people.example"}),
}


def test_the_error_stands_beside_a_wrong_field_whose_input_is_kept(browser):
    said = {}
    for case, (page, changed) in WRONG.items():
        values = GIVEN if page == "person" else {"customer_id": FIRM, "role": "manager"}
        browser.get(f"{PAGE}/{page}?draft=none").press("give", **{**values, **changed})
        ((field, typed),) = changed.items()
        assert browser.page.xpath("//*[@role='alert']//a/@href") == [f"#{field}"], case
        (said[case],) = errors(browser)
        if field != "role":
            assert browser.page.xpath(f"//input[@name='{field}']/@value") == ([typed] if typed else []), case
    golden.check("sentences/authorisations/wrong-input", {"en.txt": golden.sections(said)})


def test_an_end_that_does_not_fit_is_told_beside_its_field_wherever_one_is_asked(browser, sqlite_scene):
    firm = another(sqlite_scene, "accountant", (FIRM, Role.MANAGER))
    firm.get("/settings/clients/ask").press("ask", customer_ids=CLIENT, role="manager", until="2020-01-01")
    assert_the_end_is_wrong(firm)
    firm.press("ask", until="2027-01-01")
    browser.get(f"{PAGE}/organisation").press("give", customer_id=FIRM, role="manager")
    browser.get(f"{PAGE}/{rows(sqlite_scene, 'RoleAssignment').get(agent__isnull=False).pk}")
    assert_the_end_is_wrong(browser.press("change", until="2020-01-01"))
    browser.get(f"{PAGE}/requests/{rows(sqlite_scene, 'RoleRequest').get().pk}")
    assert_the_end_is_wrong(browser.press("approve", until="2020-01-01"))


def assert_the_end_is_wrong(browser):
    assert browser.page.xpath("//*[@role='alert']//a/@href") == ["#until"]
    assert len(errors(browser)) == 1
    assert browser.page.xpath("//input[@name='until']/@value") == ["2020-01-01"]


def test_a_request_that_somebody_else_answered_meanwhile_is_told_so(browser, sqlite_scene, monkeypatch):
    def gone(*_all):
        raise NoLongerExists

    another(sqlite_scene, "asker").get(f"{PAGE}/ask").press("ask", customer_id=CLIENT, role="viewer")
    browser.get(f"{PAGE}/requests/{rows(sqlite_scene, 'RoleRequest').get().pk}")
    monkeypatch.setattr("sinetti.eservice.authorisations.review_view.decline", gone)
    golden.check("sentences/authorisations/answered-meanwhile", {"en.txt": notices(browser.press("decline"))})


def test_a_firm_is_given_a_role_sees_the_client_and_loses_it(browser, sqlite_scene):
    browser.get(f"{PAGE}/organisation").press("give", customer_id=FIRM, role="manager")
    row = rows(sqlite_scene, "RoleAssignment").get(agent__customer_id=FIRM)
    firm = another(sqlite_scene, "accountant", (FIRM, Role.VIEWER), (FIRM, Role.MANAGER))
    assert CLIENT in text_of(firm.get("/settings/clients"))
    browser.get(f"{PAGE}/{row.pk}").press("change", role="viewer", until="31.12.2026")
    assert CLIENT in text_of(firm.get("/settings/clients"))
    assert rows(sqlite_scene, "RoleAssignment").get(pk=row.pk).role == Role.VIEWER
    browser.get(f"{PAGE}/{row.pk}").press("check-withdraw").press("withdraw")
    assert firm.get("/settings/clients").page.xpath("//option[@value='ended']/text()") == ["Ended (1)"]


def test_the_last_signatory_stays(browser, sqlite_scene):
    row = rows(sqlite_scene, "RoleAssignment").get()
    for button, values in (("check-withdraw", {}), ("change", {"role": "viewer"}), ("change", {"until": "2027-01-01"})):
        notice = notices(browser.get(f"{PAGE}/{row.pk}").press(button, **values))
        golden.check("sentences/authorisations/the-last-representative", {"en.txt": notice})
    mandate(sqlite_scene, account(sqlite_scene, "second"), CLIENT, Role.SIGNATORY)
    browser.get(f"{PAGE}/{row.pk}").press("check-withdraw").press("withdraw")
    assert rows(sqlite_scene, "RoleAssignment").get(pk=row.pk).withdrawn_at


def test_somebody_asks_and_is_approved_with_one_press(browser, sqlite_scene):
    asker = another(sqlite_scene, "asker", second_factor=False).get(f"{PAGE}?organisation=nobodys")
    asker.press("ask", customer_id=CLIENT.lower(), role="viewer")
    asker.get(f"{PAGE}/ask").press("ask", customer_id=CLIENT, role="viewer")
    assert rows(sqlite_scene, "RoleRequest").count() == 1
    assert "asker@people.example" in text_of(browser.get(PAGE))
    browser.press("approve")
    assert rows(sqlite_scene, "RoleAssignment").get(user__email="asker@people.example").role == Role.VIEWER
    assert "approved" in text_of(asker.get(f"{PAGE}/ask"))


def test_buttons_of_several_requests_say_whose_they_answer(browser, sqlite_scene):
    for name in ("first", "second"):
        another(sqlite_scene, name).get(f"{PAGE}/ask").press("ask", customer_id=CLIENT, role="viewer")
    browser.get(PAGE)
    for does, text in (("approve", "Approve"), ("decline", "Decline")):
        named = [one.text_content() for one in browser.page.xpath(f"//button[@value='{does}']")]
        assert sorted(named) == [f"{text} {name.title()}, {name}@people.example" for name in ("first", "second")]


def test_less_is_approved_or_nothing(browser, sqlite_scene):
    for name in ("first", "second"):
        another(sqlite_scene, name).get(f"{PAGE}/ask").press("ask", customer_id=CLIENT, role="manager")
    first, second = rows(sqlite_scene, "RoleRequest").order_by("user__email")
    offered = browser.get(f"{PAGE}/requests/{first.pk}").page.xpath("//input[@name='role']/@value")
    assert offered == ["manager", "viewer"]
    browser.press("approve", role="viewer", until="2027-01-01")
    assert rows(sqlite_scene, "RoleAssignment").get(user=first.user_id).role == Role.VIEWER
    browser.get(f"{PAGE}/requests/{second.pk}").press("decline")
    assert not rows(sqlite_scene, "RoleAssignment").filter(user=second.user_id).exists()
    browser.get(f"{PAGE}/requests/{second.pk}")
    assert browser.reply.status == 303


def test_a_firm_asks_many_and_learns_nothing_of_the_register(browser, sqlite_scene):
    firm = another(sqlite_scene, "accountant", (FIRM, Role.MANAGER))
    firm.get("/settings/clients/ask").press("ask", customer_ids=f"{CLIENT}\n{NOBODYS}; {CLIENT}\n", role="manager")
    assert len(firm.page.xpath("//tbody/tr")) == 2
    said = {"two": notices(firm)}
    browser.get(PAGE).press("approve")
    assert rows(sqlite_scene, "RoleAssignment").get(agent__customer_id=FIRM).organisation.customer_id == CLIENT
    firm.get("/settings/clients/ask").press("ask", customer_ids=f"{CLIENT} {NOBODYS}", role="viewer")
    said["one is a client"] = notices(firm)
    golden.check("sentences/authorisations/clients-are-asked", {"en.txt": golden.sections(said)})


def test_wrong_lines_of_a_list_are_told_by_their_numbers(browser, sqlite_scene):
    firm = another(sqlite_scene, "accountant", (FIRM, Role.MANAGER)).get("/settings/clients/ask")
    typed = f"{CLIENT}\n#2\n{FIRM} ä\n{'1' * 31}"
    firm.press("ask", customer_ids=typed, role="manager")
    listed = [one.text_content() for one in firm.page.xpath("//*[@id='errors']//li")]
    wrong = ((2, "#2"), (3, "ä"), (4, "1" * 31))
    found = [(f" {number} " in one, one.endswith(text)) for one, (number, text) in zip(listed, wrong, strict=True)]
    assert found == [(True, True)] * 3
    assert errors(firm) == listed[:1], "and the first beside the field"
    assert firm.page.xpath("//textarea")[0].value.removeprefix("\n") == typed
    assert not rows(sqlite_scene, "RoleRequest").exists()


def test_a_firm_does_not_ask_itself(browser, sqlite_scene):
    firm = another(sqlite_scene, "accountant", (FIRM, Role.MANAGER)).get("/settings/clients/ask")
    firm.press("ask", customer_ids=f"{CLIENT}\n{FIRM}", role="manager")
    (error,) = errors(firm)
    golden.check("sentences/authorisations/a-firm-asks-itself", {"en.txt": f"{error}\n"})
    assert firm.page.xpath("//textarea")[0].value.removeprefix("\n") == f"{CLIENT}\n{FIRM}"
    assert not rows(sqlite_scene, "RoleRequest").exists()


def test_several_organisations_are_chosen_among(browser, sqlite_scene):
    mandate(sqlite_scene, rows(sqlite_scene, "User").get(), FIRM, Role.SIGNATORY)
    for page in (PAGE, f"{PAGE}/person", f"{PAGE}/organisation", *CLIENTS):
        assert len(browser.get(page).page.xpath("//tbody/tr")) == 2, page


def test_what_is_lacking_is_told_and_names_only_what_one_knows(browser, sqlite_scene):
    viewer = another(sqlite_scene, "viewer", (CLIENT, Role.VIEWER))
    viewer.get(f"{PAGE}?organisation={organisation_id(sqlite_scene)}")
    assert viewer.reply.status == 403
    assert CUSTOMER_NAME in text_of(viewer)
    pages = set()
    for one in (organisation_id(sqlite_scene, FIRM), "0" * 32):
        viewer.get(f"{PAGE}?organisation={one}")
        assert FIRM not in text_of(viewer)
        pages.add(text_of(viewer))
    assert len(pages) == 1
    viewer.press("ask", customer_id=FIRM)
    assert rows(sqlite_scene, "RoleRequest").get().role == Role.SIGNATORY
    weak = another(sqlite_scene, "weak", (CLIENT, Role.SIGNATORY), second_factor=False).get(PAGE)
    assert weak.page.xpath("//main//a[contains(@href, '/account/security')]")


@override_settings(PASSWORD_HASHERS=["tests.support.cheap_hashing.CheapArgon2"])
def test_who_sets_up_a_second_factor_first_comes_back(browser, sqlite_scene):
    page = f"{PAGE}?organisation={organisation_id(sqlite_scene)}"
    user = account(sqlite_scene, "weak")
    mandate(sqlite_scene, user, CLIENT, Role.SIGNATORY)
    weak = signed_in(Browser(people_door(sqlite_scene)), user, second_factor=False, recent=True).get(page)
    (ahead,) = weak.page.xpath("//main//a[contains(@href, '/account/security')]/@href")
    assert ahead == f"/account/security?{urlencode({'next': page})}"
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"):
        weak.get(f"/account/security?{urlencode({'next': elsewhere})}")
    follow(weak.get(ahead))
    follow(weak.get("/account/security/codes/add"))
    send(weak, code=code(weak.secrets[0]))
    assert weak.page.xpath("//main//a[@class='button'][normalize-space()='Continue']/@href") == [page]
    assert weak.get(page).reply.status == 200


def test_nobody_is_led_elsewhere_after_a_second_factor(sqlite_scene):
    weak = signed_in(
        Browser(people_door(sqlite_scene)), account(sqlite_scene, "weak"), second_factor=False, recent=True
    )
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example", "settings"):
        weak.get(f"/account/security?{urlencode({'next': elsewhere})}")
    follow(weak.get("/account/security/codes/add"))
    send(weak, code=code(weak.secrets[0]))
    assert weak.page.xpath("//main//a[@class='button'][normalize-space()='Continue']/@href") == ["/"]


def test_the_pages_read_little(browser, sqlite_scene):
    browser.get(f"{PAGE}/organisation").press("give", customer_id=FIRM, role="manager")
    another(sqlite_scene, "asker").get(f"{PAGE}/ask").press("ask", customer_id=CLIENT, role="viewer")
    given, asked = (
        rows(sqlite_scene, "RoleAssignment").get(agent__isnull=False),
        rows(sqlite_scene, "RoleRequest").get(),
    )
    ids = ("", "/person", "/organisation", "/ask", f"/{given.pk}", f"/requests/{asked.pk}")
    for page in (*(f"{PAGE}{one}" for one in ids), *CLIENTS):
        with CaptureQueriesContext(connections["default"]) as said:
            assert browser.get(page).reply.status == 200, page
        assert len(said) <= MOST_STATEMENTS, page
        found = browser.page.xpath("//@id")
        assert len(found) == len(set(found)), page


def test_long_lists_have_pages(browser, sqlite_scene):
    firm = another(sqlite_scene, "accountant", (FIRM, Role.MANAGER)).get("/settings/clients/ask")
    firm.press("ask", customer_ids=" ".join(f"{number:07}-1" for number in range(103)), role="manager")
    lengths = []
    for page in ("1", "2", "3", "nonsense", "99"):
        firm.get(f"/settings/clients/requests?page={page}")
        lengths.append(len(firm.page.xpath("//tbody/tr")))
    assert lengths == [50, 50, 3, 50, 0]
    assert firm.get("/settings/clients/requests?page=2").page.xpath("//a[@rel]/@href") == [
        "/settings/clients/requests?page=1",
        "/settings/clients/requests?page=3",
    ]


def test_authorisations_are_given_up_by_who_has_them(browser, sqlite_scene):
    viewer = another(sqlite_scene, "viewer", (CLIENT, Role.VIEWER)).get("/settings/profile")
    (chosen,) = viewer.page.xpath("//input[@name='mandate']/@value")
    assert "give-up" not in viewer.press("check-give-up").buttons
    viewer.press("check-give-up", mandate=chosen)
    assert viewer.page.xpath("//blockquote"), "the letter to the other representatives"
    assert "viewer@people.example, s…@people.example" in text_of(viewer)
    assert "signatory@" not in viewer.reply.body.decode(), "viewers see no list of people"
    said = {"a viewer": notices(viewer.press("give-up"))}
    assert viewer.get("/settings/certificates").reply.status == 403
    (own,) = browser.get("/settings/profile").page.xpath("//input[@name='mandate']/@value")
    said["the last representative"] = notices(browser.press("check-give-up", mandate=own).press("give-up"))
    assert rows(sqlite_scene, "RoleAssignment").get(pk=own).withdrawn_at is None
    firms = mandate(sqlite_scene, FIRM, CLIENT, Role.MANAGER)
    manager = another(sqlite_scene, "manager", (FIRM, Role.MANAGER)).get("/settings/clients")
    assert "check-give-up" not in manager.buttons
    boss = another(sqlite_scene, "boss", (FIRM, Role.SIGNATORY)).get("/settings/clients")
    boss.press("check-give-up", mandate=str(firms.pk)).press("give-up")
    said["of a firm"] = notices(boss)
    assert rows(sqlite_scene, "RoleAssignment").get(pk=firms.pk).withdrawn_at
    golden.check("sentences/authorisations/given-up", {"en.txt": golden.sections(said)})


def twice(browser, does, **values):
    """Press a button, and the same button of the same page again.

    Return the notices of the page after that.
    """
    (form,) = (one for one in browser.page.forms if one.xpath(f".//button[@value='{does}']"))
    address = form.action or browser.path
    fields = {name: value or "" for name, value in form.form_values()} | {"do": does, **values}
    browser.post(address, fields)
    browser.post(address, fields)
    assert browser.reply.status == 200
    return notices(browser)


def test_a_button_that_is_pressed_twice_refuses_nobody(browser, sqlite_scene):
    director, helper = account(sqlite_scene, "director"), account(sqlite_scene, "helper")
    mandate(sqlite_scene, director, CUSTOMER_ID, Role.SIGNATORY)
    lent = mandate(sqlite_scene, helper, CUSTOMER_ID, Role.MANAGER).pk
    signed_in(browser, director).get(f"/settings/authorisations/{lent}").press("check-withdraw")
    said = {"a withdrawal": twice(browser, "withdraw")}
    assert browser.path == "/settings/authorisations"
    again = mandate(sqlite_scene, helper, CUSTOMER_ID, Role.MANAGER).pk
    signed_in(browser, helper).get("/settings/profile").press("check-give-up", mandate=again)
    said["giving up"] = twice(browser, "give-up")
    golden.check("sentences/authorisations/pressed-twice", {"en.txt": golden.sections(said)})


def test_who_has_an_authorisation_is_given_no_other_end_unseen(browser, sqlite_scene):
    director, helper = account(sqlite_scene, "director"), account(sqlite_scene, "helper")
    mandate(sqlite_scene, director, CUSTOMER_ID, Role.SIGNATORY)
    has = mandate(sqlite_scene, helper, CUSTOMER_ID, Role.MANAGER, sqlite_scene.clock.now + 30 * DAY)
    who = {"name": "Helper", "email": helper.email, "until": ""}
    signed_in(browser, director).get("/settings/authorisations/person").press("give", **who)
    assert browser.path == f"/settings/authorisations/{has.pk}"
    said = {"an account": notices(browser)}
    who = {"name": "Newcomer", "email": "newcomer@people.example", "until": "2027-01-31"}
    browser.get("/settings/authorisations/person")
    said["twice"] = twice(browser, "give", **who)
    assert browser.path == "/settings/authorisations"
    browser.get("/settings/authorisations/person").press("give", **{**who, "until": "2027-03-31"})
    said["invited before"] = notices(browser)
    assert rows(sqlite_scene, "Invitation").count() == 1
    golden.check("sentences/authorisations/no-other-end-unseen", {"en.txt": golden.sections(said)})


def test_the_page_of_a_waiting_invitation_speaks_the_readers_language(browser, sqlite_scene):
    clerk, own = account(sqlite_scene, "clerk", staff=True), organisation_id(sqlite_scene)
    person = replace(a_person("newcomer"), language=Language.FI)
    waits, _ = pending_invitations.add(sqlite_scene.db, own, person, clerk.pk, sqlite_scene.audit_entry())
    browser.get(f"{PAGE}/pending/{waits}?lang=fi")
    assert "Kielisuomi" in text_of(browser)
