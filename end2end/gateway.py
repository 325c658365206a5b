"""A gateway of its own for scripts: starts, answers, is measured, ends. Python's own library only."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("TOLLGATE_BIN", str(ROOT / "target/debug/tollgate"))
# The settings of whoever runs the script must not reach the gateway under test.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("TOLLGATE_", "LEPTOS_"))}
# Never through a proxy: everything here is on this machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Gateway:
    """`with Gateway() as gateway:` serves from a temporary data folder and forgets it afterwards."""

    def __init__(self, *flags: str) -> None:
        self.flags = flags
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = Path(tempfile.mkdtemp(prefix="tollgate-end2end-"))
        self.log = self.data_dir.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Gateway":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def start(self, limit_s: float = 20.0) -> float:
        """Starts the process. Returns the seconds until `/readyz` answered 200."""
        listen = ["--listen", f"127.0.0.1:{self.port}", "--public-url", f"http://localhost:{self.port}"]
        command = [BINARY, "serve", *listen, "--data-dir", str(self.data_dir), *self.flags]
        began = time.perf_counter()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
        while self.status("/readyz") != 200:
            if self.process.poll() is not None or time.perf_counter() - began > limit_s:
                raise RuntimeError(f"the gateway did not get ready:\n{self.log.read_text()}")
            time.sleep(0.002)
        return time.perf_counter() - began

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(with_signal)
            self.process.wait(timeout=90)
        self.process = None

    def status(self, path: str) -> int | None:
        try:
            return DIRECT.open(self.url + path, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def cli(self, *args: str, typed: str = "") -> str:
        """Runs `tollgate …` beside the server and returns what it printed."""
        command = [BINARY, *args, "--data-dir", str(self.data_dir)]
        done = subprocess.run(command, input=typed, capture_output=True, text=True, env=ENVIRONMENT, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"tollgate {' '.join(args)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def management(self, email: str = "admin@example.com") -> "Management":
        """Makes an admin, and a management token for it."""
        self.cli("account", "create", "--email", email, "--role", "admin", "--password-stdin", typed="correct horse battery\n")
        printed = self.cli("management-token", "create", "--email", email, "--name", "end2end")
        token = re.search(r"tg-mgmt-\S+", printed)
        if not token:
            raise RuntimeError(f"no management token was printed:\n{printed}")
        return Management(self.url, token.group())


class Management:
    """The management API, as one admin sees it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def call(self, method: str, path: str, body: object = None) -> dict:
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        try:
            text = DIRECT.open(request, timeout=30).read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else {}

    def key(self, name: str, **more: object) -> tuple[str, str]:
        """A new key: its id and its secret."""
        made = self.call("POST", "/keys", {"name": name, **more})
        return made["key"]["id"], made["secret"]
