"""`sinetti deliver` against a stand-in for the receiver.

One delivery lasts until there is a valid receipt.
"""

import json
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from sinetti.client.documents import deliver as deliver_module
from sinetti.client.documents import deliver as documents_deliver
from sinetti.client.documents.deliver import DeliveryResult
from sinetti.client.store import files
from sinetti.pki.encoding import load_certificate, serial_hex, sha256_hex
from sinetti.wire.receipts import Receipt, read_receipt, render_receipt
from sinetti.wire.xmldsig import signature
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.cli.conftest import Shell
from tests.client import double
from tests.house.tree import DOCS, PACKAGE, rows
from tests.support import authority, golden
from tests.support.small_server import LoopbackServer

REPORT = b'<report xmlns="urn:example:report"><pay>100</pay></report>\n'
SECOND = timedelta(seconds=1)


@dataclass
class Receiver:
    """Receiver that keeps its promises unless `script` holds another action."""

    url: str = ""
    script: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    receipts: dict = field(default_factory=dict)

    def receipt(self, given, body, seal=None, **changes):
        certificate = load_certificate(signature.verify_document(body, lambda _: True).certificate)
        serial = serial_hex(certificate.serial_number)
        said = Receipt(given, sha256_hex(body), authority.NOW, authority.CUSTOMER_ID, "Oy", serial)
        return render_receipt(replace(said, **changes), seal or double.services_seal())


