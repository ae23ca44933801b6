"""What Hydra runs: one job generates, trains and evaluates in an output folder of its own, without DVC."""

import shlex
import traceback
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from echo_rnn.config import in_jobs
from echo_rnn.errors import UserError
from echo_rnn.files import write_json, write_text
from pipelines import evaluate, generate, train
from pipelines.hydra_entry import in_job
from pipelines.layout import CONF, Layout
from pipelines.show import show_tree
from pipelines.summary import RESULT


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def job(composed: DictConfig) -> None:
    """One job; within a sweep its failure is written down and does not stop the others."""
    runtime = HydraConfig.get()
    files = Layout(Path(runtime.runtime.output_dir))
    if runtime.mode != RunMode.MULTIRUN:
        with in_job():
            _work(composed, files, sweep=None)
        print(f"all files: {files.root}")
        return
    # Not resolved: an override may hold an interpolation that leads nowhere.
    overrides = [str(part) for part in OmegaConf.to_container(runtime.overrides.task) or []]
    result: dict[str, Any] = {"overrides": overrides}
    try:
        result |= _work(composed, files, sweep=sweep_name(Path(runtime.sweep.dir)))
    except Exception as error:
        write_text(files.root / "traceback.txt", traceback.format_exc())
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        result |= {"error": f"{kind}{error}"}
        print(f"failed: {shlex.join(overrides)}: {kind}{error}")
    write_json(files.root / RESULT, result)


def sweep_name(folder: Path) -> str:
    """The tag that the runs of a sweep share, from the folder that no other sweep has."""
    return "_".join(folder.parts[-2:])


def _work(composed: DictConfig, files: Layout, sweep: str | None) -> dict[str, Any]:
    composition = in_jobs(composed, CONF)
    config = composition.config
    composition.write(files.config)
    if sweep is None:
        show_tree(config.run_name, composition.tree)
    generate.run(config, files)
    run_id = train.run(config, files, {} if sweep is None else {"sweep": sweep})
    return {"run_id": run_id, "seed": config.seed, "metrics": evaluate.run(config, files)}
