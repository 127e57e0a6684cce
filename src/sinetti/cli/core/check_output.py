"""Output of the checks before a start, for the authority and the gateway."""

from collections.abc import Sequence

from sinetti.cli.core.blocks import Block, OutputTable, Paragraph, Row, Tone
from sinetti.client.results import ExitCode
from sinetti.domain.operations.monitoring import CheckFinding, FindingSeverity, worst_severity

_TONES = {FindingSeverity.ERROR: Tone.BAD, FindingSeverity.WARNING: Tone.WARNING}


def check_blocks(check_findings: Sequence[CheckFinding]) -> Sequence[Block]:
    """Return the findings, each with its fix, or a sentence that there are none."""
    if not check_findings:
        return (Paragraph("No problems found."),)
    rows = [
        Row(
            (check_finding.severity.value, check_finding.what, f"{check_finding.why}."),
            check_finding.fix,
            _TONES[check_finding.severity],
        )
        for check_finding in check_findings
    ]
    return (OutputTable((), rows, fold=frozenset({1, 2}), toned=0),)


def exit_code(check_findings: Sequence[CheckFinding], *, is_start: bool = False) -> ExitCode:
    """Return 5 for an error, 3 for warnings, and 0 without findings.

    With `is_start`, warnings have 0.
    """
    worst = worst_severity(check_findings)
    if worst is FindingSeverity.ERROR:
        return ExitCode.STORE
    return ExitCode.REFUSED if worst is FindingSeverity.WARNING and not is_start else ExitCode.DONE
