"""Exchange between an online authority and ceremonies, from the founding to new officers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.exchange import (
    ImportOptions,
    begin_founding,
    import_founding,
    import_signed,
    request_lists,
    request_officers,
)
from sinetti.ca.ceremony.sets import CeremonyKind
from tests.support.ceremonies import NOW, PASSPHRASE, QUICK, ceremony, founding, plan_text
from tests.support.registers import all_connections_closed

OPTIONS = ImportOptions(NOW + timedelta(hours=1), "operator", "request", PASSPHRASE)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


def test_all(tmp_path):
    root = tmp_path / "authority"
    request = begin_founding(root, founding(hierarchy=QUICK))
    desk = ceremony(tmp_path, plan_text(hierarchy=QUICK), request)
    transcript = desk.run()
    result = (tmp_path / "carried" / "result-set.json").read_bytes()
    import_founding(root, result, OPTIONS)
    authority = open_authority(root, DirectoryKind.AUTHORITY, passphrase=PASSPHRASE)
    assert authority.responses.seal()
    print((tmp_path / "carried" / "transcript.en.txt").read_text())
    assert transcript
    lists = request_lists(authority)
    done = ceremony(tmp_path, plan_text(CeremonyKind.LISTS), lists, exchange="lists")
    done.desk.sheets = desk.desk.sheets
    done.run()
    import_signed(authority, (tmp_path / "lists" / "result-set.json").read_bytes(), OPTIONS)
    again = request_officers(authority)
    done = ceremony(tmp_path, plan_text(CeremonyKind.OFFICERS), again, exchange="officers")
    done.desk.sheets, done.desk.pair = desk.desk.sheets, "BC"
    done.run()
    import_signed(authority, (tmp_path / "officers" / "result-set.json").read_bytes(), OPTIONS)
    assert replace
