"""PyPI's `anthropic`, unmodified, against the running gateway: the built-in models, and every kind of provider."""

import sys
from decimal import Decimal

from suite import World, run

import anthropic
import pydantic
from aimock import Aimock
from gateway import Gateway

ECHO = "tollgate/echo"
FILL = "tollgate/fill"
KINDS = ["openai", "azure", "anthropic", "gemini"]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOLS = [
    {"name": "weather", "description": "The weather now.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "clock", "input_schema": {"type": "object", "properties": {}}},
]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Anthropics(World):
    upstream: Aimock

    def client(self, **key: object) -> anthropic.Anthropic:
        return self.client_of(self.secret(**key))

    def client_of(self, secret: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(api_key=secret, base_url=self.gateway.url, max_retries=0, timeout=20)


def say(client: anthropic.Anthropic, content="one two three", model: str = ECHO, max_tokens: int = 100, **more):
    return client.messages.create(model=model, max_tokens=max_tokens, messages=[{"role": "user", "content": content}], **more)


def refused(kind: type[anthropic.APIStatusError], status: int, code: str, call) -> anthropic.APIStatusError:
    """The call must raise exactly this class, with Anthropic's error object around our code."""
    try:
        call()
    except anthropic.APIStatusError as error:
        got = (type(error).__name__, error.status_code, error.body["error"]["code"])
        assert got == (kind.__name__, status, code), f"got {got}: {error.body}"
        assert error.body["type"] == "error" and error.body["error"]["message"], error.body
        assert error.request_id == error.response.headers["x-request-id"] == error.body["request_id"], error.body
        return error
    raise AssertionError("the call was not refused")


@test
def a_message_is_answered(world: Anthropics) -> None:
    answer = say(world.client())
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", ECHO), answer
    assert answer.content[0].text == "one two three" and answer.stop_reason == "end_turn", answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 3), answer


@test
def the_system_prompt_is_part_of_the_input(world: Anthropics) -> None:
    answer = say(world.client(), system="be brief", content=[{"type": "text", "text": "one two"}])
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 2), answer


@test
def max_tokens_cuts_the_answer(world: Anthropics) -> None:
    answer = say(world.client(), max_tokens=2)
    assert answer.content[0].text == "one two" and answer.stop_reason == "max_tokens", answer
    assert len(say(world.client(), model=FILL, max_tokens=5).content[0].text.split()) == 5


@test
def a_stream_says_the_same_in_pieces(world: Anthropics) -> None:
    message = [{"role": "user", "content": "one two three"}]
    with world.client().messages.stream(model=ECHO, max_tokens=100, messages=message) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == "one two three" and len(pieces) == 3, pieces
    assert final.content[0].text == "one two three" and final.stop_reason == "end_turn", final
    assert (final.usage.input_tokens, final.usage.output_tokens) == (3, 3), final


@test
def a_bearer_token_will_do(world: Anthropics) -> None:
    client = anthropic.Anthropic(auth_token=world.secret(), api_key=None, base_url=world.gateway.url, max_retries=0)
    assert say(client).content[0].text == "one two three"


@test
def every_call_is_logged_with_its_cost(world: Anthropics) -> None:
    raw = world.client().messages.with_raw_response.create(
        model=ECHO, max_tokens=9, messages=[{"role": "user", "content": "one two three"}]
    )
    due = (3 * Decimal(1) + 3 * Decimal(2)) / 1_000_000
    assert Decimal(raw.headers["x-tollgate-cost"]) == due, raw.headers
    row = world.management.call("GET", f"/logs/{raw.headers['request-id']}")
    assert (row["dialect"], row["endpoint"], Decimal(row["cost"])) == ("anthropic", "/v1/messages", due), row


@test
def tokens_are_counted_for_nothing(world: Anthropics) -> None:
    client = world.client()
    counted = client.messages.count_tokens(model=ECHO, messages=[{"role": "user", "content": "one two three"}])
    assert counted.input_tokens == 3, counted


@test
def models_are_listed_in_its_own_shape(world: Anthropics) -> None:
    client = world.client()
    assert ECHO in [model.id for model in client.models.list()]
    assert client.models.retrieve(ECHO).display_name == "Echo"


@test
def refusals_are_its_own_errors(world: Anthropics) -> None:
    refused(anthropic.AuthenticationError, 401, "invalid_key", lambda: say(world.client_of("sk-tg-nobody")))
    refused(anthropic.NotFoundError, 404, "model_not_found", lambda: say(world.client(), model="nobody"))
    refused(anthropic.PermissionDeniedError, 403, "model_not_allowed", lambda: say(world.client(models=[FILL])))
    refused(anthropic.BadRequestError, 400, "max_tokens_exceeds_key_limit", lambda: say(world.client(limits={"max_tokens_per_request": 9}), model=FILL))
    limited = world.client(limits={"rpm": 1})
    raw = limited.messages.with_raw_response.create(model=ECHO, max_tokens=9, messages=[{"role": "user", "content": "x"}])
    assert raw.headers["anthropic-ratelimit-requests-remaining"] == "0", raw.headers
    error = refused(anthropic.RateLimitError, 429, "rate_limit_exceeded", lambda: say(limited))
    assert error.body["error"]["tollgate"]["measure"] == "requests", error.body


