"""Reader of a log: what it accepts after what it saw, whose keys it trusts, and how many cosignatures it demands."""

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sinetti.wire.transparency.continuity import LogForked
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import COSIGNATURE, NoteError, NoteSigner, SignedNote
from sinetti.wire.transparency.observer import (
    OLD_AFTER,
    LogAbsent,
    LogMemory,
    LogPolicy,
    LogReader,
    LogUnavailable,
    MemoryDamaged,
    OlderHead,
    TooFewCosignatures,
    origin_of,
)
from tests.support import golden
from tests.support.authority import NOW
from tests.support.logs import LOG_KEY, NEXT_KEY, ORIGIN, WRONG_KEY
from tests.support.served_logs import ServedLog

THIRD_KEY = NoteSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([14]) * 32))
WITNESSES = tuple(
    NoteSigner(
        f"witness-{number}.example", Ed25519PrivateKey.from_private_bytes(bytes([20 + number]) * 32), COSIGNATURE
    )
    for number in range(3)
)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
PINNED = LogPolicy(LOG_KEY.verifier)


@pytest.fixture
def log():
    one = ServedLog()
    one.add(300)
    return one


def reader(log, policy=PINNED, memory=None):
    return LogReader(log.origin, policy, memory or LogMemory(), log.fetch)


def seen(log, policy=PINNED, memory=None) -> LogMemory:
    """Return the memory after one look, as a caller stores it and reads it again."""
    one = reader(log, policy, memory)
    one.read_head(NOW)
    return LogMemory.parse(one.memory.dump())


def test_the_newest_head_is_kept_and_continued(log):
    memory = seen(log)
    assert memory == LogMemory((LOG_KEY.verifier,), log.checkpoint)
    log.add(500)
    assert seen(log, memory=memory).checkpoint == log.checkpoint
    assert len(log.asked) < 10


def test_the_same_head_costs_one_request(log):
    memory = seen(log)
    log.asked.clear()
    assert seen(log, memory=memory) == memory
    assert log.asked == ["checkpoint"]


def test_without_a_key_the_first_one_that_the_log_shows_is_kept(log):
    memory = seen(log, LogPolicy())
    assert memory.keys == (LOG_KEY.verifier,)
    log.signers = (WRONG_KEY,)
    with golden.refused("sentences/log-heads/another-key", ProofError):
        seen(log, LogPolicy(), memory)


def rewound(log):
    del log.entries[200:]


def other(log):
    log.entries[7] = b"other"
    log.add()


FORKS = {"rewound": rewound, "another history": other}


@pytest.mark.parametrize("change", FORKS.values(), ids=FORKS)
def test_a_fork_is_kept_with_both_heads_until_the_log_proves_both(log, change):
    memory, whole = seen(log), list(log.entries)
    change(log)
    one = reader(log, memory=memory)
    with pytest.raises(LogForked) as forked:
        one.read_head(NOW)
    memory = LogMemory.parse(memory.with_fault(forked.value).dump())
    assert (memory.checkpoint, memory.fork, memory.why) == (forked.value.kept, log.checkpoint, str(forked.value))
    log.add(3)
    with pytest.raises(LogForked) as again:
        reader(log, memory=memory).read_head(NOW)
    assert memory.with_fault(again.value).fork == memory.fork
    # The operator shows the first history again. The other head was signed, so the contradiction stays.
    log.entries = [*whole, b"later"]
    if change is other:
        with pytest.raises(LogForked) as still:
            reader(log, memory=memory).read_head(NOW)
        assert (still.value.kept, still.value.new) == (memory.checkpoint, memory.fork)
    else:  # an older head of the same history, as a copy of the service shows it
        assert seen(log, memory=memory) == LogMemory(memory.keys, log.checkpoint)


def test_a_changed_tile_is_a_fork_only_as_long_as_it_is_changed(log):
    memory, tile = seen(log), log.tile
    log.add(300)
    log.tile = lambda name: bytes(len(tile(name)))
    with pytest.raises(LogForked) as forked:
        reader(log, memory=memory).read_head(NOW)
    log.tile = tile
    assert seen(log, memory=memory.with_fault(forked.value)) == LogMemory(memory.keys, log.checkpoint)


def test_a_changed_key_is_followed_by_its_entries(log):
    memory = seen(log)
    log.rotate(NEXT_KEY)
    memory = seen(log, memory=memory)
    assert memory.keys == (NEXT_KEY.verifier, LOG_KEY.verifier)
    log.rotate(THIRD_KEY)
    log.signers = (THIRD_KEY,)
    keys = (THIRD_KEY.verifier, NEXT_KEY.verifier, LOG_KEY.verifier)
    assert seen(log, memory=memory).keys == keys
    # Two changes that were missed, from the first key alone, pinned or not.
    assert seen(log, PINNED).keys == keys
    assert seen(log, LogPolicy(), LogMemory((LOG_KEY.verifier,))).keys == keys
    # The settings name the newest key by now.
    assert seen(log, LogPolicy(THIRD_KEY.verifier), memory).keys[0] == THIRD_KEY.verifier


