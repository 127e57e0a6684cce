"""`sinetti authority audit …`: verify and export the log, change its key.

The log is described in docs/evidence.md.
"""

import argparse
import secrets
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sinetti.authority.alerts import unregistered_findings
from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderDamaged
from sinetti.authority.log_keys import create_log_key
from sinetti.authority.log_watch import SEEN, keep_verified, load_seen
from sinetti.authority.signer.log_heads import rotation_parameters
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    OptionError,
    add_dir,
    command,
    group,
    machine_user,
    octets_of,
    opened_authority,
    print_result,
    zoned_instant,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved, propose_act, takes_two
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.output import print_line
from sinetti.database.common.obeyed_rows import read_row
from sinetti.database.obeyed_tables import PREFIXES
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.infra.atomic_files import PRIVATE, sync_path
from sinetti.services.evidence import export_log
from sinetti.services.evidence.export_log import LogRangeError
from sinetti.services.evidence.rotate_log_key import rotate_log_key
from sinetti.services.evidence.sequence_log import LogKeyMissing, current_signers
from sinetti.services.evidence.verify_log import LogFault, LogReport, LogSources, read_checkpoint, verify_log
from sinetti.wire.transparency.merkle import ProofError
from sinetti.wire.transparency.notes import Checkpoint, NoteError


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority audit verify --dir /srv/sinetti"
    below = group(commands, "audit", "verify and export the log of the authority's acts", example)
    summary = "check that audit rows, tree, checkpoints and journals agree"
    verify = command(below, "verify", summary, _verify, example)
    add_dir(verify)
    verify.add_argument(
        "--checkpoint", metavar="FILE", type=Path, help="checkpoint that was kept elsewhere; the log must continue it"
    )
    verify.add_argument("--json", action="store_true", help="print the result as JSON")
    example = "sinetti authority audit export --dir /srv/sinetti --out log.jsonl --from 1000"
    summary = "write entries of the log to a file that anyone can verify"
    export = command(below, "export", summary, _export, example)
    add_dir(export)
    export.add_argument("--out", metavar="FILE", type=Path, required=True, help="new file for the entries")
    export.add_argument("--from", metavar="WHERE", dest="start", help="first entry: its number, or a time")
    export.add_argument("--to", metavar="WHERE", dest="end", help="end, exclusive: number of an entry, or a time")
    example = "sinetti authority audit accept officer:anna --officer ben --dir /srv/sinetti"
    summary = "accept differences between register and log, which audit verify names"
    accept = command(below, "accept", summary, _accept, example)
    add_dir(accept)
    accept.add_argument("about", metavar="ABOUT", nargs="+", help="what differs, as audit verify names it")
    add_officer_option(accept)
    example = "sinetti authority audit rotate-key --dir /srv/sinetti"
    rotate = command(below, "rotate-key", "sign the log's checkpoints with a new key", _rotate, example)
    add_dir(rotate)
    add_officer_option(rotate, again=True)
    add_passphrase_file(rotate)


def _verify(parsed: argparse.Namespace) -> int:
    kept = () if parsed.checkpoint is None else (octets_of("--checkpoint", parsed.checkpoint),)
    with opened_authority(parsed.dir) as authority:
        authority.journal.check_not_lost()
        try:
            known = tuple(read_checkpoint(authority.ctx.db, one) for one in kept)
        except (NoteError, ProofError) as bad:
            raise OptionError(f"--checkpoint {parsed.checkpoint}: {bad}") from bad
        db, journal = authority.ctx.db, authority.journal
        seen, _ = load_seen(authority)
        known += (seen,) if isinstance(seen, Checkpoint) else ()
        sources = LogSources(db, journal.folder, journal.instance_id, known, facts=authority.ctx.facts)
        report = verify_log(sources, authority.ctx.machine_now())
        if report.fault is None and isinstance(seen, str):
            report.fault = LogFault(SEEN, seen)
        if report.fault is None:
            keep_verified(authority)
        found = tuple(unregistered_findings(authority, is_live=True))
    result = _as_json(report) | {"signer": [asdict(one) for one in found]}
    sentences = (one.sentence for one in found)
    print_result(
        result, as_json=parsed.json, table=lambda: "\n".join((_sentence(report, parsed.checkpoint), *sentences))
    )
    return EXIT_ACTION_REQUIRED if report.fault is not None or found else 0


def _as_json(report: LogReport) -> dict[str, object]:
    fault = report.fault
    return {
        "intact": fault is None,
        "entries": report.size,
        "lost": report.lost,
        "pending": report.pending,
        "differences": _differences(report),
        "first_wrong": None if fault is None else {"about": fault.about, "entry": fault.index, "what": fault.sentence},
    }


