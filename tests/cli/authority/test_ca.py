"""`sinetti authority ca`: list, activate, stop and retire, alone and with two people; propagation to workers."""

import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.succession import SuccessionContext, begin_successor, certify, install_successor
from sinetti.ca.successors import SuccessorOptions
from tests.cli.authority.test_serve import ANY, holder, serving
from tests.support import golden
from tests.support.officers import does_approved, founders
from tests.support.programs import fetched, new_key
from tests.support.serving import SOON

FIRST, SECOND, SERVICES = "DataProvidersTestIssuingCAv1", "DataProvidersTestIssuingCAv2", "ServicesTestIssuingCAv1"
KEYS = ["name", "generation", "channel", "state", "serial", "sha256", "not_after"]


def installed(operator, *, is_certified=True):
    """Begin the successor of the WS CA, and install it."""
    authority = open_authority(operator.root, DirectoryKind.AUTHORITY)
    means = SuccessionContext(authority, "operator", "0" * 32)
    pending = begin_successor(FIRST, SuccessorOptions(), means)
    if is_certified:
        install_successor(pending.name, certify(pending, means), means)
    authority.journal.close()
    authority.ctx.db.close()


def listed(operator):
    return {row["name"]: row for row in json.loads(operator.does("ca", "list", "--json"))}


def states(operator):
    return {name: row["state"] for name, row in listed(operator).items() if row["state"] != "issuing"}


def test_from_begin_to_retirement(sqlite_operator):
    operator = sqlite_operator
    operator.found()
    installed(operator, is_certified=False)
    found = listed(operator)
    assert all(list(row) == KEYS for row in found.values())
    assert found[SECOND] == {
        **dict.fromkeys(("serial", "sha256", "not_after")),
        "name": SECOND, "generation": 2, "channel": "WS", "state": "pending",
    }  # fmt: skip
    assert (found[SERVICES]["channel"], found[FIRST]["channel"], found[FIRST]["generation"]) == (None, "WS", 1)
    table = operator.does("ca", "list")
    assert [line.split()[0] for line in table.splitlines()] == ["name", *found]
    operator.refused(2, "ca", "activate", "v9")
    operator.refused(2, "ca", "stop", SECOND)
    installed(operator)
    assert states(operator) == {SECOND: "standby"}
    operator.says(0, "ca", "activate", "Data Providers Test Issuing CA v2")
    assert states(operator) == {FIRST: "publishing"}
    operator.refused(3, "ca", "retire", SECOND)
    for _ in range(2):
        operator.noted("ca", "retire", FIRST)
        assert states(operator) == {FIRST: "retired"}
    operator.noted("ca", "stop", SECOND)
    assert states(operator) == {FIRST: "retired", SECOND: "publishing"}
    golden.check("sentences/ca/from-begin-to-retirement", operator.said())


@pytest.mark.long
def test_an_activation_takes_two_people_and_a_stop_one(sqlite_operator, tmp_path):
    operator = sqlite_operator
    operator.found(*founders())
    installed(operator)
    assert operator.run("ca", "activate", SECOND)[0] == 2
    assert states(operator) == {SECOND: "standby"}
    does_approved(operator, tmp_path, "ca", "activate", SECOND)
    assert states(operator) == {FIRST: "publishing"}
    operator.does("ca", "stop", SECOND)
    assert states(operator) == {FIRST: "publishing", SECOND: "publishing"}


@pytest.mark.long
def test_readiness_shows_gateways_and_programs_that_lack_the_newest_lists(sqlite_operator, tmp_path):
    """The lists are those of the founding, which the gateway has not reported."""
    operator = sqlite_operator
    operator.found()
    operator.says(0, "ca", "readiness")
    key = tmp_path / "edge.pem"
    key.write_bytes(new_public_key())
    operator.does("gateway", "add", "edge-1", "--key", key)
    found = json.loads(operator.says(3, "ca", "readiness", "--json")[0])
    assert found["gateways"] == {"newest": 0, "behind": 0, "unknown": 1}
    assert [(row["name"], row["state"], row["seen"]) for row in found["readers"]] == [("edge-1", "unknown", None)]
    golden.check("sentences/ca/readiness", operator.said())


def new_public_key():
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_every_worker_takes_a_change(sqlite_operator):
    """Two workers serve while commands of another process install and activate a CA."""
    operator = sqlite_operator
    operator.found()
    operator.add()
    first, second = operator.order(), operator.order()
    with serving(operator, *ANY, "--workers", "2") as (soap, status):
        one = holder(operator, soap)
        assert one.enrolled(first, new_key()).issuer.rfc4514_string().count("v1") == 1
        installed(operator)
        deadline, seen = time.monotonic() + SOON, 0
        while seen < 10:  # connections go to either worker, and each leaves a line in a pipe of 64 kB
            try:
                fetched(f"{status}/ca/{SECOND}.cer")
                seen += 1
            except OSError:
                assert time.monotonic() < deadline, "a worker does not know the CA"
                seen = 0
                time.sleep(0.1)
        operator.does("ca", "activate", SECOND)
        assert one.enrolled(second, new_key()).issuer.rfc4514_string().count("v2") == 1
        for name in (FIRST, SECOND):
            assert fetched(f"{status}/crl/{name}.crl")
