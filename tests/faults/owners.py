"""Two owners at once: while another process owns what a command needs alone, the command changes nothing in it.

It is refused, and changes nothing at all in the project, or works beside the other one.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from echo_rnn.errors import parse_line
from echo_rnn.stages.alone import alone
from tests.faults.commands import COMMANDS, PARAMS, TINY, UI_PORT, prepared
from tests.faults.processes import run

# Another process that owns a folder, delivers a run, or has a port.
_HOLDS = """
import socket, sys
from contextlib import nullcontext
from pathlib import Path
kind, what = sys.argv[1:]
if kind == "folder":
    from echo_rnn.stages.alone import alone
    held = alone(Path(what), "another")
elif kind == "run":
    from contextlib import closing
    from echo_rnn.tracking.outbox import Outbox
    held = closing(Outbox(Path(what)))
else:
    try:
        held = socket.create_server(("127.0.0.1", int(what)))
    except OSError:  # somebody has it
        held = nullcontext()
with held:
    print("held", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Pair:
    """A command beside another owner.

    Attributes:
        words: Of the command.
        kind: Of what another one has: a folder, a run, or a port.
        what: Which one.
        code: How its error ends; empty where it works beside the other one.
        after: The command before it.
        may_change: What may change in the project: where Hydra or a person asks for files, and the store.
    """

    words: tuple
    kind: str = "folder"
    what: str = "."
    code: str = ".busy"
    after: str = ""
    may_change: tuple = ()


_FOLDERS = {"job": "job", "resume": "job", "sweep": "sweep"}
_MEASURES, _PEERS, _RUN = "benchmarks/debug", "benchmarks/peers", "0" * 32
PAIRS = {
    name: Pair(command.words, what=_FOLDERS.get(name, "."))
    for name, command in COMMANDS.items()
    if name not in ("deliver", "ui")
} | {
    # Nobody owns the store.
    "evaluate a job": Pair(("pipelines.evaluate", "job"), what="job", after="job", may_change=("mlflow.db",)),
    "evaluate a run": Pair(
        ("pipelines.evaluate", _RUN), what=f"outputs/evaluations/{_RUN}", may_change=("mlflow.db", "outbox.lock")
    ),
    "benchmark a sweep": Pair(
        ("pipelines.benchmark", *TINY, "hydra.run.dir=hydra"), what=_MEASURES, may_change=("hydra",)
    ),
    "peers": Pair(("pipelines.peers", *TINY, "hydra.run.dir=hydra"), what=_PEERS, may_change=("hydra",)),
    "whole_process": Pair(
        ("pipelines.whole_process", *TINY, "hydra.run.dir=hydra"), what=_PEERS, may_change=("hydra",)
    ),
    "services": Pair(("pipelines.services",), what="services"),
    "services --stop": Pair(("pipelines.services", "--stop"), what="services"),
    "ui": Pair(COMMANDS["ui"].words, "port", UI_PORT, ".port_taken"),
    # The study of a search, and records that are there already, are shared on purpose.
    "deliver": Pair(COMMANDS["deliver"].words, "run", "outbox/*", "", "deliver"),
    "predict": Pair(
        ("pipelines.predict", "series.csv", "predicted.csv"), code="", after="train", may_change=("predicted.csv",)
    ),
}


def violations(scratch, names):
    """What breaks the law, as text.

    Args:
        scratch: The folder of what commands leave.
        names: The commands whose points are tried; what comes after another one is tried where that is among them.
    """
    # Processes of the tests need not wait for each other.
    alone.__wrapped__.__kwdefaults__["seconds"] = 0.1
    found = []
    for name, pair in PAIRS.items():
        if not pair.after or pair.after in names:
            found += [f"{name} beside another owner {text}" for text in _violations(pair, scratch / f"owned {name}")]
    return found


def _violations(pair, project):
    shutil.rmtree(project, ignore_errors=True)
    if pair.after == "deliver":
        prepared(pair.after, project.parent).before.copied(project)
    elif pair.after:
        prepared(pair.after, project.parent).after.copied(project)
    else:
        project.mkdir()
        (project / "params.yaml").write_text(PARAMS)
    (project / "series.csv").write_text("bit\n" + "1\n0\n" * 20)
    what = pair.what
    if pair.kind == "folder":
        (project / what).mkdir(parents=True, exist_ok=True)
    elif pair.kind == "run":
        (what,) = project.glob(what)
    holds = [sys.executable, "-c", _HOLDS, pair.kind, str(what)]
    with subprocess.Popen(holds, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        before = _contents(project)
        ended = run(project, pair.words)
        changed = {name for name, _ in before ^ _contents(project)}
        holder.stdin.close()
    codes = [error.code for error in map(parse_line, ended.said.splitlines()) if error]
    if ended.code != 2 * bool(pair.code) or [code.endswith(pair.code) for code in codes] != [True] * bool(pair.code):
        yield f"ends with {ended.code}: {ended.said[-600:]}"
    if pair.code == ".busy" and str(holder.pid) not in ended.said:
        yield f"does not name it: {ended.said[-600:]}"
    if pair.kind == "run":
        changed = {name for name in changed if name.startswith("outbox/")}
    for name in sorted(name for name in changed if not name.startswith(pair.may_change)):
        yield f"changed {name}"


def _contents(folder: Path):
    return {
        (path.relative_to(folder).as_posix(), path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] != "tmp" and os.path.lexists(path)
    }
