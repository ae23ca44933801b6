"""Commands in forks of a process that has imported everything: a fork begins after 0.1 s, with its own state.

So do the processes that a command starts by `python -m`, in place of fresh ones; their changes are points, too.
"""

import atexit
import gc
import hashlib
import os
import pickle
import runpy
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from echo_rnn import fork_server
from echo_rnn.forked import Forked, ForkServer
from tests.faults.points import KILLED, Plan, Points, read

LIMIT_SECONDS = 120
_POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    seconds: float
    points: list

    @property
    def was_killed(self):
        return self.code == -signal.SIGKILL


class Children(ForkServer):
    """The server whose forks become the processes that commands start."""

    def __init__(self):
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork():
            theirs.close()
            return
        self._control.close()
        _end_with(lambda: _served(theirs))

    def started(self, command, server, options):
        """In place of `child_process._started`."""
        return Forked(self, command, **options)


def preload(scratch):
    """Imports what commands import, and does what each of them would do first; keeps files in the folder `scratch`.

    Computes nothing, since threads do not survive a fork.
    """
    # What a shell starts in the background ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ |= {"DVC_NO_ANALYTICS": "true", "CUDA_VISIBLE_DEVICES": ""}
    from tests.fork_server import preload as preload_libraries  # noqa: PLC0415

    preload_libraries()
    from echo_rnn.tracking.address import SETTINGS  # noqa: PLC0415

    os.environ |= SETTINGS
    import echo_rnn.benchmark.report.words  # noqa: PLC0415
    import echo_rnn.plots  # noqa: PLC0415
    import echo_rnn.stages.job  # noqa: PLC0415
    import echo_rnn.training  # noqa: F401, PLC0415

    _do_first()
    _save_time(scratch)
    gc.collect()
    gc.freeze()  # else each fork would copy all pages of objects when it collects garbage
    _use(Children())


def _do_first():
    """What fills tables of libraries at its first use."""
    import numpy as np  # noqa: PLC0415

    from echo_rnn.config import compose  # noqa: PLC0415
    from echo_rnn.plots import save, training_curves  # noqa: PLC0415
    from echo_rnn.stages.layout import CONF  # noqa: PLC0415
    from echo_rnn.tracking import open_store  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "params.yaml").write_text("groups: {experiment: debug}\nvalues: {}\n")
        compose(folder / "params.yaml", CONF)
        numbers = np.arange(8.0)
        save(training_curves(numbers, numbers, 4, [(1, 0.5, 0.5)], 1.0, ("nats", "accuracy")), folder / "curves.png")
        with open_store(None, "first", folder).run("first", "", {}) as run:
            run.log_metrics([("one", 1.0, 0)])


def _use(children):
    from echo_rnn import child_process  # noqa: PLC0415
    from echo_rnn.stages import job  # noqa: PLC0415

    child_process._started = children.started
    job.job_server = lambda: None


def _save_time(scratch):
    """Pictures are small and empty; what Hydra composed once, and what a network computed once, is read.

    So is the revision of MLflow's tables. All are changes of files as before; what they hold is not what is tried here.
    """
    import numpy as np  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415
    from hydra._internal.config_loader_impl import ConfigLoaderImpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from mlflow.store.db import utils  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    from echo_rnn import plots  # noqa: PLC0415
    from echo_rnn.core import startup  # noqa: PLC0415
    from echo_rnn.core.windows.loop import Preparation, WindowLoop  # noqa: PLC0415
    from echo_rnn.core.windows.predictor import Predictor  # noqa: PLC0415
    from echo_rnn.training.loop import Pace, Training  # noqa: PLC0415

    composed = ConfigLoaderImpl._load_configuration_impl
    prepared, computed = WindowLoop.prepare, WindowLoop.__call__
    known = scratch / "known"
    known.mkdir(exist_ok=True)

    def remembered(compute, *depends_on):
        place = known / hashlib.sha256(pickle.dumps(depends_on)).hexdigest()
        if not place.exists():
            own = place.with_name(f"{place.name}-{os.getpid()}")
            own.write_bytes(pickle.dumps(compute()))
            own.rename(place)
        return pickle.loads(place.read_bytes())

    def compose(loader, *words, **named):
        found = remembered(lambda: composed(loader, *words, **named), repr((words, sorted(named.items()))))
        found.hydra.runtime.cwd = os.fspath(Path.cwd())
        return found

    def arrays(tensors):
        return [np.array(each) for each in tf.nest.flatten(tensors)]

    def prepare(loop, buffers, state):
        if isinstance(loop._body.__self__, Training):
            return Preparation(0.0, 0.0)
        return prepared(loop, buffers, state)

    def run_windows(loop, buffers, first, count, state):
        of = loop._body.__self__
        if not isinstance(of, Training | Predictor):
            return computed(loop, buffers, first, count, state)  # which is measured
        learner, structure = getattr(of, "_learner", None), state

        def compute():
            after, outputs = computed(loop, buffers, first, count, state)
            return arrays(after), outputs, learner and learner.snapshot()

        own = learner.snapshot() if learner else (arrays(of._weights()), of._features, of._zeroed)
        after, outputs, variables = remembered(compute, buffers, first, count, arrays(state), own, loop._mode)
        if learner:
            learner.restore(variables)
        return tf.nest.pack_sequence_as(structure, [tf.constant(each) for each in after]), outputs

    ConfigLoaderImpl._load_configuration_impl = compose
    WindowLoop.__call__ = run_windows
    WindowLoop.prepare = prepare
    Pace.measured = lambda *seen: None  # what is read takes no time, and calls would be longer
    startup._compile_first = lambda: None
    utils._get_latest_schema_revision = cache(utils._get_latest_schema_revision)
    utils._get_latest_schema_revision()
    for name in {*plots.__all__} - {"save"}:
        setattr(plots, name, lambda *numbers, **how: Figure())
    Figure.savefig = lambda figure, file, **how: Image.new("RGB", (4, 4)).save(file, "png")