@contextmanager
def receiving():
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            delivery_id = self.headers["Delivery-Id"]
            receiver.seen.append((delivery_id, body, dict(self.headers)))
            (receiver.script.pop(0) if receiver.script else well)(self, receiver, delivery_id, body)

        def log_message(self, *_):
            pass

        def send(self, status, body, kind="application/xml"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with LoopbackServer(Handler) as server:
        receiver.url = f"{server.origin}/deliveries"
        yield receiver


def well(handler, receiver, delivery_id, body):
    known = receiver.receipts.setdefault(delivery_id, receiver.receipt(delivery_id, body))
    handler.send(200, known)


def lost(handler, receiver, delivery_id, body):
    """Accept the delivery, and let the answer be lost."""
    receiver.receipts[delivery_id] = receiver.receipt(delivery_id, body)
    handler.close_connection = True


def saying(**changes):
    return lambda handler, receiver, id_, body: handler.send(200, receiver.receipt(id_, body, **changes))


def answering(status, body=b"", kind="application/xml"):
    return lambda handler, *_: handler.send(status, body, kind)


def refusing(status, reason="revoked", detail="Sulkulistalla."):
    body = json.dumps({"reason": reason, "detail": detail, "status": status}).encode()
    return answering(status, body, "application/problem+json")


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


class DeliveryShell(Shell):
    """Shell that delivers."""

    receiver: Receiver

    def deliver(self, *more, file="report.xml"):
        fixed = ("--store", self.store, "--to", self.receiver.url, "--lang", "en")
        return self.run("deliver", "payroll", self.folder / file, *fixed, *more)


@pytest.fixture(scope="session")
def templates(tmp_path_factory):
    """Return the place of an enrolled store, once it exists.

    An enrolment takes longer than any delivery.
    """
    return tmp_path_factory.mktemp("enrolled") / "store"


@pytest.fixture
def delivery(shell, receiver, templates):
    if templates.exists():
        shutil.copytree(templates, shell.store, symlinks=True)
    else:
        assert shell.enrol()[0] == 0
        shutil.copytree(shell.store, templates, symlinks=True)
    (shell.folder / "report.xml").write_bytes(REPORT)
    delivery = DeliveryShell(shell.double, shell.folder, shell.capsys)
    delivery.receiver = receiver
    return delivery


def ids(receiver):
    return [one[0] for one in receiver.seen]


def sent(receiver):
    return [one[1] for one in receiver.seen]


def test_a_delivery_is_sealed_sent_and_its_receipt_kept(delivery, receiver):
    code, out, err = delivery.deliver("--json")
    assert code == 0, err
    ((delivery_id, body, headers),) = receiver.seen
    receipt = (delivery.folder / "report.xml.receipt.xml").read_bytes()
    assert receipt == receiver.receipts[delivery_id]
    assert json.loads(out) == {
        "result": "delivered",
        "reason": None,
        "delivery_id": delivery_id,
        "sha256": sha256_hex(body),
        "to": receiver.url,
        "received": "2026-03-02T12:00:00Z",
        "customer_id": authority.CUSTOMER_ID,
        "serial": read_receipt(receipt, lambda _: True).serial,
        "receipt": str(delivery.folder / "report.xml.receipt.xml"),
    }
    assert b"<pay>100</pay>" in signature.verify_document(body, lambda _: True).octets
    assert (headers["Content-Type"], headers["Accept-Language"]) == ("application/xml", "en")
    golden.check("sentences/client-deliver/accepted", delivery.said())


def test_again_it_says_so_and_gives_the_same_receipt_without_sending(delivery, receiver):
    delivery.deliver()
    first = (delivery.folder / "report.xml.receipt.xml").read_bytes()
    code, out, _ = delivery.deliver("--json", "--receipt", str(delivery.folder / "again.xml"))
    assert (code, json.loads(out)["result"]) == (0, "delivered-before")
    assert (delivery.folder / "again.xml").read_bytes() == first
    assert len(receiver.seen) == 1
    golden.check("sentences/client-deliver/again", delivery.said())


def test_after_a_lost_answer_the_same_delivery_goes_on(delivery, receiver):
    for more in ((), ("--new",)):
        receiver.script = [lost]
        receiver.seen.clear()
        assert delivery.deliver(*more)[0] == 4
        assert not (delivery.folder / "report.xml.receipt.xml").exists()
        assert delivery.deliver(*more)[0] == 0
        assert len(set(ids(receiver))) == len(set(sent(receiver))) == 1
        assert len(receiver.seen) == 2
        (delivery.folder / "report.xml.receipt.xml").unlink()
    golden.check("sentences/client-deliver/after-a-lost-answer", delivery.said())


@pytest.mark.parametrize("step", ["delivery-prepared", "delivery-answered", "receipt-kept"])
def test_after_ctrl_c_the_same_delivery_goes_on(delivery, receiver, monkeypatch, step):
    def interrupt(name):
        if name == step:
            raise KeyboardInterrupt

    make = documents_deliver.ClientContext
    monkeypatch.setattr("sinetti.cli.client.common.ClientContext", lambda **given: make(**given, step=interrupt))
    assert delivery.deliver()[0] == 130
    monkeypatch.setattr("sinetti.cli.client.common.ClientContext", make)
    assert delivery.deliver()[0] == 0
    assert len(set(ids(receiver))) == len(set(sent(receiver))) == 1
    assert len(receiver.seen) == (2 if step == "delivery-answered" else 1)


OTHERS = {
    "another time": ("--new",),
    "under an id of one's own": ("--id", "one-of-my-own"),
}


@pytest.mark.parametrize("more", OTHERS.values(), ids=OTHERS)
def test_another_delivery_of_the_same_document(delivery, receiver, more):
    delivery.deliver()
    assert delivery.deliver(*more)[0] == 0
    assert len(set(ids(receiver))) == 2
    assert delivery.deliver(*more[1:] and more)[0] == 0
    assert len(receiver.seen) == 2, "this one has its receipt now"


REFUSED_SINCE = {
    "under an id that another document has": ("--id", "taken"),
    "another time under such an id": ("--new", "--id", "taken"),
}


@pytest.mark.parametrize("more", REFUSED_SINCE.values(), ids=REFUSED_SINCE)
def test_a_refusal_hides_no_receipt_from_before(delivery, receiver, more):
    delivery.deliver()
    first = (delivery.folder / "report.xml.receipt.xml").read_bytes()
    receiver.script = [refusing(409, "delivery-id-used", "Tunnus on käytössä.")]
    code, _, err = delivery.deliver(*more)
    assert (code, ids(receiver)[0] in err, "--new" in err) == (3, True, True)
    code, out, _ = delivery.deliver("--json")
    assert (code, json.loads(out)["result"]) == (0, "delivered-before")
    assert (delivery.folder / "report.xml.receipt.xml").read_bytes() == first
    assert len(receiver.seen) == 2


def test_a_refusal_hides_no_delivery_that_is_under_way(delivery, receiver):
    receiver.script = [lost, refusing(409, "delivery-id-used")]
    assert delivery.deliver()[0] == 4
    code, _, err = delivery.deliver("--id", "taken")
    assert (code, "--new" in err) == (3, False)
    assert delivery.deliver()[0] == 0
    assert ids(receiver)[0] == ids(receiver)[2]
    assert sent(receiver)[0] == sent(receiver)[2]


def test_a_receipt_hides_a_later_one_under_way_from_who_asks_for_no_other(delivery, receiver):
    receiver.script = [well, lost]
    delivery.deliver()
    assert delivery.deliver("--new")[0] == 4
    assert delivery.deliver()[0] == 0
    assert len(receiver.seen) == 2
    assert delivery.deliver("--new")[0] == 0
    assert ids(receiver)[1] == ids(receiver)[2]


@pytest.mark.parametrize("key", ["rsa-2048", "ec-p256"])
def test_the_same_id_is_the_same_delivery_though_it_be_asked_for_as_new(delivery, receiver, key):
    shutil.rmtree(delivery.store)
    assert delivery.enrol("--key", key)[0] == 0
    words = ("--new", "--id", "mine", "--json")
    assert json.loads(delivery.deliver(*words)[1])["result"] == "delivered"
    code, out, err = delivery.deliver(*words)
    assert (code, json.loads(out)["result"]) == (0, "delivered-before")
    assert "--new" in err
    assert len(receiver.seen) == 1


def test_another_document_is_another_delivery(delivery, receiver):
    delivery.deliver()
    (delivery.folder / "report.xml").write_bytes(REPORT.replace(b"100", b"200"))
    assert delivery.deliver()[0] == 0
    assert len(set(ids(receiver))) == 2


def test_a_signed_document_goes_as_it_is(delivery, receiver):
    theirs = signature.sign_document(REPORT, double.holder_seal(), SignatureProfile.ENVELOPED)
    (delivery.folder / "signed.xml").write_bytes(theirs)
    assert delivery.deliver(file="signed.xml")[0] == 0
    assert sent(receiver) == [theirs]


def test_a_refusal_says_why_and_ends_the_delivery(delivery, receiver):
    receiver.script = [refusing(403, detail="Varmenne on suljettu.\x1b[31m")]
    code, out, err = delivery.deliver("--json")
    assert code == 3
    assert "(revoked): Varmenne on suljettu. [31m" in err
    assert {key: json.loads(out)[key] for key in ("result", "reason", "received", "receipt")} == {
        "result": "refused",
        "reason": "revoked",
        "received": None,
        "receipt": None,
    }
    golden.check("sentences/client-deliver/a-refusal", delivery.said())
    assert delivery.deliver()[0] == 0
    assert len(set(ids(receiver))) == 2
    assert len(set(sent(receiver))) == 2, "it is sealed anew: the certificate may have been the trouble"


TROUBLE = {
    "a receipt of a holder": saying(seal=double.holder_seal()),
    "a receipt for another delivery": saying(delivery_id="another"),
    "a receipt for other octets": saying(sha256="00" * 32),
    "a receipt for another certificate": saying(serial="00" * 19),
    "a receipt of the future": saying(received=authority.NOW + timedelta(minutes=5) + SECOND),
    "no receipt at all": answering(200, b"<html/>"),
    "no XML": answering(200, b"thank you"),
    "too much": answering(200, b" " * (1024 * 1024 + 1)),
    "a redirect": answering(302),
    "a busy receiver": refusing(503, "unavailable"),
    "a fault of theirs": refusing(500, "internal"),
    "a refusal in plain words": answering(404, b"no", "text/plain"),
    "a refusal without a reason": answering(422, b"{}", "application/problem+json"),
    "a refusal that is no JSON": answering(422, b"{", "application/problem+json"),
    "a refusal of numbers": answering(422, b'{"reason": 1, "detail": 2}', "application/problem+json"),
}


def test_what_is_no_answer_that_counts_is_asked_for_again(delivery, receiver):
    for number, (name, behave) in enumerate(TROUBLE.items()):
        (delivery.folder / "report.xml").write_bytes(REPORT.replace(b"100", str(number).encode()))
        receiver.script = [behave]
        receiver.seen.clear()
        delivery.outputs.append(f"# {name}")
        assert delivery.deliver()[0] == 4, name
        outputs = [*delivery.outputs]
        assert delivery.deliver()[0] == 0, name
        delivery.outputs = outputs
        assert len(set(ids(receiver))) == len(set(sent(receiver))) == 1
    delivery.receiver.url = "http://127.0.0.1:1/deliveries"
    delivery.outputs.append("# a receiver that is not there")
    assert delivery.deliver()[0] == 4
    golden.check("sentences/client-deliver/no-answer-that-counts", delivery.said())


def test_the_last_instant_that_a_slow_clock_takes(delivery, receiver):
    receiver.script = [saying(received=authority.NOW + timedelta(minutes=5))]
    assert delivery.deliver()[0] == 0


def test_a_receipt_whose_signer_has_ended(delivery, receiver):
    delivery.double.now = authority.NOW + timedelta(days=800)
    signed = signature.sign_document(REPORT, double.holder_seal(), SignatureProfile.EXCLUSIVE)
    (delivery.folder / "signed.xml").write_bytes(signed)
    assert delivery.deliver(file="signed.xml")[0] == 4
    golden.check("sentences/client-deliver/a-signer-that-has-ended", delivery.said())


def test_a_receipt_that_cannot_be_written_is_not_lost(delivery, receiver):
    assert delivery.deliver("--receipt", str(delivery.folder / "missing" / "receipt.xml"))[0] == 2
    golden.check("sentences/client-deliver/a-receipt-that-cannot-be-written", delivery.said())
    assert delivery.deliver()[0] == 0
    assert len(receiver.seen) == 1


def test_on_a_full_disk_nothing_leaves(delivery, receiver, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "sealed.xml")

    monkeypatch.setattr(files, "write_folder", full)
    assert delivery.deliver()[0] == 5
    golden.check("sentences/client-deliver/a-full-disk", delivery.said())
    assert receiver.seen == []


USAGE = {
    "an address in the clear": {"to": "http://receiver.example/"},
    "an id that is none": {"id": "a/b"},
    "an unknown name": {"name": "nobody"},
    "a name that is none": {"name": "../payroll"},
    "a file that is not there": {"file": "missing.xml"},
    "a file that is no XML": {"file": "password"},
    "a file that is a folder": {"file": "."},
    "the root": {"file": "/"},
    "anchors that are none": {"tls-ca": "password"},
    "a receipt in the store": {"receipt": "store/payroll/live/key.pem"},
}


def test_what_cannot_be_done(delivery, receiver, monkeypatch):
    monkeypatch.chdir(delivery.folder)
    for changes in (*USAGE.values(), {"file": ""}):  # the last where a variable of a script is empty
        given = {"name": "payroll", "file": "report.xml", "to": receiver.url} | changes
        words = [given.pop("name"), given.pop("file"), "--store", delivery.store]
        words += [word for key, value in given.items() for word in (f"--{key}", value)]
        assert delivery.run("deliver", *words)[0] == 2, changes
    assert receiver.seen == []
    golden.check("sentences/client-deliver/what-cannot-be-done", delivery.said())


DAMAGE = {
    "octets that are others": ("sealed.xml", b"<report/>"),
    "an intent that is none": ("delivery.json", b"{}"),
    "an intent that is no JSON": ("delivery.json", b"{"),
    "an intent with an id that is none": (
        "delivery.json",
        b'{"delivery_id": "", "sha256": "", "sealed_by": null}',
    ),
}


@pytest.mark.parametrize(("name", "octets"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_told_and_nothing_sent(delivery, receiver, name, octets):
    receiver.script = [lost]
    delivery.deliver()
    (file,) = delivery.store.glob(f"payroll/deliveries/*/1/{name}")
    file.write_bytes(octets)
    code, _, err = delivery.deliver()
    assert code == 5
    assert name in err
    assert len(receiver.seen) == 1


def test_a_damaged_receipt_is_told(delivery, receiver):
    delivery.deliver()
    (file,) = delivery.store.glob("payroll/deliveries/*/1/receipt.xml")
    file.write_bytes(b"<receipt/>")
    assert delivery.deliver()[0] == 5


def test_two_runs_at_once(delivery, receiver):
    codes = []

    def meanwhile(handler, receiver, delivery_id, body):
        codes.append(delivery.deliver()[0])
        well(handler, receiver, delivery_id, body)

    receiver.script = [meanwhile]
    assert delivery.deliver()[0] == 0
    assert codes == [5]
    assert len(receiver.seen) == 1


def test_others_work_on_the_name_meanwhile(delivery, receiver):
    codes = []
    shutil.rmtree(delivery.store)
    assert delivery.enrol()[0] == 0

    def meanwhile(handler, receiver, delivery_id, body):
        codes.append(delivery.run("renew", "payroll", "--store", delivery.store, "--force")[0])
        well(handler, receiver, delivery_id, body)

    receiver.script = [meanwhile]
    assert delivery.deliver()[0] == 0
    assert codes == [0]
    assert delivery.deliver()[0] == 0
    assert len(receiver.seen) == 1


# docs/holders/deliveries.md and docs/interfaces.md against the code.

PAGE = DOCS / "holders" / "deliveries.md"


def test_the_page_has_the_steps_in_order():
    found = re.findall(r'\.step\("([a-z-]+)"\)', (PACKAGE / "client" / "documents" / "deliver.py").read_text())
    assert [cells[0].strip("`") for cells in rows(PAGE, "step")] == found


def test_the_page_has_every_file_of_the_sender():
    stated = [cells[0].strip("`") for cells in rows(PAGE, "file")]
    assert stated == [deliver_module.INTENT, deliver_module.SEALED, deliver_module.RECEIPT, deliver_module.REFUSED]


def test_the_interfaces_have_the_members_of_json(delivery):
    text = " ".join((DOCS / "interfaces.md").read_text().split())
    stated = re.search(r"`deliver --json` prints (.*?); what only", text)[1]
    _, out, _ = delivery.deliver("--json")
    named = [word for word in re.findall(r"`([a-z0-9_-]+)`", stated) if word not in set(DeliveryResult)]
    assert named == list(json.loads(out))
    assert [word for word in re.findall(r"`([a-z0-9_-]+)`", stated) if word in set(DeliveryResult)] == [*DeliveryResult]
