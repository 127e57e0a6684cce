"""List of distrusted CAs: each declaration gets into it, and nothing leaves it."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.database.evidence import log_tree
from sinetti.domain.authorities.distrust import DistrustRefused, decide_bridge_end
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Environment
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.trust_lists.lists import TrustListKind, parse_signed
from sinetti.pki.trust_lists.verification import ListReader, verify_distrust
from sinetti.services.authorities import distrust_list
from sinetti.services.authorities.distrust_list import SIGNED_ANEW_BEFORE, publish_distrust, read_checkpoint
from sinetti.services.authorities.trust_lists import TrustListConflict, newest_distrust, newest_list, store_list
from sinetti.wire.transparency.notes import COSIGNATURE, Checkpoint, NoteSigner
from tests.support import golden
from tests.support.authority import NOW, authority, issuer
from tests.support.distrust import SERVICES, declared, with_services
from tests.support.killed import KilledError, killed_at
from tests.support.logs import LOG_KEY, ORIGIN, WRONG_KEY, logging, sequenced, write_rows
from tests.support.scene import REQUEST
from tests.support.trust_lists import anchors_list, by_root, root_of, successor
from tests.support.trust_lists import distrust_list as made_list

ACTOR = ("operator", REQUEST)
HOUR = timedelta(hours=1)


@pytest.fixture
def office(scene):
    return with_services(scene)


def published(office):
    return publish_distrust(office.ctx, ACTOR)


def stored(office):
    return newest_list(TrustListKind.DISTRUST, office.db)


def reader(*roots):
    return ListReader(Environment.TEST, roots or (root_of(authority()),))


def test_without_a_declaration_there_is_no_list(office):
    assert published(office) == 0
    assert stored(office) is None


def test_a_declaration_is_signed_and_served_at_once_and_only_once(office):
    declared(office, issuer().file_name, NOW - HOUR)
    number = published(office)
    found = verify_distrust(stored(office).octets, reader(), NOW)
    assert number == found.number == int(NOW.timestamp())
    (entry,) = found.authorities
    assert (entry.name, entry.sha256) == (issuer().file_name, sha256_hex(certificate_der(issuer().certificate)))
    assert (entry.since, entry.bridge_until) == (NOW - HOUR, NOW + 72 * HOUR)
    assert found.authority == sha256_hex(certificate_der(root_of(authority())))
    assert published(office) == number


def test_a_second_declaration_gets_a_higher_number_and_both_entries(office):
    declared(office, issuer().file_name, NOW - HOUR)
    first = published(office)
    declared(office, other_name(), NOW)
    assert published(office) == first + 1
    assert [one.name for one in newest_distrust(office.db).authorities] == sorted([issuer().file_name, other_name()])


def other_name():
    names = [one.file_name for one in authority().hierarchy.authorities if one.channel is not None]
    return next(name for name in names if name != issuer().file_name)


def test_an_entry_that_a_restored_register_has_forgotten_stays(office):
    declared(office, issuer().file_name, NOW - HOUR)
    whole = made_list(authority(), 5)
    other = replace(whole, authorities=(replace(whole.authorities[0], name="Old", sha256="0" * 64),))
    store_list(other, by_root(other, authority()), 0, office.ctx, ACTOR)
    published(office)
    assert {one.name for one in newest_distrust(office.db).authorities} == {"Old", issuer().file_name}


def test_a_list_that_the_root_signed_in_a_ceremony_is_left(office):
    declared(office, issuer().file_name, NOW - HOUR)
    published(office)
    same = replace(newest_distrust(office.db), number=stored(office).number + 1)
    store_list(same, by_root(same, authority()), stored(office).number, office.ctx, ACTOR)
    office.clock.now += timedelta(days=3000)
    assert published(office) == same.number


def test_a_list_is_signed_anew_before_its_signer_ends(office):
    declared(office, issuer().file_name, NOW - HOUR)
    first = published(office)
    ends = parse_signed(stored(office).octets).signatures[0].certificate.not_valid_after_utc
    office.clock.now = ends - SIGNED_ANEW_BEFORE - timedelta(seconds=1)
    assert published(office) == first
    office.clock.now = ends - SIGNED_ANEW_BEFORE
    office.responders.made.clear()
    assert published(office) > first
    assert len(newest_distrust(office.db).authorities) == 1


def test_a_process_that_ends_after_the_signature_publishes_with_the_next_call(office):
    declared(office, issuer().file_name, NOW - HOUR)
    with pytest.raises(KilledError):
        publish_distrust(office.but(step=killed_at("distrust-signed")).ctx, ACTOR)
    assert stored(office) is None
    assert published(office)


def test_another_command_that_was_faster_makes_it_begin_again(office, monkeypatch):
    declared(office, issuer().file_name, NOW - HOUR)
    real, tries = distrust_list.store_list, []

    def outrun(*arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise TrustListConflict(len(tries))
        real(*arguments)

    monkeypatch.setattr(distrust_list, "store_list", outrun)
    assert published(office)
    assert len(tries) == 2
    declared(office, other_name(), NOW)
    monkeypatch.setattr(distrust_list, "_TRIES", 0)
    with pytest.raises(TrustListConflict, match="again"):
        published(office)


def test_no_distrusted_services_ca_signs_and_none_without_a_responder(office):
    declared(office, SERVICES, NOW - HOUR)
    with pytest.raises(SignerUnavailable, match="services"):
        published(office)


def test_a_services_ca_whose_responder_is_away_is_tried_last(office):
    declared(office, issuer().file_name, NOW - HOUR)
    office.responders.away = True
    with pytest.raises(SignerUnavailable, match="away"):
        published(office)
    office.responders.away = False
    states = {SERVICES: CaState.PUBLISHING}
    assert publish_distrust(office.but(states=states).ctx, ACTOR)


def test_a_reader_of_the_old_root_follows_the_link(office):
    _, root, new_with_old, old_with_new = successor()
    whole = replace(anchors_list(authority(), 1), links=(new_with_old, old_with_new))
    store_list(whole, by_root(whole, authority()), 0, office.ctx, ACTOR)
    declared(office, issuer().file_name, NOW - HOUR)
    published(office)
    assert verify_distrust(stored(office).octets, reader(), NOW)
    assert verify_distrust(stored(office).octets, reader(root), NOW), "by oldWithNew"


ENDS = {
    "three days": (NOW, 72, NOW + 72 * HOUR),
    "none at all": (NOW - HOUR, 0, NOW),
}
REFUSED = {
    "in the future": (NOW + timedelta(seconds=1), 72),
    "too long": (NOW, 73),
    "negative": (NOW, -1),
}


@pytest.mark.parametrize(("since", "hours", "end"), ENDS.values(), ids=ENDS)
def test_the_bridge_ends(since, hours, end):
    assert decide_bridge_end(since, NOW, hours) == end


def test_a_declaration_that_is_refused():
    attempts = {case: partial(decide_bridge_end, since, NOW, hours) for case, (since, hours) in REFUSED.items()}
    golden.check("sentences/distrust/declarations", {"en.txt": golden.refusals(attempts, DistrustRefused)})


WITNESS, STRANGER = (
    NoteSigner(f"witness{number}.example", Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32), COSIGNATURE)
    for number in (1, 2)
)


def note_of(office, *witnesses, at=NOW - HOUR):
    """Return the newest checkpoint, cosigned at an instant."""
    found = log_tree.find_head(office.db)
    lines = "".join(one.sign(found.text, at) for one in witnesses)
    return bytes(found) + lines.encode()


@pytest.fixture
def logged(office):
    office = office.but(log_signers=logging(office.ctx).log_signers)
    sequenced(office.ctx)
    return office


def test_a_checkpoint_that_witnesses_saw_before_the_instant_decides(logged):
    octets = note_of(logged, WITNESS)
    text = read_checkpoint(octets, NOW, [WITNESS.verifier], logged.db)
    assert Checkpoint.parse(text).text == text
    write_rows(logged.db, 3)
    sequenced(logged.ctx)
    assert read_checkpoint(octets, NOW, [WITNESS.verifier], logged.db) == text, "an older one"


UNFIT = {
    "no witness": note_of,
    "another witness": lambda office: note_of(office, STRANGER),
    "a witness at the instant": lambda office: note_of(office, WITNESS, at=NOW),
    "no checkpoint": lambda _: b"what",
    "another log": lambda _: Checkpoint(ORIGIN, 1, bytes(32)).signed(WRONG_KEY),
    "another tree": lambda _: Checkpoint(ORIGIN, 1, bytes(32)).signed(LOG_KEY),
    "a larger tree": lambda _: Checkpoint(ORIGIN, 1 << 20, bytes(32)).signed(LOG_KEY),
}


def test_a_checkpoint_that_decides_nothing(logged):
    witnesses = [WITNESS.verifier]
    attempts = {case: partial(read_checkpoint, make(logged), NOW, witnesses, logged.db) for case, make in UNFIT.items()}
    golden.check("sentences/distrust/checkpoints", {"en.txt": golden.refusals(attempts, DistrustRefused)})


def test_without_a_log_no_checkpoint_decides(office):
    with pytest.raises(DistrustRefused):
        read_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)).signed(LOG_KEY), NOW, [], office.db)
