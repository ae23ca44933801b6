"""Ray in its own environment, and a cluster of two nodes on this machine whose nodes can be killed."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = str(ROOT / ".venv-ray/bin/python")
WHY_NOT = "" if Path(PYTHON).exists() else "no .venv-ray; `make ray` makes it"
NEEDED = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

# Each line that it reads names a node to kill; it answers with its own numbers of nodes and addresses.
CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster

options = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={**options, "num_cpus": 0})
nodes = [cluster.add_node(**options) for _ in range(2)]
cluster.wait_for_nodes()
print(json.dumps({"address": cluster.address}), flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes[int(line)], allow_graceful=False)
    print("killed", flush=True)
cluster.shutdown()
"""


class Cluster:
    """A head without processors and two nodes with one each; raylets leave it to children of a worker to end."""

    def __init__(self, folder, variables):
        self.temporary = tempfile.mkdtemp(prefix="echo-ray-")  # the path of a socket has at most 107 characters
        variables = {"RAY_TMPDIR": self.temporary, **variables}
        self._process = subprocess.Popen(
            [PYTHON, "-c", CLUSTER],
            cwd=folder,
            env=os.environ | {"RAY_DISABLE_USAGE_STATS": "1"} | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.variables = {"RAY_ADDRESS": json.loads(self._line())["address"]}

    def _line(self):
        line = self._process.stdout.readline()
        assert line, "the cluster has ended"
        return line

    def kill(self, node):
        """Kills a node with all that runs on it."""
        self._process.stdin.write(f"{node}\n")
        self._process.stdin.flush()
        self._line()

    def end(self):
        self._process.stdin.close()
        self._process.wait(60)
        shutil.rmtree(self.temporary, ignore_errors=True)


@contextlib.contextmanager
def running(folder, children="false"):
    """A cluster that was started in a folder, and runs inside the block."""
    cluster = Cluster(folder, {"RAY_kill_child_processes_on_worker_exit": children})
    try:
        yield cluster
    finally:
        cluster.end()
