"""Runs whose process died without a word: found by what each run recorded of its process, and ended.

SIGKILL, a lost machine or a full disk leave a run RUNNING for ever. Whoever opens the store next ends those that were
made on this machine since it booted and whose process is gone. A process id alone would not do: the system gives it to
others, so that the start time must agree too.
"""

import psutil
from mlflow import MlflowClient
from mlflow.entities import Run, RunStatus

from echo_rnn import environment

ENDED = "ended_by"
# Of the start time as it was recorded, which was rounded.
_TOLERANCE_SECONDS = 0.1


def end_abandoned(client: MlflowClient, experiment_id: str) -> list[str]:
    """Marks abandoned runs of an experiment as KILLED and returns their ids; never touches a live one."""
    here = environment.process()["process.host"]
    running = f"attributes.status = 'RUNNING' and tags.`process.host` = '{here}'"
    ended = []
    for run in client.search_runs([experiment_id], running):
        if not _is_alive(run):
            client.set_tag(run.info.run_id, ENDED, "a later command: its process was gone")
            client.set_terminated(run.info.run_id, status=RunStatus.to_string(RunStatus.KILLED))
            ended.append(run.info.run_id)
    return ended


def _is_alive(run: Run) -> bool:
    tags = run.data.tags
    try:
        start = psutil.Process(int(tags["process.pid"])).create_time()
        return abs(start - float(tags["process.start"])) <= _TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return False
    except (KeyError, ValueError, psutil.Error):
        return True  # nothing is known of its process
