"""Enrolments and renewals that arrive together, at an endpoint."""

from dataclasses import replace
from threading import Thread

import pytest
from django.db import connections

from sinetti.api import issuing_waves
from sinetti.api.issuing_waves import LARGEST, mount_issuing_waves
from sinetti.api.soap import PATH
from sinetti.database.issuance import transactions
from sinetti.database.sql import takes_ctes_that_write
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Request
from sinetti.server.wave_lane import WaitingRequest
from tests.api.drafts import WRONG_PASSWORD, get_draft, new_draft, renew_draft
from tests.support.scene import enrolled, new_key


@pytest.fixture
def app(counter):
    app = AsgiApp(counter.door, leave=counter.scene.db.close)
    mount_issuing_waves(app, counter.door, counter.scene.db.close)
    yield app
    app.retire()


def request_of(draft, number=0):
    return Request("POST", PATH, "", draft.headers(), f"{number:032x}", draft.body())


def test_kinds_are_waves_of_their_own_and_each_has_its_answer(app, counter, monkeypatch):
    held = enrolled(counter.scene)
    first = renew_draft(counter)
    second = replace(first, key=new_key(), held=held, signer=(held.key, held.der))
    drafts = [new_draft(counter), first, new_draft(counter), second, new_draft(counter)]
    drafts[4].values["TransferPassword"] = WRONG_PASSWORD
    sizes, run = [], issuing_waves.run_wave
    monkeypatch.setattr(issuing_waves, "run_wave", lambda members, ctx: (sizes.append(len(members)), run(members, ctx)))
    waiting = [WaitingRequest(request_of(draft, number)) for number, draft in enumerate(drafts)]
    app._waves._answer(waiting)
    answers = [counter.judged(one.future.result(60)) for one in waiting]
    assert sizes == [3, 2]
    elements = ["SignNewCertificateResponse", "RenewCertificateResponse"]
    assert [one.element for one in answers] == [elements[0], elements[1], elements[0], elements[1], elements[0]]
    assert [one.code for one in answers] == [None, None, None, None, "PKI004"]
    assert len({one.retrieval_id for one in answers[:4]}) == 4


def test_a_message_that_is_no_xml_is_answered_in_its_wave(app, counter):
    good = request_of(new_draft(counter))
    bad = replace(good, body=b"<SignNewCertificateRequest")
    waiting = [WaitingRequest(one) for one in (bad, good)]
    app._waves._answer(waiting)
    assert waiting[0].future.result(60).status == 500
    assert counter.judged(waiting[1].future.result(60)).code is None


def answered(counter, seal, count=3):
    """Return the responses to a wave of enrolments, signed by `seal`."""
    if not takes_ctes_that_write(counter.scene.db):
        pytest.skip("on SQLite each request is stored alone")
    endpoint = replace(counter.door, seal=seal)
    app = AsgiApp(endpoint, leave=counter.scene.db.close)
    mount_issuing_waves(app, endpoint, counter.scene.db.close)
    waiting = [WaitingRequest(request_of(new_draft(counter), number)) for number in range(count)]
    app._waves._answer(waiting)
    found = [one.future.result(60) for one in waiting]
    app.retire()
    return found


def test_the_responses_of_a_wave_are_signed_in_one_request(any_counter):
    seal, sizes = any_counter.door.seal(), []

    def sign_at_once(several):
        sizes.append(len(several))
        return [seal.sign(octets) for octets in several]

    together = replace(seal, sign_at_once=sign_at_once)
    answers = [any_counter.judged(one) for one in answered(any_counter, lambda: together)]
    assert (sizes, [one.code for one in answers]) == ([3], [None] * 3)
    assert len({one.retrieval_id for one in answers}) == 3


def test_a_signer_of_responses_that_is_away_is_asked_once(any_counter):
    seal, asked = any_counter.door.seal(), []

    def unavailable(several):
        asked.append(several)
        message = "the signer is away for a test"
        raise SignerUnavailable(message)

    together = replace(seal, sign_at_once=unavailable, sign=unavailable)
    answers = answered(any_counter, lambda: together)
    assert (len(asked), [one.status for one in answers]) == (1, [500] * 3)
    assert all(b"Send the same request again." in one.body for one in answers)


def test_after_a_refusal_each_response_is_asked_for_alone(any_counter):
    seal = any_counter.door.seal()

    def refused(_several):
        message = "one of them is refused for a test"
        raise SignatureRefused(message)

    together = replace(seal, sign_at_once=refused)
    answers = [any_counter.judged(one) for one in answered(any_counter, lambda: together)]
    assert [one.code for one in answers] == [None] * 3


def test_a_new_signer_of_responses_begins_within_a_wave(any_counter):
    seal = any_counter.door.seal()
    seals = iter([seal, seal, replace(seal)])
    answers = [any_counter.judged(one) for one in answered(any_counter, lambda: next(seals))]
    assert [one.code for one in answers] == [None] * 3


def test_only_requests_that_issue_are_taken(app, counter):
    takes = app._waves.takes
    issuing = request_of(new_draft(counter))
    assert takes(issuing)
    assert takes(request_of(renew_draft(counter)))
    assert not takes(request_of(get_draft(counter)))
    assert not takes(replace(issuing, method="GET"))
    assert not takes(replace(issuing, path="/elsewhere"))
    assert not takes(replace(issuing, body=issuing.body + b" " * LARGEST)), "others would wait until it is read"


def cut_connection(scene):
    """End this thread's session at the server, from another thread."""
    pid = connections[scene.db.alias].connection.info.backend_pid

    def cut():
        with connections[scene.db.alias].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        scene.db.close()

    thread = Thread(target=cut)
    thread.start()
    thread.join()


def test_a_connection_that_is_cut_in_a_wave_is_open_for_the_next(any_counter, monkeypatch):
    scene = any_counter.scene
    if not takes_ctes_that_write(scene.db):
        pytest.skip("SQLite has no connection that another session could cut")
    app = AsgiApp(any_counter.door, leave=scene.db.close)
    mount_issuing_waves(app, any_counter.door, scene.db.close)
    left, real = [], app.pool.submit
    monkeypatch.setattr(app.pool, "submit", lambda *given: (left.append(given), real(*given))[1])
    waves = [[WaitingRequest(request_of(new_draft(any_counter), number)) for number in range(2)] for _ in range(2)]
    real_find = transactions.find_passwords

    def is_cut_once(*given):
        monkeypatch.setattr(transactions, "find_passwords", real_find)
        cut_connection(scene)
        return real_find(*given)

    monkeypatch.setattr(transactions, "find_passwords", is_cut_once)
    for wave in waves:
        left.clear()
        app._waves._answer(wave)
        assert all(any_counter.judged(one.future.result(60)).code is None for one in wave)
    app.retire()
    assert left == []
