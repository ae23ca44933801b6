"""Every command and every `params.yaml` that a page names composes."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMPOSING = ("train", "benchmark", "peers", "recommend", "whole_process", "sweep")
START = re.compile(rf"^(?:echo-rnn|python -m pipelines)[. ](?:{'|'.join(COMPOSING)}) (.*)", re.MULTILINE)


def blocks(language):
    return [
        (page.name, block)
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    ]


COMMANDS = sorted(
    {(page, found) for page, block in blocks("bash") for found in START.findall(block.replace("\\\n", " "))}
)
PARAMS = [block for _, block in blocks("yaml") if "groups:" in block or "values:" in block]


def first_job(line):
    """The overrides of a command's only or first job."""
    words = [word for word in shlex.split(line, comments=True) if not word.startswith("-") and word != "…"]
    for override in OverridesParser.create().parse_overrides(words):
        value = next(override.sweep_string_iterator()) if override.is_sweep_override() else None
        yield override.input_line if value is None else f"{override.key_or_group}={value}"


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_of_the_pages_compose(page, line, job):
    job(*first_job(line))


@pytest.mark.parametrize("block", PARAMS)
def test_parameters_of_the_pages_compose(block, composed):
    chosen = yaml.safe_load(block)
    composed(chosen.get("groups"), chosen.get("values"))


def test_pages_have_both():
    assert len(COMMANDS) > 20
    assert PARAMS
