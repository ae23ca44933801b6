"""Real services on loopback; where one cannot run, tests are skipped and say why."""

import shutil
import tempfile
from pathlib import Path

import pytest

from echo_rnn.errors import UserError
from echo_rnn.tracking import services


class Running:
    """PostgreSQL, an S3 store and a tracking server that a test may kill."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = services.start(folder)
        self.address = self.settings.server

    def kill(self, name):
        services.kill(self.folder, name)

    def back(self):
        services.start(self.folder)


@pytest.fixture(scope="session")
def _running():
    # Not below pytest's folder, which PostgreSQL's user cannot reach.
    folder = Path(tempfile.mkdtemp(prefix="echo-rnn-services-"))
    folder.chmod(0o755)
    try:
        yield Running(folder)
    except UserError as error:
        if error.code != "services.missing":
            raise
        pytest.skip(str(error))
    finally:
        services.stop(folder)
        shutil.rmtree(folder)


@pytest.fixture
def running(_running):
    """All three run when a test begins."""
    _running.back()
    return _running
