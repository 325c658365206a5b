"""An upstream that we did not write, with its chaos switches: whatever it does, the caller gets an answer from the next
route or a clear error, nothing is charged for nothing, and the books add up."""

import json
import os
import random
import sys
import urllib.request
from collections import Counter
from decimal import Decimal

from suite import World, run

from aimock import Aimock
from gateway import DIRECT, Gateway
from speech import DIALECTS, Said, ask

KINDS = ["openai", "azure", "anthropic", "gemini"]
HELLO = "Hello! How can I help you today?"
COST = (1_234 * Decimal("2.50") + 567 * Decimal("10.00")) / 1_000_000
# What may end a call that no route serves.
CLEAR = {"upstream_failed", "no_route_available", "upstream_timeout"}
SEED = int(os.environ.get("TOLLGATE_TEST_SEED", random.randrange(1 << 32)))
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Chaotic(World):
    """Models `alone/<kind>` on an upstream with chaos, and `with/<kind>` on it first and then on one without. Each
    test has providers of its own: what became known of one's health says nothing in another."""

    def __init__(self, gateway: Gateway, wild: Aimock, calm: Aimock) -> None:
        super().__init__(gateway)
        self.wild, self.calm, self.time = wild, calm, 0

    def afresh(self) -> None:
        self.time += 1
        for kind in KINDS:
            routes = [self.route(kind, upstream, priority) for priority, upstream in enumerate([self.wild, self.calm])]
            for name, ways in [("alone", routes[:1]), ("with", routes)]:
                price = {"input": "2.50", "output": "10.00"}
                body = {"name": self.named(name, kind), "price": price, "routes": ways}
                self.management.call("POST", "/models", body)

    def named(self, model: str, kind: str) -> str:
        return f"{model}/{kind}/{self.time}"

    def route(self, kind: str, upstream: Aimock, priority: int) -> dict:
        base_url, model = upstream.place(kind)
        name = f"{kind} {priority} {self.time}"
        spec = {"name": name, "kind": kind, "base_url": base_url, "credentials": ["sk-upstream"]}
        provider = self.management.call("POST", "/providers", spec)
        return {"provider_id": provider["id"], "upstream_model": model, "weight": 1, "priority": priority}

    def chaos(self, **rates: float) -> None:
        self.afresh()
        body = json.dumps(rates).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.wild.url}/__aimock/chaos", method="POST", data=body, headers=headers)
        assert DIRECT.open(request, timeout=5).status == 200

    def row(self, said: Said) -> dict:
        return self.management.call("GET", f"/logs/{said.id}")


def each_pair(world: Chaotic, model: str, text: str = "hello"):
    secret = world.secret()
    for dialect in DIALECTS:
        for kind in KINDS:
            for stream in (False, True):
                said = ask(dialect, world.gateway.url, secret, world.named(model, kind), text, stream)
                yield f"{dialect} on {kind}, {'streamed' if stream else 'whole'}", said


def code(said: Said) -> str:
    """Our own code of an error, wherever the dialect has it."""
    error = said.error or {}
    return next((detail.get("reason") for detail in error.get("details") or []), None) or str(error.get("code"))


@test
def another_route_answers_where_one_fails_or_has_had_enough(world: Chaotic) -> None:
    for switch in ["dropRate", "rateLimitRate"]:
        world.chaos(**{switch: 1})
        for pair, said in each_pair(world, "with"):
            assert (said.status, said.text, said.error) == (200, HELLO, None), (switch, pair, said)
            row = world.row(said)
            assert Decimal(row["cost"]) == COST and row["usage_source"] == "upstream", (switch, pair, row)
            assert row["attempts"][-1]["status"] == 200, (switch, pair, row)


@test
def where_there_is_no_other_route_the_error_is_clear_and_nothing_is_charged(world: Chaotic) -> None:
    for switch in ["dropRate", "rateLimitRate"]:
        world.chaos(**{switch: 1})
        for pair, said in each_pair(world, "alone"):
            assert said.status in (429, 502, 503) and said.error and said.error["message"], (switch, pair, said)
            assert said.status == 429 or code(said) in CLEAR, (switch, pair, said)
            row = world.row(said)
            assert Decimal(row["cost"]) == 0, (switch, pair, row)


