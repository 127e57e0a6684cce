"""The pages about an organisation's first representative: of clerks, of the person and of the organisation."""

import pytest

from sinetti.database import models
from sinetti.domain.approvals.acts import ApprovalPolicy
from sinetti.domain.link_tokens import INVITATION, VETO, link_token
from tests.eservice.test_staff import at_work, text_of
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.pages import PARAGRAPHS, notices
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
    said = {}
    for wrong in ("office", "Bo@people.example"):
        said[wrong] = notices(bo.press("confirm", address=wrong))
        assert "confirm" in bo.buttons
        assert not models.SignatoryNaming.objects.exists()
    golden.check("sentences/first-representatives/wrong-addresses", {"en.txt": golden.sections(said)})
    bo.press("confirm", address=EXTRACT)
    assert EXTRACT in text_of(bo)
    (letter,) = bo.page.xpath("//main//a[contains(@href, '/letter')]/@href")
    assert veto_address() in text_of(bo.get(letter))
    assert bo.buttons == []
    row = models.OutboxMessage.objects.get(recipient__email=EXTRACT)
    assert (row.kind, row.facts["tells"]) == ("authorisation", "named")


def test_without_an_address_the_page_asks_for_the_letter(waiting):
    bo = confirming(*waiting).press("confirm", address="")
    golden.check("sentences/first-representatives/no-address", {"en.txt": notices(bo, "//main//dd")})
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
    waits = notices(nimi)
    golden.check("sentences/first-representatives/it-waits", {"en.txt": waits})
    assert nimi.get("/settings/certificates").reply.status == 403
    scene.clock.now += DAY
    assert notices(nimi.get("/")) != waits
    assert nimi.get("/settings/certificates").reply.status == 200


def test_the_organisation_stops_it_with_the_link_alone(waiting):
    scene, door = waiting
    confirming(scene, door).press("confirm", address="")
    stranger = Browser(door).get(veto_address())
    assert WHO["email"] in text_of(stranger)
    assert not models.SignatoryNaming.objects.get().vetoed_at
    stranger.press("veto")
    assert models.RoleAssignment.objects.get().withdrawn_at
    bo = at_work(scene, door, "cai").get(f"/staff/invitations/{models.PendingInvitation.objects.get().pk}")
    golden.check("sentences/first-representatives/stopped", {"en.txt": notices(bo, "//main//dd")})


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
    assert late.buttons == []
    golden.check("sentences/first-representatives/too-late", {"en.txt": notices(late, PARAGRAPHS)})


def test_a_naming_that_was_withdrawn_is_over(waiting):
    scene, door = waiting
    confirming(scene, door).press("confirm", address="")
    models.RoleAssignment.objects.update(withdrawn_at=scene.clock.now)
    over = notices(Browser(door).get(veto_address()), PARAGRAPHS)
    golden.check("sentences/first-representatives/over", {"en.txt": over})
