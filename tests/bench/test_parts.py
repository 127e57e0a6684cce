import sys

from bench import parts


def test_each_part_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["parts", "--rounds", "2"])
    parts.main()
    printed = capsys.readouterr().out
    assert "octets by the template" in printed
    assert printed.count("\n| ") == 12
    assert "| 0 | 0–0 |" not in printed
