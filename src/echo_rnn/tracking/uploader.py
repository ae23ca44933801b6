"""A thread that sends what a journal holds, so that nothing ever waits for a store, however slow or gone it is."""

import threading

from echo_rnn.tracking.failures import first_line
from echo_rnn.tracking.journal import Journal
from echo_rnn.tracking.send import Sender, rest_of

# Between two looks at the journal: charts follow a training, and many numbers fit into one request.
_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 10.0
# When somebody waits for the end.
_HASTE_SECONDS = 0.2


class Uploader:
    """Sends in the background from its construction until `finish`."""

    def __init__(self, journal: Journal, sender: Sender) -> None:
        self._journal = journal
        self._sender = sender
        self._failure = ""
        self._complete = threading.Event()  # nothing will be added to the journal
        self._given_up = threading.Event()
        # A daemon: a request that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name="uploader", daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> str:
        """Sends the rest, for some seconds at most; says why something is left, and nothing if all was sent."""
        self._complete.set()
        self._thread.join(seconds)
        self._given_up.set()
        return rest_of(self._journal) and (self._failure or "it did not answer in time")

    def _work(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._given_up.is_set():
            complete = self._complete.is_set()
            try:
                while self._sender.send_next() and not self._given_up.is_set():
                    self._failure = ""
                if complete:
                    return
                pause = _PAUSE_SECONDS
            except Exception as error:  # whatever it is: training goes on, and the next attempt may go better
                self._failure = first_line(error)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if complete:
                self._given_up.wait(_HASTE_SECONDS)
            else:
                self._complete.wait(pause)
