"""What is locked is what pyproject.toml allows, floors for known advisories included."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKED = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = PROJECT["dependencies"] + [
    asked for extra in sorted(EXTRAS.keys() - {"gpu"}) for asked in sorted(EXTRAS[extra])
]
# The last versions that have known advisories.
REFUSED = {"keras": "3.13.9", "mlflow": "3.12.9", "starlette": "1.0.0"}


@pytest.mark.parametrize("asked", ASKED)
def test_the_lock_satisfies(asked):
    wanted = Requirement(asked)
    assert wanted.specifier.contains(LOCKED[wanted.name])


@pytest.mark.parametrize("name", REFUSED)
def test_a_version_with_known_advisories_is_not_allowed(name):
    (wanted,) = (Requirement(asked) for asked in ASKED if Requirement(asked).name == name)
    assert not wanted.specifier.contains(REFUSED[name])


@pytest.mark.slow
def test_an_audit_answers_or_says_in_a_sentence_that_nobody_could_be_asked():
    command = [ROOT / ".ci" / "audit", Path(sys.executable).parent]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert answer.returncode in (0, 1)
    assert "Traceback" not in answer.stderr
    if answer.stderr.startswith("error: "):
        assert answer.stderr.count("\n") == 1
