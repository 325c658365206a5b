"""The same call in each dialect, and what its answer says in one form. Python's own library only."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

DIALECTS = ["openai", "responses", "anthropic", "gemini"]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "celsius": {"type": "number"}},
    "required": ["city", "celsius"],
    "additionalProperties": False,
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
# How each dialect says why an answer ended.
REASONS = {
    "openai": {"stop": "stop", "length": "length", "tool_calls": "tools"},
    "responses": {"completed": "stop", "max_output_tokens": "length", "incomplete": "length"},
    "anthropic": {"end_turn": "stop", "max_tokens": "length", "tool_use": "tools"},
    # It has no word for tools; this upstream has one all the same.
    "gemini": {"STOP": "stop", "MAX_TOKENS": "length", "FUNCTION_CALL": "tools"},
}


@dataclass
class Said:
    """What a caller understands."""

    status: int
    headers: dict[str, str]
    body: bytes
    text: str = ""
    thought: str = ""
    calls: list[tuple[str, dict]] = field(default_factory=list)
    # As each was given, for whoever answers them.
    ids: list[str] = field(default_factory=list)
    reason: str | None = None
    input: int = 0
    output: int = 0
    error: dict | None = None

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]


def post(url: str, path: str, body: dict, headers: dict[str, str], timeout: float = 30) -> tuple[http.client.HTTPResponse, bytes]:
    """Never through a proxy. The body as far as it came, where it breaks off."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    text = json.dumps(body, ensure_ascii=False).encode()
    connection.request("POST", path, body=text, headers={"content-type": "application/json", **headers})
    answer = connection.getresponse()
    try:
        return answer, answer.read()
    except http.client.IncompleteRead as broken:
        return answer, broken.partial
    finally:
        connection.close()


def ask(dialect: str, url: str, secret: str, model: str, text: str, stream: bool = False, **more: object) -> Said:
    """`tools`, `schema`, `most` (tokens) and `after` (an answer with calls, each of which came to "fine")."""
    path, body = _request(dialect, model, text, stream, **more)
    header = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}.get(dialect)
    headers = {header: secret} if header else {"authorization": f"Bearer {secret}"}
    answer, whole = post(url, path, body, headers)
    said = Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, whole)
    if stream and said.headers.get("content-type", "").startswith("text/event-stream"):
        pieces = [json.loads(data) for data in events(whole) if data != "[DONE]"]
    else:
        pieces = [json.loads(whole)]
    understand = {"openai": _openai, "responses": _responses, "anthropic": _anthropic, "gemini": _gemini}[dialect]
    understand(said, pieces)
    said.reason = REASONS[dialect].get(said.reason, said.reason)
    # Neither has a word for it.
    if dialect in ("gemini", "responses") and said.calls and said.reason == "stop":
        said.reason = "tools"
    return said


def events(body: bytes) -> Iterator[str]:
    """The data of each event, as the standard reads them."""
    values: list[str] = []
    for line in body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith("data:"):
            values.append(line[5:].removeprefix(" "))
        elif not line and values:
            yield "\n".join(values)
            values = []


def _request(dialect, model, text, stream, tools=False, schema=False, most=None, after=None):
    if dialect == "openai":
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "stream": stream}
        if stream:
            body["stream_options"] = {"include_usage": True}
        if most:
            body["max_tokens"] = most
        if tools:
            weather = {"name": "weather", "description": "The weather now.", "parameters": CITY}
            body["tools"] = [{"type": "function", "function": function} for function in (weather, {"name": "clock"})]
        if schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA, "strict": True}}
        if after:
            calls = zip(after.ids, after.calls)
            calls = [(id, {"name": name, "arguments": json.dumps(given)}) for id, (name, given) in calls]
            messages.append({"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": call} for id, call in calls]})
            messages.extend({"role": "tool", "tool_call_id": id, "content": "fine"} for id, _ in calls)
        return "/v1/chat/completions", body
    if dialect == "responses":
        items = [{"role": "user", "content": text}]
        body = {"model": model, "input": items, "stream": stream}
        if most:
            body["max_output_tokens"] = most
        if tools:
            weather = {"name": "weather", "description": "The weather now.", "parameters": CITY}
            functions = (weather, {"name": "clock", "parameters": None})
            body["tools"] = [{"type": "function", "strict": False, **function} for function in functions]
        if schema:
            body["text"] = {"format": {"type": "json_schema", "name": "weather", "schema": SCHEMA, "strict": True}}
        if after:
            for id, (name, given) in zip(after.ids, after.calls):
                items.append({"type": "function_call", "call_id": id, "name": name, "arguments": json.dumps(given)})
            items.extend({"type": "function_call_output", "call_id": id, "output": "fine"} for id in after.ids)
        return "/v1/responses", body
    if dialect == "anthropic":
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "max_tokens": most or 200, "messages": messages, "stream": stream}
        if tools:
            nothing = {"type": "object", "properties": {}}
            body["tools"] = [{"name": "weather", "description": "The weather now.", "input_schema": CITY}, {"name": "clock", "input_schema": nothing}]
        if schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        if after:
            calls = list(zip(after.ids, after.calls))
            uses = [{"type": "tool_use", "id": id, "name": name, "input": given} for id, (name, given) in calls]
            results = [{"type": "tool_result", "tool_use_id": id, "content": "fine"} for id, _ in calls]
            messages += [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]
        return "/v1/messages", body
    contents = [{"role": "user", "parts": [{"text": text}]}]
    body, config = {"contents": contents}, {}
    if most:
        config["maxOutputTokens"] = most
    if tools:
        weather = {"name": "weather", "description": "The weather now.", "parametersJsonSchema": CITY}
        body["tools"] = [{"functionDeclarations": [weather, {"name": "clock", "description": "The time now."}]}]
    if schema:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    if after:
        calls = list(zip(after.ids, after.calls))
        contents.append({"role": "model", "parts": [{"functionCall": {"id": id, "name": name, "args": given}} for id, (name, given) in calls]})
        outcome = {"result": "fine"}
        results = [{"functionResponse": {"id": id, "name": name, "response": outcome}} for id, (name, _) in calls]
        contents.append({"role": "user", "parts": results})
    if config:
        body["generationConfig"] = config
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{verb}", body


