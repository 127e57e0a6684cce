"""Attacks on the way between two machines: swapped and replayed files, and changed data.

docs/operators/ceremony.md has the guarantees.
"""

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.authority.ceremony_requests import (
    begin_founding,
    import_founding,
    import_signed,
    request_lists,
    request_officers,
)
from sinetti.authority.offline_medium import open_medium, read_registry
from sinetti.ca.ceremony.sets import CeremonyKind, canonical, parse_request_set
from sinetti.ca.ceremony.shares import combine_shares, parse_share
from sinetti.ca.ceremony.words import CeremonyError, digest_words, word_of
from sinetti.ca.issuance_request import RevokedEntry
from sinetti.pki.encoding import serial_hex
from sinetti.services.approvals.officers import list_officers
from sinetti.services.status.crl import current_crl
from tests.ca.ceremony.making import csr
from tests.support.ceremonies import NOW, QUICK, ROOTS, ceremony, founded, founding, options, plan_text
from tests.support.registers import all_connections_closed

TEXT = plan_text(hierarchy=QUICK)
LISTS, OFFICERS = plan_text(CeremonyKind.LISTS), plan_text(CeremonyKind.OFFICERS)
FIRST = "DataProvidersTestIssuingCAv1"


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture
def there(tmp_path):
    return founded().copied_to(tmp_path)


def swapped(done, request):
    """Put another request on the disk, whose words are not on the paper."""
    (done.exchange / "request-set.json").write_bytes(request.octets)
    return done


def test_a_swapped_disk_is_noticed_on_the_offline_machine(tmp_path):
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    evil = begin_founding(tmp_path / "evil", founding(hierarchy=QUICK))
    done = swapped(ceremony(tmp_path, TEXT, request), evil)
    with pytest.raises(CeremonyError, match="the file was swapped"):
        done.run()
    assert not (tmp_path / "medium").exists()
    assert sum("Type the words" in prompt for prompt, _ in done.desk.asked) == 3


def forged(tmp_path, point):
    """Return a folder in which another ceremony went on up to a point, with other keys and sheets."""
    (tmp_path / "evil").mkdir()
    evil = ceremony(tmp_path / "evil", TEXT, begin_founding(tmp_path / "evil" / "authority", founding(hierarchy=QUICK)))

    def stop(reached):
        if reached == point:
            raise KeyboardInterrupt

    evil.step = stop
    with pytest.raises(KeyboardInterrupt):
        evil.run()
    shutil.copytree(evil.exchange, tmp_path / "carried")
    return evil


@pytest.mark.parametrize("point", ["step request", "step sign", "step result"])
def test_a_forged_record_of_an_interrupted_ceremony_does_not_replace_the_words(point, tmp_path):
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    forged(tmp_path, point)
    done = ceremony(tmp_path, TEXT)
    done.desk.words = " ".join(digest_words(request.octets))
    with pytest.raises(CeremonyError, match="the file was swapped"):
        done.run()
    assert not (tmp_path / "medium").exists()


def test_a_forged_record_of_an_interrupted_ceremony_does_not_replace_the_people(tmp_path):
    forged(tmp_path, "step present")
    done = ceremony(tmp_path, TEXT)
    record = done.exchange / "ceremony-so-far.json"
    value = json.loads(record.read_bytes())
    record.write_bytes(canonical({**value, "present": [one for one in value["present"] if one["role"] != "witness"]}))
    with pytest.raises(CeremonyError, match="the people present are not those"):
        done.run()
    record.write_bytes(canonical({**value, "steps": value["steps"][1:]}))
    with pytest.raises(CeremonyError, match="another ceremony was begun"):
        done.run()


@pytest.mark.parametrize("point", ["step sign", "step result"])
def test_a_result_that_the_keys_of_the_medium_did_not_sign(point, tmp_path):
    """Another ceremony for the same request has another root, and the folder says that it was done."""
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    mine = ceremony(tmp_path, TEXT, request)
    mine.run()
    shutil.rmtree(mine.exchange)
    evil = ceremony(tmp_path, TEXT, request, exchange="evil")
    evil.place = tmp_path / "evil-medium"
    evil.step = lambda reached: shutil.copytree(evil.exchange, mine.exchange) if reached == point else None
    evil.run()
    with pytest.raises(CeremonyError, match="not the one that this ceremony wrote"):
        ceremony(tmp_path, TEXT, request).run()


def test_a_forged_name_of_another_result(tmp_path):
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    done = ceremony(tmp_path, TEXT, request)
    done.run()
    (done.exchange / "transcript.json").rename(done.exchange / "ceremony-so-far.json")
    forge(done.exchange / "ceremony-so-far.json")
    with pytest.raises(CeremonyError, match="not the one that this ceremony wrote"):
        ceremony(tmp_path, TEXT, request).run()


def forge(record):
    octets = record.read_bytes()
    value = json.loads(octets)
    digest = dict(fact for step in value["steps"] for fact in step["facts"])["result"]
    record.write_bytes(octets.replace(digest.encode(), b"0" * 64))


FORGED = {"a void medium": ("media-begun.txt", b"\x1b[2J"), "a fact": ("ceremony-so-far.json", b"\\u001b[2J")}


