"""Mailbox of the bench, on its own: messages survive a kill, each once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Language
from sinetti.notifications.context import RenderedMessage, TemporaryFailure
from sinetti.testbench.mail.mailbox import Mailbox, MessageStore

NOW = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
OWED = NOW - timedelta(hours=3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "messages.jsonl"


def mailbox(letters, now=NOW):
    return Mailbox(letters, lambda: now, {"1": OWED}.get)


def letter(number="1", text="Varmenne vanhenee.\nÅ, ä ja ö säilyvät.\u2028", channel=MessageChannel.EMAIL):
    to, subject = ("maija@customer.example", "Päättyy") if channel is MessageChannel.EMAIL else ("+358401", "")
    return RenderedMessage(number, MessageKind.REMINDER, channel, to, Language.FI, subject, text)


def test_a_letter_is_kept_with_all_that_is_shown_of_it(path):
    mailbox(MessageStore(path)).deliver(letter())
    (entry,) = MessageStore(path).all()
    assert entry.text == letter().text
    assert (entry.id, entry.to, entry.channel, entry.subject) == ("1", "maija@customer.example", "email", "Päättyy")
    assert (entry.kind, entry.language) == ("reminder", "fi")
    assert (entry.created, entry.sent) == ("2027-03-03T08:03:00Z", "2027-03-03T11:03:00Z")


def test_an_sms_has_no_subject_and_who_has_no_row_no_begin(path):
    mailbox(MessageStore(path)).deliver(letter("2", channel=MessageChannel.SMS))
    (entry,) = MessageStore(path).all()
    assert (entry.to, entry.subject, entry.created) == ("+358401", None, None)


def test_the_same_id_again_is_there_already(path):
    letters = MessageStore(path)
    mailbox(letters).deliver(letter(text="first"))
    mailbox(letters, NOW + timedelta(days=1)).deliver(letter(text="second"))
    mailbox(MessageStore(path)).deliver(letter(text="after a restart"))
    assert [one.text for one in letters.all()] == ["first"]
    assert path.read_bytes().count(b"\n") == 1


def test_oldest_first_though_the_clock_went_back_a_little(path):
    letters = MessageStore(path)
    mailbox(letters).deliver(letter("late"))
    mailbox(letters, NOW - timedelta(seconds=30)).deliver(letter("early"))
    mailbox(letters).deliver(letter("late too"))
    assert [one.id for one in letters.all()] == ["early", "late", "late too"]


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_a_kill_cut_off_is_gone_and_comes_again(path, cut):
    mailbox(MessageStore(path)).deliver(letter("1"))
    whole = path.read_bytes()
    mailbox(MessageStore(path)).deliver(letter("2"))
    path.write_bytes(path.read_bytes()[: len(whole) + cut])
    letters = MessageStore(path)
    assert [one.id for one in letters.all()] == ["1"]
    assert path.read_bytes() == whole
    mailbox(letters).deliver(letter("2"))
    assert [one.id for one in MessageStore(path).all()] == ["1", "2"]


def test_several_write_into_one_file(path):
    """Each writer opens the file for itself, as processes do.

    The lock belongs to the open file.
    """

    def deliver(number):
        own = MessageStore(path)
        for at in range(20):
            mailbox(own).deliver(letter(f"{number}-{at}"))

    letters = MessageStore(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, range(4)))
    assert {one.id for one in letters.all()} == {f"{number}-{at}" for number in range(4) for at in range(20)}


def test_a_file_that_cannot_be_written_is_told_without_an_address(tmp_path):
    with pytest.raises(TemporaryFailure, match="cannot be written") as told:
        mailbox(MessageStore(tmp_path / "nowhere" / "file")).deliver(letter())
    assert "@" not in str(told.value)


def test_only_its_owner_reads_it(path):
    mailbox(MessageStore(path)).deliver(letter())
    assert path.stat().st_mode & 0o777 == 0o600
