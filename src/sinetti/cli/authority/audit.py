"""`sinetti authority audit …`: verify and export the log, change its key.

The log is described in docs/evidence.md.
"""

import secrets
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sinetti.authority.alerts import unregistered_findings
from sinetti.authority.data_directory import FolderDamaged
from sinetti.authority.key_files import create_log_key
from sinetti.authority.log_watch import SEEN, keep_verified, load_seen
from sinetti.authority.signer.log_heads import rotation_parameters
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    AuthorityRun,
    OptionError,
    octets_of,
    operator_commands,
    zoned_instant,
)
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.proposals import APPROVAL, OFFICER, approved, require_approval
from sinetti.cli.core.commands import Output, argument, option
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

verbs = operator_commands(
    "audit", "verify and export the log of the authority's acts", "sinetti authority audit verify --dir /srv/sinetti"
)
register = verbs.register


@verbs.command()
def verify(
    run: AuthorityRun,
    *,
    checkpoint: Path | None = option("FILE", "checkpoint that was kept elsewhere; the log must continue it"),
) -> Output:
    """Check that audit rows, tree, checkpoints and journals agree."""
    kept = () if checkpoint is None else (octets_of("--checkpoint", checkpoint),)
    ctx, journal = run.ctx, run.authority.journal
    journal.check_not_lost()
    try:
        known = tuple(read_checkpoint(ctx.db, note) for note in kept)
    except (NoteError, ProofError) as bad:
        raise OptionError(f"--checkpoint {checkpoint}: {bad}") from bad
    newest, _ = load_seen(run.authority)
    known += (newest,) if isinstance(newest, Checkpoint) else ()
    sources = LogSources(ctx.db, journal.folder, journal.instance_id, known, facts=ctx.facts)
    report = verify_log(sources, ctx.machine_now())
    if report.fault is None and isinstance(newest, str):
        report.fault = LogFault(SEEN, newest)
    if report.fault is None:
        keep_verified(run.authority)
    findings = tuple(unregistered_findings(run.authority, is_live=True))
    return Output(
        _as_json(report) | {"signer": [asdict(finding) for finding in findings]},
        "\n".join((_sentence(report, checkpoint), *(finding.sentence for finding in findings))),
        EXIT_ACTION_REQUIRED if report.fault is not None or findings else 0,
    )


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
    rows = [
        f"{difference['about']}: {difference['what']}{', as officers accepted' * difference['accepted']}."
        for difference in differences
    ]
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
    texts = dict.fromkeys(report.accepted, "its row") | report.differences
    return [
        {"about": about, "what": what, "accepted": report.accepted.get(about, "") == what or what == "its row"}
        for about, what in texts.items()
    ]


@verbs.command("sinetti authority audit export --dir /srv/sinetti --out log.jsonl --from 1000")
def export(
    run: AuthorityRun,
    *,
    out: Path = option("FILE", "new file for the entries"),
    start: str | None = option("WHERE", "first entry: its number, or a time", name="--from"),
    end: str | None = option("WHERE", "end, exclusive: number of an entry, or a time", name="--to"),
) -> None:
    """Write entries of the log to a file that anyone can verify."""
    if out.exists():
        raise OptionError(f"--out {out} exists and was not changed: name a new file")
    if not out.absolute().parent.is_dir():
        raise OptionError(f"--out {out}: the folder does not exist: create it first")
    first, last = _place("--from", start, run), _place("--to", end, run)
    try:
        count = _write(out, export_log.export_lines(run.ctx.db, first, last)) - 1
    except LogRangeError as bad:
        raise OptionError(str(bad)) from bad
    print_line(
        f"Entries written: {count}. Verify them with: sinetti log verify {out} --key KEY, where KEY is the "
        f"verifier key that {run.authority.settings.base_url}/log/key shows."
    )


def _place(name: str, text: str | None, run: AuthorityRun) -> int | None:
    if text is None or (text.isascii() and text.isdecimal()):
        return None if text is None else int(text)
    return export_log.first_at(run.ctx.db, zoned_instant(name, text))


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


@verbs.command("officer:anna --officer ben", also=[OFFICER])
def accept(
    run: AuthorityRun, *, about: list[str] = argument("ABOUT", "what differs, as audit verify names it", nargs="+")
) -> None:
    """Accept differences between register and log, which audit verify names."""
    ctx = run.ctx
    differences = ctx.facts.follow(ctx.db, ctx.now()).differences
    if unknown := [name for name in about if name not in differences]:
        raise OptionError(f"{unknown[0]} does not differ from the log: {', '.join(differences) or 'nothing does'}")
    rows = {name: read_row(ctx.db, name) if name.startswith(PREFIXES) else differences[name][0] for name in about}
    require_approval(TwoPersonAct.OFFICERS, {"change": "accept", "rows": rows}, run)
    ctx.facts.accept(ctx.db, rows, run.audit)
    print_line("Accepted. The differences stay in the log, and audit verify lists them as accepted.")


@verbs.command(also=[OFFICER, APPROVAL, PASSPHRASE_FILE])
def rotate_key(run: AuthorityRun) -> None:
    """Sign the log's checkpoints with a new key."""
    signers = run.ctx.log_signers()
    if not signers:
        raise OptionError("the pass-phrase of the keys is not here: give --passphrase-file (docs/operators/keys.md)")
    try:
        current, *_ = current_signers(run.ctx, signers)
        with approved(TwoPersonAct.SECRETS, rotation_parameters(current.verifier), run):
            create = partial(create_log_key, run.authority.folder, keys=run.authority.keys)
            old, key = rotate_log_key(create, run.ctx, run.audit)
    except LogKeyMissing as bad:
        raise FolderDamaged(str(bad)) from bad
    print_line(f"{key} signs the log from now on. {old} signs too, until its file is removed from DIR/keys.")
