"""docs/attestation.md: its code, run as it stands there, with in-toto's own library."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from signers import Office, verdict

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "attestation.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PACKAGES = ("securesystemslib[crypto]", "in-toto-attestation")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what the page installs."""
    home = tmp_path_factory.mktemp("in-toto")
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    pip = (home / "bin" / "pip", "install", "--quiet", "--no-compile", *PACKAGES)
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"pip finds no {' or '.join(PACKAGES)}: {installed.stderr[-300:]}")
    return home / "bin" / "python"


@pytest.mark.slow
@pytest.mark.ssh
def test_in_totos_own_library_reads_signs_and_verifies_it(
    python: Path, office: Office, tmp_path: Path
) -> None:
    """A GO is accepted; a HOLD is signed as well as any, and not accepted."""
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    for label, code, says in (("GO", 0, "accepted: urn:gonogo:staging:"), ("HOLD", 1, ": HOLD")):
        record = office.close(label, verdict=verdict(label))
        envelope = tmp_path / f"{label}.json"
        words = (python, "-c", CODE, record / "attestation.json", key, envelope)
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        assert told.returncode == code, told.stdout + told.stderr
        assert says in told.stdout + told.stderr
        signed = json.loads(envelope.read_bytes())
        assert signed["payloadType"] == "application/vnd.in-toto+json"


def test_the_page_names_every_field() -> None:
    """And no other: what it explains is what is written."""
    table = PAGE.partition("| field |")[2].partition("\n\n")[0]
    rows = set(re.findall(r"^\| `([\w:]+)` \|", table, re.MULTILINE))
    assert rows == {
        "subject",
        "verificationResult",
        "verifiedLevels",
        "policy",
        "resourceUri",
        "verifier",
        "timeVerified",
        "urn:gonogo:verdict",
        "urn:gonogo:record",
    }
