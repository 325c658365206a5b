"""PyPI's `openai`, unmodified, against the running gateway: each promise and each refusal that its users meet."""

import base64
import http.client
import json
import sys
import threading
from decimal import Decimal

import suite
from suite import run

import openai
import pydantic
from aimock import Aimock
from gateway import Gateway

ECHO = "tollgate/echo"
FILL = "tollgate/fill"
KINDS = ["openai", "azure", "anthropic", "gemini"]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class World(suite.World):
    def client(self, **key: object) -> openai.OpenAI:
        return self.client_of(self.secret(**key))

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


@test
def every_kind_of_provider_answers_and_streams(world: World) -> None:
    client = world.client()
    for kind in KINDS:
        answer = say(client, "hello", model=f"on/{kind}", max_tokens=100)
        assert answer.choices[0].message.content == "Hello! How can I help you today?", (kind, answer)
        assert answer.choices[0].finish_reason == "stop", (kind, answer)
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1_234, 567), (kind, answer)
        chunks = list(say(client, "hello", model=f"on/{kind}", stream=True, stream_options={"include_usage": True}))
        pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        assert "".join(pieces) == "Hello! How can I help you today?", (kind, pieces)
        assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (1_234, 567), (kind, chunks[-1])


@test
def every_kind_of_provider_calls_tools_at_once_and_takes_what_came_of_them(world: World) -> None:
    client = world.client()
    city = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [
        {"type": "function", "function": {"name": "weather", "parameters": city}},
        {"type": "function", "function": {"name": "clock"}},
    ]
    for kind in KINDS:
        asked = {"model": f"on/{kind}", "tools": tools}
        ask = [{"role": "user", "content": "weather"}]
        answer = client.chat.completions.create(messages=ask, **asked)
        calls = answer.choices[0].message.tool_calls
        called = [(call.function.name, json.loads(call.function.arguments)) for call in calls]
        assert called == [("weather", {"city": "Paris", "unit": "C"}), ("clock", {})], (kind, answer)
        assert answer.choices[0].finish_reason == "tool_calls", (kind, answer)
        with client.chat.completions.stream(messages=ask, **asked) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls
        again = [(call.function.name, json.loads(call.function.arguments)) for call in streamed]
        assert again == called, (kind, streamed)
        results = [{"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in calls]
        rest = [*ask, answer.choices[0].message, *results, {"role": "user", "content": "hello"}]
        after = client.chat.completions.create(messages=rest, **asked)
        assert after.choices[0].message.content.startswith("Hello!"), (kind, after)


@test
def every_kind_of_provider_is_shown_images(world: World) -> None:
    client = world.client()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    for kind in KINDS:
        messages = [{"role": "user", "content": [image, {"type": "text", "text": "picture"}]}]
        answer = client.chat.completions.create(model=f"on/{kind}", messages=messages)
        assert answer.choices[0].message.content == "I see a picture.", (kind, answer)


class Weather(pydantic.BaseModel):
    city: str
    celsius: int


@test
def every_kind_of_provider_answers_in_the_shape_of_a_schema(world: World) -> None:
    client = world.client()
    for kind in KINDS:
        messages = [{"role": "user", "content": "extract"}]
        answer = client.chat.completions.parse(model=f"on/{kind}", messages=messages, response_format=Weather)
        assert answer.choices[0].message.parsed == Weather(city="Paris", celsius=21), (kind, answer)


@test
def a_refusal_that_no_waiting_helps_against_is_not_tried_again(world: World) -> None:
    key_id, secret = world.management.key("never", limits={"monthly_tokens": 5})
    client = world.client_of(secret).with_options(max_retries=5)
    error = refused(openai.APIStatusError, 402, "quota_exceeded", lambda: say(client, "go", model=FILL, max_tokens=400))
    assert error.response.headers["x-should-retry"] == "false", error.response.headers
    assert len(world.calls(key_id)) == 1


@test
def a_call_that_only_waits_for_others_in_flight_is_tried_again_and_passes(world: World) -> None:
    # It holds a thousand tokens for two seconds, and uses nineteen.
    key_id, secret = world.management.key("waits", limits={"token_quota": {"max": 1500, "reset": "never"}})
    slow = say(world.client_of(secret), "slow", model="on/openai", max_tokens=1000, stream=True)
    next(slow)
    again = []
    client = world.client_of(secret).with_options(max_retries=5)
    thread = threading.Thread(target=lambda: again.append(say(client, "hello", model="on/openai", max_tokens=1000)))
    thread.start()
    for _ in slow:
        pass
    thread.join()
    assert again[0].usage.completion_tokens == 567, again
    assert sum(row["refusal"] is not None for row in world.calls(key_id, 3)) >= 1


@test
def a_client_that_waits_no_longer_gets_its_own_timeout_and_the_books_agree(world: World) -> None:
    key_id, secret = world.management.key("hasty")
    client = world.client_of(secret).with_options(timeout=0.3)
    try:
        say(client, extra_headers={"x-tollgate-echo-delay-ms": "700"})
        raise AssertionError("the client waited")
    except openai.APITimeoutError:
        pass
    # An answer that is not streamed is drained and charged: hanging up early must not make it free.
    row = world.calls(key_id)[0]
    assert (row["tokens"]["input"], row["tokens"]["output"], row["cost"]) == (3, 3, "0.000009000"), row


@test
def a_providers_complaint_is_its_own_error(world: World) -> None:
    client = world.client()
    for kind in KINDS:
        try:
            say(client, "broken", model=f"on/{kind}")
        except openai.BadRequestError as error:
            assert "too hot" in error.body["message"], (kind, error.body)
            continue
        raise AssertionError(f"{kind} did not complain")


@test
def what_cannot_be_carried_over_is_refused_by_its_name(world: World) -> None:
    client = world.client()
    error = refused(openai.BadRequestError, 400, "invalid_body", lambda: say(client, "hello", model="on/anthropic", seed=7))
    assert error.param == "seed", error.body


@test
def a_response_is_answered_and_streamed_event_by_event(world: World) -> None:
    client = world.client()
    answer = client.responses.create(model=ECHO, instructions="be brief", input="one two three")
    assert (answer.object, answer.status, answer.output_text) == ("response", "completed", "one two three"), answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (5, 3, 8), answer
    cut = client.responses.create(model=ECHO, input="one two three", max_output_tokens=2)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens"), cut
    with client.responses.stream(model=ECHO, input="one two three") as stream:
        events = list(stream)
        final = stream.get_final_response()
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(pieces) == "one two three" and len(pieces) == 3, pieces
    assert [event.sequence_number for event in events] == list(range(len(events))), events
    assert (final.output_text, final.usage.output_tokens) == ("one two three", 3), final


@test
def every_kind_of_provider_answers_responses_and_streams_them(world: World) -> None:
    client = world.client()
    for kind in KINDS:
        answer = client.responses.create(model=f"on/{kind}", input="hello", max_output_tokens=100)
        assert answer.output_text == "Hello! How can I help you today?", (kind, answer)
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1_234, 567), (kind, answer)
        with client.responses.stream(model=f"on/{kind}", input="hello") as stream:
            final = stream.get_final_response()
        assert final.output_text == answer.output_text, (kind, final)
        assert (final.usage.input_tokens, final.usage.output_tokens) == (1_234, 567), (kind, final)


@test
def every_kind_of_provider_calls_tools_in_responses_and_takes_what_came_of_them(world: World) -> None:
    client = world.client()
    city = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [
        {"type": "function", "name": "weather", "parameters": city, "strict": False},
        {"type": "function", "name": "clock", "parameters": None, "strict": False},
    ]
    for kind in KINDS:
        asked = {"model": f"on/{kind}", "tools": tools}
        ask = [{"role": "user", "content": "weather"}]
        answer = client.responses.create(input=ask, **asked)
        calls = [item for item in answer.output if item.type == "function_call"]
        called = [(call.name, json.loads(call.arguments)) for call in calls]
        assert called == [("weather", {"city": "Paris", "unit": "C"}), ("clock", {})], (kind, answer)
        with client.responses.stream(input=ask, **asked) as stream:
            streamed = [item for item in stream.get_final_response().output if item.type == "function_call"]
        assert [(call.name, json.loads(call.arguments)) for call in streamed] == called, (kind, streamed)
        results = [{"type": "function_call_output", "call_id": call.call_id, "output": "fine"} for call in calls]
        rest = [*ask, *answer.output, *results, {"role": "user", "content": "hello"}]
        after = client.responses.create(input=rest, **asked)
        assert after.output_text.startswith("Hello!"), (kind, after)


@test
def a_response_is_parsed_by_its_schema(world: World) -> None:
    client = world.client()
    for kind in KINDS:
        answer = client.responses.parse(model=f"on/{kind}", input="extract", text_format=Weather)
        assert answer.output_parsed == Weather(city="Paris", celsius=21), (kind, answer)


@test
def a_response_that_cannot_be_carried_over_is_refused_by_its_name(world: World) -> None:
    client = world.client()
    for fields, param in [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"background": True}, "background"),
    ]:
        ask = lambda: client.responses.create(model="on/anthropic", input="hello", **fields)  # noqa: B023
        assert refused(openai.BadRequestError, 400, "invalid_body", ask).param == param
    try:
        client.responses.retrieve("resp_1")
    except openai.NotFoundError as error:
        assert error.code == "unknown_url" and "not kept" in error.body["message"], error.body
        return
    raise AssertionError("nothing is kept, and yet it was found")


