"""A real tracking server on loopback that a test may stop, kill, freeze and start again."""

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_answer(url, seconds=60):
    """Reads an address as soon as somebody answers there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class Server:
    """`mlflow server` with its store in `folder`."""

    def __init__(self, folder, *arguments, **variables):
        self.port = find_free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._variables = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._variables |= variables
        self._command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        self._command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--workers", "1"]
        self._command += ["--artifacts-destination", str(folder / "served"), *arguments]
        self._process = None

    def start(self):
        # A session of its own: signals are for the server and its workers.
        self._process = subprocess.Popen(
            self._command,
            env=os.environ | self._variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        await_answer(f"{self.address}/health")

    def send(self, number):
        os.killpg(self._process.pid, number)

    def end(self, number=signal.SIGTERM):
        """Ends it with a signal, if it runs."""
        if self._process is not None:
            self.send(number)
            self.send(signal.SIGCONT)
            self._process.wait()
            self._process = None

    # What can happen to a server, and how it comes back.

    def gone(self, how):
        if how == "frozen":
            self.send(signal.SIGSTOP)
        else:
            self.end({"stopped": signal.SIGTERM, "killed": signal.SIGKILL}[how])

    def back(self):
        if self._process is None:
            self.start()
        else:
            self.send(signal.SIGCONT)
            await_answer(f"{self.address}/health")


class Proxy:
    """Stands before a server; may ask for a password, and may lose answers to what the server has done.

    Args:
        address: The server.
        password: `user:password` that it asks for.
        loses: Called with path and body of a request that changes something; True drops the answer.
    """

    def __init__(self, address, password=None, loses=lambda path, body: False):
        proxy = self
        self.authorizations = []
        expected = password and "Basic " + base64.b64encode(password.encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def forward(self):
                proxy.authorizations.append(self.headers.get("Authorization"))
                if expected and self.headers.get("Authorization") != expected:
                    self.send_error(401)
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kept = {name: value for name, value in self.headers.items() if name in ("Content-Type", "Accept")}
                request = urllib.request.Request(address + self.path, body or None, kept, method=self.command)
                try:
                    answer = urllib.request.urlopen(request)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    content = answer.read()
                if self.command != "GET" and loses(self.path, body):
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

            def log_message(self, format, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *failure):
        self._server.shutdown()
        self._server.server_close()
