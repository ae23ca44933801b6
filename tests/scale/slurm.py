"""A SLURM cluster of one node on loopback, with real daemons, in a folder of its own.

It has two partitions, `low` and `high`, of which the second preempts jobs of the first. There is no accounting: a
script stands in for `sacct`, without which submitit does not learn that a job was cancelled before it began.
"""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.processes import environment
from tests.tracking.servers import find_free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue", "scontrol")

CONF = """\
ClusterName=echo
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
CredType=cred/munge
# A job that is queued again starts after this many seconds, and not after two minutes.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldParameters=preempt_send_user_signal
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=sched_interval=2,sched_min_interval=100000,batch_sched_delay=0
KillWait=30
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=30
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""

SACCT = """\
#!/bin/bash
ids=(); while [ $# -gt 0 ]; do [ "$1" = -j ] && ids+=("$2"); shift; done
echo "JobID|State|NodeList"
for id in "${ids[@]}"; do
    scontrol -o show job "$id" 2>/dev/null | while read -r line; do
        get() { grep -oE "(^| )$1=[^ ]*" <<<"$line" | head -1 | cut -d= -f2; }
        array=$(get ArrayJobId); job=$(get JobId); [ -n "$array" ] && job="${array}_$(get ArrayTaskId)"
        echo "$job|$(get JobState)|$(get NodeList)"
    done
done
"""


def why_not():
    """Why no cluster can run here; empty where one can."""
    if missing := [name for name in PROGRAMS if not find(name)]:
        return f"SLURM is not installed: no {', '.join(missing)} (apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "SLURM's daemons need root"


def find(name):
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))


NEEDED = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Slurm:
    """A cluster, from `start` to `end`."""

    def __init__(self):
        # Not in a folder of pytest: the path of a socket has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="echo-slurm-"))
        path = os.pathsep.join([str(self.folder / "bin"), environment()["PATH"]])
        self.variables = {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}
        self._daemons = []

    def start(self):
        for name in ("bin", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        (self.folder / "bin/sacct").write_text(SACCT)
        (self.folder / "bin/sacct").chmod(0o755)
        host, ports = platform.node().partition(".")[0], (find_free_port(), find_free_port())
        values = {"host": host, "ports": ports, "folder": self.folder, "cores": os.cpu_count()}
        (self.folder / "slurm.conf").write_text(CONF.format(**values))
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o400)
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        named = [f"--{option}={self.folder}/munge.{name}" for option, name in files.items()]
        self._daemon("munged", "--foreground", "--force", *named)
        self._until((self.folder / "munge.socket").exists)
        self._daemon("slurmctld", "-D")
        self._daemon("slurmd", "-D", "-N", host)
        self._until(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T"))

    def _daemon(self, name, *arguments):
        with (self.folder / f"{name}.out").open("wb") as out:
            variables = os.environ | self.variables
            daemon = subprocess.Popen([find(name), *arguments], env=variables, stdout=out, stderr=out)
        self._daemons.append(daemon)

    def _until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self):
        """The last words of the daemons."""
        files = sorted((*self.folder.glob("*.log"), *self.folder.glob("*.out")))
        return "\n".join(file.read_text(errors="replace")[-1500:] for file in files)

    def run(self, *command):
        """What one of SLURM's commands prints."""
        done = subprocess.run(command, env=os.environ | self.variables, capture_output=True, text=True, check=False)
        return done.stdout

    def jobs(self):
        """The ids of jobs that have not ended, with their states."""
        return dict(line.split() for line in self.run("squeue", "-h", "-r", "-o", "%i %T").splitlines())

    def end(self):
        self.run("scancel", "--full", "--signal=KILL", *self.jobs())
        for daemon in reversed(self._daemons):
            with contextlib.suppress(ProcessLookupError):
                daemon.send_signal(signal.SIGTERM)
        for daemon in self._daemons:
            daemon.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running():
    """A cluster that runs inside the block."""
    cluster = Slurm()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()
