"""What a person expects in a repository is there, and its copies of one fact agree."""

import re
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
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == re.findall(r'\$\(BIN\)"?/(.+)', lint)


def test_links_of_contributing_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "CONTRIBUTING.md").read_text()):
        assert (ROOT / target).exists(), target
