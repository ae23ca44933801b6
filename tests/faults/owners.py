"""Two owners at once: while another process owns the folder, each command is refused and changes nothing in it."""

import subprocess
import sys
from pathlib import Path

from echo_rnn.errors import parse_line
from echo_rnn.stages.alone import alone
from tests.faults.commands import COMMANDS, PARAMS
from tests.faults.processes import run

# What a command owns; deliveries and pages work beside others.
FOLDERS = {name: "." for name in COMMANDS} | {"job": "job", "resume": "job", "sweep": "sweep"}
APART = ("deliver", "ui")
_HOLDS = """
import sys
from pathlib import Path
from echo_rnn.stages.alone import alone
with alone(Path(sys.argv[1]), "another"):
    print("held", flush=True)
    sys.stdin.read()
"""


def violations(scratch):
    """What breaks the law, as text."""
    # Processes of the tests need not wait for each other.
    alone.__wrapped__.__kwdefaults__["seconds"] = 0.1
    found = []
    for name in COMMANDS.keys() - set(APART):
        project = scratch / f"owned-{name}"
        owned = project / FOLDERS[name]
        owned.mkdir(parents=True)
        (project / "params.yaml").write_text(PARAMS)
        with subprocess.Popen(
            [sys.executable, "-c", _HOLDS, str(owned)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout.readline() == "held\n"
            before = _contents(project)
            ended = run(project, COMMANDS[name].words)
            after = _contents(project)
            holder.stdin.close()
        codes = [error.code for error in map(parse_line, ended.said.splitlines()) if error]
        if ended.code != 2 or not codes or not codes[0].endswith(".busy") or str(holder.pid) not in ended.said:
            found.append(f"{name} beside another owner ends with {ended.code}: {ended.said[-600:]}")
        found += [f"{name} beside another owner changed {each[0]}" for each in before ^ after]
    return found


def _contents(folder: Path):
    return {
        (path.relative_to(folder).as_posix(), path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
        if "tmp" not in path.relative_to(folder).parts
    }
