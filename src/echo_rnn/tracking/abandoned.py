"""Runs whose process died without a word: found by what each run recorded of its process, and ended.

SIGKILL, a lost machine or a full disk leave a run RUNNING for ever. Whoever opens the store next ends those that were
made on this machine since it booted and whose process is gone. A process id alone would not do: the system gives it to
others, so that the start time must agree too.
"""

from collections.abc import Container

import psutil
from mlflow import MlflowClient
from mlflow.entities import Run

from echo_rnn import environment

LEFT_BEHIND = {"left_behind": "its process was gone, and a later command ended the run"}
"""The tag of a run that could not say how it ended; it stays where the run goes on later."""
# Of the start time as it was recorded, which was rounded.
_TOLERANCE_SECONDS = 0.1


def end_abandoned(client: MlflowClient, experiment_id: str, pending: Container[str]) -> None:
    """Marks abandoned runs of an experiment as KILLED; never touches a live one, nor one whose journal waits.

    Args:
        client: Of the store.
        experiment_id: Where to look.
        pending: Ids of runs with a journal, which knows better how they ended.
    """
    here = environment.process()["process.host"]
    running = f"attributes.status = 'RUNNING' and tags.`process.host` = '{here}'"
    for run in client.search_runs([experiment_id], running):
        run_id = run.info.run_id
        if run_id not in pending and not _is_alive(run):
            for name, value in LEFT_BEHIND.items():
                client.set_tag(run_id, name, value)
            client.set_terminated(run_id, status="KILLED")


def _is_alive(run: Run) -> bool:
    tags = run.data.tags
    try:
        process = psutil.Process(int(tags["process.pid"]))
        # In a container, what nobody waited for may stay a zombie as long as the container lives.
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - float(tags["process.start"])) <= _TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return False
    except (KeyError, ValueError, psutil.Error):
        return True  # nothing is known of its process
