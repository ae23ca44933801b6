"""A tracking server with its stores on this machine, for trying out and for tests: PostgreSQL, S3 and MLflow.

FOLDER/settings.json     ports and passwords, drawn when they are first started
FOLDER/s3.json           who may use the S3 store, for its own program
FOLDER/credentials       the same for a client of S3, such as DVC's remote
FOLDER/NAME/             what a service stores, and its log
FOLDER/NAME.json         the process of a service that runs

All listen on loopback only. Clients of MLflow need neither driver nor keys: the server hands files on.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from echo_rnn.environment import is_running, start_ticks
from echo_rnn.errors import UserError
from echo_rnn.files import make_folder, remove, write_text
from echo_rnn.tracking.address import SETTINGS, fault_of

HOST = "127.0.0.1"
NAMES = ("postgres", "weed", "mlflow")
"""In the order in which they start."""
ARTIFACTS, REMOTE = "mlflow", "dvc"
"""The buckets of the S3 store."""
_USER, _REGION = "mlflow", "us-east-1"
_START_SECONDS, _END_SECONDS = 120, 30
_WEED_PORTS = ("master", "volume", "filer", "s3")
_INSTALL = {"postgres": "apt install postgresql", "initdb": "apt install postgresql", "weed": "make services"}


@dataclass(frozen=True)
class Settings:
    """What is drawn once.

    Attributes:
        ports: By service, and by part of the S3 store.
        password: Of the database.
        access_key: Of the S3 store.
        secret_key: Of the S3 store.
    """

    ports: dict[str, int]
    password: str
    access_key: str
    secret_key: str

    @property
    def server(self) -> str:
        """The tracking address."""
        return f"http://{HOST}:{self.ports['mlflow']}"

    @property
    def s3(self) -> str:
        """The address of the S3 store."""
        return f"http://{HOST}:{self.ports['s3']}"

    @property
    def database(self) -> str:
        """The address of the database, with its password."""
        return f"postgresql://{_USER}:{self.password}@{HOST}:{self.ports['postgres']}/{_USER}"


def start(folder: Path, names: Sequence[str] = NAMES) -> Settings:
    """Starts those services that do not run, each when the one before answers.

    Raises:
        UserError: A program is missing, or a service does not start.
    """
    settings = _settings(folder)
    for name in names:
        if process_of(folder, name) is None:
            _start(folder, name, settings)
    return settings


def stop(folder: Path, names: Sequence[str] = NAMES) -> list[str]:
    """Ends those services that run, the last one first; returns their names."""
    ended = []
    for name in reversed(names):
        if process := process_of(folder, name):
            # PostgreSQL's SIGTERM waits until its clients have left.
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
            with suppress(psutil.TimeoutExpired):
                process.wait(_END_SECONDS)
            kill(folder, name)
            ended.append(name)
        remove(folder / f"{name}.json")
    return ended


def kill(folder: Path, name: str) -> None:
    """Kills a service with all its processes, if it runs."""
    if process := process_of(folder, name):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def process_of(folder: Path, name: str) -> psutil.Process | None:
    """The process of a service that runs; ids are used again, so that its start is compared, too."""
    try:
        known = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        process = psutil.Process(int(known["pid"]))
        return process if is_running(process.pid, known["ticks"]) else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _settings(folder: Path) -> Settings:
    path = folder / "settings.json"
    if path.exists():
        return Settings(**json.loads(path.read_text(encoding="utf-8")))
    make_folder(folder)
    names = ("postgres", "mlflow", *(f"{part}{of}" for part in _WEED_PORTS for of in ("", ".grpc")))
    settings = Settings(_free_ports(names), *(secrets.token_urlsafe(24) for _ in range(3)))
    keys = {"accessKey": settings.access_key, "secretKey": settings.secret_key}
    identity = {"name": "echo", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    credentials = (
        f"[default]\naws_access_key_id = {settings.access_key}\naws_secret_access_key = {settings.secret_key}\n"
    )
    _write_secret(folder / "s3.json", json.dumps({"identities": [identity]}))
    _write_secret(folder / "credentials", credentials)
    _write_secret(path, json.dumps(asdict(settings)))
    return settings


def _free_ports(names: Sequence[str]) -> dict[str, int]:
    with ExitStack() as stack:
        probes = {name: stack.enter_context(socket.socket()) for name in names}
        for probe in probes.values():
            probe.bind((HOST, 0))
        return {name: probe.getsockname()[1] for name, probe in probes.items()}


def _write_secret(path: Path, text: str) -> None:
    write_text(path, text)
    path.chmod(0o600)


def _start(folder: Path, name: str, settings: Settings) -> None:
    own = (folder / name).absolute()
    make_folder(own)
    if name == "postgres":
        _make_database(own / "data", settings)
    log = own / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(folder.absolute(), name, settings),
            cwd=own,
            env=_variables(name, settings),
            user=_database_user() if name == "postgres" else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    write_text(folder / f"{name}.json", json.dumps({"pid": process.pid, "ticks": start_ticks(process.pid)}))
    deadline = time.monotonic() + _START_SECONDS
    while fault := _fault(name, settings):
        if process.poll() is not None or time.monotonic() > deadline:
            got = f"exit code {process.returncode}" if process.returncode is not None else f"no answer ({fault})"
            kill(folder, name)
            raise UserError(f"{name}: expected it to start, got {got}; {log} says why", "services.not_started")
        time.sleep(0.2)


def _command(folder: Path, name: str, settings: Settings) -> list[str]:
    ports = settings.ports
    if name == "postgres":
        listen = ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories=", "-p", str(ports[name])]
        return [_program("postgres"), "-D", str(folder / name / "data"), *listen]
    if name == "weed":
        listen = [f"-{part}.port={ports[part]}" for part in _WEED_PORTS]
        listen += [f"-{part}.port.grpc={ports[f'{part}.grpc']}" for part in _WEED_PORTS]
        listen += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        store = [f"-dir={folder / name}", "-volume.max=20", "-volume.preStopSeconds=0"]
        store += ["-master.volumeSizeLimitMB=64"]
        own = ["server", "-s3", "-filer", f"-s3.config={folder / 's3.json'}", f"-ip={HOST}", f"-ip.bind={HOST}"]
        return [_program("weed"), "-logtostderr=true", *own, *listen, *store]
    hosts = f"{HOST}:{ports[name]},localhost:{ports[name]}"
    serve = ["--serve-artifacts", "--artifacts-destination", f"s3://{ARTIFACTS}/artifacts"]
    options = ["--host", HOST, "--port", str(ports[name]), "--workers", "2", "--allowed-hosts", hosts]
    return [sys.executable, "-m", "mlflow", "server", *serve, *options, "--uvicorn-opts", "--log-level=warning"]


def _variables(name: str, settings: Settings) -> dict[str, str]:
    """The environment of a service; passwords are there, since anybody on the machine can read command lines."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "AWS_", "PG"))}
    if name == "mlflow":
        keys = {"AWS_ACCESS_KEY_ID": settings.access_key, "AWS_SECRET_ACCESS_KEY": settings.secret_key}
        where = {"MLFLOW_BACKEND_STORE_URI": settings.database, "MLFLOW_S3_ENDPOINT_URL": settings.s3}
        return kept | SETTINGS | keys | where | {"AWS_DEFAULT_REGION": _REGION}
    return kept


