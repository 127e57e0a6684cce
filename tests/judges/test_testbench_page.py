"""Every command of docs/integrators/testbench.md, in its order, in an empty folder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.tree import DOCS
from tests.support.postgres import skip_or_fail
from tests.support.programs import surroundings

PAGE = (DOCS / "integrators" / "testbench.md").read_text(encoding="utf-8")
BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"
"""First lines of the script: it ends at the first error, and the bench ends with its shell."""


def test_the_commands_lead_to_a_renewed_certificate(tmp_path):
    for program in ("bash", "curl", "sed"):
        if shutil.which(program) is None:
            skip_or_fail(f"{program} is not installed (scripts/packages judges says how)")
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    path = surroundings({})["PATH"]
    known = surroundings({"PATH": f"{Path(sys.executable).parent}:{path}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    done = subprocess.run(
        ["bash", "-c", BEGIN + commands],
        cwd=tmp_path,
        env=known,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "store" / "payroll" / "generations").iterdir())) == 2
    members = set(re.findall(r"^\| `([a-z_]+(?:\.[a-z]+)?)` \|", PAGE, re.MULTILINE))
    assert {member.partition(".")[2] or member for member in members} == {
        *("soap_url", "wsdl_url", "control_url", "status_url", "people_url", "services", "holders", "server", "pid"),
    }
