// An OpenAI-compatible upstream with one answer: 100 tokens in, 10 out. Asked for a stream it says a word now and then and
// finds no end; asked for silence it says nothing.
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A word every tenth of a second, until the caller leaves. */
function talk(response: ServerResponse): void {
  response.setHeader("content-type", "text/event-stream");
  const say = () => response.write(`data: ${JSON.stringify({ id: "x", choices: [{ index: 0, delta: { content: "word " } }] })}\n\n`);
  say();
  const talking = setInterval(say, 100);
  response.on("close", () => clearInterval(talking));
}

const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };

export class Upstream {
  /** How many have asked something of a model, and how many hung up before their answer ended. */
  asked = 0;
  left = 0;

  private constructor(
    private readonly server: Server,
    readonly baseUrl: string,
  ) {}

  static async start(): Promise<Upstream> {
    const server = createServer(async (request, response) => {
      response.on("close", () => void (response.writableFinished || upstream.left++));
      response.setHeader("content-type", "application/json");
      if (request.url === "/v1/models") return response.end(JSON.stringify({ object: "list", data: [{ id: "gpt-real" }] }));
      const asked = JSON.parse((await text(request)) || "{}");
      upstream.asked++;
      if (asked.model === "silence") return;
      if (asked.stream) return talk(response);
      const message = { role: "assistant", content: "Good day." };
      response.end(JSON.stringify({ id: "x", choices: [{ index: 0, message, finish_reason: "stop" }], usage }));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const upstream = new Upstream(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
    return upstream;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
