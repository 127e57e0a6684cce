"""Every reason of the table through the SOAP endpoint.

Each gives one signed code, in the order of checks. The tests also check the language of its text.
"""

import logging
from dataclasses import replace
from itertools import combinations
from threading import Thread

import pytest

from sinetti.domain.refusals import ERROR_CODES, Rejection, RejectionReason
from sinetti.domain.values import Language
from sinetti.i18n.translate import refusal_text
from sinetti.pki.encoding import certificate_der
from sinetti.services.organisations import registration
from tests.api.counter import LONGEST_MESSAGE, payload_of
from tests.api.drafts import DRAFTS, FAULTS, NAME, Draft, get_draft, new_draft, renew_draft, wrong
from tests.support.authority import CUSTOMER_ID, authority, holder_certificate, holder_key, issuer, response_signer
from tests.support.scene import DAY, REQUEST, SECOND, new_key

ALONE = {f"{operation} {fault.code}": (operation, fault) for operation, faults in FAULTS.items() for fault in faults}
PAIRS = {
    f"{operation} {first.code} before {second.code}": (operation, first, second)
    for operation, faults in FAULTS.items()
    for first, second in combinations(faults, 2)
    if first.code not in second.never_with and second.code not in first.never_with
}
BY_OTHER_MEANS = {
    RejectionReason.UNAVAILABLE: "test_a_signer_that_is_away",
    RejectionReason.INTERNAL: "test_a_signature_that_does_not_fit",
    RejectionReason.TOO_MANY_REQUESTS: "test_a_signer_who_has_no_room_for_one_more_call",
}


def test_every_reason_is_reached_here():
    reached = {fault.code for faults in FAULTS.values() for fault in faults}
    reached |= {ERROR_CODES[reason] for reason in BY_OTHER_MEANS}
    assert reached == {ERROR_CODES[reason] for reason in RejectionReason}
    assert all(name in globals() for name in BY_OTHER_MEANS.values())


@pytest.mark.parametrize("operation", DRAFTS)
def test_what_is_right_in_every_way_is_done(operation, counter):
    assert DRAFTS[operation](counter).ask().status == "OK"


@pytest.mark.parametrize(("operation", "fault"), ALONE.values(), ids=ALONE)
def test_one_thing_wrong(operation, fault, counter, caplog):
    caplog.set_level(logging.DEBUG, logger="sinetti")
    draft = wrong(counter, operation, fault)
    reply = draft.reply()
    answer = counter.judged(reply)
    assert (answer.element, answer.status, answer.code) == (f"{draft.operation}Response", "FAIL", fault.code)
    assert answer.retrieval_id is None
    assert answer.certificate is None
    assert 0 < len(answer.message) <= LONGEST_MESSAGE
    assert not said_back(draft, payload_of(reply.body))
    secrets = (draft.values.get(name) for name in ("TransferPassword", "RetrievalId"))
    assert not [secret for secret in secrets if secret and secret in caplog.text], "nor in the log"


@pytest.mark.parametrize(("operation", "first", "second"), PAIRS.values(), ids=PAIRS)
def test_two_things_wrong_get_the_earlier_code(operation, first, second, counter):
    assert wrong(counter, operation, second, first).ask().code == first.code


def said_back(draft: Draft, payload: bytes) -> list[str]:
    """Return the request's own texts that stand in the answer."""
    texts = [text for name, text in draft.values.items() if text is not None and name != "Environment"]
    return [text for text in [*texts, NAME, CUSTOMER_ID] if text.strip().encode() in payload]


def test_a_missing_signature_is_told_as_one(counter):
    draft = renew_draft(counter)
    draft.signer = None
    assert draft.ask().code == "PKI030"


