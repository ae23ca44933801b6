"""What a person expects in a repository is there, and its copies of one fact agree."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import echo_rnn

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("file", ["LICENSE", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_the_files_are_there(file):
    assert (ROOT / file).stat().st_size > 500


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    assert citation["version"] == newest == echo_rnn.__version__


def test_hooks_run_what_make_lint_runs():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == re.findall(r"\$\(BIN\)/(.+)", lint)


def test_links_of_contributing_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "CONTRIBUTING.md").read_text()):
        assert (ROOT / target).exists(), target


@pytest.mark.slow
def test_a_wheel_holds_types_and_templates_and_the_licence(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, "."]
    # A copy: building writes beside the sources.
    copy = tmp_path / "copy"
    files = subprocess.run(["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True).stdout.split()
    for file in files:
        if (ROOT / file).is_file() and file.startswith(("src/", "pyproject.toml", "README.md", "LICENSE")):
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            (copy / file).write_bytes((ROOT / file).read_bytes())
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    packages = {Path(file).relative_to("src").as_posix() for file in files if file.startswith("src/")}
    assert {name for name in packages if (ROOT / "src" / name).exists()} <= set(held)
    assert any(name.endswith("licenses/LICENSE") for name in held)
