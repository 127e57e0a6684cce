"""Renewal and retrieval against a stand-in for the service."""

from datetime import timedelta

import pytest

from sinetti.client.messages import messages
from sinetti.client.requests import operations
from sinetti.client.results import ExitCode, Result, UsageError, highest_exit_code
from sinetti.client.store import files, journal
from sinetti.client.store.journal import RequestKind, RequestState
from sinetti.pki import encoding
from sinetti.wire.soap.operations import Failure, Operation
from tests.client import double
from tests.client.conftest import IDS, NAME, texts
from tests.support import authority

SECOND = timedelta(seconds=1)
END = authority.NOW + timedelta(days=730)
OPENS = END - timedelta(days=60)
TOO_EARLY = Failure("PKI034", "Too early: renewal opens later.")
REVOKED = Failure("PKI033", "The certificate is revoked.")


@pytest.fixture
def enrolled(holder):
    holder.enrol()
    holder.double.seen.clear()
    return holder


def open_journal(holder, kind=RequestKind.RENEW):
    return journal.load(journal.folder_of(holder.folder, kind))


def serial(holder):
    return holder.live.resolve().name


def test_before_the_window_nobody_is_called(enrolled):
    outcome = enrolled.at(OPENS - SECOND).renew()
    assert (outcome.result, outcome.exit_code) == (Result.NOT_DUE, ExitCode.DONE)
    assert outcome.messages[0].values["at"] == OPENS
    assert enrolled.double.seen == []
    assert open_journal(enrolled) is None


def test_the_second_the_window_opens(enrolled):
    old_serial, old_key = serial(enrolled), (enrolled.live / "key.pem").read_bytes()
    outcome = enrolled.at(OPENS).renew()
    assert (outcome.result, outcome.exit_code) == (Result.RENEWED, ExitCode.DONE)
    assert enrolled.double.operations() == [Operation.RENEW, Operation.GET]
    assert serial(enrolled) != old_serial
    assert (enrolled.live / "key.pem").read_bytes() != old_key
    assert (enrolled.folder / "generations" / old_serial / "key.pem").read_bytes() == old_key
    assert open_journal(enrolled) is None


def test_the_request_is_signed_with_the_certificate_in_force(enrolled):
    certificate = encoding.load_certificate((enrolled.live / "certificate.pem").read_bytes())
    enrolled.at(OPENS).renew()
    assert enrolled.double.seen[0].ask.signer == encoding.certificate_der(certificate)


def test_force_asks_all_the_same_and_shows_the_refusal(enrolled):
    enrolled.double.script.append(double.refuse(TOO_EARLY))
    outcome = enrolled.renew(force=True)
    assert (outcome.result, outcome.exit_code, outcome.codes) == (Result.REFUSED, ExitCode.REFUSED, ("PKI034",))
    assert open_journal(enrolled).state is RequestState.REFUSED
    assert enrolled.renew().result is Result.NOT_DUE, "a refusal makes the next unforced run no bolder"
    assert enrolled.at(OPENS).renew().result is Result.RENEWED
    assert len(set(enrolled.double.keys_sent())) == 1, "nothing was used up, so the same request goes again"


def test_a_lost_answer_is_resumed_with_the_same_octets_whatever_the_day(enrolled):
    enrolled.double.script.append(double.lose)
    assert enrolled.at(OPENS).renew().exit_code is ExitCode.UNCERTAIN
    assert enrolled.at(OPENS - SECOND).renew().result is Result.RENEWED
    first, second = (one.body for one in enrolled.double.seen if one.operation is Operation.RENEW)
    assert first == second


@pytest.mark.parametrize("where", ["prepared", "request-leaves", "answered", "accepted", "collected", "in-place"])
def test_a_run_that_ends_anywhere_is_finished_by_the_next(where, enrolled):
    def stop(name):
        if name == where:
            raise KeyboardInterrupt

    enrolled.at(OPENS).step = stop
    with pytest.raises(KeyboardInterrupt):
        enrolled.renew()
    key_pem = (open_journal(enrolled).folder / "key.pem").read_bytes()
    enrolled.step = lambda _name: None
    assert enrolled.renew().exit_code is ExitCode.DONE
    assert (enrolled.live / "key.pem").read_bytes() == key_pem
    assert len(enrolled.double.issued) == 2
    assert open_journal(enrolled) is None