def _make_database(data: Path, settings: Settings) -> None:
    """Makes an empty cluster of PostgreSQL where there is none; it belongs to a user who is not root."""
    if (data / "PG_VERSION").exists():
        return
    user = _database_user()
    data.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(settings.password)
        file.flush()
        if user is not None:
            shutil.chown(data, user)
            shutil.chown(file.name, user)
        how = ["--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=UTF8", "--no-locale"]
        command = [_program("initdb"), "-D", str(data), "-U", _USER, *how]
        made = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, check=False)
    if made.returncode:
        reason = " ".join(made.stderr.split())[-300:]
        remove(data)
        raise UserError(
            f"{data}: expected PostgreSQL to make a database, got '{reason}'; its user must reach that folder",
            "services.not_started",
        )


def _database_user() -> str | None:
    """PostgreSQL does not run as root."""
    return "postgres" if os.geteuid() == 0 else None


def _program(name: str) -> str:
    """The path of a program; Debian keeps those of PostgreSQL out of the search path."""
    debian = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *debian]))
    if found is None:
        raise UserError(f"services: expected the program {name}, got none; {_INSTALL[name]}", "services.missing")
    return found


def _fault(name: str, settings: Settings) -> str:
    """Why a service is not usable; empty if it is, with its database or buckets made where they were missing."""
    try:
        if name == "postgres":
            _require_database(settings)
        elif name == "weed":
            _require_buckets(settings)
        else:
            return fault_of(settings.server, seconds=2)
    except Exception as error:  # of any kind: what a program that has just begun answers is endless
        return " ".join(str(error).split())[:200] or type(error).__name__
    return ""


def _require_database(settings: Settings) -> None:
    import psycopg  # noqa: PLC0415 (of the extra `server`)

    cluster = settings.database.removesuffix(_USER) + "postgres"
    with psycopg.connect(cluster, autocommit=True, connect_timeout=2) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_USER]).fetchone():
            connection.execute(f"CREATE DATABASE {_USER}")


def _require_buckets(settings: Settings) -> None:
    client = s3_client(settings)
    missing = {ARTIFACTS, REMOTE} - {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    for bucket in missing:
        client.create_bucket(Bucket=bucket)
    # A store that has just begun lists buckets before it can write.
    client.put_object(Bucket=ARTIFACTS, Key=".ready", Body=b"")


def s3_client(settings: Settings) -> Any:
    """A client of the S3 store."""
    import boto3  # noqa: PLC0415 (of the extra `server`)
    from botocore.config import Config  # noqa: PLC0415

    keys: Mapping[str, str] = {
        "aws_access_key_id": settings.access_key,
        "aws_secret_access_key": settings.secret_key,
        "region_name": _REGION,
    }
    once = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
    return boto3.client("s3", endpoint_url=settings.s3, config=once, **keys)
