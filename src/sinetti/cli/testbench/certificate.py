"""`sinetti testbench certificate`: a sample certificate in a given state.

It needs no server.
"""

import argparse
import json
from pathlib import Path

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import OptionError, command, zoned_instant
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import CURRENT, print_note
from sinetti.cli.core.output import print_line
from sinetti.domain.validation import ValidationError
from sinetti.domain.values import CustomerIdError, KeyType
from sinetti.infra.clock import utc_now
from sinetti.testbench.core.clock import RANGE, ClockOutOfRange
from sinetti.testbench.samples.files import FolderTaken, SamplePaths, write_sample, write_samples
from sinetti.testbench.samples.generator import (
    CUSTOMER_ID,
    CUSTOMER_NAME,
    SampleCertificate,
    SampleHierarchy,
    SampleRequest,
    SampleState,
)

EXAMPLE = "sinetti testbench certificate --state revoked --out ./revoked"
_ALL = "all"


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "create a sample certificate with key, chain, trusted CAs and revocation lists"
    parser = command(commands, "certificate", summary, _run, EXAMPLE)
    parser.add_argument(
        "--state",
        choices=[*(one.value for one in SampleState), _ALL],
        required=True,
        help="state of the certificate; all creates one of each in DIR/STATE",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="new or empty folder")
    parser.add_argument("--now", metavar="ISO", help="time at which the certificate has the state (default: now)")
    parser.add_argument(
        "--key",
        choices=[one.value for one in KeyType],
        default=KeyType.EC_P256.value,
        help="type of the key (default: ec-p256)",
    )
    parser.add_argument(
        "--customer-id", metavar="ID", default=CUSTOMER_ID, help=f"customer ID (default: {CUSTOMER_ID})"
    )
    parser.add_argument(
        "--name", metavar="NAME", default=CUSTOMER_NAME, help=f"name of the organisation (default: {CUSTOMER_NAME})"
    )
    parser.add_argument("--force", action="store_true", help="replace samples in DIR, and no other files")
    parser.add_argument("--json", action="store_true", help="print paths and serial number as JSON")


def _run(parsed: argparse.Namespace) -> int:
    samples = _samples(parsed)
    try:
        if parsed.state == _ALL:
            places = write_samples(samples, parsed.out, replace=parsed.force)
        else:
            places = (write_sample(samples[0], parsed.out, replace=parsed.force),)
    except FolderTaken as taken:
        raise OptionError(str(taken)) from taken
    except OSError as bad:
        raise OptionError(f"--out: {parsed.out} cannot be written: {bad.strerror}") from bad
    records = [_sample_record(*one) for one in zip(samples, places, strict=True)]
    if parsed.json:
        CURRENT.has_json = True
        print_line(json.dumps(records if parsed.state == _ALL else records[0]))
    for one, place in zip(samples, places, strict=True):
        text = (
            f"Sample certificate ({one.state}) of {parsed.customer_id} with serial number {one.serial}: {place.folder}"
        )
        print_note(text)
    print_note(f"For tests only: no service trusts it. For a command to try, see {places[0].folder / 'README.txt'}.")
    return 0


def _samples(parsed: argparse.Namespace) -> list[SampleCertificate]:
    """Make the requested samples, all of one hierarchy.

    Raises OptionError, which names the wrong option.
    """
    now = utc_now() if parsed.now is None else zoned_instant("--now", parsed.now)
    states = list(SampleState) if parsed.state == _ALL else [SampleState(parsed.state)]
    try:
        wanted = [SampleRequest(one, KeyType(parsed.key), parsed.customer_id, parsed.name) for one in states]
        made = SampleHierarchy(now)
    except ClockOutOfRange as bad:
        raise OptionError(f"--now: {RANGE}") from bad
    except CustomerIdError as bad:
        raise OptionError(f"--customer-id: {bad}") from bad
    except ValidationError as bad:
        raise OptionError(f"--name: {str(bad).removeprefix('name is ')}") from bad
    return [made.sample(one) for one in wanted]


def _sample_record(sample: SampleCertificate, paths: SamplePaths) -> dict[str, str | None]:
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