def test_a_revocation_that_the_service_tells_is_remembered(enrolled):
    enrolled.double.script.append(double.refuse(REVOKED))
    outcome = enrolled.at(OPENS).renew()
    assert (outcome.exit_code, outcome.codes) == (ExitCode.REFUSED, ("PKI033",))
    assert f'"revoked": "{serial(enrolled)}"' in (enrolled.folder / "notes.json").read_text()


def test_after_its_end_the_service_has_the_last_word(enrolled):
    """A holder's clock may be wrong, so the client asks."""
    enrolled.double.script.append(double.refuse(Failure("PKI032", "It expired: order a new one.")))
    outcome = enrolled.at(END + SECOND).renew(force=False)
    # The stand-in's signer lives on; a holder's clock may be wrong, so the client asks.
    assert (outcome.result, outcome.codes) == (Result.REFUSED, ("PKI032",))


def test_renewed_by_somebody_else(enrolled):
    enrolled.double.script.append(double.refuse(Failure("PKI035", "Renewed with another key.")))
    assert enrolled.at(OPENS).renew().exit_code is ExitCode.REFUSED
    assert open_journal(enrolled).state is RequestState.REFUSED


def test_an_earlier_answer_in_place_of_ours_keeps_no_renewal_waiting(enrolled):
    """The answer to the enrolment, given once more: its certificate is the old one."""
    (first,) = enrolled.double.issued
    enrolled.double.script.append(double.accept(first))
    outcome = enrolled.at(OPENS).renew()
    assert (outcome.exit_code, texts(outcome)) == (ExitCode.AGAIN, [messages.NOT_OUR_KEY, messages.SENDS_AGAIN])
    assert enrolled.renew().result is Result.RENEWED


def test_an_answer_to_somebody_else_in_place_of_ours_makes_no_second_key(enrolled):
    """Its retrieval id belongs to another customer.

    A renewal with another key would be a second certificate.
    """
    enrolled.double.script.append(double.accept("f" * 32))
    assert enrolled.at(OPENS).renew().exit_code is ExitCode.AGAIN
    assert enrolled.renew().result is Result.RENEWED
    assert len(enrolled.double.issued) == 2


def test_a_renewal_prepared_with_a_certificate_that_was_replaced_is_put_away(enrolled, monkeypatch):
    enrolled.double.script.append(double.lose)
    enrolled.at(OPENS).renew()
    monkeypatch.setattr(double, "TRANSFER_ID", "9" * 32)
    assert enrolled.enrol(operations.TransferIdCredentials("9" * 32, double.PASSWORD)).result is Result.ENROLLED
    assert enrolled.renew().result is Result.NOT_DUE
    assert open_journal(enrolled) is None
    assert len(list((enrolled.folder / "abandoned").glob("renew-*/key.pem"))) == 1


def test_retrieve_with_nothing_to_fetch(enrolled):
    outcome = enrolled.retrieve()
    assert (outcome.result, outcome.exit_code, texts(outcome)) == (
        Result.NOT_DUE,
        ExitCode.DONE,
        [messages.NOTHING_TO_FETCH],
    )


def test_retrieve_fetches_a_renewal(enrolled):
    enrolled.wait = 0
    enrolled.double.script.extend([double.well, double.refuse(double.NOT_READY)])
    assert enrolled.at(OPENS).renew().result is Result.PENDING
    assert enrolled.retrieve().result is Result.RENEWED


def test_retrieve_sends_no_request(enrolled):
    enrolled.double.script.append(double.lose)
    enrolled.at(OPENS).renew()
    asked = len(enrolled.double.seen)
    outcome = enrolled.retrieve()
    assert (outcome.result, outcome.exit_code) == (Result.UNCERTAIN, ExitCode.UNCERTAIN)
    assert len(enrolled.double.seen) == asked


def test_renew_before_the_first_certificate_is_there(holder):
    holder.wait = 0
    holder.double.script.extend([double.well, double.refuse(double.NOT_READY)])
    holder.enrol()
    assert holder.renew().result is Result.ENROLLED


