"""Looking at certificates: what one may see and nothing else, pages, and everything in parts."""

from dataclasses import replace

import pytest
from django.db import transaction

from sinetti.database import models
from sinetti.database.issuance import rejections
from sinetti.domain.access.roles import Held, Right, Role
from sinetti.domain.certificates.display_status import OrderFacts
from sinetti.domain.certificates.listing import Refused, Sort, Wanted, Who
from sinetti.domain.refusals import Reason
from sinetti.domain.usage import Use
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import load_certificate
from sinetti.services.access.permissions import Actor, NotAllowed, Standing, standing
from sinetti.services.self_service import certificates
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.listing import DAY, ending, gateway, put
from tests.support.office import REQUEST, add_organisation, an_order, enrolled, in_the_window, ordered, renewed
from tests.support.users import account, mandate

NOBODY = Actor("nobody", second_factor=True)


def whoever_holds(desk, role, customer_id=CUSTOMER_ID):
    """What somebody may do who has this role."""
    return Standing({organisation(desk, customer_id): Held(role)})


def organisation(desk, customer_id=CUSTOMER_ID):
    return models.Organisation.objects.using(desk.register.alias).get(customer_id=customer_id).pk


def everything(desk, **changes):
    ids = models.Organisation.objects.using(desk.register.alias).values_list("pk", flat=True)
    return replace(Wanted(frozenset(ids), desk.office.now(), sort=Sort.ENDS), **changes)


def test_what_one_asks_for_is_bounded_by_what_one_may_see(sqlite_desk):
    add_organisation(sqlite_desk, "7654321-0")
    serials = [put(sqlite_desk, ending(90 * DAY), 1)]
    other = models.Organisation.objects.using(sqlite_desk.register.alias).get(customer_id="7654321-0")
    serials.append(put(sqlite_desk, ending(91 * DAY), 2, organisation=other))
    office, asked = sqlite_desk.office, everything(sqlite_desk)
    for customer_id, serial in zip((CUSTOMER_ID, "7654321-0"), serials, strict=True):
        held = whoever_holds(sqlite_desk, Role.VIEWER, customer_id)
        assert [one.key for one in certificates.list_page(asked, 1, held, office).rows] == [serial]
        assert [[one.key for one in part] for part in certificates.in_parts(asked, held, office)] == [[serial]]
        assert [one[1] for one in certificates.names(held, office, 1)] == [customer_id]
    for read in (
        lambda: certificates.list_page(asked, 1, Standing({}), office),
        lambda: certificates.in_parts(asked, Standing({}), office),
    ):
        with pytest.raises(NotAllowed):
            read()
    ids = [organisation(sqlite_desk), organisation(sqlite_desk, "7654321-0")]
    both = Standing(dict.fromkeys(ids, Held(Role.VIEWER)))
    assert certificates.names(both, office, 1) == certificates.names(both, office, 1, "nobody's") == ()
    assert [one[0] for one in certificates.names(both, office, 1, ids[1])] == ids[1:], "the one that is chosen"


def test_pages(sqlite_desk, monkeypatch):
    monkeypatch.setattr(certificates, "PAGE", 2)
    monkeypatch.setattr(certificates, "COUNTED", 3)
    monkeypatch.setattr(certificates, "_PART", 3)
    held, asked, office = whoever_holds(sqlite_desk, Role.VIEWER), everything(sqlite_desk), sqlite_desk.office
    with transaction.atomic(sqlite_desk.register.alias):
        serials = [put(sqlite_desk, ending(90 * DAY + number * DAY), number) for number in range(5)]
    pages = {page: certificates.list_page(asked, page, held, office) for page in (-1, 1, 2, 3, 4)}
    shown = {page: (one.page, [row.key for row in one.rows], one.last) for page, one in pages.items()}
    assert shown == {
        -1: (1, serials[:2], False),
        1: (1, serials[:2], False),
        2: (2, serials[2:4], False),
        3: (3, serials[4:], True),
        4: (3, serials[4:], True),
    }
    assert {(one.count, one.more) for one in pages.values()} == {(3, True)}
    few = certificates.list_page(everything(sqlite_desk, text=serials[0]), 7, held, office)
    assert (few.count, few.more, few.page, few.last) == (1, False, 1, True)
    assert certificates.list_page(everything(sqlite_desk, text="none"), 7, held, office).page == 1
    assert [len(part) for part in certificates.in_parts(asked, held, office)] == [3, 2]