@test
def every_kind_of_provider_answers(world: Anthropics) -> None:
    client = world.client()
    for kind in KINDS:
        answer = say(client, "hello", model=f"on/{kind}")
        assert answer.content[0].text == "Hello! How can I help you today?", (kind, answer)
        assert answer.stop_reason == "end_turn", (kind, answer)
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1_234, 567), (kind, answer)


@test
def a_call_costs_what_its_provider_counted_whichever_it_is(world: Anthropics) -> None:
    client = world.client()
    due = (1_234 * Decimal("2.50") + 567 * 10) / 1_000_000
    for kind in KINDS:
        raw = client.messages.with_raw_response.create(
            model=f"on/{kind}", max_tokens=100, messages=[{"role": "user", "content": "hello"}]
        )
        row = world.management.call("GET", f"/logs/{raw.headers['request-id']}")
        assert Decimal(raw.headers["x-tollgate-cost"]) == Decimal(row["cost"]) == due, (kind, row)
        assert row["usage_source"] == "upstream", (kind, row)


@test
def every_kind_of_provider_streams(world: Anthropics) -> None:
    client = world.client()
    for kind in KINDS:
        message = [{"role": "user", "content": "hello"}]
        with client.messages.stream(model=f"on/{kind}", max_tokens=100, messages=message) as stream:
            final = stream.get_final_message()
        assert final.content[0].text == "Hello! How can I help you today?", (kind, final)
        assert final.stop_reason == "end_turn", (kind, final)
        assert (final.usage.input_tokens, final.usage.output_tokens) == (1_234, 567), (kind, final)


@test
def every_kind_of_provider_calls_tools_at_once_and_takes_what_came_of_them(world: Anthropics) -> None:
    client = world.client()
    for kind in KINDS:
        model = f"on/{kind}"
        ask = [{"role": "user", "content": "weather"}]
        with client.messages.stream(model=model, max_tokens=100, messages=ask, tools=TOOLS) as stream:
            streamed = stream.get_final_message()
        whole = client.messages.create(model=model, max_tokens=100, messages=ask, tools=TOOLS)
        for answer in [whole, streamed]:
            calls = [block for block in answer.content if block.type == "tool_use"]
            assert [call.name for call in calls] == ["weather", "clock"], (kind, answer)
            assert calls[0].input == {"city": "Paris", "unit": "C"} and calls[1].input == {}, (kind, answer)
            assert answer.stop_reason == "tool_use", (kind, answer)
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "fine"} for call in calls]
        rest = [*ask, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [*results, {"type": "text", "text": "hello"}]}]
        after = client.messages.create(model=model, max_tokens=100, messages=rest, tools=TOOLS)
        assert after.content[0].text.startswith("Hello!"), (kind, after)


@test
def every_kind_of_provider_is_shown_images(world: Anthropics) -> None:
    client = world.client()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    for kind in KINDS:
        answer = say(client, [image, {"type": "text", "text": "picture"}], model=f"on/{kind}")
        assert answer.content[0].text == "I see a picture.", (kind, answer)


class Weather(pydantic.BaseModel):
    city: str
    celsius: int


@test
def every_kind_of_provider_answers_in_the_shape_of_a_schema(world: Anthropics) -> None:
    client = world.client()
    for kind in KINDS:
        messages = [{"role": "user", "content": "extract"}]
        answer = client.messages.parse(model=f"on/{kind}", max_tokens=100, messages=messages, output_format=Weather)
        assert answer.parsed_output == Weather(city="Paris", celsius=21), (kind, answer)


@test
def a_refusal_that_no_waiting_helps_against_is_not_tried_again(world: Anthropics) -> None:
    key_id, secret = world.management.key("never", limits={"monthly_tokens": 5})
    client = world.client_of(secret).with_options(max_retries=5)
    refused(anthropic.PaymentRequiredError, 402, "quota_exceeded", lambda: say(client, "go", model=FILL, max_tokens=400))
    assert len(world.calls(key_id)) == 1


@test
def a_client_that_waits_no_longer_gets_its_own_timeout_and_the_books_agree(world: Anthropics) -> None:
    key_id, secret = world.management.key("hasty")
    client = world.client_of(secret).with_options(timeout=0.3)
    try:
        say(client, extra_headers={"x-tollgate-echo-delay-ms": "700"})
        raise AssertionError("the client waited")
    except anthropic.APITimeoutError:
        pass
    row = world.calls(key_id)[0]
    assert (row["tokens"]["input"], row["tokens"]["output"], row["cost"]) == (3, 3, "0.000009000"), row


@test
def a_providers_complaint_is_its_own_error(world: Anthropics) -> None:
    client = world.client()
    for kind in KINDS:
        try:
            say(client, "broken", model=f"on/{kind}")
        except anthropic.BadRequestError as error:
            assert "too hot" in error.body["error"]["message"], (kind, error.body)
            continue
        raise AssertionError(f"{kind} did not complain")


@test
def what_cannot_be_carried_over_is_refused_by_its_name(world: Anthropics) -> None:
    error = refused(
        anthropic.BadRequestError, 400, "invalid_body", lambda: say(world.client(), "hello", model="on/openai", extra_body={"top_k": 5})
    )
    assert error.body["error"]["param"] == "top_k", error.body


def main() -> int:
    with Aimock() as upstream:

        def world_of(gateway: Gateway) -> Anthropics:
            world = Anthropics(gateway)
            upstream.models(world)
            return world

        return run(TESTS, world_of)


if __name__ == "__main__":
    sys.exit(main())
