"""Atomic writes of files."""

import pytest

from sinetti.infra.atomic_files import write_atomic


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    path = tmp_path / "missing" / "proposal.json"
    with pytest.raises(FileNotFoundError) as failed:
        write_atomic(path, b"octets")
    assert failed.value.filename == str(path)


def test_a_leftover_is_overwritten(tmp_path):
    path = tmp_path / "proposal.json"
    (tmp_path / ".proposal.json.new").write_bytes(b"leftover")
    write_atomic(path, b"octets")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("proposal.json", b"octets")]
