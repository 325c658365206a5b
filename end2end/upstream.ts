// An OpenAI-compatible upstream with one answer: 100 tokens in, 10 out.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };

export class Upstream {
  private constructor(
    private readonly server: Server,
    readonly baseUrl: string,
  ) {}

  static async start(): Promise<Upstream> {
    const server = createServer((request, response) => {
      response.setHeader("content-type", "application/json");
      if (request.url === "/v1/models") return response.end(JSON.stringify({ object: "list", data: [{ id: "gpt-real" }] }));
      const message = { role: "assistant", content: "Good day." };
      response.end(JSON.stringify({ id: "x", choices: [{ index: 0, message, finish_reason: "stop" }], usage }));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return new Upstream(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
