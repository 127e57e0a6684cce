"""Enrolment against a stand-in for the service: success and every failure."""

import stat
from datetime import timedelta

import pytest
from cryptography import x509

from sinetti.client.messages import messages
from sinetti.client.requests import exchange, transport
from sinetti.client.requests.operations import TransferIdCredentials
from sinetti.client.results import ExitCode, Result, UsageError
from sinetti.client.store import files, generations, journal
from sinetti.client.store.journal import RequestKind, RequestState
from sinetti.domain.values import Environment, KeyType
from sinetti.pki import chain, encoding
from sinetti.wire.soap import schema_types
from sinetti.wire.soap.envelope import wrap_in_envelope
from sinetti.wire.soap.operations import Failure, Operation
from sinetti.wire.xmldsig.signature import sign_document
from tests.client import double as client_double
from tests.client.conftest import IDS, NAME, texts, words
from tests.support import authority


def open_journal(holder):
    return journal.load(journal.folder_of(holder.folder, RequestKind.ENROL))


def test_a_first_certificate(holder):
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.ENROLLED, ExitCode.DONE, ())
    assert holder.double.operations() == [Operation.NEW, Operation.GET]
    assert open_journal(holder) is None


def test_live_is_a_matching_set(holder):
    holder.enrol()
    key = encoding.load_private_key((holder.live / "key.pem").read_bytes())
    certificate = x509.load_pem_x509_certificate((holder.live / "certificate.pem").read_bytes())
    above = x509.load_pem_x509_certificates((holder.live / "chain.pem").read_bytes())
    assert key.public_key() == certificate.public_key()
    below = certificate
    for one in above:
        assert chain.find_issuer(below, [one], holder.now) == one
        below = one
    assert [one.subject == one.issuer for one in above] == [False, False], "issuing CA, intermediate, no root"
    assert sorted(path.name for path in holder.live.iterdir()) == ["certificate.pem", "chain.pem", "key.pem"]
    assert holder.live.resolve().name == encoding.serial_hex(certificate.serial_number)


def test_everything_in_the_store_is_private(holder):
    holder.enrol()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in holder.store.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_the_password_is_nowhere_in_the_store(holder):
    holder.double.script.append(client_double.lose)
    holder.enrol()
    holder.enrol()
    everything = b"".join(path.read_bytes() for path in holder.store.rglob("*") if path.is_file())
    assert client_double.PASSWORD.encode() not in everything
    assert client_double.PASSWORD not in repr(IDS)


def test_key_and_request_are_on_the_disk_before_anything_leaves(holder):
    seen = {}

    def step(name):
        if name == "request-leaves":
            held = open_journal(holder)
            seen.update(state=held.state, files=sorted(path.name for path in held.folder.iterdir()))
            seen["requests"] = len(holder.double.seen)

    holder.step = step
    holder.enrol()
    assert seen == {
        "state": RequestState.SENT,
        "files": ["journal.json", "key.pem", "request.der", "settings.toml", "spare"],
        "requests": 0,
    }


@pytest.mark.parametrize(
    "behaviour", [client_double.well, client_double.enveloped], ids=["exclusive", "enveloped alone"]
)
def test_both_recipes_of_answers_count(behaviour, holder):
    holder.double.script.extend([behaviour, behaviour])
    assert holder.enrol().result is Result.ENROLLED


def test_waiting_for_the_certificate(holder):
    holder.double.script.extend([client_double.well, *[client_double.refuse(client_double.NOT_READY)] * 3])
    assert holder.enrol().result is Result.ENROLLED
    assert holder.slept == [1, 2, 3]
    assert [message.text for message in holder.told] == [messages.WAITING_ONE, messages.WAITING, messages.WAITING]


def test_not_ready_within_the_patience(holder):
    holder.wait = 4
    holder.double.script.extend([client_double.well, *[client_double.refuse(client_double.NOT_READY)] * 4])
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.PENDING, ExitCode.AGAIN, ("PKI021",))
    assert holder.slept == [1, 2, 1]
    assert messages.NOT_READY_IN_TIME in texts(outcome)
    assert holder.retrieve().result is Result.ENROLLED
    assert holder.double.operations().count(Operation.NEW) == 1


