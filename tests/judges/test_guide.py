"""Every command of docs/integrators/integrators.md, in its order, in an empty folder.

The programs are bash, curl, OpenSSL and, where it is installed, keytool. The commands start their bench themselves.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cryptography import x509

from tests.house.tree import DOCS
from tests.support.postgres import skip_or_fail
from tests.support.programs import surroundings

PAGE = (DOCS / "integrators" / "integrators.md").read_text(encoding="utf-8")
BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"
"""First lines of the script of all commands.

The script ends at the first error. The bench ends with its shell.
"""


def test_the_commands_of_the_guide_lead_to_a_renewal(tmp_path):
    for program in ("bash", "curl", "openssl"):
        if shutil.which(program) is None:
            skip_or_fail(f"{program} is not installed (scripts/packages judges says how)")
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    path = surroundings({})["PATH"]
    environment = surroundings({"PATH": f"{Path(sys.executable).parent}:{path}", "HOME": str(tmp_path)})
    done = subprocess.run(
        ["bash", "-c", BEGIN + commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    old, new = (
        x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        for name in ("certificate.pem", "next-certificate.pem")
    )
    assert old.subject == new.subject
    assert old.not_valid_before_utc < new.not_valid_before_utc < old.not_valid_after_utc
    assert json.loads((tmp_path / "bench.json").read_text())["soap_url"].startswith("https://127.0.0.1:")
    for name in ("payroll.pfx", "next-certificate.cer", "next-key.der"):
        assert (tmp_path / name).stat().st_size
    assert x509.load_der_x509_certificate((tmp_path / "next-certificate.cer").read_bytes()) == new


def test_a_bench_that_does_not_start_is_not_waited_for(tmp_path):
    (first, *_) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    command = f"sinetti() {{ echo 'the port is taken' >&2; return 5; }}\n{first}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "the port is taken\n"
