"""Store: private files, atomic writes, one run at a time."""

import os
import stat

import pytest

from sinetti.client.store import files

NAMES = {
    "letters and digits": ("payroll2", True),
    "dots and hyphens": ("payroll.main-1_x", True),
    "64 characters": ("a" * 64, True),
    "65 characters": ("a" * 65, False),
    "empty": ("", False),
    "a way out of the store": ("../other", False),
    "a folder in a folder": ("a/b", False),
    "hidden": (".payroll", False),
    "a dot at the end": ("payroll.", False),
    "letters outside ASCII": ("pälkäne", False),
    "a line end": ("payroll\n", False),
}


@pytest.mark.parametrize(("name", "expected"), NAMES.values(), ids=NAMES)
def test_is_name(name, expected):
    assert files.is_name(name) is expected


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        files.make_folder(tmp_path / "store" / "payroll")
        files.write_atomic(tmp_path / "store" / "payroll" / "one", b"1")
        files.write_folder(tmp_path / "store" / "payroll" / "deep" / "two", {"a": b"2"})
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {mode(path) for path in written} == {0o600}
    assert {mode(path) for path in tmp_path.rglob("*") if path.is_dir()} == {0o700}


def test_a_file_is_replaced_whole(tmp_path):
    files.write_atomic(tmp_path / "one", b"old")
    files.write_atomic(tmp_path / "one", b"new")
    assert (tmp_path / "one").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_a_folder_written_again_with_the_same_files_stays(tmp_path):
    files.write_folder(tmp_path / "set", {"a": b"1", "b": b"2"})
    files.write_folder(tmp_path / "set", {"a": b"1", "b": b"2"})
    with pytest.raises(files.StoreDamaged):
        files.write_folder(tmp_path / "set", {"a": b"1", "b": b"other"})


def test_what_an_interrupted_run_left_beside_is_no_hindrance(tmp_path):
    (tmp_path / ".set.new").mkdir()
    (tmp_path / ".set.new" / "half").write_bytes(b"half")
    (tmp_path / ".one.new").write_bytes(b"half")
    files.write_folder(tmp_path / "set", {"a": b"1"})
    files.write_atomic(tmp_path / "one", b"1")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "one", "set"]


def test_live_is_swapped_and_never_missing(tmp_path):
    for serial in ("0a", "0b"):
        files.write_folder(tmp_path / files.GENERATIONS / serial, {"key.pem": serial.encode()})
        files.swap_live(tmp_path, serial)
        assert (tmp_path / files.LIVE / "key.pem").read_text() == serial
    assert (tmp_path / files.LIVE).is_symlink()
    assert not (tmp_path / files.LIVE).readlink().is_absolute(), "the store can be moved"


def test_one_run_at_a_time(tmp_path):
    with files.locked(tmp_path), pytest.raises(files.StoreLocked), files.locked(tmp_path):
        pass
    with files.locked(tmp_path):
        pass


def test_a_dropped_folder_is_gone(tmp_path):
    files.write_folder(tmp_path / "set", {"a": b"1"})
    files.drop_folder(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_names_are_folders_with_something_of_ours_in_them(tmp_path):
    files.write_folder(tmp_path / "payroll", {"settings.toml": b"1"})
    files.write_folder(tmp_path / "ssh", {"config": b"1"})
    (tmp_path / "empty").mkdir()
    (tmp_path / "only-locked").mkdir()
    (tmp_path / "only-locked" / ".lock").touch()
    (tmp_path / "file").touch()
    (tmp_path / ".hidden").mkdir()
    assert files.list_names(tmp_path) == ("payroll",)