def _sentence(report: LogReport, kept: Path | None) -> str:
    differences = _differences(report)
    rows = [f"{one['about']}: {one['what']}{', as officers accepted' * one['accepted']}." for one in differences]
    if report.fault is not None:
        wrong = f"{report.fault.about}: {report.fault.sentence}."
        what = (
            "register differs from the log"
            if report.fault.about in report.differences
            else "log is not as it was written"
        )
        return "\n".join([f"The {what}: {wrong}", *(row for row in rows if row != wrong)])
    lost = f", {report.lost} of them without their audit rows, as declared" if report.lost else ""
    compared = (
        "A log that was rewound as a whole shows only against a checkpoint that was kept elsewhere (--checkpoint)."
        if kept is None
        else f"It continues the checkpoint in {kept}."
    )
    alone = "" if report.has_officers else " There are no officers, so the register was compared with the log alone."
    sizes = f"Entries: {report.size}{lost}. Rows that wait to enter it: {report.pending}."
    return "\n".join([f"The log is intact. {sizes} {compared}{alone}", *rows])


def _differences(report: LogReport) -> list[dict[str, Any]]:
    found = dict.fromkeys(report.accepted, "its row") | report.differences
    return [
        {"about": about, "what": what, "accepted": report.accepted.get(about, "") == what or what == "its row"}
        for about, what in found.items()
    ]


def _accept(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        ctx = authority.ctx
        differences = ctx.facts.follow(ctx.db, ctx.now()).differences
        if unknown := [about for about in parsed.about if about not in differences]:
            raise OptionError(f"{unknown[0]} does not differ from the log: {', '.join(differences) or 'nothing does'}")
        rows = {
            about: read_row(ctx.db, about) if about.startswith(PREFIXES) else differences[about][0]
            for about in parsed.about
        }
        if takes_two(TwoPersonAct.OFFICERS, authority):
            parameters = {"change": "accept", "rows": rows}
            return propose_act(TwoPersonAct.OFFICERS, parameters, {}, parsed, authority)
        ctx.facts.accept(ctx.db, rows, ctx.audit_entry(machine_user(), secrets.token_hex(16)))
    print_line("Accepted. The differences stay in the log, and audit verify lists them as accepted.")
    return 0


def _export(parsed: argparse.Namespace) -> int:
    if parsed.out.exists():
        raise OptionError(f"--out {parsed.out} exists and was not changed: name a new file")
    if not parsed.out.absolute().parent.is_dir():
        raise OptionError(f"--out {parsed.out}: the folder does not exist: create it first")
    with opened_authority(parsed.dir) as authority:
        start, end = _place(authority, "--from", parsed.start), _place(authority, "--to", parsed.end)
        try:
            count = _write(parsed.out, export_log.export_lines(authority.ctx.db, start, end)) - 1
        except LogRangeError as bad:
            raise OptionError(str(bad)) from bad
        key = f"{authority.settings.base_url}/log/key"
    print_line(
        f"Entries written: {count}. Verify them with: sinetti log verify {parsed.out} --key KEY, where KEY is the "
        f"verifier key that {key} shows."
    )
    return 0


def _place(authority: Authority, option: str, text: str | None) -> int | None:
    if text is None or (text.isascii() and text.isdecimal()):
        return None if text is None else int(text)
    return export_log.first_at(authority.ctx.db, zoned_instant(option, text))


def _write(path: Path, lines: Iterable[bytes]) -> int:
    """Write a file line by line, whole or not at all, and return the number of lines."""
    beside, count = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new"), 0
    try:
        with beside.open("xb") as file:
            beside.chmod(PRIVATE)
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last number counts
                file.write(line)
        sync_path(beside)
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_path(path.parent)
    return count


def _rotate(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        signers = authority.ctx.log_signers()
        if not signers:
            raise OptionError(
                "the pass-phrase of the keys is not here: give --passphrase-file (docs/operators/keys.md)"
            )
        try:
            current, *_ = current_signers(authority.ctx, signers)
        except LogKeyMissing as bad:
            raise FolderDamaged(str(bad)) from bad
        parameters = rotation_parameters(current.verifier)
        with approved(TwoPersonAct.SECRETS, parameters, {}, parsed, authority):
            create = partial(create_log_key, authority.folder, keys=authority.keys)
            audit = authority.ctx.audit_entry(machine_user(), secrets.token_hex(16))
            try:
                old, key = rotate_log_key(create, authority.ctx, audit)
            except LogKeyMissing as bad:
                raise FolderDamaged(str(bad)) from bad
    print_line(f"{key} signs the log from now on. {old} signs too, until its file is removed from DIR/keys.")
    return 0
