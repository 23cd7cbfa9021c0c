import { STATUS_CODES } from 'node:http';
import type { Problem } from '../../contract/study-answers.ts';

/** An answer that is an error: RFC 9457 problem details. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }

  toResponse(): Response {
    const title = STATUS_CODES[this.status] ?? 'Error';
    const body: Problem = { type: 'about:blank', title, status: this.status, detail: this.message };
    return new Response(JSON.stringify(body), {
      status: this.status,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...this.headers },
    });
  }
}
