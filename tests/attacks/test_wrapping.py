"""Signature wrapping and similar attacks.

Each shape is refused with its code, and its unmutated twin is accepted. The tables are in the modules beside this one,
one for each group. docs/contributors/attacks.md shows them.
"""

from datetime import timedelta

import pytest

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Environment
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.services.organisations.registration import close
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.attacks import doors, envelopes, grammar, methods, presented, signers, strays, texts, wrapping
from tests.attacks.doors import REFUSALS, SoapDoor
from tests.attacks.messages import WHOLE, Attack, Pair, envelope, sent
from tests.gateway.material import ANCHORS, DAY, SECOND, crl, loaded
from tests.house.tree import DOCS, rows
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.scene import REQUEST, collected, new_key

GROUPS = {
    "Positions of the signed and the forged element": wrapping.PLACES,
    "What the signature says it covers": wrapping.REFERENCES,
    "The signature's own parts": wrapping.SIGNED_INFO,
    "Transforms": methods.TRANSFORMS,
    "Algorithms and values": methods.ALGORITHMS,
    "Whose key it is said to be": presented.KEY_INFO,
    "Who signs": signers.SIGNERS,
    "Values": texts.VALUES,
    "Comments, instructions, sections and entities": texts.COMMENTS,
    "Namespaces and xml: attributes": texts.NAMESPACES,
    "Encodings, line ends and base64": texts.ENCODINGS,
    "At the edge of the grammar": grammar.GRAMMAR,
    "Messages for something else": strays.STRAYS,
    "Envelopes": envelopes.ENVELOPES,
    "HTTP": envelopes.HTTP,
}
SHAPES = {name: attack for table in GROUPS.values() for name, attack in table.items()}
ON_SOAP = {name: attack for name, attack in SHAPES.items() if attack.answers[0]}
ON_GATEWAY = {name: attack for name, attack in SHAPES.items() if attack.answers[1]}
REFUSED = {REFUSALS: 1, "sinetti_auditevent": 1}
PROVEN = {"PKI003"}
"""Codes of refusals that the service stores.

Their senders proved to be holders.
"""


@pytest.mark.parametrize("attack", ON_SOAP.values(), ids=ON_SOAP)
def test_the_soap_door(attack, soap):
    given, retrieval_id = soap.twin(attack)
    message = attack.make(given)
    assert message not in (given.message, sent(envelope(given.message))), "nothing is mutated"
    answer, issued = soap.answer(message)
    assert answer == attack.answers[0]
    assert issued == (retrieval_id if answer == WHOLE else None)
    assert soap.changes() == (REFUSED if answer in PROVEN else {}), "something was changed"
    assert soap.answer(given.message) == (WHOLE, retrieval_id), "the twin is accepted"


@pytest.mark.parametrize("attack", ON_GATEWAY.values(), ids=ON_GATEWAY)
def test_the_gateway(attack):
    given = doors.delivery(attack)
    message = attack.make(given)
    assert message != given.message, "nothing is mutated"
    assert doors.verdict(message) == attack.answers[1]
    assert doors.verdict(given.message) == WHOLE, "the twin is accepted"


PLAIN = Attack(lambda given: given.message, (WHOLE, WHOLE))


def _expire(door: SoapDoor) -> None:
    door.scene.clock.forward(30 * DAY + SECOND)


def _revoke(door: SoapDoor) -> None:
    serial = door.held[PLAIN.key].serial
    revoke(RevocationRequest(serial, RevocationReason.KEY_COMPROMISE), door.scene.ctx, "operator", REQUEST)


def _fetch_the_next(door: SoapDoor) -> None:
    collected(door.scene, door.twin(PLAIN)[1])


def _close(door: SoapDoor) -> None:
    assert close(CUSTOMER_ID, door.scene.ctx, "operator", REQUEST)


LAPSED = {
    "expired a second ago": (_expire, "PKI032"),
    "revoked": (_revoke, "PKI033"),
    "renewed, and the next one fetched": (_fetch_the_next, "PKI035"),
    "its organisation no longer approved": (_close, "PKI036"),
}


@pytest.mark.parametrize(("lapse", "code"), LAPSED.values(), ids=LAPSED)
def test_a_signer_who_no_longer_counts_at_the_soap_door(lapse, code, sqlite_scene, tmp_path):
    door = doors.soap_door(sqlite_scene, tmp_path / "register.sqlite3")
    door.twin(PLAIN)
    lapse(door)
    door.changes()
    another = door.signed_for(new_key(), PLAIN)
    assert door.answer(another.message) == (code, None)
    assert door.changes() == REFUSED
    door.file.close()


JUDGED = {
    "expired a second ago": ({"now": NOW + timedelta(days=730, seconds=1)}, "expired"),
    "valid in a second": ({"now": NOW - SECOND}, "not-yet-valid"),
    "revoked": ({"revoked": True}, "revoked"),
    "under a list of two weeks ago": ({"now": NOW + 14 * DAY}, "status-unknown"),
    "of the other channel": ({"channel": Channel.SFTP}, "wrong-channel"),
    "of the other channel, by a gateway of that": ({"asked": Channel.SFTP}, "wrong-channel"),
    "for a gateway of the other environment": ({"environment": Environment.PRODUCTION}, "untrusted"),
    "of another than the connection's": ({"tls": doors.holder(customer_id="7654321-0")[1]}, "signature-invalid"),
}


@pytest.mark.parametrize(("said", "reason"), JUDGED.values(), ids=JUDGED)
def test_a_signer_who_does_not_count_at_the_gateway(said, reason):
    signer = doors.holder(channel=said.get("channel", Channel.WS))
    revoked = (loaded(signer[1]).serial_number,) if "revoked" in said else ()
    asked, environment = said.get("asked", Channel.WS), said.get("environment")
    by = Gateway(ANCHORS, source=CrlSource([crl(revoked=revoked)]), channel=asked, environment=environment)
    message = doors.delivery(PLAIN, signer).message
    assert doors.verdict(message, by, said.get("now", NOW), said.get("tls")) == reason
    assert doors.verdict(doors.delivery(PLAIN).message) == WHOLE


def test_a_message_that_is_sent_twice_has_one_certificate(soap):
    given, retrieval_id = soap.twin(PLAIN)
    assert [soap.answer(given.message) for _ in range(2)] == [(WHOLE, retrieval_id)] * 2
    assert soap.changes() == {}


def test_the_shapes_are_many_and_each_has_its_name():
    assert len(SHAPES) == sum(map(len, GROUPS.values())) > 60


def told() -> dict[str, Pair]:
    """Return the answers of each shape, as the page has them."""
    by_soap, by_gateway = ({name: one[1] for name, one in table.items()} for table in (LAPSED, JUDGED))
    lapsed = {name: (by_soap.get(name), by_gateway.get(name)) for name in LAPSED | JUDGED}
    return {name: attack.answers for name, attack in SHAPES.items()} | lapsed


def test_the_page_has_every_shape_and_no_other():
    shown = [tuple(cells) for cells in rows(DOCS / "contributors" / "attacks.md", "shape")]
    assert shown == [(name, *(one or "–" for one in answers)) for name, answers in told().items()]


def test_the_page_has_every_group():
    page = (DOCS / "contributors" / "attacks.md").read_text(encoding="utf-8")
    section = page.partition("## Signature wrapping\n")[2].partition("\n## ")[0]
    headings = [line.removeprefix("### ") for line in section.splitlines() if line.startswith("### ")]
    assert headings == [*GROUPS, "Certificates that no longer count"]
