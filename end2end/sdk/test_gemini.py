"""PyPI's `google-genai`, unmodified, against the running gateway: the built-in models, and every kind of provider."""

import base64
import sys
from decimal import Decimal

from suite import World, run

import httpx2
import pydantic
from aimock import Aimock
from gateway import Gateway
from google import genai
from google.genai import errors, types

ECHO = "tollgate/echo"
FILL = "tollgate/fill"
KINDS = ["openai", "azure", "anthropic", "gemini"]
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
CITY = types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")})
TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="weather", description="The weather now.", parameters=CITY),
            types.FunctionDeclaration(name="clock", description="The time now."),
        ]
    )
]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Geminis(World):
    def client(self, **key: object) -> genai.Client:
        return self.client_of(self.secret(**key))

    def client_of(self, secret: str) -> genai.Client:
        return genai.Client(api_key=secret, http_options=types.HttpOptions(base_url=self.gateway.url, timeout=20_000))


def say(client: genai.Client, contents="one two three", model: str = ECHO, **config):
    config = types.GenerateContentConfig(automatic_function_calling={"disable": True}, **config)
    return client.models.generate_content(model=model, contents=contents, config=config)


def stream(client: genai.Client, contents="one two three", model: str = ECHO, **config) -> list:
    config = types.GenerateContentConfig(automatic_function_calling={"disable": True}, **config)
    return list(client.models.generate_content_stream(model=model, contents=contents, config=config))


def text_of(chunks: list) -> str:
    return "".join(chunk.text or "" for chunk in chunks)


def calls_of(chunks: list) -> list:
    return [call for chunk in chunks for call in chunk.function_calls or []]


def refused(status: int, word: str, code: str, call) -> errors.ClientError:
    """The call must raise its own error, with Google's error object around our code."""
    try:
        call()
    except errors.APIError as error:
        reasons = [detail.get("reason") for detail in error.details["error"].get("details", [])]
        assert (error.code, error.status, reasons) == (status, word, [code]), (error, error.details)
        assert error.message, error
        return error
    raise AssertionError("the call was not refused")


@test
def contents_are_answered(world: Geminis) -> None:
    answer = say(world.client())
    assert answer.text == "one two three", answer
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP, answer
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (3, 3, 6), usage


@test
def the_system_instruction_is_part_of_the_input(world: Geminis) -> None:
    answer = say(world.client(), "one two", system_instruction="be brief")
    assert answer.usage_metadata.prompt_token_count == 4, answer


@test
def max_output_tokens_cuts_the_answer(world: Geminis) -> None:
    answer = say(world.client(), max_output_tokens=2)
    assert answer.text == "one two" and answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS, answer
    assert len(say(world.client(), model=FILL, max_output_tokens=5).text.split()) == 5


@test
def a_stream_says_the_same_in_pieces(world: Geminis) -> None:
    chunks = stream(world.client())
    assert text_of(chunks) == "one two three" and len(chunks) >= 3, chunks
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP, chunks[-1]
    assert chunks[-1].usage_metadata.total_token_count == 6, chunks[-1]


@test
def every_call_is_logged_with_its_cost(world: Geminis) -> None:
    answer = say(world.client())
    due = (3 * Decimal(1) + 3 * Decimal(2)) / 1_000_000
    headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    assert Decimal(headers["x-tollgate-cost"]) == due, headers
    row = world.management.call("GET", f"/logs/{headers['x-request-id']}")
    assert (row["dialect"], Decimal(row["cost"])) == ("gemini", due), row


@test
def a_chat_remembers(world: Geminis) -> None:
    # A client that nothing refers to any more is closed.
    client = world.client()
    chat = client.chats.create(model=ECHO)
    assert chat.send_message("one two").text == "one two"
    answer = chat.send_message("three")
    assert answer.text == "three" and answer.usage_metadata.prompt_token_count == 5, answer


@test
def models_are_listed_in_its_own_shape(world: Geminis) -> None:
    client = world.client()
    assert f"models/{ECHO}" in [model.name for model in client.models.list()]
    assert client.models.get(model=ECHO).display_name == "Echo"


@test
def refusals_are_its_own_errors(world: Geminis) -> None:
    refused(401, "UNAUTHENTICATED", "invalid_key", lambda: say(world.client_of("sk-tg-nobody")))
    refused(404, "NOT_FOUND", "model_not_found", lambda: say(world.client(), model="nobody"))
    refused(403, "PERMISSION_DENIED", "model_not_allowed", lambda: say(world.client(models=[FILL])))
    limited = world.client(limits={"monthly_tokens": 3})
    error = refused(402, "RESOURCE_EXHAUSTED", "quota_exceeded", lambda: say(limited))
    assert error.details["error"]["tollgate"]["limit"] == "monthly_tokens", error.details
    refused(402, "RESOURCE_EXHAUSTED", "quota_exceeded", lambda: stream(limited))