@test
def a_legacy_completion_is_answered_and_streamed(world: World) -> None:
    client = world.client()
    answer = client.completions.create(model=ECHO, prompt=["one two three", "four"], max_tokens=2)
    assert [choice.text for choice in answer.choices] == ["one two", "four"], answer
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 3), answer
    chunks = list(client.completions.create(model=ECHO, prompt="one two", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "one two", chunks


@test
def texts_become_vectors(world: World) -> None:
    client = world.client()
    # The client asks for base64 by itself, and reads it.
    answer = client.embeddings.create(model=ECHO, input=["a b", "b a", "c"])
    vectors = [item.embedding for item in answer.data]
    assert [len(vector) for vector in vectors] == [8, 8, 8] and vectors[0] == vectors[1] != vectors[2], answer
    assert answer.usage.prompt_tokens == 5, answer
    plain = client.embeddings.create(model=ECHO, input="a b", dimensions=3, encoding_format="float")
    assert len(plain.data[0].embedding) == 3, plain


@test
def texts_are_moderated(world: World) -> None:
    answer = world.client().moderations.create(model=ECHO, input=["quite harmless", "so is this"])
    assert len(answer.results) == 2 and not answer.results[0].flagged, answer
    assert answer.results[0].categories.violence is False, answer


@test
def images_are_made_edited_and_streamed(world: World) -> None:
    client = world.client()
    answer = client.images.generate(model=ECHO, prompt="a red square", n=2)
    assert len(answer.data) == 2, answer
    assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG"), answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 2), answer
    picture = ("hat.png", base64.b64decode(PNG), "image/png")
    edited = client.images.edit(model=ECHO, prompt="a hat", image=[picture, picture])
    assert edited.data[0].b64_json and edited.usage.input_tokens == 2, edited
    events = list(client.images.generate(model=ECHO, prompt="a square", stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"], events


@test
def a_text_is_read_out(world: World) -> None:
    client = world.client()
    answer = client.audio.speech.create(model=ECHO, voice="alloy", input="one two three")
    assert answer.read().startswith(b"RIFF"), answer
    assert answer.response.headers["content-disposition"] == "attachment", answer.response.headers
    with client.audio.speech.with_streaming_response.create(model=ECHO, voice="alloy", input="one") as streamed:
        assert b"".join(streamed.iter_bytes()).startswith(b"RIFF")


@test
def speech_is_written_down_and_translated(world: World) -> None:
    client = world.client()
    file = ("good_morning.wav", b"RIFF" + bytes(3_000_000), "audio/wav")
    answer = client.audio.transcriptions.create(model=ECHO, file=file)
    assert answer.text == "good morning" and answer.usage.output_tokens == 2, answer
    assert client.audio.transcriptions.create(model=ECHO, file=file, response_format="text").strip() == "good morning"
    assert client.audio.translations.create(model=ECHO, file=file).text == "good morning"
    events = list(client.audio.transcriptions.create(model=ECHO, file=file, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].text == "good morning", events


@test
def documents_are_ranked(world: World) -> None:
    body = {"model": ECHO, "query": "the dog", "documents": ["the cat", "the dog sat"], "top_n": 1}
    answer = world.client().post("/rerank", body=body, cast_to=object)
    assert [result["index"] for result in answer["results"]] == [1], answer


@test
def a_model_whose_provider_has_no_such_endpoint_is_refused(world: World) -> None:
    client = world.client()
    call = lambda: client.embeddings.create(model="on/anthropic", input="hello")
    assert refused(openai.BadRequestError, 400, "invalid_body", call).param == "model"


def main() -> int:
    with Aimock() as upstream:

        def world_of(gateway: Gateway) -> World:
            world = World(gateway)
            upstream.models(world)
            return world

        return run(TESTS, world_of)


if __name__ == "__main__":
    sys.exit(main())
