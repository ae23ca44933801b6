"""A tracking server with PostgreSQL and S3 on this machine, for trying out; `make services` brings what it needs.

python -m pipelines.services            starts what does not run, and prints what to put into conf/local/
python -m pipelines.services --stop     ends them; what they store stays in services/
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys

from echo_rnn.command import show_help
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import project_root
from echo_rnn.tracking import services

STOP = "--stop"
_FOLDER = "services"


def _show(settings: services.Settings) -> None:
    print(
        f"""\
MLflow runs at {settings.server}, its runs in PostgreSQL, its artifacts in an S3 store; data and logs: {_FOLDER}/
`make services-stop` ends them. In conf/local/default.yaml:

# @package _global_
tracking:
  uri: {settings.server}

The same store as a remote of DVC, for this copy of the project:

dvc remote add --local --default store s3://{services.REMOTE}
dvc remote modify --local store endpointurl {settings.s3}
dvc remote modify --local store credentialpath {project_root() / _FOLDER / "credentials"}"""
    )


if __name__ == "__main__":
    with one_sentence():
        show_help()
        if sys.argv[1:] not in ([], [STOP]):
            raise UserError(
                f"services: expected no argument or {STOP}, got {' '.join(sys.argv[1:])!r}", "services.arguments"
            )
        folder = project_root() / _FOLDER
        with alone(folder, "services"):
            if STOP in sys.argv:
                print(f"ended: {', '.join(services.stop(folder)) or 'none, since none ran'}")
            else:
                _show(services.start(folder))