def _openai(said: Said, pieces: list[dict]) -> None:
    calls: dict[int, list] = {}
    for piece in pieces:
        said.error = piece.get("error") or said.error
        if usage := piece.get("usage"):
            said.input, said.output = usage["prompt_tokens"], usage["completion_tokens"]
        for choice in piece.get("choices", []):
            message = choice.get("delta") or choice.get("message") or {}
            said.text += message.get("content") or ""
            said.thought += message.get("reasoning") or message.get("reasoning_content") or ""
            for number, call in enumerate(message.get("tool_calls") or []):
                known = calls.setdefault(call.get("index", number), ["", "", ""])
                function = call.get("function", {})
                known[0] = call.get("id") or known[0]
                known[1] += function.get("name") or ""
                known[2] += function.get("arguments") or ""
            said.reason = choice.get("finish_reason") or said.reason
    said.ids = [id for id, _, _ in calls.values()]
    said.calls = [(name, json.loads(given or "{}")) for _, name, given in calls.values()]


def _responses(said: Said, pieces: list[dict]) -> None:
    """Of a stream, what its last event says whole; its pieces must say the same."""
    last = pieces[-1].get("response") or pieces[-1]
    said.error = last.get("error") or (last if last.get("type") == "error" else None)
    for item in last.get("output", []):
        for part in item.get("content") or []:
            said.text += part.get("text", "")
        for part in item.get("summary") or []:
            said.thought += part.get("text", "")
        if item["type"] == "function_call":
            said.ids.append(item["call_id"])
            said.calls.append((item["name"], json.loads(item["arguments"] or "{}")))
    said.reason = (last.get("incomplete_details") or {}).get("reason") or last.get("status")
    if usage := last.get("usage"):
        said.input, said.output = usage["input_tokens"], usage["output_tokens"]
    if len(pieces) > 1:
        told = "".join(piece["delta"] for piece in pieces if piece["type"] == "response.output_text.delta")
        # Where a stream is cut there is no whole.
        said.text = said.text or told
        assert told == said.text, (told, said.text)


def _anthropic(said: Said, pieces: list[dict]) -> None:
    blocks: dict[int, dict] = {}
    for piece in pieces:
        said.error = piece.get("error") or said.error
        message = piece.get("message") or piece
        usage = message.get("usage") or {}
        cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
        if "input_tokens" in usage:
            said.input = usage["input_tokens"] + cached
        said.output = usage.get("output_tokens", said.output)
        said.reason = (piece.get("delta") or {}).get("stop_reason") or message.get("stop_reason") or said.reason
        for number, block in enumerate(message.get("content") or []):
            blocks[number] = dict(block)
        if piece.get("type") == "content_block_start":
            blocks[piece["index"]] = dict(piece["content_block"]) | {"json": ""}
        if piece.get("type") == "content_block_delta":
            block, delta = blocks[piece["index"]], piece["delta"]
            for name, kind in [("text", "text"), ("thinking", "thinking"), ("json", "partial_json")]:
                if kind in delta:
                    block[name] = block.get(name, "") + delta[kind]
    for block in blocks.values():
        said.text += block.get("text", "") if block["type"] == "text" else ""
        said.thought += block.get("thinking", "") if block["type"] == "thinking" else ""
        if block["type"] == "tool_use":
            said.ids.append(block["id"])
            said.calls.append((block["name"], json.loads(block["json"]) if block.get("json") else block["input"]))


def _gemini(said: Said, pieces: list[dict]) -> None:
    for piece in pieces:
        said.error = piece.get("error") or said.error
        if usage := piece.get("usageMetadata"):
            said.input = usage.get("promptTokenCount", 0)
            said.output = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
        for candidate in piece.get("candidates", []):
            for part in (candidate.get("content") or {}).get("parts", []):
                if part.get("thought"):
                    said.thought += part.get("text", "")
                elif call := part.get("functionCall"):
                    said.ids.append(call.get("id", ""))
                    said.calls.append((call["name"], call.get("args", {})))
                else:
                    said.text += part.get("text", "")
            said.reason = candidate.get("finishReason") or said.reason
