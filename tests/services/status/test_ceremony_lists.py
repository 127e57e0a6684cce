"""Lists of an offline CA: data go to a ceremony, and signed lists come back."""

from dataclasses import replace

import pytest

from sinetti.ca.crl import attach_crl_signature, prepare_crl, read_list
from sinetti.database import models
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.pki.encoding import sign
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status.crl import (
    OFFLINE_LIFE,
    RegisterMovedOn,
    current_crl,
    offline_list_data,
    publish,
    store_ceremony_lists,
)
from tests.support.authority import authority
from tests.support.scene import REQUEST, enrolled


def signed(scene, data):
    """Return the list of these data, as a ceremony signs it."""
    issuer = replace(authority().issuer(data.name), shard=data.shard)
    now = scene.clock.now
    tbs = prepare_crl(issuer, data.entries, data.number, now, now + OFFLINE_LIFE)
    return attach_crl_signature(tbs, sign(authority().key(data.name), tbs), issuer.certificate)


@pytest.fixture
def offline(scene):
    """Return a scene whose issuing CA is offline, with one revoked certificate, and the CA's name."""
    held = enrolled(scene)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), scene.ctx, "operator", REQUEST)
    name = scene.ctx.issuing[Channel.WS]
    publish(name, scene.ctx, REQUEST)
    return scene.but(offline=frozenset({name})), name, held


def test_the_data_have_each_list_with_its_entries_and_one_number(offline):
    scene, name, held = offline
    whole, shard = offline_list_data(name, scene.ctx)
    assert (whole.shard, shard.shard) == (0, 1)
    assert [one.serial for one in whole.entries] == [one.serial for one in shard.entries] == [held.serial]
    last = current_crl(name, 0, scene.ctx, REQUEST)
    assert whole.number == shard.number > last.number
    assert whole.revocations == last.revocations == 1


def test_signed_lists_are_served(offline):
    scene, name, held = offline
    lists = {one.shard: (one, signed(scene, one)) for one in offline_list_data(name, scene.ctx)}
    for _ in range(2):  # an import that was interrupted repeats it
        store_ceremony_lists(lists, scene.ctx, scene.audit_entry())
        for shard, (data, der) in lists.items():
            new = current_crl(name, shard, scene.ctx, REQUEST)
            assert (new.number, new.der) == (data.number, der)
            assert [one.serial for one in read_list(new.der).entries] == [held.serial]


def test_lists_without_a_later_revocation_are_refused(offline):
    scene, name, _ = offline
    lists = {one.shard: (one, signed(scene, one)) for one in offline_list_data(name, scene.ctx)}
    models.Crl.objects.using(scene.db.alias).filter(authority_id=name).update(revocations=2)
    with pytest.raises(RegisterMovedOn, match=name):
        store_ceremony_lists(lists, scene.ctx, scene.audit_entry())


def test_a_ca_without_a_list(scene):
    root = authority().hierarchy.authorities[0].file_name
    whole, shard = offline_list_data(root, scene.but(offline=frozenset({root})).ctx)
    assert whole.entries == shard.entries == ()
    store_ceremony_lists({0: (whole, signed(scene, whole))}, scene.ctx, scene.audit_entry())
