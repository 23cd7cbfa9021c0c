import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a test's language model is asked. */
export interface Asked {
  readonly prompt: string;
  readonly model: string;
  readonly authorization: string | undefined;
  /** Counted from 0. */
  readonly number: number;
}

/** A server that speaks OpenAI's protocol as far as the namer does. */
export interface ChatServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[];
}

/** @param answer gives the text of an answer, or writes the response itself and gives null */
export async function chatServer(
  answer: (asked: Asked, response: ServerResponse) => string | null | Promise<string | null>,
): Promise<ChatServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const part of request) body += part;
    const { model, messages } = JSON.parse(body) as { model: string; messages: { content: string }[] };
    const one = {
      prompt: messages[0]!.content,
      model,
      authorization: request.headers.authorization,
      number: asked.length,
    };
    asked.push(one);
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
      response.writeHead(404).end();
      return;
    }
    const text = await answer(one, response);
    if (text === null) return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: text } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