@test
def every_kind_of_provider_answers_and_streams(world: Geminis) -> None:
    client = world.client()
    for kind in KINDS:
        answer = say(client, "hello", model=f"on/{kind}", max_output_tokens=100)
        assert answer.text == "Hello! How can I help you today?", (kind, answer)
        usage = answer.usage_metadata
        assert (usage.prompt_token_count, usage.candidates_token_count) == (1_234, 567), (kind, answer)
        chunks = stream(client, "hello", model=f"on/{kind}", max_output_tokens=100)
        assert text_of(chunks) == "Hello! How can I help you today?", (kind, chunks)
        assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP, (kind, chunks[-1])
        assert chunks[-1].usage_metadata.total_token_count == 1_801, (kind, chunks[-1])


@test
def every_kind_of_provider_calls_tools_at_once_and_takes_what_came_of_them(world: Geminis) -> None:
    client = world.client()
    for kind in KINDS:
        model = f"on/{kind}"
        whole = say(client, "weather", model=model, tools=TOOLS)
        for calls in [whole.function_calls, calls_of(stream(client, "weather", model=model, tools=TOOLS))]:
            assert [(call.name, call.args or {}) for call in calls] == [("weather", {"city": "Paris", "unit": "C"}), ("clock", {})], (kind, calls)
        results = [types.Part.from_function_response(name=call.name, response={"output": "fine"}) for call in whole.function_calls]
        contents = [
            types.Content(role="user", parts=[types.Part(text="weather")]),
            whole.candidates[0].content,
            types.Content(role="user", parts=[*results, types.Part(text="hello")]),
        ]
        after = say(client, contents, model=model, tools=TOOLS)
        assert after.text.startswith("Hello!"), (kind, after)


@test
def every_kind_of_provider_is_shown_images(world: Geminis) -> None:
    client = world.client()
    for kind in KINDS:
        contents = [types.Part.from_bytes(data=PNG, mime_type="image/png"), "picture"]
        assert say(client, contents, model=f"on/{kind}").text == "I see a picture.", kind


class Weather(pydantic.BaseModel):
    city: str
    celsius: int


@test
def every_kind_of_provider_answers_in_the_shape_of_a_schema(world: Geminis) -> None:
    client = world.client()
    for kind in KINDS:
        config = {"response_mime_type": "application/json", "response_schema": Weather}
        answer = say(client, "extract", model=f"on/{kind}", **config)
        assert answer.parsed == Weather(city="Paris", celsius=21), (kind, answer)


@test
def what_may_pass_later_is_tried_again_as_often_as_the_client_likes(world: Geminis) -> None:
    key_id, secret = world.management.key("again", limits={"rpm": 1})
    client = world.client_of(secret)
    say(client)
    retries = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02)
    options = types.HttpOptions(base_url=world.gateway.url, timeout=20_000, retry_options=retries)
    keen = genai.Client(api_key=secret, http_options=options)
    refused(429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded", lambda: say(keen))
    assert sum(row["refusal"] is not None for row in world.calls(key_id, 4)) == 3


@test
def a_client_that_waits_no_longer_gets_its_own_timeout_and_the_books_agree(world: Geminis) -> None:
    key_id, secret = world.management.key("hasty")
    headers = {"x-tollgate-echo-delay-ms": "700"}
    options = types.HttpOptions(base_url=world.gateway.url, timeout=300, headers=headers)
    client = genai.Client(api_key=secret, http_options=options)
    try:
        say(client)
        raise AssertionError("the client waited")
    except httpx2.TimeoutException:
        pass
    row = world.calls(key_id)[0]
    assert (row["tokens"]["input"], row["tokens"]["output"], row["cost"]) == (3, 3, "0.000009000"), row


@test
def a_providers_complaint_is_its_own_error(world: Geminis) -> None:
    client = world.client()
    for kind in KINDS:
        try:
            say(client, "broken", model=f"on/{kind}")
        except errors.ClientError as error:
            assert error.code == 400 and "too hot" in error.message, (kind, error)
            continue
        raise AssertionError(f"{kind} did not complain")


@test
def what_cannot_be_carried_over_is_refused_by_its_name(world: Geminis) -> None:
    error = refused(
        400, "INVALID_ARGUMENT", "invalid_body", lambda: say(world.client(), "hello", model="on/anthropic", seed=7)
    )
    assert error.details["error"]["param"] == "generationConfig.seed", error.details


def main() -> int:
    with Aimock() as upstream:

        def world_of(gateway: Gateway) -> Geminis:
            world = Geminis(gateway)
            upstream.models(world)
            return world

        return run(TESTS, world_of)


if __name__ == "__main__":
    sys.exit(main())