def test_a_replaced_key_signs_nothing_new(log):
    log.rotate(NEXT_KEY)
    memory = seen(log)
    log.signers = (LOG_KEY,)
    assert seen(log, memory=memory).keys == memory.keys
    log.add()
    with golden.refused("sentences/log-heads/a-replaced-key", ProofError):
        seen(log, memory=memory)


def without_entry(log):
    log.changes.clear()


def of_another_key(log):
    log.changes = {LOG_KEY.verifier.key_id.hex(): len(log.entries)}
    fake = ServedLog(signers=(WRONG_KEY,))
    fake.rotate(NEXT_KEY)
    log.entries += fake.entries


def unsigned(log):
    (index,) = log.changes.values()
    log.entries[index] = log.entries[index].replace(b'"signed_by_old":"', b'"signed_by_old":"AA')


CHANGES = {"no entry": without_entry, "a change of another key": of_another_key, "a forged change": unsigned}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_key_without_its_entry_is_refused(log, change):
    memory = seen(log)
    log.rotate(NEXT_KEY)
    log.signers = (NEXT_KEY,)
    change(log)
    with pytest.raises((ProofError, NoteError)):
        seen(log, memory=memory)


def test_a_change_that_the_log_does_not_have_is_refused(log):
    memory, other_log = seen(log), ServedLog()
    other_log.rotate(NEXT_KEY)
    log.signers = (NEXT_KEY,)
    fetch = log.fetch
    log.fetch = lambda path: other_log.fetch(path) if path.startswith("key/") else fetch(path)
    with pytest.raises(LogForked):
        seen(log, memory=memory)


def test_a_key_of_another_log_is_refused(log):
    key = dataclasses.replace(LOG_KEY, name="other.example/log").verifier
    with golden.refused("sentences/log-heads/a-key-of-another-log", ProofError):
        seen(log, LogPolicy(key))


def demanding(count, *witnesses):
    return LogPolicy.parse(str(LOG_KEY.verifier), count, [str(one.verifier) for one in witnesses or WITNESSES])


def test_cosignatures_of_different_witnesses_are_demanded(log):
    log.witnesses = WITNESSES[:2]
    memory = seen(log, demanding(2))
    said = golden.refusals({"two of three": partial(seen, log, demanding(3))}, TooFewCosignatures)
    # The kept head has them, also if a proof has left them out.
    log.witnesses = ()
    assert seen(log, demanding(2), memory) == memory
    log.add()
    said += golden.refusals({"none": partial(seen, log, demanding(1), memory)}, TooFewCosignatures)
    rotated = NoteSigner(WITNESSES[0].name, THIRD_KEY.key, COSIGNATURE)
    log.witnesses = (WITNESSES[0], rotated)
    twice = partial(seen, log, demanding(2, *WITNESSES, rotated), memory)
    said += golden.refusals({"two keys of one witness": twice}, TooFewCosignatures)
    log.witnesses = (rotated,)
    said += golden.refusals({"an unknown key": partial(seen, log, demanding(1), memory)}, TooFewCosignatures)
    golden.check("sentences/log-heads/cosignatures", {"en.txt": said})


def test_a_fork_is_found_before_cosignatures_are_counted(log):
    memory = seen(log)
    other(log)
    with pytest.raises(LogForked):
        seen(log, demanding(1), memory)


BAD = {
    "more cosignatures than witnesses": (3, WITNESSES[:2]),
    "two keys of one witness": (2, (WITNESSES[0], NoteSigner(WITNESSES[0].name, THIRD_KEY.key, COSIGNATURE))),
    "the key of a log": (1, (LOG_KEY,)),
}


@pytest.mark.parametrize(("count", "witnesses"), BAD.values(), ids=BAD)
def test_settings_that_cannot_be_met(count, witnesses):
    with pytest.raises(NoteError):
        demanding(count, *witnesses)


def test_a_log_that_is_away_or_absent(log):
    log.is_away = True
    with pytest.raises(LogUnavailable):
        seen(log)
    log.is_away, log.is_gone = False, True
    with pytest.raises(LogAbsent):
        seen(log)
    with pytest.raises(LogUnavailable, match="shows no key"):
        LogReader(ORIGIN, LogPolicy(), LogMemory(), log.fetch).accept(log.checkpoint)


