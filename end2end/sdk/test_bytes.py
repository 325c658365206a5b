"""Where caller and provider speak alike, the caller receives the provider's own bytes, and the provider the caller's:
large bodies, streams of a thousand events, cut wherever a network may cut them."""

import hashlib
import json
import os
import random
import sys

from suite import World, run

from gateway import Gateway
from peer import EVENTS, JSON, Peer, Reply
from speech import post

SEED = int(os.environ.get("TOLLGATE_TEST_SEED", random.randrange(1 << 32)))
# What tears a naive reader apart: letters of two to four bytes, escapes, and what looks like the end of a line.
LETTERS = ["a", "Z", " ", "é", "ß", "汉", "한", "😀", "👩‍🚀", "\u2028", "\\n", "\\u00e9", "data: ", "[DONE]", "\\\"", "event:"]
KINDS = {"openai": "openai", "azure": "openai", "anthropic": "anthropic", "gemini": "gemini", "responses": "responses"}
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def text(chance: random.Random, size: int) -> str:
    """Text of about so many bytes, as it stands within a JSON string."""
    return "".join(chance.choices(LETTERS, k=size // 4))


def whole(kind: str, said: str) -> bytes:
    """An answer with odd but lawful blanks, numbers and fields that nobody has heard of."""
    match KINDS[kind]:
        case "openai":
            shape = '{ "id":"x",\t"object":"chat.completion", "odd": [1e3, -0.0, 1E-7],"choices" : [{"index":0,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}],\n "usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18} }\n'
        case "responses":
            shape = '{ "id":"resp_1","object" : "response","status":"completed", "odd":[ {} ],"output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"%s","annotations":[]}]}],\n\n"usage":{"input_tokens":11,"output_tokens":7,"total_tokens":18} }'
        case "anthropic":
            shape = '{ "type":"message",\r\n "role":"assistant", "odd": {"":null}, "content":[ {"type":"text","text":"%s"} ], "stop_reason":"end_turn","usage":{"input_tokens":11,"output_tokens":7} }'
        case _:
            shape = '{\n  "candidates": [ {\n "content": { "parts": [ {"text": "%s"} ], "role":"model" }, "finishReason":"STOP","odd": 1e300 } ],\n  "usageMetadata": {"promptTokenCount":11,"candidatesTokenCount":7} }\n'
    return (shape % said).encode()


def stream(kind: str, chance: random.Random, count: int) -> bytes:
    """So many events, with comments, fields that nobody reads, and ends of lines of all three kinds."""
    end = chance.choice(["\n", "\r\n", "\r"])
    events = [": waiting" + end + end] if chance.random() < 0.7 else []

    def add(data: str, name: str = "") -> None:
        head = f"event: {name}{end}" if name else ""
        extra = f"id: {len(events)}{end}" if chance.random() < 0.1 else ""
        space = " " if chance.random() < 0.8 else ""
        events.append(f"{head}{extra}data:{space}{data}{end}{end}")
        if chance.random() < 0.02:
            events.append(f": keep-alive{end}{end}")

    match KINDS[kind]:
        case "openai":
            for _ in range(count):
                add('{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"}}]}' % text(chance, 60))
            add('{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
            add('{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}')
            add("[DONE]")
        case "responses":
            add('{"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[]}}', "response.created")
            for number in range(count):
                delta = '{"type":"response.output_text.delta","sequence_number":%d,"item_id":"msg_1","delta":"%s"}'
                add(delta % (number, text(chance, 60)), "response.output_text.delta")
            done = '{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],'
            add(done + '"usage":{"input_tokens":11,"output_tokens":7,"total_tokens":18}}}', "response.completed")
        case "anthropic":
            add('{"type":"message_start","message":{"usage":{"input_tokens":11,"output_tokens":1}}}', "message_start")
            add('{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}', "content_block_start")
            add('{"type": "ping"}', "ping")
            for _ in range(count):
                delta = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}'
                add(delta % text(chance, 60), "content_block_delta")
            add('{"type":"content_block_stop","index":0}', "content_block_stop")
            add('{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}', "message_delta")
            add('{"type":"message_stop"}', "message_stop")
        case _:
            for _ in range(count):
                add('{"candidates": [{"content": {"parts": [{"text": "%s"}],"role": "model"}}]}' % text(chance, 60))
            last = '{"candidates": [{"content": {"parts": [{"text": ""}]},"finishReason": "STOP"}],'
            add(last + '"usageMetadata": {"promptTokenCount": 11,"candidatesTokenCount": 7}}')
    return "".join(events).encode()


def cut(body: bytes, chance: random.Random, pieces: int) -> list[bytes]:
    """Anywhere, in the middle of a letter or of an end of line as well."""
    cuts = sorted({0, len(body), *(chance.randrange(len(body)) for _ in range(pieces))})
    return [body[start:end] for start, end in zip(cuts, cuts[1:])]


class Alike(World):
    """A model on each kind of provider at the peer, known there by the very name that callers use."""

    def __init__(self, gateway: Gateway, peer: Peer) -> None:
        super().__init__(gateway)
        self.peer = peer
        self.secret_of_all = self.secret()
        for kind in KINDS:
            if kind == "responses":
                # OpenAI speaks two dialects; of those like it, whoever says so.
                self.model(f"m-{kind}", "openai", peer.url, f"m-{kind}", {"responses": True})
            else:
                self.model(f"m-{kind}", kind, peer.url, f"m-{kind}")

    def ask(self, kind: str, streams: bool, said: str) -> tuple[bytes, bytes, dict[str, str]]:
        """What the caller sent and received, and the headers of the answer."""
        model, dialect = f"m-{kind}", KINDS[kind]
        if dialect == "gemini":
            verb = "streamGenerateContent?alt=sse" if streams else "generateContent"
            path, body = f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": said}]}], "odd": 1e-7}
        elif dialect == "responses":
            path, body = "/v1/responses", {"input": said, "stream": streams, "model": model, "odd": [1e3]}
        else:
            path = "/v1/chat/completions" if dialect == "openai" else "/v1/messages"
            body = {"messages": [{"role": "user", "content": said}], "stream": streams, "model": model, "odd": [{}]}
            body |= {"max_tokens": 50} if dialect == "anthropic" else {"stream_options": {"include_usage": True}} if streams else {}
        answer, received = post(self.gateway.url, path, body, {"authorization": f"Bearer {self.secret_of_all}"})
        assert answer.status == 200, (kind, received[:500])
        return json.dumps(body, ensure_ascii=False).encode(), received, {name.lower(): value for name, value in answer.getheaders()}

    def passes(self, kind: str, streams: bool, reply: Reply, due: bytes, said: str = "hi") -> None:
        self.peer.reply = lambda _: reply
        sent, received, headers = self.ask(kind, streams, said)
        where = f"{kind}, TOLLGATE_TEST_SEED={SEED}"
        assert digest(received) == digest(due), f"{where}: {len(received)} bytes, not the upstream's {len(due)}"
        assert headers["content-type"] == reply.content_type, (where, headers)
        assert digest(self.peer.asked[-1].body) == digest(sent), f"{where}: the request is not the caller's own"
        row = self.management.call("GET", f"/logs/{headers['x-request-id']}")
        counted = row["tokens"]["input"], row["tokens"]["output"], row["usage_source"]
        assert counted == (11, 7, "upstream"), (where, row)


@test
def a_megabyte_passes_untouched_both_ways(world: Alike) -> None:
    chance = random.Random(SEED)
    for kind in KINDS:
        body = whole(kind, text(chance, 1_200_000))
        assert len(body) > 1_000_000
        asked = text(chance, 1_000_000)
        world.passes(kind, False, Reply(JSON, [body], chunked=False), body, asked)
        world.passes(kind, False, Reply(JSON, cut(body, chance, 300)), body, asked)


@test
def a_stream_of_a_thousand_events_passes_untouched(world: Alike) -> None:
    chance = random.Random(SEED + 1)
    for kind in KINDS:
        for pieces in (0, 1_000, 5_000):
            body = stream(kind, chance, 1_000)
            world.passes(kind, True, Reply(EVENTS, cut(body, chance, pieces)), body)


@test
def streams_pass_untouched_however_they_are_cut(world: Alike) -> None:
    chance = random.Random(SEED + 2)
    for kind in KINDS:
        for _ in range(20):
            body = stream(kind, chance, chance.randrange(6))
            world.passes(kind, True, Reply(EVENTS, cut(body, chance, chance.randrange(1, 60)), pause=0.0002), body)
        body = stream(kind, chance, 2)
        world.passes(kind, True, Reply(EVENTS, [bytes([byte]) for byte in body], pause=0.0001), body)


@test
def the_books_add_up(world: Alike) -> None:
    world.gateway.cli("audit")


def main() -> int:
    with Peer(lambda asked: Reply(JSON, [b"{}"])) as peer:
        return run(TESTS, lambda gateway: Alike(gateway, peer))


if __name__ == "__main__":
    sys.exit(main())
