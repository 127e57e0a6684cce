"""Table of docs/contributors/chaos.md, with one row per kind and database.

The run that played all kills writes it.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sinetti.infra.clock import utc_now
from tests.kills.clients import ROOT
from tests.kills.table import SERIES, Kind

PAGE = ROOT / "docs" / "contributors" / "chaos.md"
BEGIN, END = "<!-- written by `make chaos` -->", "<!-- end of what `make chaos` wrote -->"
HEADINGS = (
    "struck",
    "database",
    "kills",
    "starts",
    "accepted",
    "certificates",
    "voided",
    "looks",
    "checked",
    "seconds",
)


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one series."""

    kind: str
    database: str
    kills: int
    starts: int
    accepted: int
    certificates: int
    voided: int
    looks: int
    checked: int
    seconds: float


def keep(folder: Path, result: Result) -> None:
    """Store a result for the process that writes the page."""
    (folder / f"{Kind(result.kind).name}-{result.database}.json").write_text(json.dumps(asdict(result)))


def kept(folder: Path) -> list[Result]:
    """Return the stored results in the order of the table."""
    paths = [folder / f"{kind.name}-{database}.json" for kind, database in SERIES]
    return [Result(**json.loads(path.read_text())) for path in paths if path.exists()]


def write(results: Iterable[Result], command: str, page: Path = PAGE) -> None:
    """Write the table of a full run into the page."""
    rows = [[str(value) for value in asdict(one).values()] for one in results]
    sums = [sum(float(row[number]) for row in rows) for number in range(2, len(HEADINGS))]
    rows.append(["**all**", "", *(f"{number:.0f}" for number in sums)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEADINGS, ["---"] * 2 + ["--:"] * 8, *rows))
    said = f"`{command}`, {utc_now():%Y-%m-%d}: nothing was found wrong.\n\n{table}"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{said}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