def test_renew_of_an_enrolment_that_never_left(holder):
    holder.enrol(service="http://127.0.0.1:9/")
    outcome = holder.renew()
    assert (outcome.result, outcome.exit_code, texts(outcome)) == (
        Result.PENDING,
        ExitCode.AGAIN,
        [messages.SEND_FIRST],
    )


def test_renew_of_a_name_without_anything(holder):
    holder.enrol(operations.TransferIdCredentials("1", "wrong"))
    with pytest.raises(UsageError) as bad:
        holder.renew()
    assert bad.value.message.text == messages.NOT_ENROLLED


@pytest.mark.parametrize("act", ["renew", "retrieve"])
def test_a_name_that_is_not_there(act, enrolled):
    with pytest.raises(UsageError) as bad:
        getattr(enrolled, act)("other")
    assert bad.value.message.text == messages.UNKNOWN_NAME


DAMAGE = {
    "a key that is not the certificate's": lambda live: (live / "key.pem").write_bytes(
        encoding.dump_private_key(authority.holder_key(5), None)
    ),
    "half a key": lambda live: (live / "key.pem").write_bytes((live / "key.pem").read_bytes()[:50]),
    "no certificate": lambda live: (live / "certificate.pem").unlink(),
    "an empty certificate": lambda live: (live / "certificate.pem").write_bytes(b""),
    "an empty chain": lambda live: (live / "chain.pem").write_bytes(b""),
    "a link to nowhere": lambda live: (live.unlink(), live.symlink_to("generations/00")),
    "no link": lambda live: live.unlink(),
    "broken settings": lambda live: (live.parent / "settings.toml").write_text("x ="),
    "notes that are none": lambda live: (live.parent / "notes.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", [one for name, one in DAMAGE.items() if "notes" not in name])
def test_damage_is_told_and_nobody_is_called(damage, enrolled):
    damage(enrolled.live)
    outcome = enrolled.at(OPENS).renew()
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.STORE)
    assert texts(outcome) == [messages.STORE_DAMAGED]
    assert enrolled.double.seen == []


JOURNALS = {
    "half a journal": lambda folder: (folder / "journal.json").write_bytes(b'{"state": "sen'),
    "an unknown state": lambda folder: (folder / "journal.json").write_text(
        (folder / "journal.json").read_text().replace('"uncertain"', '"elsewhere"')
    ),
    "another key": lambda folder: (folder / "key.pem").write_bytes(
        encoding.dump_private_key(authority.holder_key(5), None)
    ),
    "half a key": lambda folder: (folder / "key.pem").write_bytes(b"-----BEGIN"),
}


@pytest.mark.parametrize("damage", JOURNALS.values(), ids=JOURNALS)
def test_a_damaged_journal_is_told(damage, enrolled):
    enrolled.double.script.append(double.lose)
    enrolled.at(OPENS).renew()
    damage(open_journal(enrolled).folder)
    assert enrolled.renew().exit_code is ExitCode.STORE


def test_trouble_with_one_name_stops_no_other(enrolled, monkeypatch):
    for number, name in enumerate(("benefits", "wages"), start=1):
        monkeypatch.setattr(double, "TRANSFER_ID", f"{number}" * 32)
        enrolled.enrol(operations.TransferIdCredentials(f"{number}" * 32, double.PASSWORD), name)
    (enrolled.store / "benefits" / "live" / "key.pem").unlink()
    enrolled.at(OPENS).double.script.append(double.refuse(TOO_EARLY))
    run = enrolled.run
    outcomes = operations.run_for_all(run, None, lambda name: operations.renew(run, name, force=False))
    assert [(one.name, one.exit_code) for one in outcomes] == [
        ("benefits", ExitCode.STORE),
        (NAME, ExitCode.REFUSED),
        ("wages", ExitCode.DONE),
    ]
    assert highest_exit_code(outcomes) is ExitCode.STORE


