"""LibreOffice opens the CSV file of the list of certificates.

It must run no formula, and keep letters, times and IDs as they are.
"""

import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from lxml import etree

from sinetti.domain.access.roles import Role
from tests.support.browser import Browser, people_door
from tests.support.firms import a_certificate, a_person, an_organisation, rows
from tests.support.postgres import skip_or_fail
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.users import account, mandate, signed_in

ENDS = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
ORGANISATIONS = {"00123": "Åkerö Öljy Ab", "7654321-0": "Malli Oy", "12E5": "Ääkköset Oy"}
DESCRIPTIONS = (
    '=HYPERLINK("http://evil.example","x")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\uff1d1+1",
    "Payroll,=1+1",
    "1/2",
    "1.2.2027",
    "007",
    "Palkat ÅÄÖåäö €",
)
AS_PEOPLE_OPEN_IT = "CSV:59,34,76,1,,0,false,true"
"""Import with semicolons, quotation marks and UTF-8; numbers and dates are recognised, formulas would be evaluated."""
OFFICE, TABLE, TEXT = (f"{{urn:oasis:names:tc:opendocument:xmlns:{one}:1.0}}" for one in ("office", "table", "text"))


@pytest.fixture
def written(request, tmp_path):
    """Return the file that a user downloads."""
    with opened_register("sqlite", request, tmp_path, alias="default") as db:
        return downloaded(opened_scene(db), tmp_path / "certificates.csv")


def downloaded(scene, file):
    """Write the list of certificates with difficult texts to a file, as the page sends it."""
    maija = account(scene, "Maija")
    for customer_id, name in ORGANISATIONS.items():
        one = an_organisation(scene, customer_id)
        rows(scene, "Organisation").filter(pk=one.pk).update(name=name)
        mandate(scene, maija, customer_id, Role.VIEWER)
        for description in DESCRIPTIONS:
            row = a_certificate(scene, one, ENDS, a_person(scene, "a@b.example", "Åsa Öst"))
            rows(scene, "Lineage").filter(pk=row.lineage_id).update(description=description)
    reply = signed_in(Browser(people_door(scene)), maija).get("/settings/certificates.csv").reply
    file.write_bytes(b"".join(reply.parts.octets))
    reply.parts.close()
    return file


def cells(file):
    """Open the file in LibreOffice; return its sheet as rows of cells."""
    if shutil.which("soffice") is None:
        skip_or_fail("LibreOffice is not installed (scripts/packages judges says how)")
    profile = f"-env:UserInstallation={(file.parent / 'profile').as_uri()}"
    words = ["soffice", "--headless", "--norestore", profile, f"--infilter={AS_PEOPLE_OPEN_IT}", "--convert-to", "fods"]
    subprocess.run([*words, "--outdir", file.parent, file], capture_output=True, check=True, timeout=120)
    sheet = etree.parse(file.with_suffix(".fods")).find(f".//{TABLE}table")
    return [
        [cell for cell in row for _ in range(int(cell.get(f"{TABLE}number-columns-repeated", 1)))]
        for row in sheet.iter(f"{TABLE}table-row")
    ]


def text(cell):
    """Return the text of a cell."""
    return "\n".join("".join(one.itertext()) for one in cell.iter(f"{TEXT}p"))


def test_a_spreadsheet_runs_nothing_and_changes_nothing(written):
    head, *table = [row for row in cells(written) if text(row[0])]
    assert len(table) == len(ORGANISATIONS) * len(DESCRIPTIONS)
    assert not [cell for row in table for cell in row if cell.get(f"{TABLE}formula")]
    texts = [[text(cell) for cell in row] for row in table]
    shown = {tuple(value.removeprefix("'") for value in row[:3]) for row in texts}
    assert {(customer, name, words.replace(",'", ",")) for customer, name, words in shown} == {
        (customer, name, words) for customer, name in ORGANISATIONS.items() for words in DESCRIPTIONS
    }
    assert {cell.get(f"{OFFICE}value-type") for row in table for cell in row[:3]} == {"string"}
    ends = next(n for n, one in enumerate(head) if "Valid until" in text(one))
    assert {row[ends].get(f"{OFFICE}date-value") for row in table} == {"2027-05-02T14:03:00"}
    assert {row[ends + 1].get(f"{OFFICE}value-type") for row in table} == {"float"}
    assert all(re.fullmatch("'?[0-9a-f]{32}", row[6]) for row in texts)
