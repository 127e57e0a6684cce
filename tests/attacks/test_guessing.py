"""Guesses at transfer and retrieval ids.

Neither an answer nor its time reveals the existence of an id. Three measures compare the kinds of guess: the octets of
the answers, the statements that the database gets, and the processor's time, statistically. The lock after ten wrong
passwords, also simultaneous ones, is tested in tests/services/issuance/test_enrol.py and test_crowds.py.
"""

import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from statistics import median
from time import thread_time

import pytest
from django.db import connections

from sinetti.database.issuance import transactions
from sinetti.domain.refusals import RejectionReason
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import reissue_transfer_ids
from tests.api import messages
from tests.api.counter import opened_counter
from tests.support.authority import CUSTOMER_ID
from tests.support.registers import db, sqlite_db
from tests.support.scene import (
    DAY,
    REQUEST,
    accepted,
    add_organisation,
    an_order,
    csr,
    enrolled,
    new_ask,
    new_key,
    ordered,
    refused,
    scene,
    sqlite_scene,
)

__all__ = ["db", "scene", "sqlite_db", "sqlite_scene"]

WRONG, OTHER_CUSTOMER = "Qqwwqqww00112233", "7654321-0"
ROUNDS, TIMES = 25, 5
"""Samples of each kind in a series, and the highest number of series.

A further series follows only while the result is not clear.
"""

_CHANCE = Random(5)  # noqa: S311 - which kind is asked first
_SIGNATURE = re.compile(rb"(?<=<ds:SignatureValue>)[^<]*")
_CSR = messages.base64_of(csr(new_key()))


@dataclass
class Guesses:
    """An attacker that sends guesses to an endpoint.

    `kinds` returns a request of each kind. The attacker must not be able to distinguish the kinds.
    """

    counter: object
    kinds: dict[str, Callable[[], bytes]] = field(default_factory=dict)

    def sends(self, kind):
        """Send a request of a kind; return the answer without the signature's value.

        That value differs in each answer.
        """
        reply = self.counter.post(self.kinds[kind]())
        return reply.status, reply.content_type, dict(reply.headers), _SIGNATURE.sub(b"", reply.body)


def new(ids, password=WRONG):
    values = {"TransferId": ids.transfer_id, "TransferPassword": password, "CertificateRequest": _CSR}
    who = {"Environment": "TEST", "CustomerId": CUSTOMER_ID}
    return messages.enveloped(messages.element("SignNewCertificateRequest", who | values))


def get(retrieval_id):
    values = {"Environment": "TEST", "CustomerId": CUSTOMER_ID, "RetrievalId": retrieval_id}
    return messages.enveloped(messages.element("GetCertificateRequest", values))