def test_everything_about_one(sqlite_desk):
    held = enrolled(sqlite_desk)
    in_the_window(sqlite_desk, held)
    new = renewed(sqlite_desk, held)
    gateway(sqlite_desk, sqlite_desk.office.now())
    holding = models.Holding.objects.using(sqlite_desk.register.alias).get()
    deed = sqlite_desk.office.deed("program", REQUEST)
    rejections.note_refusal(sqlite_desk.register, holding.pk, Reason.TOO_EARLY, "renew", deed)
    one = certificates.one_certificate(new.serial, whoever_holds(sqlite_desk, Role.VIEWER), NOBODY, sqlite_desk.office)
    assert (one.key, one.issuer, one.use.use) == (
        KeyType.EC_P256,
        "Data Providers Test Issuing CA v1",
        Use.NOT_SEEN,
    )
    assert [earlier.serial for earlier in one.seen.earlier] == [held.serial]
    assert one.refusals == (Refused(sqlite_desk.office.now(), Reason.TOO_EARLY, "renew"),)
    assert {(deed.action, deed.who) for deed in one.deeds} == {
        ("certificate-issued", Who.PROGRAM),
        ("certificate-fetched", Who.PROGRAM),
    }


def test_who_did_something_is_told_in_words(sqlite_desk):
    held = enrolled(sqlite_desk)
    own, clerk, firm = account(sqlite_desk, "oma"), account(sqlite_desk, "v", staff=True), account(sqlite_desk, "tili")
    mandate(sqlite_desk, own, CUSTOMER_ID, Role.SIGNATORY)
    actors = {
        f"user:{own.pk}": Who.OWN,
        f"user:{clerk.pk}": Who.DESK,
        f"user:{firm.pk}": Who.FIRM,
        "user:nobody": Who.YOU,
        "user:gone": Who.SERVICE,
        "officer:x": Who.DESK,
        "secure-message:x": Who.CONTACT,
        "somebody": Who.SERVICE,
    }
    for actor in actors:
        models.AuditRow.objects.using(sqlite_desk.register.alias).create(
            at=NOW, actor=actor, action="let-end", object=f"certificate:{held.serial}", request_id=REQUEST, octets=b""
        )
    one = certificates.one_certificate(held.serial, whoever_holds(sqlite_desk, Role.VIEWER), NOBODY, sqlite_desk.office)
    assert [deed.who for deed in one.deeds if deed.action == "let-end"] == list(actors.values())[::-1]


def test_one_that_is_not_issued_yet_has_no_file(sqlite_desk):
    serial = put(sqlite_desk, ending(730 * DAY, issued=False, fetched_at=None), 1)
    held = whoever_holds(sqlite_desk, Role.VIEWER)
    one = certificates.one_certificate(serial, held, NOBODY, sqlite_desk.office)
    assert (one.key, one.seen.der, one.use.use) == (None, None, Use.NOT_KNOWN)
    with pytest.raises(NotAllowed):
        certificates.issued(serial, held, sqlite_desk.office)


def test_what_is_downloaded(sqlite_desk):
    held = enrolled(sqlite_desk)
    asked = held.serial, whoever_holds(sqlite_desk, Role.VIEWER), sqlite_desk.office
    der = certificates.issued(*asked)
    assert der == held.der
    assert load_certificate(certificates.issued_pem(*asked)) == load_certificate(der)
    above = certificates.issued_chain(*asked)
    assert above.count(b"BEGIN CERTIFICATE") == 2
    load_certificate(der).verify_directly_issued_by(load_certificate(above))


def test_not_there_and_not_ones_own_are_refused_alike(sqlite_desk):
    held = enrolled(sqlite_desk)
    add_organisation(sqlite_desk, "7654321-0")
    told = []
    for serial in (held.serial, "ab" * 20, "", "x" * 100):
        with pytest.raises(NotAllowed) as refused:
            certificates.certificate(
                serial, whoever_holds(sqlite_desk, Role.SIGNATORY, "7654321-0"), sqlite_desk.office
            )
        told.append((refused.value.right, refused.value.organisation_id, refused.value.second_factor))
    assert set(told) == {(Right.SEE, None, False)}


def test_what_waits_for_a_second_factor_is_told(sqlite_desk):
    held, user = enrolled(sqlite_desk), account(sqlite_desk, "maija")
    mandate(sqlite_desk, user, CUSTOMER_ID, Role.SIGNATORY)
    with pytest.raises(NotAllowed) as refused:
        certificates.certificate(held.serial, standing(Actor(user.pk), sqlite_desk.office), sqlite_desk.office)
    assert refused.value.second_factor
    assert refused.value.organisation_id == organisation(sqlite_desk)


def test_a_waiting_order_stands_at_what_it_replaces(sqlite_desk):
    held = enrolled(sqlite_desk)
    order_id = ordered(sqlite_desk, an_order(replaces=held.serial)).order_id
    viewer = whoever_holds(sqlite_desk, Role.VIEWER)
    assert certificates.certificate(held.serial, viewer, sqlite_desk.office).waiting_order == order_id
    listed = certificates.list_page(everything(sqlite_desk), 1, viewer, sqlite_desk.office).rows
    assert [one.key for one in listed if isinstance(one.facts, OrderFacts)] == [order_id]
