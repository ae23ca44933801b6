"""The last results of a stage outlive it when DVC runs it, and DVC's run cache holds the stage.

DVC removes the outs of a stage before it runs it. With `persist` they would stay, but the run cache takes no stage with
such outs: going back to an earlier setting, or a clone that has a remote only, would repeat the work.
"""

import os
import sys
from pathlib import Path

import yaml


def put_back(name: str) -> None:
    """Puts the outs of stage `name` back as `dvc.lock` has them, if DVC runs this process and has removed them.

    A stage that fails, is stopped or is killed then leaves the results that stood there before. What cannot be put back
    is named in a note.
    """
    if "DVC_STAGE" not in os.environ or not _has_run(name):
        return
    # Not `dvc checkout`: the DVC that runs this process has the outs locked.
    from dvc.exceptions import DvcException  # noqa: PLC0415
    from dvc.repo import Repo  # noqa: PLC0415

    try:
        with Repo() as repo:
            for out in repo.stage.load_one(name=name).outs:
                if out.hash_info and not out.exists:
                    out.checkout(allow_missing=True)
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split())
        print(
            f"note: the last results of {name} were not put back ({reason}); `dvc checkout {name}` does",
            file=sys.stderr,
        )


def _has_run(name: str) -> bool:
    """Whether DVC knows results of the stage. To ask DVC takes a second."""
    try:
        return name in yaml.safe_load(Path("dvc.lock").read_bytes())["stages"]
    except FileNotFoundError:
        return False
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return True  # DVC says what is wrong with it