def test_a_code_nobody_knows_while_fetching_is_waited_out(holder):
    holder.wait = 1
    holder.double.script.extend([client_double.well, *[client_double.refuse(Failure("PKI777", "Hmm."))] * 2])
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.UNCERTAIN, ExitCode.UNCERTAIN, ("PKI777",))
    assert holder.retrieve().result is Result.ENROLLED


def test_a_lost_answer_is_uncertain_and_the_next_run_sends_the_same_key(holder):
    holder.double.script.append(client_double.lose)
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code) == (Result.UNCERTAIN, ExitCode.UNCERTAIN)
    assert texts(outcome) == [messages.ANSWER_LOST_PLAIN, messages.RUN_AGAIN_SAME_KEY]
    key_pem = (open_journal(holder).folder / "key.pem").read_bytes()
    assert holder.enrol().result is Result.ENROLLED
    first, second = holder.double.keys_sent()
    assert first == second == client_double.key_id_of(key_pem)
    assert (holder.live / "key.pem").read_bytes() == key_pem
    assert len(holder.double.issued) == 1


def test_ids_used_after_a_lost_answer_stay_uncertain(holder):
    holder.double.script.extend([client_double.lose, client_double.refuse(Failure("PKI006", "Used with another key."))])
    holder.enrol()
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.UNCERTAIN, ExitCode.UNCERTAIN, ("PKI006",))
    assert open_journal(holder).state is RequestState.UNCERTAIN


def test_a_lost_fetch_loses_nothing(holder):
    holder.double.script.extend([client_double.well, client_double.lose])
    assert holder.enrol().result is Result.ENROLLED
    assert holder.double.operations() == [Operation.NEW, Operation.GET, Operation.GET]


def test_nobody_there_leaves_nothing_sent(holder):
    outcome = holder.enrol(service="http://127.0.0.1:9/")
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.AGAIN)
    assert texts(outcome) == [messages.NOT_REACHED, messages.RUN_AGAIN_NOTHING_SENT]
    assert (open_journal(holder).state, open_journal(holder).sends) == (RequestState.PREPARED, 0)


REFUSALS = {
    "a wrong password": ("PKI004", Result.REFUSED, ExitCode.REFUSED, RequestState.REFUSED),
    "lapsed ids": ("PKI005", Result.REFUSED, ExitCode.REFUSED, RequestState.REFUSED),
    "ids that somebody else used": ("PKI006", Result.REFUSED, ExitCode.REFUSED, RequestState.REFUSED),
    "a key that will never do": ("PKI011", Result.REFUSED, ExitCode.REFUSED, None),
    "unavailable": ("PKI090", Result.PENDING, ExitCode.AGAIN, RequestState.POSTPONED),
    "their own fault": ("PKI099", Result.PENDING, ExitCode.AGAIN, RequestState.POSTPONED),
    "a code nobody knows": ("PKI777", Result.UNCERTAIN, ExitCode.UNCERTAIN, RequestState.UNCERTAIN),
}