@test
def a_connection_that_breaks_before_an_answer_is_a_clear_error_and_what_it_may_have_cost_is_marked(world: Chaotic) -> None:
    world.chaos(disconnectRate=1)
    for pair, said in each_pair(world, "alone"):
        assert said.status in (502, 503) and code(said) in CLEAR, (pair, said)
        row = world.row(said)
        assert Decimal(row["cost"]) == 0 or row["usage_source"] == "estimated", (pair, row)


@test
def an_answer_that_is_no_json_is_passed_off_as_an_answer_to_nobody(world: Chaotic) -> None:
    world.chaos(malformedRate=1)
    secret = world.secret()
    for dialect in DIALECTS:
        for kind in KINDS:
            alike = dialect == kind or (kind == "azure" and dialect in ("openai", "responses"))
            try:
                said = ask(dialect, world.gateway.url, secret, world.named("alone", kind), "hello")
            except json.JSONDecodeError:
                # Where both speak alike bytes pass untouched, these as well.
                assert alike, (dialect, kind)
                continue
            assert (said.status, code(said)) == (502, "upstream_failed"), (dialect, kind, said)
            assert world.row(said)["usage_source"] != "upstream", (dialect, kind)


@test
def a_slow_upstream_is_waited_for(world: Chaotic) -> None:
    world.chaos(latencyMs=300)
    for pair, said in each_pair(world, "alone"):
        assert (said.status, said.text) == (200, HELLO), (pair, said)


@test
def a_stream_that_is_cut_ends_in_the_callers_own_error_and_costs_no_more_than_was_sent(world: Chaotic) -> None:
    world.chaos()
    secret = world.secret()
    for dialect in DIALECTS:
        for kind in KINDS:
            said = ask(dialect, world.gateway.url, secret, world.named("with", kind), "cut", stream=True)
            assert said.text.startswith("This answer is") and code(said) == "upstream_failed", (dialect, kind, said)
            row = world.row(said)
            assert (row["status"], row["usage_source"]) == (502, "estimated"), (dialect, kind, row)
            assert 0 < row["tokens"]["output"] <= 40, (dialect, kind, row)


@test
def in_a_storm_of_all_of_it_every_call_is_answered_or_told_why_and_the_sum_of_its_rows_is_what_was_charged(world: Chaotic) -> None:
    world.chaos(dropRate=0.2, rateLimitRate=0.2, disconnectRate=0.1, latencyMs=5)
    key_id, secret = world.management.key("storm", limits={"monthly_spend": "100"})
    chance, ends = random.Random(SEED), Counter()
    for number in range(300):
        dialect, kind, stream = chance.choice(DIALECTS), chance.choice(KINDS), chance.random() < 0.5
        model = chance.choice(["alone", "with"])
        text = chance.choice(["hello", "hello", "hello", "cut" if stream else "hello", "broken"])
        said = ask(dialect, world.gateway.url, secret, world.named(model, kind), text, stream)
        told = (number, dialect, kind, model, text, stream, said, f"TOLLGATE_TEST_SEED={SEED}")
        row = world.row(said)
        cost = Decimal(row["cost"])
        if said.error is None:
            assert (said.status, said.text) == (200, HELLO) and cost >= COST, (told, row)
            ends["answered"] += 1
        elif said.status == 200:
            assert text == "cut" and code(said) == "upstream_failed" and row["usage_source"] == "estimated", (told, row)
            ends["cut"] += 1
        elif said.status == 400:
            assert text == "broken" and cost == 0 or row["usage_source"] == "estimated", (told, row)
            ends["complained"] += 1
        else:
            assert said.status in (429, 502, 503) and said.error["message"], told
            assert cost == 0 or row["usage_source"] == "estimated", (told, row)
            ends[f"refused, {said.status}"] += 1
    rows, cursor = [], ""
    while cursor is not None:
        page = world.management.call("GET", f"/logs?key_id={key_id}&limit=100{cursor and '&cursor=' + cursor}")
        rows, cursor = rows + page["data"], page["next_cursor"]
    assert len(rows) == 300, len(rows)
    told = world.management.call("GET", f"/usage?by=key&key_id={key_id}")
    assert sum(Decimal(row["cost"]) for row in rows) == sum(Decimal(row["cost"]) for row in told["data"]), told
    world.gateway.cli("audit")
    print("        " + ", ".join(f"{count} {end}" for end, count in sorted(ends.items())))


def main() -> int:
    with Aimock() as wild, Aimock() as calm:
        return run(TESTS, lambda gateway: Chaotic(gateway, wild, calm))


if __name__ == "__main__":
    sys.exit(main())
