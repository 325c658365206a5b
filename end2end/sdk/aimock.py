"""An upstream that we did not write, which speaks all three APIs: npm's aimock."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from gateway import DIRECT, ROOT, free_port

PROGRAM = ROOT / "end2end/node_modules/.bin/llmock"

# Numbers that nobody would guess.
USAGE = {"prompt_tokens": 1_234, "completion_tokens": 567, "total_tokens": 1_801}
FIXTURES = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hello! How can I help you today?", "usage": USAGE}},
    {
        "match": {"userMessage": "weather"},
        "response": {
            "toolCalls": [
                {"name": "weather", "arguments": json.dumps({"city": "Paris", "unit": "C"})},
                {"name": "clock", "arguments": "{}"},
            ]
        },
    },
    {"match": {"userMessage": "picture"}, "response": {"content": "I see a picture."}},
    {"match": {"userMessage": "broken"}, "response": {"error": {"message": "too hot", "type": "invalid_request_error"}, "status": 400}},
]


class Aimock:
    """`with Aimock() as upstream:` answers on a port of its own."""

    def __enter__(self) -> "Aimock":
        self.folder = Path(tempfile.mkdtemp(prefix="tollgate-aimock-"))
        (self.folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [str(PROGRAM), "-p", str(self.port), "-f", str(self.folder / "fixtures.json"), "--log-level", "warn"]
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

    def models(self, world) -> dict[str, str]:
        """A model on each kind of provider, all of them this one: by kind, the model's name."""
        kinds = {"openai": f"{self.url}/v1", "azure": self.url, "anthropic": self.url, "gemini": self.url}
        upstream = {"openai": "gpt-4o", "azure": "gpt-4o", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
        for kind, base_url in kinds.items():
            world.model(f"on/{kind}", kind, base_url, upstream[kind], context_length=100_000)
        return {kind: f"on/{kind}" for kind in kinds}