@pytest.mark.parametrize(("code", "result", "exit_code", "state"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(code, result, exit_code, state, holder):
    holder.double.script.append(client_double.refuse(Failure(code, "The service's own words.")))
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (result, exit_code, (code,))
    assert f"The service answered {code}: The service's own words." in words(outcome)
    held = open_journal(holder)
    assert (held and held.state) == state
    assert holder.enrol().result is Result.ENROLLED
    assert (len(set(holder.double.keys_sent())) == 1) is (state is not None), (
        "the key is offered again, unless hopeless"
    )


UNTRUSTED = {
    "an answer signed by a holder's certificate": (client_double.signed_by_a_holder, messages.ANSWER_NOT_TRUSTED),
    "an answer that was changed": (client_double.changed_on_the_way, messages.ANSWER_INVALID),
    "a redirect": (client_double.say(302, Location="https://other.example/"), messages.REDIRECTED),
    "another address of the same server": (client_double.say(404), messages.WRONG_ADDRESS),
    "a page": (client_double.say(200, b"<html/>"), messages.ANSWER_UNREADABLE),
    "a fault": (
        client_double.say(
            500,
            client_double.soap_operations.render_fault("Something \x1b[31m.", actor_is_client=True).replace(
                b"\x1b", b"?"
            ),
        ),
        messages.SOAP_FAULT,
    ),
    "a fault of the service's own": (
        client_double.say(
            500, client_double.soap_operations.render_fault("It cannot sign now.", actor_is_client=False)
        ),
        "The service answered with a SOAP Fault instead of a signed answer: {text}",
    ),
    "busy": (client_double.say(503), messages.HTTP_STATUS),
}


@pytest.mark.parametrize(("behaviour", "text"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_answers_that_do_not_count(behaviour, text, holder):
    holder.double.script.append(behaviour)
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.AGAIN)
    again = messages.CORRECT_SAME_KEY if text in transport.IN_VAIN else messages.RUN_AGAIN_SAME_KEY
    assert texts(outcome) == [text, again]
    assert open_journal(holder).state is RequestState.UNCERTAIN
    assert holder.enrol().result is Result.ENROLLED
    assert len(set(holder.double.keys_sent())) == 1


def test_an_answer_signed_by_a_holders_certificate_is_refused(holder):
    """However the anchors for holders lie: they never build the chain of an answer."""
    holder.double.script.extend([client_double.well, client_double.signed_by_a_holder])
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.AGAIN)
    assert texts(outcome) == [messages.ANSWER_NOT_TRUSTED, messages.CORRECT_TO_FETCH]
    assert not holder.live.exists()
    assert open_journal(holder).state is RequestState.ACCEPTED


def test_nor_where_one_bundle_of_all_cas_is_given_for_both(holder):
    everybody = client_double.anchors("services") + client_double.anchors("holders")
    holder.double.script.append(client_double.signed_by_a_holder)
    outcome = holder.enrol(trust_services=everybody, trust_holders=everybody)
    assert (outcome.exit_code, texts(outcome)[0]) == (ExitCode.AGAIN, messages.ANSWER_NOT_TRUSTED)
    assert holder.enrol(trust_services=everybody, trust_holders=everybody).result is Result.ENROLLED


def test_a_ca_itself_signs_no_answers(holder):
    built = authority.authority()
    spec = next(one for one in built.hierarchy.authorities if one.role.value == "services")
    key, certificate = built.entries[spec.file_name]
    seal = client_double.signers.signer_for_key(key, encoding.certificate_der(certificate))

    def signed_by_the_ca(handler, double, seen):
        handler.send(200, client_double.soap_operations.render_response(seen.operation, double.answer(seen), seal))

    holder.double.script.append(signed_by_the_ca)
    assert texts(holder.enrol())[0] == messages.ANSWER_NOT_TRUSTED


CLOCKS = {
    "a clock that is long past": (
        authority.NOW - timedelta(days=400),
        messages.VALID_FROM,
        "The signer's certificate is valid only from 2 March 2026 at 13:00 (Finnish time), but the clock here",
    ),
    "a clock that runs ahead": (
        authority.response_signer()[1].not_valid_after_utc + timedelta(seconds=1),
        messages.VALID_UNTIL,
        "The signer's certificate was valid only until ",
    ),
}


@pytest.mark.parametrize(("now", "text", "read"), CLOCKS.values(), ids=CLOCKS)
def test_a_right_signer_at_the_wrong_time_is_told_as_a_matter_of_clocks(now, text, read, holder):
    holder.now = now
    outcome = holder.enrol()
    assert (outcome.exit_code, texts(outcome)[0]) == (ExitCode.AGAIN, text)
    assert words(outcome).startswith(read)


def test_of_two_wrongs_the_issuer_is_told(holder):
    holder.now = authority.NOW - timedelta(days=400)
    holder.double.script.append(client_double.signed_by_a_holder)
    assert texts(holder.enrol())[0] == messages.ANSWER_NOT_TRUSTED


def test_a_refusal_is_told_with_what_the_client_alone_knows(holder):
    for _ in range(2):
        holder.double.script.append(client_double.refuse(Failure("PKI006", "Used already.")))
        assert texts(holder.enrol())[1:] == [messages.KEY_LOST]
    holder.double.script.append(client_double.refuse(Failure("PKI011", "Not this key.")))
    assert texts(holder.enrol())[1:] == [messages.OTHER_KEY]
    holder.double.script.extend([client_double.lose, client_double.refuse(Failure("PKI006", "Used already."))])
    holder.enrol()
    assert messages.KEY_LOST not in texts(holder.enrol()), "there was an earlier request with this key"


def certificate_for(number, customer_id=authority.CUSTOMER_ID, begins=authority.NOW):
    return client_double.issue(authority.holder_key(number).public_key(), begins, customer_id)


def test_an_answer_that_takes_its_time_is_told(holder, monkeypatch):
    monkeypatch.setattr(exchange, "SILENT_FOR", 0.05)
    holder.double.script.append(client_double.late(0.3))
    assert holder.enrol().result is Result.ENROLLED
    assert [message.text for message in holder.told] == [messages.NO_ANSWER_YET]


def test_a_certificate_for_another_key_is_not_taken(holder):
    holder.double.script.extend([client_double.well, client_double.hand_out(certificate_for(7))])
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.AGAIN)
    assert texts(outcome) == [messages.NOT_OUR_KEY, messages.SENDS_AGAIN]
    assert not holder.live.exists()
    assert holder.retrieve().result is Result.ENROLLED


def test_an_earlier_answer_in_place_of_ours_keeps_nobody_waiting(holder):
    """Answers name no request.

    An attacker in the middle may give one answer of the service to another caller's request.
    """
    stranger = certificate_for(7)
    holder.double.issued["somebody else's"] = stranger
    holder.double.script.append(client_double.accept("somebody else's"))
    first = holder.enrol()
    assert (first.exit_code, texts(first)) == (ExitCode.AGAIN, [messages.NOT_OUR_KEY, messages.SENDS_AGAIN])
    assert open_journal(holder).state is RequestState.UNCERTAIN
    assert holder.retrieve().exit_code is ExitCode.AGAIN
    assert holder.enrol().result is Result.ENROLLED
    assert len(set(holder.double.keys_sent())) == 1


@pytest.mark.parametrize("code", ["PKI006", "PKI004", "PKI010", "PKI011", "PKI012", "PKI035"])
def test_an_earlier_refusal_in_place_of_ours_costs_no_key(code, holder):
    """The service completed the request all the same.

    Its certificate is of use for this key alone.
    """
    holder.double.script.append(client_double.done_but(client_double.refuse(Failure(code, "No."))))
    assert holder.enrol().exit_code is ExitCode.REFUSED
    (key,) = {client_double.key_id_of(path.read_bytes()) for path in holder.folder.rglob("key.pem")}
    assert key in holder.double.accepted
    holder.enrol(TransferIdCredentials("9" * 32, client_double.PASSWORD))
    assert key in {client_double.key_id_of(path.read_bytes()) for path in holder.folder.rglob("key.pem")}


def test_the_wrong_bundle_for_holders_is_told_with_what_mends_it(holder):
    wrong = holder.enrol(trust_holders=client_double.anchors("services"))
    assert texts(wrong) == [messages.NOT_OUR_ISSUER, messages.OTHER_TRUST]
    assert holder.enrol().result is Result.ENROLLED


def test_ids_refused_as_used_are_offered_with_the_same_key_again(holder):
    holder.double.script.append(client_double.done_but(client_double.refuse(Failure("PKI006", "Used."))))
    assert holder.enrol().exit_code is ExitCode.REFUSED
    assert holder.enrol().result is Result.ENROLLED


def test_another_key_is_made_where_the_service_would_not_have_the_first(holder):
    holder.double.script.append(client_double.refuse(Failure("PKI011", "Not this key.")))
    holder.enrol()
    assert holder.enrol().result is Result.ENROLLED
    assert len(set(holder.double.keys_sent())) == 2


KEY = authority.holder_key(8)
MISFITS = {
    "another customer": (
        lambda: authority.holder_certificate(KEY, customer_id="7654321-0"),
        authority.NOW,
        messages.NOT_OUR_CUSTOMER,
    ),
    "not valid yet": (
        lambda: authority.holder_certificate(KEY, begins=authority.NOW + timedelta(minutes=5, seconds=1)),
        authority.NOW,
        messages.VALID_FROM,
    ),
    "a clock that lags five minutes behind": (
        lambda: authority.holder_certificate(KEY, begins=authority.NOW + timedelta(minutes=5)),
        authority.NOW,
        None,
    ),
    "one second after its end": (
        lambda: authority.holder_certificate(KEY),
        authority.NOW + timedelta(days=730, seconds=1),
        messages.VALID_UNTIL,
    ),
    "one that fits": (lambda: authority.holder_certificate(KEY), authority.NOW, None),
    "one that fits, its last second": (
        lambda: authority.holder_certificate(KEY),
        authority.NOW + timedelta(days=730),
        None,
    ),
}


@pytest.mark.parametrize(("make", "now", "text"), MISFITS.values(), ids=MISFITS)
def test_misfit(make, now, text):
    anchors = chain.load_bundle(client_double.anchors("holders").encode())
    told = generations.reason_not_installable(make(), authority.CUSTOMER_ID, anchors, now)
    assert (told and told.text) == text


def test_an_issuer_outside_the_anchors_for_holders_does_not_count():
    anchors = chain.load_bundle(client_double.anchors("services").encode())
    told = generations.reason_not_installable(
        authority.holder_certificate(KEY), authority.CUSTOMER_ID, anchors, authority.NOW
    )
    assert told.text == messages.NOT_OUR_ISSUER


def test_ids_compare_as_the_register_compares_them():
    anchors = chain.load_bundle(client_double.anchors("holders").encode())
    certificate = authority.holder_certificate(KEY, customer_id="FI01234567")
    assert generations.reason_not_installable(certificate, " fi01234567", anchors, authority.NOW) is None


@pytest.mark.parametrize("where", ["prepared", "request-leaves", "answered", "accepted", "collected", "in-place"])
def test_a_run_that_ends_anywhere_is_finished_by_the_next_with_the_same_key(where, holder):
    def stop(name):
        if name == where:
            raise KeyboardInterrupt

    holder.step = stop
    with pytest.raises(KeyboardInterrupt):
        holder.enrol()
    key_pem = (open_journal(holder).folder / "key.pem").read_bytes()
    holder.step = lambda _name: None
    assert holder.enrol().result is Result.ENROLLED
    assert (holder.live / "key.pem").read_bytes() == key_pem
    assert open_journal(holder) is None
    assert len(holder.double.issued) == 1


def test_the_same_ids_once_more_after_all_went_well_ask_nobody(holder):
    holder.enrol()
    asked = len(holder.double.seen)
    outcome = holder.enrol()
    assert (outcome.result, texts(outcome)) == (Result.ENROLLED, [messages.DONE_BEFORE])
    assert len(holder.double.seen) == asked


def test_new_ids_replace_a_live_certificate(holder, monkeypatch):
    holder.enrol()
    old = holder.live.resolve().name
    monkeypatch.setattr(client_double, "TRANSFER_ID", "9" * 32)
    assert holder.enrol(TransferIdCredentials("9" * 32, client_double.PASSWORD)).result is Result.ENROLLED
    assert holder.live.resolve().name != old
    assert (holder.folder / "generations" / old / "key.pem").exists()


def test_other_ids_after_an_uncertain_end_take_a_new_key_and_keep_the_old(holder, monkeypatch):
    holder.double.script.append(client_double.lose)
    holder.enrol()
    monkeypatch.setattr(client_double, "TRANSFER_ID", "9" * 32)
    assert holder.enrol(TransferIdCredentials("9" * 32, client_double.PASSWORD)).result is Result.ENROLLED
    first, second = holder.double.keys_sent()
    assert first != second
    assert [message.text for message in holder.told] == [messages.SET_ASIDE]
    kept = list((holder.folder / "abandoned").glob("*/key.pem"))
    assert [client_double.key_id_of(path.read_bytes()) for path in kept] == [first]


def test_the_first_ids_again_go_with_the_key_that_they_went_with_before(holder, monkeypatch):
    holder.double.script.append(client_double.lose)
    holder.enrol()
    monkeypatch.setattr(client_double, "TRANSFER_ID", "9" * 32)
    holder.enrol(TransferIdCredentials("9" * 32, client_double.PASSWORD))
    holder.double.script.append(client_double.refuse(Failure("PKI006", "Used.")))
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.UNCERTAIN, ExitCode.UNCERTAIN, ("PKI006",))
    first, second, third = holder.double.keys_sent()
    assert first == third != second
    assert open_journal(holder).key_id == first