@pytest.mark.parametrize(("name", "octets"), FORGED.values(), ids=FORGED)
def test_control_characters_in_the_folder_do_not_reach_the_terminal(name, octets, tmp_path):
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    begun = ceremony(tmp_path, TEXT, request)
    begun.desk.answers["sheet AB A back"] = EOFError
    with pytest.raises(CeremonyError, match="the same command"):
        begun.run()
    path = begun.exchange / name
    known = request.sha256.encode()
    path.write_bytes(path.read_bytes().replace(known, octets + known) if name.endswith("json") else octets)
    done = ceremony(tmp_path, TEXT, request)
    with pytest.raises(CeremonyError, match=r"is not in the list of words|was changed"):
        done.run()
    assert not any("\x1b" in text for text in done.desk.shown)


def test_a_swapped_result_is_noticed_on_the_online_machine_by_its_request(tmp_path):
    """The words protect the result too; tests/cli/test_ceremony.py types them."""
    begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    (tmp_path / "evil").mkdir()
    evil = begin_founding(tmp_path / "evil" / "authority", founding(hierarchy=QUICK))
    ceremony(tmp_path / "evil", TEXT, evil).run()
    result = (tmp_path / "evil" / "carried" / "result-set.json").read_bytes()
    with pytest.raises(CeremonyError, match="answers another request"):
        import_founding(tmp_path / "authority", result, options())
    assert not list((tmp_path / "authority" / "ca").iterdir())


@pytest.mark.parametrize("change", ["an extra CSR", "a CSR of another name", "a CSR with another CA's key"])
def test_a_request_that_asks_for_more_than_the_plan(change, tmp_path):
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    changes = {
        "an extra CSR": {"EvilCA": csr(FIRST, cn="Evil CA")},
        "a CSR of another name": {FIRST: csr(FIRST, cn="Evil CA")},
        "a CSR with another CA's key": {FIRST: request.requests["ServicesTestIssuingCAv1"]},
    }
    evil = replace(request, requests={**request.requests, **changes[change]})
    with pytest.raises(CeremonyError, match=r"EvilCA|Evil CA|has the name"):
        ceremony(tmp_path, TEXT, evil).run()
    assert not (tmp_path / "medium").exists()


def test_an_older_request_is_not_signed_again(there, tmp_path):
    authority = there.opened()
    old = request_lists(authority)
    new = request_lists(authority)
    there.answer(tmp_path, new, LISTS)
    with pytest.raises(CeremonyError, match="the request is old"):
        there.answer(tmp_path, old, LISTS, "old")


def test_an_older_result_is_not_taken_in(there, tmp_path):
    authority = there.opened()
    old = there.answer(tmp_path, request_lists(authority), LISTS, "old")
    request_lists(authority)
    before = {name: current_crl(name, 0, authority.ctx, "request").number for name in ROOTS}
    with pytest.raises(CeremonyError, match="answers another request"):
        import_signed(authority, old, options(NOW + timedelta(hours=4)))
    assert {name: current_crl(name, 0, authority.ctx, "request").number for name in ROOTS} == before


def test_officers_of_an_older_ceremony_do_not_come_back(there, tmp_path):
    authority = there.opened()
    old = there.answer(tmp_path, request_officers(authority), OFFICERS, "old")
    import_signed(authority, old, options(NOW + timedelta(hours=4)))
    request_officers(authority)
    with pytest.raises(CeremonyError, match="answers another request"):
        import_signed(authority, old, options(NOW + timedelta(hours=5)))
    assert len(list_officers(authority.ctx)) == 2


def test_an_entry_that_is_missing_in_the_data(there, tmp_path):
    """The medium remembers the last list, also if the online machine does not."""
    serial = serial_hex(read_registry(there.medium).certificates()[FIRST].serial_number)
    entry = RevokedEntry(serial, NOW, "cACompromise")
    first = request_lists(there.opened())
    revoked = replace(
        first, lists=tuple(replace(one, entries=(entry,) if one.name == ROOTS[1] else ()) for one in first.lists)
    )
    there.answer(tmp_path, revoked, LISTS)
    with pytest.raises(CeremonyError, match=f"no entry for {serial}"):
        there.answer(tmp_path, request_lists(there.opened()), LISTS, "third")


def test_data_of_a_list_that_name_a_certificate_of_another_ca(there, tmp_path):
    entry = RevokedEntry(serial_hex(7), NOW, "cACompromise")
    request = request_lists(there.opened())
    wrong = replace(request, lists=tuple(replace(one, entries=(entry,)) for one in request.lists))
    with pytest.raises(CeremonyError, match="has issued no certificate 07"):
        there.answer(tmp_path, wrong, LISTS)


def test_a_changed_file_has_other_words(tmp_path):
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))
    value = json.loads(request.octets)
    changed = parse_request_set(canonical({**value, "nonce": "1" * 64}))
    assert digest_words(changed.octets) != digest_words(request.octets)


def test_one_share_that_was_changed(there):
    line = there.sheets["AB", "A"]
    words = line.split()
    for wrong, why in (
        (" ".join((*words[:9], word_of(77) if words[9] != word_of(77) else word_of(78), *words[10:])), "is wrong"),
        (line.replace(words[9], "kalala"), "“kalala” is not in the list"),
    ):
        with pytest.raises(CeremonyError, match=why):
            parse_share(wrong)
    good = combine_shares(parse_share(line), parse_share(there.sheets["AB", "B"]))
    assert open_medium(there.medium, good).keys.keys() == set(ROOTS)
    with pytest.raises(CeremonyError, match="do not open the medium"):
        open_medium(there.medium, bytes([good[0] ^ 1]) + good[1:])