def test_all_passes_over_a_name_whose_enrolment_was_refused(enrolled):
    enrolled.enrol(operations.TransferIdCredentials("1", "wrong"), "benefits")
    run = enrolled.at(OPENS).run
    first, second = operations.run_for_all(run, None, lambda name: operations.renew(run, name, force=False))
    assert (first.result, first.exit_code, texts(first)) == (Result.NOT_DUE, ExitCode.DONE, [messages.NOT_ENROLLED])
    assert second.result is Result.RENEWED


OPEN_ONLY = {
    "refused": (double.refuse(Failure("PKI004", "Wrong.")), messages.ONLY_ASKED_FOR),
    "refused for good": (double.refuse(Failure("PKI006", "Used.")), messages.ONLY_ASKED_FOR),
    "lost": (double.lose, messages.ONLY_OPEN),
    "put off": (double.refuse(Failure("PKI090", "Later.")), messages.ONLY_OPEN),
}


@pytest.mark.parametrize(("behaviour", "text"), OPEN_ONLY.values(), ids=OPEN_ONLY)
def test_among_all_an_open_enrolment_is_nothing_to_renew(behaviour, text, holder):
    holder.double.script.append(behaviour)
    holder.enrol()
    asked = len(holder.double.seen)
    (one,) = operations.run_for_all(
        holder.run, None, lambda name: operations.renew(holder.run, name, force=True, among_all=True)
    )
    assert (one.result, one.exit_code, texts(one)) == (Result.NOT_DUE, ExitCode.DONE, [text])
    assert len(holder.double.seen) == asked


def test_among_all_what_was_accepted_is_fetched(holder):
    holder.wait = 0
    holder.double.script.extend([double.well, double.refuse(double.NOT_READY)])
    holder.enrol()
    assert operations.renew(holder.run, NAME, force=False, among_all=True).result is Result.ENROLLED


def test_a_kept_key_type_that_is_not_taken_is_told_with_its_place(enrolled):
    enrolled.double.script.append(double.refuse(Failure("PKI011", "Not this key.")))
    outcome = enrolled.at(OPENS).renew()
    assert texts(outcome)[1:] == [messages.OTHER_KEY_KEPT]
    assert outcome.messages[1].values["path"] == str(enrolled.folder / "settings.toml")


def test_a_fault_of_ours_with_one_name_stops_no_other(enrolled):
    enrolled.enrol(operations.TransferIdCredentials("1", "wrong"), "benefits")

    def act(name):
        if name == "benefits":
            raise ZeroDivisionError
        return enrolled.renew(name)

    first, second = operations.run_for_all(enrolled.run, None, act)
    assert (first.result, first.exit_code, texts(first)) == (Result.FAILED, ExitCode.FAULT, [messages.OUR_FAULT])
    assert second.result is Result.NOT_DUE


def test_all_of_a_store_that_is_not_there(holder):
    with pytest.raises(UsageError) as bad:
        operations.run_for_all(holder.run, None, lambda name: operations.renew(holder.run, name, force=False))
    assert bad.value.message.text == messages.NO_STORE


def test_a_disk_that_refuses_is_told(enrolled, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device", "key.pem")

    monkeypatch.setattr(files, "write_folder", refuse)
    outcome = enrolled.at(OPENS).renew()
    assert (outcome.exit_code, texts(outcome)) == (ExitCode.STORE, [messages.STORE_UNUSABLE])
    assert enrolled.double.seen == []
    assert IDS.digest


def test_a_renewal_that_only_had_to_be_put_in_place_gives_way_to_a_newer_order(enrolled, monkeypatch):
    def stop(name):
        if name == "collected":
            raise KeyboardInterrupt

    enrolled.at(OPENS).step = stop
    with pytest.raises(KeyboardInterrupt):
        enrolled.renew()
    enrolled.step = lambda _name: None
    monkeypatch.setattr(double, "TRANSFER_ID", "9" * 32)
    assert enrolled.enrol(operations.TransferIdCredentials("9" * 32, double.PASSWORD)).result is Result.ENROLLED
    ordered = (enrolled.live / "certificate.pem").read_bytes()
    assert enrolled.renew().result is Result.NOT_DUE
    assert (enrolled.live / "certificate.pem").read_bytes() == ordered
    assert len(list((enrolled.folder / "abandoned").glob("renew-*/key.pem"))) == 1