IN_DOUBT = {
    "wrong ids, as one that took them once may say": "PKI004",
    "lapsed": "PKI005",
    "locked": "PKI007",
    "a key that will not do": "PKI011",
}


@pytest.mark.parametrize("code", IN_DOUBT.values(), ids=IN_DOUBT)
@pytest.mark.parametrize(
    "before", [client_double.lose, client_double.say(503), client_double.refuse(Failure("PKI099", "Our fault."))]
)
def test_a_refusal_after_a_request_that_may_have_been_done_is_uncertain(before, code, holder):
    holder.double.script.extend([before, client_double.refuse(Failure(code, "Their words, unchanged."))])
    holder.enrol()
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.UNCERTAIN, ExitCode.UNCERTAIN, (code,))
    assert f"The service answered {code}: Their words, unchanged." in words(outcome)
    assert texts(outcome)[-1] == messages.MAY_BE_SPENT
    assert open_journal(holder).state is RequestState.UNCERTAIN
    assert holder.enrol().result is Result.ENROLLED
    assert len(set(holder.double.keys_sent())) == 1


def test_a_refusal_after_one_that_used_nothing_up_is_a_refusal(holder):
    refusals = [client_double.refuse(Failure(code, "No.")) for code in ("PKI004", "PKI092", "PKI006")]
    holder.double.script.extend(refusals)
    assert [holder.enrol().exit_code for _ in refusals] == [ExitCode.REFUSED, ExitCode.AGAIN, ExitCode.REFUSED]


