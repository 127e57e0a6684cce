"""POST /deliveries on a bench: accepted and refused deliveries.

The tests cover the answer to each, and the data that stays.
"""

import json
import re
import stat
from datetime import timedelta

import pytest

from sinetti.client.store import files
from sinetti.database import models
from sinetti.database.authorities import distrust
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.gateway.verdicts.verdict import VerdictReason
from sinetti.pki.chain import find_issuer
from sinetti.pki.encoding import certificate_der, sha256_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.http import Request
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.testbench.endpoints import deliveries
from sinetti.testbench.endpoints.deliveries import LONGEST, BenchGateway, DeliveryEndpoint
from sinetti.wire.receipts import Receipt, read_receipt
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.house.tree import DOCS, rows
from tests.support.authority import (
    CUSTOMER_ID,
    CUSTOMER_NAME,
    holder_certificate,
    holder_key,
    response_signer,
    services_issuer,
)
from tests.support.killed import KilledError, killed_at
from tests.support.programs import exchange
from tests.support.scene import REQUEST, SECOND, enrolled, in_the_window, renewed

REPORT = b'<report xmlns="urn:example:report"><pay>100</pay></report>\n'
PROBLEM = "application/problem+json"


class Counter:
    """Endpoint in front of a scene, and a holder who delivers."""

    def __init__(self, scene, folder):
        self.scene, self.folder = scene, folder / "deliveries"
        key, certificate = response_signer()
        self.seal = signer_for_key(key, certificate_der(certificate))
        self.door = DeliveryEndpoint(scene.ctx, BenchGateway(scene.ctx), lambda: self.seal, self.folder)

    def send(self, body, delivery_id="one", language=None, method="POST", door=None):
        headers = {"delivery-id": delivery_id, "accept-language": language}
        known = {name: value for name, value in headers.items() if value is not None}
        return (door or self.door)(Request(method, "/deliveries", "", known, REQUEST, body))

    def refusal(self, *arguments, **more):
        reply = self.send(*arguments, **more)
        assert reply.content_type == PROBLEM
        said = json.loads(reply.body)
        assert said["status"] == reply.status
        return reply.status, said["reason"]


@pytest.fixture
def counter(sqlite_scene, tmp_path):
    return Counter(sqlite_scene, tmp_path)


@pytest.fixture
def held(sqlite_scene):
    return enrolled(sqlite_scene)


def sealed(held, report=REPORT):
    return sign_document(report, signer_for_key(held.key, held.der), SignatureProfile.EXCLUSIVE)


def read(reply):
    assert (reply.status, reply.content_type) == (200, "application/xml"), reply.body
    return read_receipt(
        reply.body, lambda signer: find_issuer(signer, [services_issuer().certificate], signer.not_valid_before_utc)
    )


def test_a_delivery_is_kept_as_it_came_and_answered_with_a_receipt(counter, held):
    body = sealed(held)
    reply = counter.send(body)
    digest = sha256_hex(body)
    assert read(reply) == Receipt("one", digest, counter.scene.clock.now, CUSTOMER_ID, CUSTOMER_NAME, held.serial)
    assert {one.name: one.read_bytes() for one in (counter.folder / "one").iterdir()} == {
        f"{digest}.xml": body,
        "receipt.xml": reply.body,
    }
    assert stat.S_IMODE((counter.folder / "one").stat().st_mode) == 0o700


def test_the_same_again_is_answered_with_the_same_receipt_whatever_happened_since(counter, held):
    body = sealed(held)
    first = counter.send(body)
    revoke(RevocationRequest(held.serial, RevocationReason.SUPERSEDED), counter.scene.ctx, "operator", REQUEST)
    counter.scene.clock.forward(timedelta(days=800))
    assert counter.send(body).body == first.body
    assert counter.send(body, door=Counter(counter.scene, counter.folder.parent).door).body == first.body


def test_another_document_under_the_same_id_is_refused_and_changes_nothing(counter, held):
    first = counter.send(sealed(held))
    assert counter.refusal(sealed(held)) == (409, "delivery-id-used")
    assert (counter.folder / "one" / "receipt.xml").read_bytes() == first.body
    assert counter.send(sealed(held), "two").status == 200


def test_the_whole_life_of_two_certificates(counter, held):
    assert counter.send(sealed(held), "1").status == 200
    in_the_window(counter.scene, held)
    new = renewed(counter.scene, held)
    assert counter.send(sealed(new), "2").status == 200
    assert counter.send(sealed(held), "3").status == 200
    in_the_window(counter.scene, held, timedelta(0))
    assert counter.send(sealed(held), "4").status == 200
    counter.scene.clock.forward(SECOND)
    assert counter.refusal(sealed(held), "5") == (403, "expired")
    assert counter.send(sealed(new), "6").status == 200
    revoke(RevocationRequest(new.serial, RevocationReason.SUPERSEDED), counter.scene.ctx, "operator", REQUEST)
    assert counter.refusal(sealed(new), "7") == (403, "revoked")
    assert sorted(one.name for one in counter.folder.iterdir()) == ["1", "2", "3", "4", "6"]


def foreign(held):
    """Sign with a certificate of the right CA that the database does not contain."""
    key = holder_key(7)
    return sign_document(
        REPORT, signer_for_key(key, certificate_der(holder_certificate(key))), SignatureProfile.EXCLUSIVE
    )


def signed_by_the_service(_held):
    key, certificate = response_signer()
    return sign_document(REPORT, signer_for_key(key, certificate_der(certificate)), SignatureProfile.EXCLUSIVE)


