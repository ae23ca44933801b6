"""Jobs of a sweep on one machine begin in forks of a process that has imported TensorFlow and Keras: see `fork_server`.

python -m echo_rnn.stages.job_server SOCKET
"""

import functools
import socket
import sys

from echo_rnn.child_process import inherited
from echo_rnn.core.startup import import_tensorflow
from echo_rnn.fork_server import serve
from echo_rnn.forked import ForkServer


@functools.cache
def job_server() -> ForkServer | None:
    """The server of this process; `None` where a process that has imported TensorFlow must not fork."""
    if sys.platform != "linux":
        return None
    return ForkServer([sys.executable, "-m", "echo_rnn.stages.job_server"], inherited())


if __name__ == "__main__":
    from echo_rnn.stages import evaluate, generate, train  # noqa: F401 (for the jobs)

    import_tensorflow()
    serve(socket.socket(fileno=int(sys.argv[1])))
