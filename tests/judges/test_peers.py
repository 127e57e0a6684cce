"""Programs in other languages and on other libraries against a live test bench.

They enrol, renew and retrieve over TLS. Each verifies the signatures of answers with its own code and refuses every
answer that was changed in transit.
"""

import socket
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sinetti.pki.chain import build_chain, load_bundle
from tests.api import messages
from tests.judges.exchange import CASES, called, enrol, furnished, ordered
from tests.judges.falsifying import CHANGES, falsifying, signed_by
from tests.judges.peers import ANYTHING_ELSE, DONE, PEERS, REFUSED, UNBELIEVED
from tests.support.postgres import skip_or_fail
from tests.support.programs import fetched, holder_of, new_key

pytestmark = pytest.mark.timeout(600)  # the first test waits until all peers have run

SIZES = {"rsa-2048": 2048, "rsa-3072": 3072, "p256": 256, "p384": 384}
FASTEST = {peer.name: "p256" if "p256" in peer.keys else peer.keys[0] for peer in PEERS}
FILES = {f"{name}.pem" for name in ("server", "services", "key", "certificate", "next-key", "next-certificate")}
FILES |= {"messages"}
MODES = {"key.pem": 0o600, "next-key.pem": 0o600}


@pytest.fixture(params=PEERS, ids=lambda peer: peer.name)
def peer(request, standing):
    if request.param.name not in standing:
        skip_or_fail(f"the peer {request.param.name} cannot run here: {called(request.param, 'versions').stderr}")
    return request.param


@pytest.mark.parametrize("case", CASES, ids=str)
def test_enrols_and_renews(case, exchanges, standing, peer_bench):
    if case.peer not in standing:
        skip_or_fail(f"the peer {case.peer} cannot run here")
    one = exchanges[case]
    assert one.enrolled.returncode == DONE, one.enrolled.stderr
    assert one.renewed.returncode == DONE, one.renewed.stderr
    rows = peer_bench.rows(str(case))
    assert [row["state"] for row in rows] == ["fetched", "fetched"]
    assert rows[1]["renewed_by"] == rows[0]["serial"]
    for name, row in (("certificate.pem", rows[1]), ("next-certificate.pem", rows[0])):
        certificate = x509.load_pem_x509_certificate((one.folder / name).read_bytes())
        key = load_pem_private_key((one.folder / name.replace("certificate", "key")).read_bytes(), None)
        assert f"{certificate.serial_number:x}" == row["serial"].lstrip("0")
        assert key.public_key() == certificate.public_key()
        assert key.key_size == SIZES[case.key]
    assert {name: (one.folder / name).stat().st_mode & 0o777 for name in MODES} == MODES
    assert {place.stat().st_mode & 0o777 for place in one.messages("request")} == {
        0o600
    }  # one of them holds a password
    assert {place.name for place in one.folder.iterdir()} - {"key.pub", "next-key.pub"} == FILES
    assert len(one.messages("request")) == len(one.messages("response")) >= 4


@pytest.fixture(scope="session")
def a_holder_signs(peer_bench):
    """Return changes that sign an answer with a holder's key.

    The holder has a certificate of this service and its key, but no authority to sign answers.
    """
    key, holder = new_key(), holder_of(peer_bench, "a-holder")
    certificate = holder.enrolled(peer_bench.order(customer_id="a-holder"), key)
    issuers = build_chain(certificate, load_bundle(Path(peer_bench.ready["trust"]["holders"]).read_bytes()))
    return {
        "a holder signed": signed_by(key, certificate),
        "a holder signed, and its CA comes along": signed_by(key, certificate, *issuers),
    }


@pytest.fixture(scope="session")
def an_answer_to_something_else(peer_bench):
    """Return a change that replaces every answer with a signed refusal.

    The service signed the refusal for an unknown retrieval id.
    """
    values = {"Environment": "TEST", "CustomerId": "a-holder", "RetrievalId": "0" * 32}
    message = messages.enveloped(messages.element("GetCertificateRequest", values))
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"getCertificate"'}
    url, server = peer_bench.ready["soap_url"], Path(peer_bench.ready["trust"]["server"])
    refusal = fetched(url, message, server=server, headers=headers)
    assert b"PKI020" in refusal
    return {"an answer to something else": lambda _: refusal}


@pytest.fixture(scope="session")
def changes(a_holder_signs, an_answer_to_something_else):
    """Return all changes of answers, by name."""
    return CHANGES | a_holder_signs | an_answer_to_something_else


BY_OTHERS = ("a holder signed", "a holder signed, and its CA comes along", "an answer to something else")


