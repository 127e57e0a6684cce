"""openssl judges sample certificates and their CRLs by the machine's clock.

Programs of others judge in the same way.
"""

import shutil
import subprocess

import pytest

from sinetti.infra.clock import utc_now
from sinetti.testbench.samples.files import write_sample
from sinetti.testbench.samples.generator import SampleHierarchy, SampleRequest, SampleState
from tests.support.postgres import skip_or_fail

SAID = {
    SampleState.VALID: "OK",
    SampleState.ENDS_SOON: "OK",
    SampleState.EXPIRED: "certificate has expired",
    SampleState.REVOKED: "certificate revoked",
    SampleState.OTHER_CHANNEL: "OK",
    SampleState.OTHER_CA: "unable to get local issuer certificate",
}


@pytest.fixture(scope="module")
def samples():
    return SampleHierarchy(utc_now())


@pytest.mark.parametrize(("state", "said"), SAID.items())
def test_openssl(samples, tmp_path, state, said):
    program = shutil.which("openssl")
    if program is None:
        skip_or_fail("openssl is not installed (scripts/packages judges says how)")
    paths = write_sample(samples.sample(SampleRequest(state)), tmp_path / "sample")
    lists = []
    for der in paths.crls.iterdir():
        command = [program, "crl", "-inform", "DER", "-in", str(der)]
        lists.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (tmp_path / "lists.pem").write_text("".join(lists))
    command = [program, "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-purpose", "sslclient"]
    command += ["-CAfile", str(paths.anchors), "-CRLfile", str(tmp_path / "lists.pem"), "-crl_check_all"]
    done = subprocess.run([*command, str(paths.certificate)], capture_output=True, text=True, check=False)
    assert said in done.stdout + done.stderr
