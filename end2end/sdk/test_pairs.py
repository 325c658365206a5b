"""Every dialect of callers on every kind of provider, on an upstream that we did not write: the same text, calls,
reasons to end and thoughts, and each call charged by exactly the usage that its caller saw."""

import sys
from collections import Counter
from decimal import Decimal

from suite import World, run

from aimock import Aimock
from gateway import Gateway
from speech import DIALECTS, Said, ask

KINDS = ["openai", "azure", "anthropic", "gemini"]
CALLS = [("weather", {"city": "Paris", "unit": "C"}), ("clock", {})]
# What is asked, how, and what must be understood: text, calls, reason, tokens in and out.
CASES = {
    "chat": ("hello", {}, ("Hello! How can I help you today?", [], "stop", 1_234, 567)),
    "tools": ("weather", {"tools": True}, ("", CALLS, "tools", 345, 67)),
    "schema": ("extract", {"schema": True}, ('{"city":"Paris","celsius":21}', [], "stop", 432, 21)),
    "length": ("short", {"most": 5}, ("It ends in the", [], "length", 11, 5)),
    "thought": ("think", {}, ("Forty-two.", [], "stop", 77, 33)),
}
AFTER = ("It is 21 degrees in Paris, and noon.", [], "stop", 2_345, 678)
PASSED: Counter = Counter()
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def heard(said: Said) -> tuple:
    assert said.status == 200 and said.error is None, said
    return said.text, said.calls, said.reason, said.input, said.output


def charged(world: World, said: Said, input_price: str = "2.50", output_price: str = "10.00") -> None:
    """Price times the usage that the caller saw, to the last digit."""
    row = world.management.call("GET", f"/logs/{said.id}")
    due = (said.input * Decimal(input_price) + said.output * Decimal(output_price)) / 1_000_000
    assert Decimal(row["cost"]) == due, (row, due)
    assert row["usage_source"] == "upstream", row
    if not row["stream"]:
        assert Decimal(said.headers["x-tollgate-cost"]) == due, said.headers


def each_pair(world: World, check) -> None:
    secret = world.secret()
    for dialect in DIALECTS:
        for kind in KINDS:
            for stream in (False, True):
                try:
                    check(dialect, kind, stream, secret)
                except Exception as error:
                    raise AssertionError(f"{dialect} on {kind}, {'streamed' if stream else 'whole'}: {error!r}") from error
                PASSED[dialect, kind] += 1


def of_case(name: str):
    text, more, due = CASES[name]

    def of(world: World) -> None:
        def check(dialect: str, kind: str, stream: bool, secret: str) -> None:
            said = ask(dialect, world.gateway.url, secret, f"on/{kind}", text, stream, **more)
            assert heard(said) == due, (heard(said), due)
            # The upstream says thoughts on Azure's paths as on OpenAI's.
            assert said.thought == ("First this, then that." if name == "thought" else ""), said
            charged(world, said)

        each_pair(world, check)

    of.__name__ = f"every_pair_understands_each_other_{name}"
    return of


TESTS.extend(of_case(name) for name in CASES)


@test
def every_pair_carries_what_came_of_calls_back(world: World) -> None:
    def check(dialect: str, kind: str, stream: bool, secret: str) -> None:
        first = ask(dialect, world.gateway.url, secret, f"on/{kind}", "weather", stream, tools=True)
        said = ask(dialect, world.gateway.url, secret, f"on/{kind}", "weather", stream, tools=True, after=first)
        assert heard(said) == AFTER, heard(said)
        charged(world, said)

    each_pair(world, check)


@test
def every_dialect_reaches_the_built_in_provider(world: World) -> None:
    secret = world.secret()
    for dialect in DIALECTS:
        for stream in (False, True):
            for most, due in [(20, ("one two three", [], "stop", 3, 3)), (2, ("one two", [], "length", 3, 2))]:
                said = ask(dialect, world.gateway.url, secret, "tollgate/echo", "one two three", stream, most=most)
                assert heard(said) == due, (dialect, stream, heard(said))
                charged(world, said, "1", "2")
                PASSED[dialect, "builtin"] += 1


@test
def the_sum_of_all_is_what_the_upstream_counted_and_the_books_add_up(world: World) -> None:
    key_id, secret = world.management.key("sum")
    due = Decimal(0)
    for dialect in DIALECTS:
        for kind in KINDS:
            for stream in (False, True):
                said = ask(dialect, world.gateway.url, secret, f"on/{kind}", "hello", stream)
                due += (said.input * Decimal("2.50") + said.output * Decimal("10.00")) / 1_000_000
    rows = world.management.call("GET", f"/logs?key_id={key_id}&limit=100")["data"]
    calls = 2 * len(DIALECTS) * len(KINDS)
    assert (len(rows), sum(Decimal(row["cost"]) for row in rows)) == (calls, due), rows
    assert due == calls * (1_234 * Decimal("2.50") + 567 * Decimal("10.00")) / 1_000_000
    world.gateway.cli("audit")


def main() -> int:
    with Aimock() as upstream:

        def world_of(gateway: Gateway) -> World:
            world = World(gateway)
            upstream.models(world)
            return world

        failed = run(TESTS, world_of)
    columns = [*KINDS, "builtin"]
    print(f"\n{'calls understood':<18}" + "".join(f"{kind:>11}" for kind in columns))
    for dialect in DIALECTS:
        print(f"{dialect:<18}" + "".join(f"{PASSED[dialect, kind]:>11}" for kind in columns))
    return failed


if __name__ == "__main__":
    sys.exit(main())