def run(folder, words, *, at=0, fault=KILLED, until="", states=None, meanwhile=lambda: None):
    """Runs `python -m WORDS` in `folder`.

    Args:
        folder: It.
        words: Module and arguments.
        at: The number of the point of a fault, from 1; 0 for none.
        fault: Which one.
        until: Ctrl-C follows when this is printed.
        states: Gets the state before each change.
        meanwhile: Called again and again.
    """
    folder = Path(folder)
    plan = Plan(os.fspath(folder), os.fspath(folder.with_name(f"{folder.name}.points")), at, fault, bool(states))
    for leftover in (plan.record, f"{plan.record}.count", plan.asked):
        Path(leftover).unlink(missing_ok=True)
    Path(plan.record).touch()
    said = folder.with_name(f"{folder.name}.said")
    start, pids = time.monotonic(), set()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _end_with(lambda: _command(folder, words, said, plan))
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > start + LIMIT_SECONDS:
            os.kill(pid, signal.SIGKILL)
        if until and said.exists() and until in said.read_text(errors="replace"):
            os.kill(pid, signal.SIGINT)
            until = ""
        if states is not None and os.access(plan.asked, os.F_OK):
            pids |= {pid, int(Path(plan.asked).read_text())}
            with _still(pids):
                states.add()
            Path(plan.asked).unlink()
        meanwhile()
        time.sleep(_POLL_SECONDS)
    text = said.read_text(errors="replace")
    return Ended(os.waitstatus_to_exitcode(status), text, time.monotonic() - start, read(plan.record))


class _still:  # noqa: N801 (a context)
    """Inside the block no process of a command does anything, as if all had been killed."""

    def __init__(self, pids):
        self._pids = pids

    def __enter__(self):
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        while not all(_is_stopped(pid) for pid in self._pids):
            time.sleep(0.0005)

    def __exit__(self, *failure):
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _is_stopped(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TZX"
    except OSError:
        return True


def _end_with(program):
    """Ends this process as `program`, which returns its exit code, says."""
    code = 70
    try:
        code = program()
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _command(folder, words, said, plan):
    os.setsid()
    os.chdir(folder)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = os.fspath(temporary)
    tempfile.tempdir = None
    from echo_rnn.stages import layout  # noqa: PLC0415

    layout.PARAMS = folder / "params.yaml"
    sys.argv = [words[0], *words[1:]]
    plan.publish()
    Points(is_child=False).install()
    return _run(words[0])


def _served(control):
    """In a fork of this process, for each process that is asked for: that process; returns its exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    words = fork_server._become(*fork_server._next(control))
    Points(is_child=True).install()
    return _run(words[0])


def _run(module):
    """Runs a module as `python -m` does, to the end of the process; returns its exit code."""
    for each in list(weakref.finalize._registry):
        each.atexit = False  # temporary folders of the parent
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    # What a process does at its end, which `os._exit` leaves out.
    try:
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        code = code or 1
    return code
