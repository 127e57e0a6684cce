"""Which sinetti.toml counts."""

from pathlib import Path

import pytest

from sinetti.holder.config import finding


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty folder to stand in, and a file for the whole machine that is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(finding.VARIABLE, raising=False)
    monkeypatch.setattr(finding, "MACHINE_WIDE", tmp_path / "etc" / "sinetti.toml")
    return tmp_path


def test_the_first_that_is_there_counts(places, monkeypatch):
    assert finding.find(None) is None
    finding.MACHINE_WIDE.parent.mkdir()
    finding.MACHINE_WIDE.touch()
    assert finding.find(None) == finding.MACHINE_WIDE
    (places / "sinetti.toml").touch()
    assert finding.find(None) == Path("sinetti.toml")
    monkeypatch.setenv(finding.VARIABLE, "elsewhere.toml")
    assert finding.find(None) == Path("elsewhere.toml")
    assert finding.find(Path("given.toml")) == Path("given.toml")


def test_an_empty_variable_names_no_file(places, monkeypatch):
    monkeypatch.setenv(finding.VARIABLE, "")
    assert finding.find(None) is None
