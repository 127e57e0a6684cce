"""Programs of other languages and libraries enrol, renew and fetch at a live test bench over TLS.

Each verifies the answers' signatures with its own code, and believes none that were changed on their way.
"""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sinetti.pki.chain import issuers_up, load_bundle
from tests.judges.exchange import CASES, called, enrol, furnished, ordered
from tests.judges.falsifying import CHANGES, falsifying, signed_by
from tests.judges.peers import DONE, PEERS, REFUSED, UNBELIEVED
from tests.support.postgres import skip_or_fail
from tests.support.programs import holder_of, new_key

pytestmark = pytest.mark.timeout(600)  # the first of them waits until all peers have played

SIZES = {"rsa-2048": 2048, "rsa-3072": 3072, "p256": 256, "p384": 384}
FASTEST = {peer.name: "p256" if "p256" in peer.keys else peer.keys[0] for peer in PEERS}
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
    assert len(one.messages("request")) == len(one.messages("response")) >= 4


@pytest.fixture(scope="session")
def a_holder_signs(peer_bench):
    """Give changes by a holder of this very service, who has a certificate and a key, but answers for nobody."""
    key, holder = new_key(), holder_of(peer_bench, "a-holder")
    certificate = holder.enrolled(peer_bench.order(customer_id="a-holder"), key)
    issuers = issuers_up(certificate, load_bundle(Path(peer_bench.ready["trust"]["holders"]).read_bytes()))
    return {
        "a holder signed": signed_by(key, certificate),
        "a holder signed, and its CA comes along": signed_by(key, certificate, *issuers),
    }


@pytest.mark.parametrize("name", [*CHANGES, "a holder signed", "a holder signed, and its CA comes along"])
def test_believes_no_changed_answer(peer, name, a_holder_signs, peer_bench, tmp_path):
    trust, ids = peer_bench.ready["trust"], ordered(peer_bench, f"{peer.name}-changed")
    change = (CHANGES | a_holder_signs)[name]
    with falsifying(peer_bench.ready["soap_url"], Path(trust["server"]), change, tmp_path) as (address, anchor):
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


def test_speaks_to_no_server_that_its_anchor_does_not_vouch_for(peer, peer_bench, tmp_path):
    trust = peer_bench.ready["trust"]
    folder = furnished(tmp_path / "peer", {**trust, "server": trust["services"]})
    ids = ordered(peer_bench, f"{peer.name}-elsewhere")
    done = enrol(peer, folder, peer_bench.ready["soap_url"], ids, FASTEST[peer.name])
    assert done.returncode not in {DONE, REFUSED, UNBELIEVED}, done.stderr
    assert not list((folder / "messages").glob("*-response.xml"))


def test_called_with_too_little_it_says_how(peer):
    for arguments in ((), ("renew",)):
        done = called(peer, *arguments)
        assert (done.returncode, done.stdout) == (3, "")
        assert any(told in done.stderr for told in ("enrol FOLDER URL", "see the top of"))
