"""Certificate queries of the self-service: permissions, pages and export in parts."""

from dataclasses import replace

import pytest
from django.db import transaction

from sinetti.database import models
from sinetti.database.issuance import rejections
from sinetti.domain.access.roles import EffectiveRole, Permission, Role
from sinetti.domain.certificates.display_status import OrderFacts
from sinetti.domain.certificates.listing import ActorCategory, CertificateQuery, RejectedRequest, Sort
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.usage import UsageState
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import load_certificate
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, load_permissions
from sinetti.services.self_service import certificates
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.listing import DAY, ending, gateway, put
from tests.support.scene import REQUEST, add_organisation, an_order, enrolled, in_the_window, ordered, renewed
from tests.support.users import account, mandate

NOBODY = Actor("nobody", second_factor=True)


def whoever_holds(scene, role, customer_id=CUSTOMER_ID):
    """Return the permissions of a user who has a role for an organisation."""
    return Permissions({organisation(scene, customer_id): EffectiveRole(role)})


def organisation(scene, customer_id=CUSTOMER_ID):
    return models.Organisation.objects.using(scene.db.alias).get(customer_id=customer_id).pk


def everything(scene, **changes):
    ids = models.Organisation.objects.using(scene.db.alias).values_list("pk", flat=True)
    return replace(CertificateQuery(frozenset(ids), scene.ctx.now(), sort=Sort.ENDS), **changes)


def test_what_one_asks_for_is_bounded_by_what_one_may_see(sqlite_scene):
    add_organisation(sqlite_scene, "7654321-0")
    serials = [put(sqlite_scene, ending(90 * DAY), 1)]
    other = models.Organisation.objects.using(sqlite_scene.db.alias).get(customer_id="7654321-0")
    serials.append(put(sqlite_scene, ending(91 * DAY), 2, organisation=other))
    ctx, asked = sqlite_scene.ctx, everything(sqlite_scene)
    for customer_id, serial in zip((CUSTOMER_ID, "7654321-0"), serials, strict=True):
        held = whoever_holds(sqlite_scene, Role.VIEWER, customer_id)
        assert [one.key for one in certificates.list_page(asked, 1, held, ctx).rows] == [serial]
        assert [[one.key for one in part] for part in certificates.iter_chunks(asked, held, ctx)] == [[serial]]
    for read in (
        lambda: certificates.list_page(asked, 1, Permissions({}), ctx),
        lambda: certificates.iter_chunks(asked, Permissions({}), ctx),
    ):
        with pytest.raises(PermissionDenied):
            read()


def test_pages(sqlite_scene, monkeypatch):
    monkeypatch.setattr(certificates, "PAGE", 2)
    monkeypatch.setattr(certificates, "COUNTED", 3)
    monkeypatch.setattr(certificates, "_PART", 3)
    held, asked, ctx = whoever_holds(sqlite_scene, Role.VIEWER), everything(sqlite_scene), sqlite_scene.ctx
    with transaction.atomic(sqlite_scene.db.alias):
        serials = [put(sqlite_scene, ending(90 * DAY + number * DAY), number) for number in range(5)]
    pages = {page: certificates.list_page(asked, page, held, ctx) for page in (-1, 1, 2, 3, 4)}
    shown = {page: (one.page, [row.key for row in one.rows], one.last) for page, one in pages.items()}
    assert shown == {
        -1: (1, serials[:2], False),
        1: (1, serials[:2], False),
        2: (2, serials[2:4], False),
        3: (3, serials[4:], True),
        4: (3, serials[4:], True),
    }
    assert {(one.count, one.more) for one in pages.values()} == {(3, True)}
    few = certificates.list_page(everything(sqlite_scene, text=serials[0]), 7, held, ctx)
    assert (few.count, few.more, few.page, few.last) == (1, False, 1, True)
    assert certificates.list_page(everything(sqlite_scene, text="none"), 7, held, ctx).page == 1
    assert [len(part) for part in certificates.iter_chunks(asked, held, ctx)] == [3, 2]


def test_everything_about_one(sqlite_scene):
    held = enrolled(sqlite_scene)
    in_the_window(sqlite_scene, held)
    new = renewed(sqlite_scene, held)
    gateway(sqlite_scene, sqlite_scene.ctx.now())
    lineage = models.Lineage.objects.using(sqlite_scene.db.alias).get()
    audit = sqlite_scene.ctx.audit_entry("program", REQUEST)
    rejections.record_rejection(sqlite_scene.db, lineage.pk, RejectionReason.TOO_EARLY, "renew", audit)
    one = certificates.get_details(new.serial, whoever_holds(sqlite_scene, Role.VIEWER), NOBODY, sqlite_scene.ctx)
    assert (one.key, one.issuer, one.use.use) == (
        KeyType.EC_P256,
        "Data Providers Test Issuing CA v1",
        UsageState.NOT_SEEN,
    )
    assert [earlier.serial for earlier in one.seen.earlier] == [held.serial]
    assert one.refusals == (RejectedRequest(sqlite_scene.ctx.now(), RejectionReason.TOO_EARLY, "renew"),)
    assert {(audit.action, audit.who) for audit in one.deeds} == {
        ("certificate-issued", ActorCategory.PROGRAM),
        ("certificate-fetched", ActorCategory.PROGRAM),
    }