REFUSED = {
    "no XML": (lambda _: b"hello", 422, "malformed"),
    "no signature": (lambda _: REPORT, 422, "signature-missing"),
    "one digit changed": (lambda held: sealed(held).replace(b"100", b"900"), 422, "signature-invalid"),
    "something put around": (lambda held: b"<all>" + sealed(held) + b"</all>", 422, "covers-something-else"),
    "a certificate of the service itself": (signed_by_the_service, 403, "untrusted"),
    "a certificate that the register does not have": (foreign, 503, "status-unknown"),
}


@pytest.mark.parametrize(("make", "status", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_leaves_nothing(counter, held, make, status, reason):
    assert counter.refusal(make(held)) == (status, reason)
    assert not counter.folder.exists()
    assert counter.send(sealed(held)).status == 200, "the delivery ID is still free"


def test_a_certificate_of_the_other_channel(counter):
    assert counter.refusal(sealed(enrolled(counter.scene, Channel.SFTP))) == (403, "wrong-channel")


LANGUAGES = {
    "fi": ("fi", "Anna jokaiselle toimitukselle oma tunnus"),
    "sv-FI, en;q=0.5": ("sv", "Ge varje leverans en egen kod"),
    "de": ("en", "Give each delivery its own ID"),
    None: ("en", "Give each delivery its own ID"),
}


@pytest.mark.parametrize(("language", "told"), LANGUAGES.items())
def test_in_the_callers_language(counter, language, told):
    reply = counter.send(REPORT, "a b", language)
    assert (reply.headers["content-language"], json.loads(reply.body)["detail"][: len(told[1])]) == told
    assert counter.send(REPORT, "a", language).headers["content-language"] == told[0]


def test_ids_that_name_no_delivery(counter, held):
    body = sealed(held)
    for delivery_id in (None, "", "a/b", "..", "a" * 65):
        assert counter.refusal(body, delivery_id) == (422, "bad-field")
    assert not counter.folder.exists()


def test_other_methods(counter):
    reply = counter.send(b"", method="GET")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


def raising(error):
    def fail(*_arguments, **_more):
        raise error

    return fail


def test_the_bridge_of_a_declared_compromise(counter, held):
    """Recorded before T, the certificate is accepted until the bridge ends; recorded after T, it is refused."""
    now, hour = counter.scene.clock.now, timedelta(hours=1)
    alias = counter.scene.ctx.db.alias
    issuer = models.Certificate.objects.using(alias).get(serial=held.serial).authority_id
    row = {"declared_at": now, "bridge_until": now + 72 * hour}
    declared = models.CaDistrust.objects.using(alias)
    declared.create(authority_id=issuer, since=now + SECOND, **row)
    assert counter.send(sealed(held), "in-the-bridge").status == 200
    declared.update(since=now - hour)
    assert counter.refusal(sealed(held), "recorded-later") == (403, "revoked")
    declared.update(since=now + SECOND)
    counter.scene.clock.forward(72 * hour + SECOND)
    assert counter.refusal(sealed(held), "after-the-bridge") == (403, "revoked")


def test_a_signer_that_is_away(counter, held):
    body = sealed(held)
    away = DeliveryEndpoint(counter.scene.ctx, counter.door.gateway, raising(SignerUnavailable("away")), counter.folder)
    assert counter.refusal(body, door=away) == (503, "unavailable")
    assert counter.send(body).status == 200


def test_a_full_disk(counter, held, monkeypatch):
    monkeypatch.setattr(files, "write_folder", raising(OSError(28, "No space left on device")))
    assert counter.refusal(sealed(held)) == (503, "unavailable")


def test_a_register_that_is_away(counter, held, monkeypatch):
    monkeypatch.setattr(distrust, "find_recorded", raising(DATABASE_UNAVAILABLE[0]("away")))
    assert counter.refusal(sealed(held)) == (503, "status-unknown")


def test_killed_before_the_answer_the_same_delivery_gets_the_receipt_that_was_kept(counter, held):
    body, scene = sealed(held), counter.scene.but(step=killed_at("delivery-kept"))
    dying = Counter(scene, counter.folder.parent)
    with pytest.raises(KilledError):
        dying.send(body)
    kept = (counter.folder / "one" / "receipt.xml").read_bytes()
    counter.scene.clock.forward(SECOND)
    assert counter.send(body).body == kept


def test_killed_while_it_is_written_nothing_counts(counter, held, monkeypatch):
    monkeypatch.setattr(files.SYSTEM, "rename", raising(KilledError("rename")))
    body = sealed(held)
    with pytest.raises(KilledError):
        counter.send(body)
    monkeypatch.undo()
    assert [one.name for one in counter.folder.iterdir()] == [".one.new"]
    assert counter.send(body).status == 200
    assert [one.name for one in counter.folder.iterdir()] == ["one"]


# Tests over HTTP.


def post(bench, body, delivery_id="over-http", **headers):
    given = {"delivery-id": delivery_id, **headers}
    return exchange(bench.ready["status_url"], "POST", "/deliveries", body, given)


def test_over_http_problems_are_said_as_elsewhere(bench):
    status, headers, body = post(bench, REPORT, **{"accept-language": "fi"})
    assert (status, headers["content-type"]) == (422, PROBLEM)
    assert json.loads(body)["reason"] == "signature-missing"
    status, headers, body = post(bench, b" " * (LONGEST + 1))
    assert (status, headers["content-type"], json.loads(body)["reason"]) == (413, PROBLEM, "too-large")
    status, _, body = exchange(bench.ready["status_url"], "POST", "/crl/x-1.crl", b" " * (200 * 1024))
    assert status == 413, "everything else keeps its own limit"


def test_the_page_has_every_reason_with_its_status():
    told = {
        int(cells[0]): set(re.findall(r"`([a-z-]+)`", cells[1]))
        for cells in rows(DOCS / "holders" / "deliveries.md", "status")
    }
    for reason in VerdictReason:
        assert reason in told[deliveries._status_of(reason)]
