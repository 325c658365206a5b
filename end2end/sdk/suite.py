"""What the tests of all official clients share: a gateway, keys, and a list of tests that is run to its end."""

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gateway import Gateway, Management  # noqa: E402


class World:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.management: Management = gateway.management()

    def secret(self, **key: object) -> str:
        _, secret = self.management.key("sdk", **key)
        return secret

    def calls(self, key_id: str, due: int = 1) -> list[dict]:
        """Calls of a key, newest first, once there are so many and none is in flight."""
        until = time.monotonic() + 10
        while True:
            rows = self.management.call("GET", f"/logs?key_id={key_id}")["data"]
            if len(rows) >= due and all(row["status"] is not None for row in rows):
                return rows
            assert time.monotonic() < until, f"{len(rows)} calls in the logs, not {due} that are over: {rows}"
            time.sleep(0.02)

    def model(self, name: str, kind: str, base_url: str, upstream_model: str, own: dict | None = None, **more: object) -> None:
        """A model on a provider of its own, which may have fields of its own."""
        provider = self.management.call(
            "POST",
            "/providers",
            {"name": f"provider of {name}", "kind": kind, "base_url": base_url, "credentials": ["sk-upstream"], **(own or {})},
        )
        route = {"provider_id": provider["id"], "upstream_model": upstream_model, "weight": 1, "priority": 0}
        body = {"name": name, "price": {"input": "2.50", "output": "10.00"}, "routes": [route], **more}
        self.management.call("POST", "/models", body)


def run(tests: list[Callable[[World], None]], world_of: Callable[[Gateway], World] = World) -> int:
    failed = 0
    with Gateway() as gateway:
        world = world_of(gateway)
        for function in tests:
            name = function.__name__.replace("_", " ")
            try:
                function(world)
                print(f"ok      {name}")
            except Exception:  # noqa: BLE001: the next test still tells something.
                failed += 1
                print(f"FAILED  {name}\n{traceback.format_exc()}")
        if failed:
            print(f"The gateway said:\n{gateway.log.read_text()[-4000:]}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0