def guesses_at_transfer_ids(scene, most):
    """Return requests with ids in every state, each with a wrong password.

    The function uses new ids before guesses lock the ones in use.
    """
    lapsed = [ordered(scene) for _ in range(most // 9 + 1)]
    scene.clock.forward(15 * DAY)
    waiting = [ordered(scene) for _ in lapsed]
    spent, ended, locked, other = (ordered(scene) for _ in range(4))
    accepted(enrol(new_ask(spent, new_key()), scene.ctx, REQUEST))
    reissue_transfer_ids(ended.order_id, scene.ctx, "operator", REQUEST)
    for _ in range(10):
        enrol(new_ask(replace(locked, transfer_password=WRONG), new_key()), scene.ctx, REQUEST)

    def in_turn(pairs):
        turn = count()
        return lambda: new(pairs[next(turn) // 9])

    return {
        "unknown": lambda: new(replace(other, transfer_id=f"{_CHANCE.randrange(10**32):032}")),
        "waiting": in_turn(waiting),
        "lapsed": in_turn(lapsed),
        "spent": lambda: new(spent),
        "replaced by new ones": lambda: new(ended),
        "locked": lambda: new(locked),
    }


def guesses_at_retrieval_ids(scene, _most):
    """Return requests with unknown retrieval ids and with those of another customer.

    The other customer's ids are of a retrieved certificate and of one that is not retrieved yet.
    """
    add_organisation(scene, OTHER_CUSTOMER)
    fetched, ids = enrolled(scene, customer_id=OTHER_CUSTOMER), ordered(scene, an_order(OTHER_CUSTOMER))
    waiting = accepted(enrol(new_ask(ids, new_key(), OTHER_CUSTOMER), scene.ctx, REQUEST))
    return {
        "unknown": lambda: get(f"{_CHANCE.getrandbits(128):032x}"),
        "another's": lambda: get(fetched.retrieval_id),
        "another's, that nobody fetched": lambda: get(waiting),
    }


AT = {"transfer ids": guesses_at_transfer_ids, "retrieval ids": guesses_at_retrieval_ids}


def guesses(scene, at, most=1):
    """Prepare at most `most` guesses of each kind."""
    made = Guesses(opened_counter(scene), AT[at](scene, most))
    made.sends("unknown")  # the first request also makes the counter of wrong passwords
    return made


@pytest.mark.parametrize("at", AT)
def test_answers_are_equal_octet_for_octet(at, sqlite_scene):
    made = guesses(sqlite_scene, at)
    answers = {kind: made.sends(kind) for kind in made.kinds}
    assert all(answer == answers["unknown"] for answer in answers.values())
    code = "PKI004" if at == "transfer ids" else "PKI020"
    assert f"<ErrorCode>{code}</ErrorCode>".encode() in answers["unknown"][3]


@contextmanager
def statements(scene):
    """Yield the statements of the block, without their values."""
    said = []

    def note(execute, sql, parameters, many, context):
        said.append(sql)
        return execute(sql, parameters, many, context)

    with connections[scene.db.alias].execute_wrapper(note):
        yield said


@pytest.mark.parametrize("at", AT)
def test_the_database_is_asked_the_same(at, scene):
    """The test runs on both databases.

    Each request waits for the same statements and for the same commit.
    """
    made, asked = guesses(scene, at), {}
    for kind in made.kinds:
        with statements(scene) as asked[kind]:
            made.sends(kind)
    assert asked["unknown"]
    assert all(said == asked["unknown"] for said in asked.values())


def told_apart(made, leak=lambda _kind: None):
    """Return the kinds whose time differs from that of an unknown id.

    The time is that of the processor's clock for this thread. Each round sends every kind once, in random order, and
    compares it with the unknown one of the same round. The median of the differences counts.

    Each round also measures the cost of one small statement more (some 350 µs of 3 ms). A kind is distinguishable if
    its difference is at least half of that. While any difference is a quarter of it or more, more rounds follow, five
    times 25 at most. Noise gets smaller, a leak does not. `leak` is called after each request.
    """
    differences = {kind: [] for kind in ["one statement more", *made.kinds]}
    for _ in range(TIMES):
        for _ in range(ROUNDS):
            took = {kind: timed(made, kind, leak) for kind in _CHANCE.sample(list(differences), len(differences))}
            for kind, seconds in took.items():
                differences[kind].append(seconds - took["unknown"])
        found = {kind: median(seconds) for kind, seconds in differences.items()}
        bound = found.pop("one statement more") / 2
        apart = {kind for kind, seconds in found.items() if abs(seconds) >= bound}
        if all(abs(seconds) < bound / 2 for seconds in found.values()):  # on a busy machine a leak hides in 25 rounds
            break
    return apart


def timed(made, kind, leak):
    body = made.kinds["unknown" if kind == "one statement more" else kind]()
    begun = thread_time()
    made.counter.post(body)
    if kind == "one statement more":
        one_more(made.counter)
    leak(kind)
    return thread_time() - begun


def one_more(counter):
    transactions.find_passwords(counter.scene.db, ["0" * 32])


@pytest.mark.parametrize("at", AT)
def test_the_time_is_the_same(at, sqlite_scene):
    assert not told_apart(guesses(sqlite_scene, at, ROUNDS * TIMES))


def test_a_leak_of_one_statement_is_found(sqlite_scene):
    made = guesses(sqlite_scene, "retrieval ids")
    assert told_apart(made, lambda kind: one_more(made.counter) if kind == "another's" else None) == {"another's"}


def near(right):
    """Return ids that are nearly the right one.

    They are cut, reversed, one character off, in other digits or with wildcards.
    """
    at, digit = next((at, int(one)) for at, one in enumerate(right) if one.isdecimal())
    others = [right[:at] + chr(zero + digit) + right[at + 1 :] for zero in (0xFF10, 0x0660)]
    odd = [right[1:], right[:-1], right[:-1] + ("1" if right[-1] == "0" else "0"), right[::-1]]
    return [*odd, *others, "%", "_" * 32, f"{right[:31]}%", f"{right[:30]}.*", "*", "' OR '1'='1"]


def test_nobody_locks_ids_whose_id_is_not_known(sqlite_scene):
    """The attacker knows customer and order, and the id except one digit.

    The guesses lock nothing.
    """
    ids, key = ordered(sqlite_scene), new_key()
    for guess in near(ids.transfer_id):
        assert guess != ids.transfer_id
        for password in (WRONG, ids.transfer_password) * 5:
            wrong = new_ask(replace(ids, transfer_id=guess, transfer_password=password), b"")
            assert refused(enrol(wrong, sqlite_scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    accepted(enrol(new_ask(ids, key), sqlite_scene.ctx, REQUEST))


def test_guesses_at_the_password_of_spent_ids_lock_nobody_out(sqlite_scene):
    ids, key = ordered(sqlite_scene), new_key()
    first = accepted(enrol(new_ask(ids, key), sqlite_scene.ctx, REQUEST))
    for _ in range(12):
        wrong = replace(ids, transfer_password=WRONG)
        assert refused(enrol(new_ask(wrong, key), sqlite_scene.ctx, REQUEST)) is RejectionReason.TRANSFER_IDS_WRONG
    assert accepted(enrol(new_ask(ids, key), sqlite_scene.ctx, REQUEST)) == first


def test_guesses_at_retrieval_ids_lock_nobody_out(sqlite_scene):
    counter, held = opened_counter(sqlite_scene), enrolled(sqlite_scene)
    for guess in near(held.retrieval_id):
        assert guess != held.retrieval_id
        assert counter.ask(get(guess)).code == "PKI020"
    assert counter.ask(get(held.retrieval_id)).code is None
