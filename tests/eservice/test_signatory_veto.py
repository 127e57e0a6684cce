"""The pages about an organisation's first representative: of clerks, of the person and of the organisation."""

import pytest

from sinetti.database import models
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.link_tokens import INVITATION, VETO, link_token
from tests.eservice.test_staff import at_work, text_of
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.scene import DAY, TRANSFER_KEY
from tests.support.users import account, signed_in

EXTRACT = "office@customer.example"
WHO = {"organisation": CUSTOMER_ID, "name": "Nimi", "email": "nimi@people.example", "spoken": "fi"}


@pytest.fixture
def waiting(sqlite_scene):
    """Return a scene with the time of PRODUCTION, and its pages."""
    scene = sqlite_scene.but(approvals=ApprovalPolicy(signatory_wait=24))
    return scene, people_door(scene)


def confirming(scene, door):
    """Have a clerk ask for the invitation; return the page of the second clerk."""
    at_work(scene, door).get("/staff/invitations").press("invite", **WHO)
    return at_work(scene, door, "bo").get(f"/staff/invitations/{models.PendingInvitation.objects.get().pk}")


def veto_address():
    naming = models.SignatoryNaming.objects.get().naming_id
    return f"/veto/{naming}/{link_token(TRANSFER_KEY, VETO, naming)}"


def test_the_second_clerk_enters_the_address_and_prints_the_letter(waiting):
    scene, door = waiting
    bo = confirming(scene, door)
    for wrong, said in (("office", "Enter an e-mail address"), ("Bo@people.example", "belongs to the invited person")):
        assert said in text_of(bo.press("confirm", address=wrong))
        assert not models.SignatoryNaming.objects.exists()
    bo.press("confirm", address=EXTRACT)
    assert EXTRACT in text_of(bo)
    (letter,) = bo.page.xpath("//main//a[contains(@href, '/letter')]/@href")
    printed = text_of(bo.get(letter))
    assert veto_address() in printed
    assert "trade register" in printed or "kaupparekisteri" in printed.lower()
    assert bo.buttons == []
    row = models.OutboxMessage.objects.get(recipient__email=EXTRACT)
    assert (row.kind, row.facts["tells"]) == ("authorisation", "named")


def test_without_an_address_the_page_asks_for_the_letter(waiting):
    bo = confirming(*waiting).press("confirm", address="")
    assert "none: send the letter" in text_of(bo)
    assert bo.get(bo.page.xpath("//main//a[contains(@href, '/letter')]/@href")[0]).reply.status == 200


def test_an_invitation_that_is_not_confirmed_has_no_letter(waiting):
    bo = confirming(*waiting)
    assert bo.get(f"{bo.path}/letter").reply.status == 404
    assert bo.get(f"/staff/invitations/{'0' * 32}/letter").reply.status == 404


def test_the_persons_page_says_until_when_it_waits(waiting):
    scene, door = waiting
    confirming(scene, door).press("confirm", address="")
    nimi = signed_in(Browser(door), account(scene, "nimi"))
    nimi.get(f"/invitation/{link_token(TRANSFER_KEY, INVITATION, models.Invitation.objects.get().pk)}")
    nimi.press("take-up")
    assert nimi.path == "/"
    assert f"({CUSTOMER_ID}) from" in text_of(nimi)
    assert nimi.get("/settings/certificates").reply.status == 403
    scene.clock.now += DAY
    assert f"({CUSTOMER_ID}) from" not in text_of(nimi.get("/"))
    assert nimi.get("/settings/certificates").reply.status == 200


def test_the_organisation_stops_it_with_the_link_alone(waiting):
    scene, door = waiting
    confirming(scene, door).press("confirm", address="")
    stranger = Browser(door).get(veto_address())
    assert "Nimi, nimi@people.example" in text_of(stranger)
    assert not models.SignatoryNaming.objects.get().vetoed_at
    stranger.press("veto")
    assert "has been stopped" in text_of(stranger)
    assert models.RoleAssignment.objects.get().withdrawn_at
    bo = at_work(scene, door, "cai").get(f"/staff/invitations/{models.PendingInvitation.objects.get().pk}")
    assert "stopped by the organisation on" in text_of(bo)


def test_a_link_that_does_not_work(waiting):
    scene, door = waiting
    confirming(scene, door).press("confirm", address="")
    right = veto_address()
    for wrong in (f"{right}a", right.replace("/veto/", "/veto/0"), f"/veto/{'0' * 32}/{right.split('/')[-1]}"):
        stranger = Browser(door).get(wrong)
        assert (stranger.reply.status, stranger.buttons) == (404, [])
        assert "Nimi" not in text_of(stranger)
    scene.clock.now += DAY
    late = Browser(door).get(right)
    assert "too late" in text_of(late)
    assert late.buttons == []


def test_a_naming_that_was_withdrawn_is_over(waiting):
    scene, door = waiting
    confirming(scene, door).press("confirm", address="")
    models.RoleAssignment.objects.update(withdrawn_at=scene.clock.now)
    assert "already ended" in text_of(Browser(door).get(veto_address()))
