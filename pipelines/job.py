"""What Hydra runs: one job generates, trains and evaluates in an output folder of its own, without DVC."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from echo_rnn.config import in_jobs
from echo_rnn.errors import UserError
from echo_rnn.stages.alone import alone
from echo_rnn.stages.job import fail, run, run_in_child
from echo_rnn.stages.layout import CONF, Layout

_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


def job(composed: DictConfig) -> None:
    """One job; within a sweep its failure is written down and does not stop the others."""
    runtime = HydraConfig.get()
    files = Layout(Path(runtime.runtime.output_dir))
    if runtime.mode == RunMode.MULTIRUN:
        overrides, sweep = as_typed(runtime.overrides.task), sweep_name(Path(runtime.sweep.dir))
        try:
            run_in_child(in_jobs(composed, CONF), files, sweep, overrides, str(runtime.job.id))
        except UserError as error:
            fail(files, overrides, str(error))
        return
    with alone(files.root, "job"):
        composition = in_jobs(composed, CONF)
        composition.write(files.config)
        print(files.config.read_text(encoding="utf-8"))
        run(composition.config, files, {}, _command(files.root))
    print(f"all files: {files.root}")


def as_typed(overrides: Sequence[str]) -> list[str]:
    """Overrides as a person typed them; not resolved, since one may hold an interpolation that cannot be."""
    return [str(part) for part in OmegaConf.to_container(overrides) or []]


def sweep_name(folder: Path) -> str:
    """The tag that the runs of a sweep share, from the folder that no other sweep has, as it is seen from here."""
    return "_".join(Path(os.path.relpath(folder)).parts[-2:])


def override(key: str, folder: Path) -> str:
    """An override that sets `key` to a folder, whatever its name holds, in Hydra's grammar."""
    name = os.fspath(folder)
    if _PLAIN.fullmatch(name):
        return f"{key}={name}"
    # Backslashes before a quote, and the last ones, are read in pairs; `${` would be read as an interpolation.
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + (found[2] and "\\'"), name).replace("${", "\\${")
    return f"{key}='{escaped}'"


def _command(folder: Path) -> str:
    """The command that resumes a job in its folder."""
    words = [word for word in sys.argv[1:] if not word.startswith("hydra.run.dir=")]
    return shlex.join(
        ["python", "-m", "pipelines.train", *words, override("hydra.run.dir", Path(os.path.relpath(folder)))]
    )