def with_an_id(failure):
    """Reject the request, but give a retrieval id."""

    def behave(handler, double, seen):
        double.answer(seen)
        body = (
            f'<cer:{seen.operation.response} xmlns:cer="{schema_types.SERVICE}"><RetrievalId>retrieval-1</RetrievalId>'
            f"<Result><Status>FAIL</Status><ErrorInfo><ErrorCode>{failure.code}</ErrorCode>"
            f"<ErrorMessage>{failure.message}</ErrorMessage></ErrorInfo></Result></cer:{seen.operation.response}>"
        )
        seal = client_double.services_seal(double.now)
        handler.send(
            200,
            wrap_in_envelope(sign_document(body.encode(), seal, client_double.SignatureProfile.EXCLUSIVE)),
        )

    return behave


def test_an_unknown_code_with_a_retrieval_id_is_fetched(holder):
    holder.double.script.append(with_an_id(Failure("PKI777", "Hmm.")))
    assert holder.enrol().result is Result.ENROLLED
    assert holder.double.operations() == [Operation.NEW, Operation.GET]
    assert [message.text for message in holder.told] == [messages.SERVICE_SAID]


def test_a_retrieval_id_of_doubtful_worth_is_tried_before_the_request_goes_again(holder):
    unknown = client_double.refuse(Failure("PKI020", "There is no such retrieval ID."))
    holder.double.script.extend([with_an_id(Failure("PKI777", "Hmm.")), unknown])
    outcome = holder.enrol()
    assert (outcome.exit_code, outcome.codes) == (ExitCode.UNCERTAIN, ("PKI777", "PKI020"))
    assert open_journal(holder).state is RequestState.UNCERTAIN
    holder.double.script.append(unknown)
    assert holder.retrieve().exit_code is ExitCode.UNCERTAIN
    holder.double.script.append(unknown)
    assert holder.enrol().result is Result.ENROLLED
    assert holder.double.operations() == [Operation.NEW, *[Operation.GET] * 3, Operation.NEW, Operation.GET]
    assert len(set(holder.double.keys_sent())) == 1


