"""One run of all checks, with every finding at once (docs/operators/check.md)."""

from sinetti.authority.checks import folder, network, register
from sinetti.authority.checks.state import CheckOptions, new_state
from sinetti.authority.data_directory import DirectoryKind, FolderError
from sinetti.domain.operations.check_findings import CheckFinding, Impact, finding_of, ordered


def check_authority(options: CheckOptions) -> tuple[CheckFinding, ...]:
    """Check an authority, and return all findings, the worst first.

    It changes nothing, except that it completes an interrupted change of the pass-phrase, as every start does.
    """
    state = new_state(options)
    try:
        state.folder.check(DirectoryKind.AUTHORITY)
    except FolderError as bad:
        return (finding_of(Impact.START, str(options.root), str(bad)),)
    steps = [*folder.STEPS, *(() if options.is_offline else register.STEPS)]
    if not options.is_offline and not options.is_start:
        steps += network.STEPS  # a slow mail server must not delay a start
    try:
        return ordered(one for step in steps for one in step.findings(state))
    finally:
        if state.db is not None:
            state.db.close()