STRANGERS = {
    "the signer of our answers": response_signer,
    "a CA of ours": lambda: authority().entries[issuer().file_name],
    "a holder of another register, issued by our CA": lambda: (holder_key(), holder_certificate(holder_key())),
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_only_what_the_register_knows_as_a_holders_may_renew(stranger, counter):
    """The signature holds for every issuer, but no holder here has the certificate."""
    draft, (key, certificate) = renew_draft(counter), stranger()
    draft.signer = (key, certificate_der(certificate))
    assert draft.ask().code == "PKI031"


def test_the_same_key_again_is_answered_whatever_ended_meanwhile(counter):
    """New: before 005, 006, 036, 012."""
    draft = new_draft(counter)
    first = draft.ask()
    for fault in FAULTS["new"]:
        if fault.code in {"PKI005", "PKI036"}:
            fault.bring_about(draft)
    assert draft.ask() == first
    draft.after_csr = b"\0"
    assert draft.ask().code == "PKI010", "but what cannot be read is told first"


def test_the_same_renewal_again_is_answered_whatever_ended_meanwhile(counter):
    """Renew: before 032, 036, 034, 035, 012."""
    draft = renew_draft(counter)
    first = draft.ask()
    for fault in FAULTS["renew"]:
        if fault.code in {"PKI032", "PKI036"}:
            fault.bring_about(draft)
    assert draft.ask() == first


@pytest.mark.parametrize("operation", ["new", "renew"])
def test_a_refused_key_may_come_again(operation, counter):
    """A refused request leaves no trace of its key and burns nothing."""
    draft = DRAFTS[operation](counter)
    entitled, draft.values = draft.values, draft.values | {"CustomerId": "7654321-0"}
    assert draft.ask().code == "PKI003"
    draft.values, draft.after_csr = entitled, b"\0"
    assert draft.ask().code == "PKI010"
    draft.after_csr = b""
    assert draft.ask().status == "OK"


def test_a_signer_that_stalls_leaves_the_certificate_not_ready(counter):
    draft, answers = new_draft(counter), []

    def ask() -> None:
        try:
            answers.append(draft.ask())
        finally:
            counter.scene.db.close()

    with counter.scene.signer.stalled() as stall:
        thread = Thread(target=ask)
        thread.start()
        assert stall.somebody_waits.wait(60)
        (reserved,) = registration.certificates(counter.scene.ctx)
        values = draft.values | {"RetrievalId": reserved.retrieval_id}
        for name in ("TransferId", "TransferPassword"):
            del values[name]
        fetch = Draft(counter, "GetCertificate", values=values)
        assert fetch.ask().code == "PKI021"
    thread.join(60)
    assert answers[0].retrieval_id == reserved.retrieval_id
    assert fetch.ask().status == "OK"


@pytest.mark.parametrize("operation", ["new", "renew"])
def test_a_signer_that_is_away(operation, counter):
    draft = DRAFTS[operation](counter)
    counter.scene.signer.away = True
    answer = draft.ask()
    assert (answer.status, answer.code) == ("FAIL", "PKI090")
    counter.scene.signer.away = False
    assert draft.ask().status == "OK", "the same request is done once the signer is back"


@pytest.mark.parametrize("operation", ["new", "renew"])
def test_a_signature_that_does_not_fit(operation, counter):
    draft = DRAFTS[operation](counter)
    counter.scene.signer.garbling = True
    answer = draft.ask()
    assert (answer.status, answer.code) == ("FAIL", "PKI099")
    assert REQUEST in answer.message, "the reference that the log has"
    counter.scene.signer.garbling = False
    assert draft.ask().status == "OK"


@pytest.mark.parametrize("language", Language)
def test_a_signer_who_has_no_room_for_one_more_call(language, counter):
    draft, full = renew_draft(counter), replace(counter, door=replace(counter.door, admits=lambda _signer: False))
    answer = full.ask(draft.body(), {"accept-language": language.value})
    assert (answer.status, answer.code) == ("FAIL", "PKI092")
    assert 0 < len(answer.message) <= LONGEST_MESSAGE
    assert draft.ask().status == "OK", "nothing was used up"


def test_the_opening_of_the_window_is_told_with_the_hour(counter):
    draft = wrong(counter, "renew", next(one for one in FAULTS["renew"] if one.code == "PKI034"))
    # Enrolled on 2 March 2026 at 12:00 UTC for 730 days: until 1 March 2028, and 60 days before that.
    assert "1 January 2028 at 14:00 (Finnish time)" in draft.ask(**{"accept-language": "en"}).message
    assert "1.1.2028 klo 14.00" in draft.ask(**{"accept-language": "fi"}).message
    counter.scene.clock.forward(SECOND)
    assert draft.ask().status == "OK", "and that is the very second"


LANGUAGES = {
    "none asked for": (None, None),
    "Finnish": ("fi", Language.FI),
    "Finnish of Finland": ("fi-FI", Language.FI),
    "Swedish of Finland, in capitals": ("SV-FI", Language.SV),
    "English of Great Britain": ("en-GB", Language.EN),
    "the better quality": ("fi;q=0.3, sv;q=0.9, en;q=0.5", Language.SV),
    "a quality left out is 1": ("fi;q=0.9, en", Language.EN),
    "the first of equals": ("sv, fi", Language.SV),
    "spaces around": (" fi ; q=0.2 ,  sv ; q=0.8 ", Language.SV),
    "quality 0 is none": ("fi;q=0", None),
    "quality 0 beside another": ("fi;q=0, sv;q=0.1", Language.SV),
    "languages that we lack": ("de, et;q=0.8", None),
    "one that we lack, then one of ours": ("de, fi;q=0.1", Language.FI),
    "whatever": ("*", None),
    "a quality that is no number": ("fi;q=high", None),
    "nothing but commas": (",,;,", None),
    "a language whose tag begins like one of ours": ("fil, svx", None),
}


@pytest.mark.parametrize(("header", "language"), LANGUAGES.values(), ids=LANGUAGES)
def test_whose_language(header, language, counter):
    """Asked for; else the contact's (Swedish here) once proven; else English."""
    headers = {} if header is None else {"accept-language": header}
    stranger, proven = new_draft(counter), new_draft(counter)
    stranger.values["TransferPassword"] = "Qqwwqqww00112233"
    proven.values["CustomerId"] = "7654321-0"
    strangers, provens = Rejection(RejectionReason.TRANSFER_IDS_WRONG), Rejection(RejectionReason.CUSTOMER_MISMATCH)
    assert stranger.ask(**headers).message == refusal_text(strangers, language or Language.EN)
    assert proven.ask(**headers).message == refusal_text(provens, language or Language.SV)


PROVEN = {
    "new": ("PKI003", "PKI005", "PKI006", "PKI007", "PKI010", "PKI011", "PKI012", "PKI036"),
    "renew": ("PKI003", "PKI010", "PKI011", "PKI012", "PKI032", "PKI033", "PKI034", "PKI035", "PKI036"),
    "get": ("PKI021", "PKI022"),
}


@pytest.mark.parametrize(("operation", "fault"), ALONE.values(), ids=ALONE)
def test_the_contacts_language_once_proven(operation, fault, counter):
    draft = wrong(counter, operation, fault)
    spoken = {language: draft.ask(**{"accept-language": language.value}).message for language in Language}
    assert len(set(spoken.values())) == len(spoken)
    expected = Language.SV if fault.code in PROVEN[operation] else Language.EN
    assert draft.ask().message == spoken[expected]


def test_fetching_may_be_repeated(counter):
    draft = get_draft(counter)
    assert draft.ask() == draft.ask()
    counter.scene.clock.forward(DAY)
    assert draft.ask().certificate


def test_a_wrong_password_counts_for_nobody_elses_ids(counter):
    draft = wrong(counter, "new", next(one for one in FAULTS["new"] if one.code == "PKI007"))
    assert new_draft(counter).ask().status == "OK"
    draft.key = new_key()
    assert draft.ask().code == "PKI007"