def test_other_ids_after_a_refusal_take_a_new_key(holder):
    holder.enrol(TransferIdCredentials("9" * 32, client_double.PASSWORD))
    assert holder.enrol().result is Result.ENROLLED
    assert len(list((holder.folder / "abandoned").glob("*/key.pem"))) == 1, "whatever was answered, its request left"


def test_other_ids_while_a_certificate_waits_fetch_that_first(holder):
    holder.wait = 0
    holder.double.script.extend([client_double.well, client_double.refuse(client_double.NOT_READY)])
    holder.enrol()
    assert holder.enrol(TransferIdCredentials("9" * 32, client_double.PASSWORD)).result is Result.ENROLLED
    assert [message.text for message in holder.told] == [messages.EARLIER_FIRST]


def test_the_retrieval_id_of_somebody_else_keeps_the_key(holder):
    """An answer to another organisation's request, given in place of ours.

    Its id is not known for this customer.
    """
    holder.double.script.append(client_double.accept("f" * 32))
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.FAILED, ExitCode.AGAIN, ("PKI020",))
    assert texts(outcome)[-1] == messages.ID_MAY_BE_ANOTHERS
    assert holder.enrol().result is Result.ENROLLED
    assert len(set(holder.double.keys_sent())) == 1
    assert not (holder.folder / "abandoned").exists()