def test_who_did_something_is_told_in_words(sqlite_scene):
    held = enrolled(sqlite_scene)
    own, clerk, firm = (
        account(sqlite_scene, "oma"),
        account(sqlite_scene, "v", staff=True),
        account(sqlite_scene, "tili"),
    )
    mandate(sqlite_scene, own, CUSTOMER_ID, Role.SIGNATORY)
    actors = {
        f"user:{own.pk}": ActorCategory.OWN,
        f"user:{clerk.pk}": ActorCategory.DESK,
        f"user:{firm.pk}": ActorCategory.FIRM,
        "user:nobody": ActorCategory.YOU,
        "user:gone": ActorCategory.SERVICE,
        "officer:x": ActorCategory.DESK,
        "secure-message:x": ActorCategory.CONTACT,
        "somebody": ActorCategory.SERVICE,
    }
    for actor in actors:
        models.AuditEvent.objects.using(sqlite_scene.db.alias).create(
            at=NOW, actor=actor, action="let-end", object=f"certificate:{held.serial}", request_id=REQUEST, octets=b""
        )
    one = certificates.get_details(held.serial, whoever_holds(sqlite_scene, Role.VIEWER), NOBODY, sqlite_scene.ctx)
    assert [audit.who for audit in one.deeds if audit.action == "let-end"] == list(actors.values())[::-1]


def test_one_that_is_not_issued_yet_has_no_file(sqlite_scene):
    serial = put(sqlite_scene, ending(730 * DAY, issued=False, fetched_at=None), 1)
    held = whoever_holds(sqlite_scene, Role.VIEWER)
    one = certificates.get_details(serial, held, NOBODY, sqlite_scene.ctx)
    assert (one.key, one.seen.der, one.use.use) == (None, None, UsageState.NOT_KNOWN)
    with pytest.raises(PermissionDenied):
        certificates.issued(serial, held, sqlite_scene.ctx)


def test_what_is_downloaded(sqlite_scene):
    held = enrolled(sqlite_scene)
    asked = held.serial, whoever_holds(sqlite_scene, Role.VIEWER), sqlite_scene.ctx
    der = certificates.issued(*asked)
    assert der == held.der
    assert load_certificate(certificates.issued_pem(*asked)) == load_certificate(der)
    above = certificates.issued_chain(*asked)
    assert above.count(b"BEGIN CERTIFICATE") == 2
    load_certificate(der).verify_directly_issued_by(load_certificate(above))


def test_not_there_and_not_ones_own_are_refused_alike(sqlite_scene):
    held = enrolled(sqlite_scene)
    add_organisation(sqlite_scene, "7654321-0")
    told = []
    for serial in (held.serial, "ab" * 20, "", "x" * 100):
        with pytest.raises(PermissionDenied) as refused:
            certificates.certificate(serial, whoever_holds(sqlite_scene, Role.SIGNATORY, "7654321-0"), sqlite_scene.ctx)
        told.append((refused.value.right, refused.value.organisation_id, refused.value.second_factor))
    assert set(told) == {(Permission.SEE, None, False)}


def test_what_waits_for_a_second_factor_is_told(sqlite_scene):
    held, user = enrolled(sqlite_scene), account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    with pytest.raises(PermissionDenied) as refused:
        certificates.certificate(held.serial, load_permissions(Actor(user.pk), sqlite_scene.ctx), sqlite_scene.ctx)
    assert refused.value.second_factor
    assert refused.value.organisation_id == organisation(sqlite_scene)


def test_a_waiting_order_stands_at_what_it_replaces(sqlite_scene):
    held = enrolled(sqlite_scene)
    order_id = ordered(sqlite_scene, an_order(replaces=held.serial)).order_id
    viewer = whoever_holds(sqlite_scene, Role.VIEWER)
    assert certificates.certificate(held.serial, viewer, sqlite_scene.ctx).waiting_order == order_id
    listed = certificates.list_page(everything(sqlite_scene), 1, viewer, sqlite_scene.ctx).rows
    assert [one.key for one in listed if isinstance(one.facts, OrderFacts)] == [order_id]
