"""Programs that Hydra composes: what it refuses ends in one sentence, and what breaks in a job keeps its traceback."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from importlib.util import find_spec

import hydra
from omegaconf import DictConfig

from echo_rnn.command import show_help
from echo_rnn.config import composition_error
from echo_rnn.errors import UserError, as_user_error, to_its_end
from echo_rnn.redact import require_no_credentials
from echo_rnn.stages.layout import CONF

# Options here that have the name of a plugin's own: Hydra completes them from it, and says that it will not for ever.
warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema", UserWarning)

Work = Callable[[DictConfig], None]
"""What a program does with what Hydra composed."""

PROGRAM: ContextVar[Work | None] = ContextVar("PROGRAM", default=None)
"""The work of this process; Hydra tells its callbacks the file of that function only."""


class _JobError(Exception):
    """A job raised its cause; whatever else Hydra raises happened before a job began."""


_LAUNCHER = "sweep.launcher"
_PLUGINS = {
    "hydra_ray_launcher": "`make ray` makes one with it: .venv-ray/bin/python in place of python",
    "hydra_submitit_launcher": "pip install hydra-submitit-launcher",
}
"""What launches jobs, and how an environment has it."""


def _launcher_error(error: Exception) -> UserError | None:
    """What is wrong with the launcher of a sweep, where that was at work; jobs are composed before."""
    asked = str(error).replace("submitit_slurm", "hydra_submitit_launcher")
    for name, remedy in _PLUGINS.items():
        if name in asked and find_spec(f"hydra_plugins.{name}") is None:
            return UserError(f"hydra/launcher: expected {name}, got an environment without it; {remedy}", _LAUNCHER)
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    if not any(module.startswith("hydra_plugins.") for module in modules):
        return None
    lines = [line.strip()[:300] for line in str(error).splitlines() if line.strip(" -")] or [type(error).__name__]
    got = " … ".join(dict.fromkeys((lines[0], lines[-1])))
    return UserError(f"hydra.launcher: expected every job to be started and to end, got {got}", _LAUNCHER)


def options() -> str:
    """The groups of `conf/` with their options, for help."""
    groups = {folder.name: [*sorted(file.stem for file in folder.glob("*.yaml"))] for folder in sorted(CONF.iterdir())}
    lines = [f"  {name}={'|'.join(found)}" for name, found in groups.items() if found]
    note = "Values: any key of conf/, such as trainer.epochs=20; --cfg job prints what is composed; -m runs a sweep."
    return "\n".join(["\nOptions:", *lines, note])


def run_composed(work: Work) -> None:
    """Runs a function with what Hydra composes from `conf/` and the command line.

    Raises:
        UserError: Hydra could not compose, or a job was refused.
        Exception: What broke in a job, and a full disk or too little memory.
    """

    @hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
    @functools.wraps(work)
    def main(composed: DictConfig) -> None:
        try:
            with to_its_end():
                work(composed)
        except UserError:
            raise
        except Exception as error:
            raise _JobError from error

    show_help(options())
    # Before Hydra writes it into its files.
    require_no_credentials(" ".join(sys.argv[1:]), "the command line")
    PROGRAM.set(work)
    # Hydra would print its errors over several lines; here they reach the caller.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        main()
    except UserError:
        raise
    except _JobError as error:
        raise error.__cause__ or error from None
    except Exception as error:
        if as_user_error(error) is not None:
            raise
        if launching := _launcher_error(error):
            raise launching from error
        # Hydra, OmegaConf and the YAML reader each have exceptions of their own for what cannot be composed.
        raise composition_error(error, CONF, "the command line or conf/") from error