def test_a_retrieval_id_that_is_given_twice_and_not_known_ends_it(holder):
    unknown = client_double.refuse(Failure("PKI020", "No such retrieval ID."))
    holder.double.script.extend([client_double.well, unknown])
    assert holder.enrol().exit_code is ExitCode.AGAIN
    holder.double.script.extend([unknown, client_double.well, unknown])
    outcome = holder.enrol()
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.REFUSED, ExitCode.REFUSED, ("PKI020",))
    assert open_journal(holder) is None


@pytest.mark.parametrize("kind", [KeyType.EC_P384, KeyType.RSA_2048])
def test_key_types(kind, holder):
    assert holder.enrol(key=kind).result is Result.ENROLLED


USAGE = {
    "a name that is none": ("../x", {}, IDS, messages.BAD_NAME),
    "a customer id that is too long": (NAME, {"customer_id": "1" * 31}, IDS, messages.BAD_OPTION),
    "a password that is too long": (NAME, {}, TransferIdCredentials("1", "x" * 17), messages.BAD_OPTION),
}


@pytest.mark.parametrize(("name", "changes", "ids", "text"), USAGE.values(), ids=USAGE)
def test_what_cannot_be_sent_is_told_before_anything_is_made(name, changes, ids, text, holder):
    with pytest.raises(UsageError) as bad:
        holder.enrol(ids, name, **changes)
    assert bad.value.message.text == text
    assert not holder.store.exists()


OTHERS = {"another customer": {"customer_id": "7654321-0"}, "another world": {"environment": Environment.PRODUCTION}}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_a_name_keeps_its_holder(changes, holder):
    holder.enrol()
    with pytest.raises(UsageError) as bad:
        holder.enrol(TransferIdCredentials("9" * 32, "x"), **changes)
    assert bad.value.message.text == messages.OTHER_HOLDER


def test_a_store_in_use_is_left_alone(holder):
    holder.enrol()
    with files.locked(holder.folder):
        for outcome in (holder.enrol(), holder.renew(), holder.retrieve()):
            assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.STORE)
            assert texts(outcome) == [messages.STORE_LOCKED]


def test_settings_of_a_replacement_count_once_it_is_there(holder, monkeypatch):
    holder.enrol()
    before = (holder.folder / "settings.toml").read_text()
    monkeypatch.setattr(client_double, "TRANSFER_ID", "9" * 32)
    holder.double.script.append(client_double.lose)
    new = TransferIdCredentials("9" * 32, client_double.PASSWORD)
    holder.enrol(new, key=KeyType.EC_P384)
    assert (holder.folder / "settings.toml").read_text() == before
    holder.enrol(new, key=KeyType.EC_P384)
    assert 'key = "ec-p384"' in (holder.folder / "settings.toml").read_text()


def test_a_signed_ok_is_believed_only_whole(holder):
    """The run that the stand-in serves has no doubt left.

    Its accepted journal carries the retrieval id.
    """
    held = []
    holder.step = lambda name: held.append(open_journal(holder)) if name == "accepted" else None
    holder.enrol()
    assert held[0].retrieval_id == "retrieval-1"
    assert "retrieval-1" not in repr(held[0])


def away(seconds):
    """Answer that the service is away for these seconds."""
    return lambda handler, _double, _seen: handler.send(503, b"", **{"Retry-After": str(seconds)})


def test_while_fetching_a_service_that_is_away_is_left_alone_for_as_long_as_it_says(holder):
    holder.double.script.extend([client_double.well, away(120)])
    assert holder.enrol().exit_code is ExitCode.DONE
    assert holder.slept == [120]
    assert len(holder.double.seen) == 3


@pytest.mark.parametrize("before", [client_double.well, client_double.lose], ids=["accepted", "uncertain"])
def test_where_it_says_longer_than_anybody_waits_the_next_run_fetches(holder, before):
    """Not every half minute for five minutes, of each of hundreds of names."""
    holder.double.script.extend([before, *[away(3600)] * 20])
    holder.enrol()
    ended = holder.retrieve() if before is client_double.well else holder.enrol()
    assert ended.retry_after == timedelta(hours=1)
    assert holder.slept == []
    assert len(holder.double.seen) <= 3
    holder.double.script.clear()
    assert holder.enrol().exit_code is ExitCode.DONE