@pytest.mark.parametrize(
    "octets",
    [
        b"[" * 100_000,
        b"",
        b"{}",
        b"[]",
        b'{"keys": ["?"]}',
        b'{"keys": [], "checkpoint": "?", "fork": null, "why": null}',
    ],
)
def test_a_damaged_memory_is_no_new_beginning(octets):
    with pytest.raises(MemoryDamaged):
        LogMemory.parse(octets)


def dated(log, at, memory=None):
    """Return the memory after one look at a log whose newest head has this date."""
    log.dated = at
    return seen(log, memory=memory)


def test_the_newest_head_is_dated_within_a_day_of_the_reader(log):
    for at in (NOW - OLD_AFTER, NOW, NOW + OLD_AFTER):
        assert dated(log, at).checkpoint == log.checkpoint
    others = (NOW - OLD_AFTER - SECOND, NOW + OLD_AFTER + SECOND, datetime.max.replace(tzinfo=UTC))
    said = golden.refusals({f"{at:%Y-%m-%d %H:%M:%S}": partial(dated, log, at) for at in others}, ProofError)
    golden.check("sentences/log-heads/dates", {"en.txt": said})
    for log.dated in others:
        reader(log).read_head(None)  # without the machine's time no date is old


def test_an_old_head_that_continues_the_last_one_is_kept(log):
    memory = dated(log, NOW)
    log.add()
    log.dated = NOW - 2 * OLD_AFTER
    one = reader(log, memory=memory)
    with pytest.raises(ProofError, match="a day from"):
        one.read_head(NOW)
    assert one.memory.checkpoint == log.checkpoint


def test_a_date_that_the_key_did_not_sign_is_refused(log):
    log.dated = NOW - 2 * OLD_AFTER
    note = log.checkpoint
    at, other = (int(one.timestamp()).to_bytes(8) for one in (NOW - 2 * OLD_AFTER, NOW))
    signed = SignedNote.parse(note)
    changed = [(name, number, rest.replace(at, other)) for name, number, rest in signed.signatures]
    log.fetch = lambda _path: bytes(SignedNote(signed.text, tuple(changed)))
    with golden.refused("sentences/log-heads/another-date", ProofError):
        seen(log)


def without_dates(log):
    log.dated = None
    log.add()


RETURNS = {
    "fewer entries": (lambda log: log.entries.pop(), OlderHead),
    "an earlier date": (lambda log: setattr(log, "dated", NOW - HOUR), OlderHead),
    "no date": (lambda log: setattr(log, "dated", None), OlderHead),
    "later heads without dates": (without_dates, ProofError),
}


def test_a_return_to_an_older_head_is_refused():
    said = []
    for name, (change, error) in RETURNS.items():
        log, whole = ServedLog(), ServedLog()
        log.add(300)
        whole.add(300)
        whole.add()
        memory = dated(log, NOW)
        change(log)
        log.fetch = lambda path, log=log, whole=whole: log.checkpoint if path == "checkpoint" else whole.fetch(path)
        said.append(golden.refusals({name: partial(seen, log, memory=memory)}, error))
    golden.check("sentences/log-heads/older", {"en.txt": "\n".join(said)})


def test_an_older_head_of_a_cache_is_waited_out(log):
    memory, slept = dated(log, NOW), []
    log.dated = NOW - HOUR

    def sleep(seconds):
        slept.append(seconds)
        log.dated = NOW

    assert reader(log, memory=memory).read_head(NOW, sleep).size == 300
    assert len(slept) == 1


def test_a_key_that_replaced_another_dates_the_heads(log):
    memory = dated(log, NOW)
    log.rotate(NEXT_KEY)
    memory = dated(log, NOW + HOUR, memory)
    with pytest.raises(OlderHead):
        dated(log, NOW, memory)


def test_a_dated_head_costs_one_request(log):
    memory = dated(log, NOW)
    log.asked.clear()
    assert dated(log, NOW, memory) == memory
    assert log.asked == ["checkpoint"]


def test_origin():
    assert origin_of("http://pki.example/log") == "pki.example/log"


def test_cosignatures_of_a_new_head_are_waited_for(log):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            log.witnesses = WITNESSES

    assert reader(log, demanding(3)).read_head(NOW, sleep).size == 300
    assert (len(slept), log.asked.count("checkpoint")) == (2, 3)
    log.witnesses = ()
    with pytest.raises(TooFewCosignatures):
        reader(log, demanding(3)).read_head(NOW, slept.append)
    assert len(slept) == 4


def test_keys_that_replace_each_other_in_a_circle_come_to_an_end(log):
    memory = seen(log)
    log.rotate(NEXT_KEY)
    log.rotate(LOG_KEY)
    log.signers = (NEXT_KEY, LOG_KEY)
    log.asked.clear()
    assert seen(log, memory=memory).checkpoint == log.checkpoint
    assert sum(one.startswith("key/") for one in log.asked) == 16
