"""An upstream that we did not write, which speaks all four APIs: npm's aimock."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from gateway import DIRECT, ROOT, free_port

PROGRAM = ROOT / "end2end/node_modules/.bin/llmock"

# What it answers; the counts are numbers that nobody would guess.
FIXTURES = Path(__file__).resolve().parent / "fixtures.json"


class Aimock:
    """`with Aimock() as upstream:` answers on a port of its own."""

    def __enter__(self) -> "Aimock":
        self.folder = Path(tempfile.mkdtemp(prefix="tollgate-aimock-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [str(PROGRAM), "-p", str(self.port), "-f", str(FIXTURES), "--log-level", "warn"]
        self.log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=dict(os.environ))
        began = time.perf_counter()
        while not self.answers():
            if self.process.poll() is not None or time.perf_counter() - began > 20:
                raise RuntimeError(f"aimock did not get ready:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self) -> bool:
        try:
            return DIRECT.open(f"{self.url}/health", timeout=2).status == 200
        except OSError:
            return False

    def place(self, kind: str) -> tuple[str, str]:
        """Where it speaks as this kind of provider does, and the name of a model there."""
        models = {"openai": "gpt-4o", "azure": "gpt-4o", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
        return f"{self.url}/v1" if kind == "openai" else self.url, models[kind]

    def models(self, world) -> None:
        """A model on each kind of provider, all of them this one: `on/openai` and so on."""
        for kind in ["openai", "azure", "anthropic", "gemini"]:
            base_url, model = self.place(kind)
            world.model(f"on/{kind}", kind, base_url, model, context_length=100_000)
