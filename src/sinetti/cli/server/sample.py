"""`sinetti testbench certificate`: a sample certificate in the state that a test needs, without a server."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.cli.output import put_line, tell
from sinetti.cli.server.common import OptionError, command, zoned_instant
from sinetti.clock import machine_now
from sinetti.domain.values import KeyType
from sinetti.protocols.rows import instant
from sinetti.testbench.sample_files import FolderTaken, SamplePaths, write_sample
from sinetti.testbench.samples import CUSTOMER_ID, CUSTOMER_NAME, Sample, Samples, SampleState, Wanted

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = "sinetti testbench certificate --state revoked --out ./revoked"


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    summary = "make a sample certificate with key, chain, anchors and lists, for tests"
    parser = command(commands, "certificate", summary, _run, EXAMPLE)
    parser.add_argument(
        "--state", choices=[one.value for one in SampleState], required=True, help="what it is to be good for"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new or empty folder")
    parser.add_argument("--now", metavar="ISO", help="the instant that the state is true at (default: now)")
    parser.add_argument(
        "--key", choices=[one.value for one in KeyType], default=KeyType.EC_P256.value, help="type of its key (ec-p256)"
    )
    parser.add_argument("--customer-id", metavar="ID", default=CUSTOMER_ID, help=f"whose it is ({CUSTOMER_ID})")
    parser.add_argument("--name", metavar="NAME", default=CUSTOMER_NAME, help=f"their name ({CUSTOMER_NAME})")
    parser.add_argument("--force", action="store_true", help="replace a sample that lies in DIR")
    parser.add_argument("--json", action="store_true", help="print paths and serial for programs")


def _run(parsed: argparse.Namespace) -> int:
    now = machine_now() if parsed.now is None else zoned_instant("--now", parsed.now)
    wanted = Wanted(SampleState(parsed.state), KeyType(parsed.key), parsed.customer_id, parsed.name)
    sample = Samples(now).sample(wanted)
    try:
        paths = write_sample(sample, parsed.out, replace=parsed.force)
    except FolderTaken as taken:
        raise OptionError(str(taken)) from taken
    if parsed.json:
        put_line(json.dumps(_shown(sample, paths), ensure_ascii=False))
    tell(f"A sample certificate ({sample.state}) of {wanted.customer_id}, serial {sample.serial}, is in {parsed.out}.")
    tell(f"It is for tests, and nobody trusts it. {paths.folder / 'README.txt'} has a line to try.")
    return 0


def _shown(sample: Sample, paths: SamplePaths) -> dict[str, str | None]:
    return {
        "state": sample.state.value,
        "serial": sample.serial,
        "not_before": instant(sample.certificate.not_valid_before_utc),
        "not_after": instant(sample.certificate.not_valid_after_utc),
        "now": instant(sample.now),
        "key": str(paths.key),
        "certificate": str(paths.certificate),
        "chain": str(paths.chain),
        "anchors": str(paths.anchors),
        "crl": str(paths.crl),
        "crls": str(paths.crls),
    }
