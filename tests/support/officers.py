"""Officers of an authority for tests: a key each, and their approvals by commands."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sinetti.domain.approvals.acts import ApprovalPolicy, OfficerRole
from sinetti.services.approvals.officers import NewOfficer, check_officer
from tests.support.ssh_keys import KeyFile, make_key

ARC = "1.3.6.1.4.1.32473.1"
"""Arc of an operator, below the enterprise number for documents (RFC 5612)."""

NAMES = ("anna", "ben", "carl")

_kept = []
"""Folders that are removed when the process ends."""


@cache
def key_of(name) -> KeyFile:
    """Return the key of an officer, made once per process by `ssh-keygen`."""
    if not _kept:
        _kept.append(TemporaryDirectory(prefix="sinetti-officers-"))
    return make_key(Path(_kept[0].name), name)


def checked_founders():
    """Return three approvers, checked."""
    new = [NewOfficer(name, OfficerRole.APPROVER, key_of(name).public.read_bytes()) for name in NAMES]
    return tuple(check_officer(one, ApprovalPolicy()) for one in new)


def founders(*names):
    """Return the options of `init` that name these officers, and the arc."""
    officers = (word for name in names or NAMES for word in ("--officer", f"{name}={key_of(name).public}"))
    return ["--policy-arc", ARC, *officers]


def proposed(operator, *words):
    """Run a command that must become a proposal, and return its id."""
    code, _out, err = operator.run(*words)
    assert code == 3, err
    return err.partition("Proposed: ")[2].partition(".")[0]


def octets_of(operator, proposal, tmp_path):
    """Return the octets that officers sign."""
    path = tmp_path / f"{proposal}.json"
    operator.does("approval", "show", proposal, "--out", path)
    return path.read_bytes()


def giving(operator, proposal, name, tmp_path, signature=None):
    """Sign a proposal, and return the command that gives the signature."""
    path = tmp_path / f"{name}.sig"
    path.write_bytes(signature or key_of(name).sign(octets_of(operator, proposal, tmp_path)))
    return ("approval", "give", proposal, "--officer", name, "--signature", path)


def give(operator, *words):
    """Sign a proposal and give the signature; return exit code, output and messages."""
    return operator.run(*giving(operator, *words))


def approve(operator, proposal, tmp_path, *names):
    """Have officers sign a proposal, and check that the last signature completes it."""
    codes = [give(operator, proposal, name, tmp_path)[0] for name in names or NAMES[:2]]
    assert codes == [3] * (len(codes) - 1) + [0]


def waiting(operator):
    """Return the ids of the proposals that wait."""
    return [row["id"] for row in json.loads(operator.does("approval", "list", "--json"))]


def does_approved(operator, tmp_path, *words):
    """Propose a command that needs a medium, approve it, and run it again; return its output."""
    proposal = proposed(operator, *words, "--officer", "anna")
    approve(operator, proposal, tmp_path)
    return operator.does(*words, "--approval", proposal)
