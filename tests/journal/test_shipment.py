"""Shipment of journals: copies elsewhere only grow, and differences are named."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from sinetti.journal import month_files, reader, shipment
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.shipment import (
    FolderTarget,
    SftpTarget,
    ShipmentDiffers,
    ShipmentError,
    ShipmentRecord,
    Shipper,
    shipping_lag,
    target_of,
)
from sinetti.journal.writer import Journal, JournalEntry, JournalHeader
from tests.support import golden

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MONTH = timedelta(days=31)
SERVER = Path("/usr/lib/openssh/sftp-server")
OWNER = JournalHeader("ab" * 16, "TEST", "north")


class Sender:
    """A journal, its folder, and the place to which it is shipped."""

    def __init__(self, root: Path, target) -> None:
        self.root, self.now = root, NOW
        self.folder, self.there, self.record = root / "journal", root / "there", root / "journal-shipped.json"
        self.there.mkdir()
        self.journal = Journal(self.folder, OWNER, lambda: self.now)
        self.target = target or FolderTarget(self.there)

    def write(self, *serials):
        self.journal.append([JournalEntry("fetched", {"serial": one, "at": "2027-03-01T12:00:00Z"}) for one in serials])

    def ship(self, **options):
        shipper = Shipper(self.folder, OWNER.instance_id, self.record, "there", self.target)
        return shipper.ship(self.now, **options)

    @property
    def lag(self):
        return shipping_lag(self.record, self.folder, self.now)

    @property
    def copy(self) -> Path:
        (found,) = self.there.glob("*.jsonl")
        return found

    def facts(self) -> list[str]:
        lines = (line for path in sorted(self.there.glob("*.jsonl")) for line in reader.read(path))
        return [line.facts["serial"] for line in lines if line.kind == "fetched"]


def _folder(_root):
    return None


def _sftp(root):
    if shutil.which("sftp") is None or not SERVER.exists():
        pytest.skip("OpenSSH's sftp and sftp-server are not installed")
    return SftpTarget("copies", None, str(root / "there"), ("sftp", "-D", str(SERVER)))


@pytest.fixture(params=[_folder, _sftp], ids=["folder", "sftp"])
def sender(request, tmp_path):
    """Yield a sender with a journal of three lines, by both kinds of target."""
    one = Sender(tmp_path, request.param(tmp_path))
    one.write("01", "02")
    yield one
    one.journal.close()


@pytest.fixture
def plain(tmp_path):
    """Yield a sender to a folder."""
    one = Sender(tmp_path, None)
    one.write("01", "02")
    yield one
    one.journal.close()


def test_each_round_adds_what_is_new(sender):
    assert sender.lag is None
    assert sender.ship() == shipment.ShipmentReport(lines=3, lists=0, journals=1)
    assert sender.lag == timedelta(0)
    assert sender.ship().lines == 0
    sender.write("03")
    sender.now += timedelta(minutes=7)
    assert sender.lag == timedelta(minutes=7)
    assert sender.ship().lines == 1
    assert sender.facts() == ["01", "02", "03"]
    assert reader.verify(sender.copy) == 4
    assert sender.copy.stat().st_mode & 0o077 == 0


def test_the_copy_keeps_its_name_when_the_month_ends(sender):
    sender.ship()
    sender.write("03")
    sender.now += MONTH
    sender.write("04")
    (ended,) = month_files.ended_files(sender.folder)
    month_files.compress(ended)
    assert sender.lag == MONTH
    assert sender.ship().journals == 2
    assert sorted(sender.facts()) == ["01", "02", "03", "04"]
    assert sender.lag == timedelta(0)
    assert sum(end.is_whole for end in ShipmentRecord.load(sender.record).ends.values()) == 1
    assert sender.ship().lines == 0


def test_an_upload_that_was_cut_off_goes_on(sender):
    sender.ship()
    before = sender.copy.read_bytes()
    sender.write("03")
    sender.ship()
    whole = sender.copy.read_bytes()
    sender.copy.write_bytes(whole[: len(before) + 20])
    assert sender.ship().lines == 1
    assert sender.copy.read_bytes() == whole
    sender.record.unlink()  # the record is a hint alone
    sender.copy.write_bytes(whole[:10])
    sender.ship()
    assert sender.copy.read_bytes() == whole


def test_lists_are_shipped_too(sender):
    (sender.folder / "ca.1.7.crl").write_bytes(b"list")
    (sender.folder / "other.crl").write_bytes(b"not a list's name")
    assert sender.ship().lists == 1
    assert sender.ship().lists == 0
    assert (sender.there / "ca.1.7.crl").read_bytes() == b"list"


def _changed(octets: bytes) -> bytes:
    return octets.replace(b'"01"', b'"09"')


def _longer(octets: bytes) -> bytes:
    return octets + b"more\n"


def _last_changed(octets: bytes) -> bytes:
    return octets[:-3] + b"0" + octets[-2:]


@pytest.mark.parametrize(("change", "intact"), [(_longer, 3), (_last_changed, 2)])
def test_another_end_there_is_named_and_left_alone(sender, change, intact):
    sender.ship()
    octets = change(sender.copy.read_bytes())
    sender.copy.write_bytes(octets)
    sender.now += timedelta(minutes=1)
    with pytest.raises(ShipmentDiffers) as refused:
        sender.ship()
    said = golden.stable_text(f"{refused.value}\n", **{"line NUMBER": f"line {intact}"})
    golden.check("sentences/shipment/another-end", {"en.txt": said})
    assert sender.copy.read_bytes() == octets
    assert sender.lag == timedelta(0)
    sender.write("03")
    assert sender.lag == timedelta(minutes=1)


def test_a_change_in_the_middle_is_found_with_full(plain):
    plain.ship()
    plain.copy.write_bytes(_changed(plain.copy.read_bytes()))
    plain.write("03")
    assert plain.ship().lines == 1
    with pytest.raises(ShipmentDiffers, match="after line 1,"):
        plain.ship(is_full=True)


def test_only_lines_on_disk_are_shipped(plain):
    with plain.folder.joinpath("north.jsonl").open("ab") as file:
        file.write(b'{"sequence":4,')
    assert plain.ship().lines == 3
    head = plain.folder / "north.jsonl.head"
    plain.write("03")
    head.write_bytes(reader.head_record(3, "0" * 64))
    plain.record.unlink()
    plain.copy.unlink()
    assert plain.ship().lines == 3


def test_a_copy_beside_the_open_journal_does_not_end_it(plain):
    shutil.copyfile(plain.folder / "north.jsonl", plain.folder / "a-copy.jsonl")
    (plain.folder / "foreign.jsonl").write_bytes(b"{}\n")
    plain.ship()
    plain.write("03")
    assert plain.ship().lines == 1
    assert plain.facts() == ["01", "02", "03"]


def test_a_damaged_journal_is_not_shipped(plain):
    path = plain.folder / "north.jsonl"
    path.write_bytes(_changed(path.read_bytes()))
    with golden.refused("sentences/shipment/a-damaged-journal", JournalDamaged):
        plain.ship()
    assert list(plain.there.iterdir()) == []


def test_a_target_that_is_away_is_tried_again(plain):
    plain.there.rmdir()
    with golden.refused("sentences/shipment/a-target-that-is-away", ShipmentError):
        plain.ship()
    plain.there.mkdir()
    assert plain.ship().lines == 3
    plain.target = SftpTarget("copies", 22, "away", ("sftp", "-D", "/nonexistent"))
    with pytest.raises(ShipmentError, match="to copies failed"):
        plain.ship()
    plain.target = SftpTarget("copies", None, "away", ("no-such-program",))
    with pytest.raises(ShipmentError, match="to copies failed"):
        plain.ship()


@pytest.mark.parametrize(
    "octets", [b"", b"[]", b'{"to": "there", "complete_at": "x", "ends": {}}', b'{"to": 1, "ends": []}']
)
def test_a_record_that_cannot_be_read_is_made_anew(plain, octets):
    plain.ship()
    plain.record.write_bytes(octets)
    assert plain.lag is None
    assert plain.ship().journals == 1
    stored = json.loads(plain.record.read_bytes())
    plain.record.write_text(json.dumps({**stored, "complete_at": None, "ends": {}}), encoding="utf-8")
    assert plain.lag == timedelta.max
    plain.record.write_text(json.dumps({**stored, "to": "elsewhere"}), encoding="utf-8")
    assert plain.ship().journals == 1


def test_nothing_is_written_through_a_link_or_a_pipe_at_the_target(sender):
    sender.write("01")
    sender.ship()
    copy, other = sender.copy, sender.root / "other"
    other.write_bytes(b"not ours")
    for replaced in (lambda: copy.symlink_to(other), lambda: os.mkfifo(copy)):
        copy.unlink()
        replaced()
        sender.record.unlink(missing_ok=True)
        with pytest.raises((ShipmentError, ShipmentDiffers)):
            sender.ship()
        assert other.read_bytes() == b"not ours"


def test_a_copy_that_grew_meanwhile_gets_no_line_twice(tmp_path):
    copy, source = tmp_path / "copy", tmp_path / "source"
    copy.write_bytes(b"1\n2\n")
    source.write_bytes(b"1\n2\n")
    with golden.refused("sentences/shipment/a-copy-that-grew", ShipmentError):
        FolderTarget(tmp_path).extend("copy", 2, source)
    assert copy.read_bytes() == b"1\n2\n"


ADDRESSES = {
    "with user and port": (
        "sftp://me@copies.example:2022/srv/journals",
        SftpTarget("me@copies.example", 2022, "/srv/journals"),
    ),
    "below the home": ("sftp://copies.example/~/journals/", SftpTarget("copies.example", None, "journals")),
}


@pytest.mark.parametrize(("text", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_addresses(text, expected):
    assert target_of(text) == expected


def test_refused_addresses():
    texts = (
        "sftp://me:secret@copies.example/x", "sftp:///x", "sftp://copies.example/", "sftp://copies.example/a b",
        "sftp://copies.example/a/../b", "sftp://-oProxyCommand=x/a", "sftp://copies.example/a?b", "/no/such/folder",
        "sftp://-oProxyCommand=x@copies.example/a",
        "", "ftp://copies.example/x", "SFTP://copies.example/x",
    )  # fmt: skip
    said = golden.refusals({text or "nothing": partial(target_of, text) for text in texts}, ValueError)
    golden.check("sentences/shipment/addresses", {"en.txt": said})
    assert said.count("secret") == 1, "in the name of the attempt alone"
