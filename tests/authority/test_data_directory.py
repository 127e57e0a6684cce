"""Folder of an authority: created atomically, and used only for its kind."""

import stat
from functools import partial

import pytest

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError, atomic_directory
from sinetti.infra.atomic_files import write_synced
from tests.support import golden


@pytest.fixture
def root(tmp_path):
    return tmp_path / "place" / "authority"


def make(root, kind=DirectoryKind.AUTHORITY):
    with atomic_directory(root) as folder:
        folder.kind.write_text(f"{kind}\n")
        write_synced(folder.passphrase, b"secret")


def test_it_is_made_at_once(root):
    with atomic_directory(root) as folder:
        assert folder.root != root
        assert not root.exists()
        folder.kind.write_text("authority\n")
    assert [path.name for path in root.parent.iterdir()] == ["authority"]
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in root.iterdir() if path.is_dir()} == {0o700}


def test_the_embedded_register_is_its_owners(root):
    with atomic_directory(root) as folder:
        folder.sqlite_file.write_bytes(b"")
        folder.sqlite_file.chmod(0o644)
    assert stat.S_IMODE(DataDirectory(root).sqlite_file.stat().st_mode) == 0o600


def test_an_empty_folder_is_taken_over(root):
    root.mkdir(parents=True)
    make(root)
    DataDirectory(root).check(DirectoryKind.AUTHORITY)


def test_nothing_stays_behind_when_it_fails(root):
    def fail():
        with atomic_directory(root) as folder:
            write_synced(folder.passphrase, b"secret")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(root.parent.iterdir()) == []


def test_who_comes_second_changes_nothing(root):
    with golden.refused("sentences/folders/it-is-there", FolderError), atomic_directory(root):
        make(root)
    assert (root / "secrets" / "passphrase").read_bytes() == b"secret"
    assert len(list(root.parent.iterdir())) == 1


def test_a_secret_is_never_overwritten(root):
    make(root)
    with pytest.raises(FileExistsError):
        write_synced(DataDirectory(root).passphrase, b"other")
    assert DataDirectory(root).passphrase.read_bytes() == b"secret"
    assert stat.S_IMODE(DataDirectory(root).passphrase.stat().st_mode) == 0o600


def test_kinds(root):
    as_authority = partial(DataDirectory(root).check, DirectoryKind.AUTHORITY)
    as_bench = partial(DataDirectory(root).check, DirectoryKind.TESTBENCH)
    said = golden.refusals({"none": as_authority}, FolderError)
    make(root)
    as_authority()
    said += golden.refusals({"an authority as a test bench": as_bench}, FolderError)
    (root / "kind").write_text("testbench")
    said += golden.refusals({"a test bench as an authority": as_authority}, FolderError)
    (root / "kind").write_bytes(b"\xff" * 100)
    said += golden.refusals({"an unknown kind": as_authority}, FolderError)
    golden.check("sentences/folders/kinds", {"en.txt": golden.stable_text(said, AUTHORITY=root)})


def test_what_is_no_folder_of_ours(tmp_path):
    (tmp_path / "file").write_text("x")
    places = {"another folder": tmp_path, "a file": tmp_path / "file"}
    attempts = {name: DataDirectory(place).exists for name, place in places.items()}
    said = golden.refusals(attempts, FolderError, FOLDER=tmp_path)
    golden.check("sentences/folders/others", {"en.txt": said})


def test_a_file_that_is_missing(root):
    make(root)
    with golden.refused("sentences/folders/a-missing-file", FolderDamaged):
        DataDirectory(root).read(DataDirectory(root).secret_keys)
