"""MLflow's settings for this project: silent, no telemetry, no pickles, and quick to give up on a server."""

import os

FORCED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
# A person may set these differently. MLflow's own waits add up to more than four minutes for one request; here the
# uploader tries again, and what went wrong becomes a sentence instead of a page of its log.
PREFERRED = {
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
SETTINGS = PREFERRED | FORCED


def prepare() -> None:
    """Puts the settings in the environment, where MLflow and child processes read them; call it before the import."""
    os.environ.update(FORCED)
    for name, value in PREFERRED.items():
        os.environ.setdefault(name, value)
