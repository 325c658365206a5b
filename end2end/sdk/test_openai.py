"""PyPI's `openai`, unmodified, against the running gateway: each promise and each refusal that its users meet."""

import http.client
import json
import sys
import traceback
from decimal import Decimal
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import openai  # noqa: E402
from gateway import Gateway, Management  # noqa: E402

ECHO = "tollgate/echo"
FILL = "tollgate/fill"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class World:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.management: Management = gateway.management()

    def client(self, **key: object) -> openai.OpenAI:
        _, secret = self.management.key("sdk", **key)
        return self.client_of(secret)

    def client_of(self, secret: str) -> openai.OpenAI:
        return openai.OpenAI(api_key=secret, base_url=f"{self.gateway.url}/v1", max_retries=0, timeout=20)


def say(client: openai.OpenAI, text: str = "one two three", model: str = ECHO, **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


def refused(kind: type[openai.APIStatusError], status: int, code: str, call) -> openai.APIStatusError:
    """The call must raise exactly this class, with OpenAI's error object around our code."""
    try:
        call()
    except openai.APIStatusError as error:
        got = (type(error).__name__, error.status_code, error.code)
        assert got == (kind.__name__, status, code), f"got {got}: {error.body}"
        assert error.body["message"] and error.body["type"], error.body
        assert error.response.headers["x-request-id"]
        return error
    raise AssertionError("the call was not refused")


@test
def a_chat_is_answered(world: World) -> None:
    answer = say(world.client())
    assert answer.object == "chat.completion" and answer.model == ECHO, answer
    assert answer.choices[0].message.content == "one two three", answer
    assert answer.choices[0].finish_reason == "stop", answer
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (3, 3, 6), answer


@test
def max_tokens_cuts_the_answer(world: World) -> None:
    answer = say(world.client(), max_tokens=2)
    assert answer.choices[0].message.content == "one two", answer
    assert answer.choices[0].finish_reason == "length", answer


@test
def fill_answers_with_as_many_words_as_asked(world: World) -> None:
    client = world.client()
    for asked, words in [({"max_tokens": 5}, 5), ({}, 16)]:
        answer = say(client, model=FILL, **asked)
        assert len(answer.choices[0].message.content.split()) == words, answer
        assert answer.usage.completion_tokens == words, answer


@test
def a_stream_says_the_same_in_pieces(world: World) -> None:
    chunks = list(say(world.client(), stream=True))
    assert all(chunk.object == "chat.completion.chunk" and chunk.choices for chunk in chunks), "a usage chunk slipped out"
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert "".join(pieces) == "one two three" and len(pieces) == 3, pieces
    assert chunks[-1].choices[0].finish_reason == "stop", chunks[-1]


@test
def a_stream_ends_with_its_usage_when_asked(world: World) -> None:
    chunks = list(say(world.client(), stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [], chunks[-1]
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (3, 3), chunks[-1]


@test
def every_call_is_logged_with_its_cost(world: World) -> None:
    client = world.client()
    raw = client.chat.completions.with_raw_response.create(
        model=ECHO, messages=[{"role": "user", "content": "one two three"}]
    )
    due = (3 * Decimal(1) + 3 * Decimal(2)) / 1_000_000
    assert Decimal(raw.headers["x-tollgate-cost"]) == due, raw.headers
    with client.chat.completions.with_streaming_response.create(
        model=ECHO, messages=[{"role": "user", "content": "one two three"}], stream=True
    ) as streamed:
        streamed.read()
        ids = [raw.headers["x-request-id"], streamed.headers["x-request-id"]]
    assert ids[0] != ids[1], ids
    for request_id, stream in zip(ids, [False, True]):
        row = world.management.call("GET", f"/logs/{request_id}")
        assert (row["id"], row["stream"], row["status"]) == (request_id, stream, 200), row
        assert (row["tokens"]["input"], row["tokens"]["output"]) == (3, 3), row
        assert Decimal(row["cost"]) == due, row


@test
def models_are_listed(world: World) -> None:
    names = [model.id for model in world.client().models.list()]
    assert ECHO in names and FILL in names, names


@test
def an_unknown_key_is_refused(world: World) -> None:
    refused(openai.AuthenticationError, 401, "invalid_key", lambda: say(world.client_of("sk-tg-nobody")))


@test
def a_call_without_a_key_is_refused(world: World) -> None:
    client = world.client_of("unused")
    bare = {"Authorization": openai.Omit()}
    messages = [{"role": "user", "content": "hello"}]
    refused(
        openai.AuthenticationError,
        401,
        "missing_key",
        lambda: client.chat.completions.create(model=ECHO, messages=messages, extra_headers=bare),
    )


@test
def a_revoked_key_is_refused(world: World) -> None:
    key_id, secret = world.management.key("revoked")
    say(world.client_of(secret))
    world.management.call("DELETE", f"/keys/{key_id}")
    refused(openai.AuthenticationError, 401, "key_revoked", lambda: say(world.client_of(secret)))


@test
def an_unknown_model_is_refused(world: World) -> None:
    refused(openai.NotFoundError, 404, "model_not_found", lambda: say(world.client(), model="no-such-model"))


@test
def a_model_that_the_key_may_not_use_is_refused(world: World) -> None:
    client = world.client(models=[FILL])
    say(client, model=FILL)
    refused(openai.PermissionDeniedError, 403, "model_not_allowed", lambda: say(client))
    assert [model.id for model in client.models.list()] == [FILL]


@test
def wrong_types_are_refused(world: World) -> None:
    client = world.client()
    wrong = [{"messages": "hello"}, {"max_tokens": "many"}, {"stream": "yes"}, {"max_tokens": -1}]
    for fields in wrong:
        body = {"model": ECHO, "messages": [{"role": "user", "content": "hello"}], **fields}
        refused(openai.BadRequestError, 400, "invalid_body", lambda: client.post("/chat/completions", body=body, cast_to=object))


@test
def malformed_json_is_refused(world: World) -> None:
    _, secret = world.management.key("malformed")
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=20)
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body='{"model": "tollgate/echo", ', headers=headers)
    answer = connection.getresponse()
    error = json.loads(answer.read())["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request_error", "invalid_body"), error


@test
def a_body_over_the_limit_is_refused(world: World) -> None:
    huge = "x" * (33 * 1024 * 1024)
    refused(openai.APIStatusError, 413, "body_too_large", lambda: say(world.client(), huge))


@test
def requests_a_minute_are_limited(world: World) -> None:
    client = world.client(limits={"rpm": 2})
    say(client)
    say(client)
    error = refused(openai.RateLimitError, 429, "rate_limit_exceeded", lambda: say(client))
    assert 1 <= int(error.response.headers["retry-after"]) <= 61, error.response.headers
    assert error.body["tollgate"]["measure"] == "requests", error.body


@test
def a_spent_month_is_refused(world: World) -> None:
    # 400 words at 2 credits a million are 0.0008 credits: once fits, twice does not.
    client = world.client(limits={"monthly_spend": "0.001"})
    say(client, "go", model=FILL, max_tokens=400)
    error = refused(openai.APIStatusError, 402, "quota_exceeded", lambda: say(client, "go", model=FILL, max_tokens=400))
    assert error.body["type"] == "billing_error", error.body
    say(client, "go", model=FILL, max_tokens=10)


def main() -> int:
    failed = 0
    with Gateway() as gateway:
        world = World(gateway)
        for function in TESTS:
            name = function.__name__.replace("_", " ")
            try:
                function(world)
                print(f"ok      {name}")
            except Exception:  # noqa: BLE001: the next test still tells something.
                failed += 1
                print(f"FAILED  {name}\n{traceback.format_exc()}")
        if failed:
            print(f"The gateway said:\n{gateway.log.read_text()[-4000:]}")
    print(f"{len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