@pytest.mark.parametrize("name", [*CHANGES, *BY_OTHERS])
def test_believes_no_changed_answer(peer, name, changes, peer_bench, tmp_path):
    trust, ids = peer_bench.ready["trust"], ordered(peer_bench, f"{peer.name}-changed")
    with falsifying(peer_bench.ready["soap_url"], Path(trust["server"]), changes[name], tmp_path) as (address, anchor):
        folder = furnished(tmp_path / "peer", {**trust, "server": anchor})
        done = enrol(peer, folder, address, ids, FASTEST[peer.name])
    assert done.returncode == UNBELIEVED, done.stderr
    assert not (folder / "certificate.pem").exists()


def test_passes_a_refusal_on(peer, peer_bench, tmp_path):
    folder = furnished(tmp_path / "peer", peer_bench.ready["trust"])
    ids = ordered(peer_bench, f"{peer.name}-refused") | {"transfer_password": "0123456789abcdef"}
    done = enrol(peer, folder, peer_bench.ready["soap_url"], ids, FASTEST[peer.name])
    assert done.returncode == REFUSED, done.stderr
    assert "PKI004" in done.stderr


def test_a_lost_answer_costs_no_certificate(peer, peer_bench, tmp_path):
    """A repeated command continues with the same key and the same retrieval id."""
    trust, ids = peer_bench.ready["trust"], ordered(peer_bench, f"{peer.name}-lost")
    gets_lost = iter([True, False, True, False])
    change = lambda answer: None if next(gets_lost) else answer  # noqa: E731 - the answers in their order
    with falsifying(peer_bench.ready["soap_url"], Path(trust["server"]), change, tmp_path) as (address, anchor):
        folder = furnished(tmp_path / "peer", {**trust, "server": anchor})
        ended = [enrol(peer, folder, address, ids, FASTEST[peer.name]) for _ in range(3)]
    assert [one.returncode for one in ended] == [ANYTHING_ELSE, ANYTHING_ELSE, DONE], [one.stderr for one in ended]
    assert [row["state"] for row in peer_bench.rows(ids["customer_id"])] == ["fetched"]
    asked = [sent.read_bytes() for sent in sorted((folder / "messages").glob("*-request.xml"))]
    assert [b"GetCertificateRequest" in one for one in asked] == [False, False, True, True]


def test_follows_nobody_elsewhere(peer, peer_bench, tmp_path):
    trust, ids = peer_bench.ready["trust"], ordered(peer_bench, f"{peer.name}-sent-away")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        elsewhere = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        away = falsifying(peer_bench.ready["soap_url"], Path(trust["server"]), bytes, tmp_path, elsewhere=elsewhere)
        with away as (address, anchor):
            folder = furnished(tmp_path / "peer", {**trust, "server": anchor})
            done = enrol(peer, folder, address, ids, FASTEST[peer.name])
        assert done.returncode not in {DONE, REFUSED}, done.stderr
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_tells_nobody_a_password_without_tls(peer, peer_bench, tmp_path):
    folder = furnished(tmp_path / "peer", peer_bench.ready["trust"])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ids = {"customer_id": "0123456-7", "transfer_id": "0" * 32, "transfer_password": "Qqwwqqww00112233"}
        done = enrol(peer, folder, url, ids, FASTEST[peer.name])
        assert done.returncode == ANYTHING_ELSE
        assert done.stderr
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    "words",
    [(), ("enrol",), ("burn", "a", "b", "c", "d", "e", "p256"), ("enrol", *"abcde", "rsa-1024"), ("renew", *"abc")],
    ids=" ".join,
)
def test_says_what_is_wrong_with_a_command(peer, words):
    done = called(peer, *words)
    assert (done.returncode, done.stdout) == (ANYTHING_ELSE, "")
    # The program names the key's kind where it makes a key, so the kind may have been named correctly.
    assert "rsa-1024" in words or any(told in done.stderr for told in ("enrol FOLDER URL", "see the top of"))
    assert done.stderr


def test_speaks_to_no_server_that_its_anchor_does_not_vouch_for(peer, peer_bench, tmp_path):
    trust = peer_bench.ready["trust"]
    folder = furnished(tmp_path / "peer", {**trust, "server": trust["services"]})
    ids = ordered(peer_bench, f"{peer.name}-elsewhere")
    done = enrol(peer, folder, peer_bench.ready["soap_url"], ids, FASTEST[peer.name])
    assert done.returncode not in {DONE, REFUSED, UNBELIEVED}, done.stderr
    assert not list((folder / "messages").glob("*-response.xml"))
