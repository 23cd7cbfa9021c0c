import { STATUS_CODES } from 'node:http';
import type { HttpProblem } from '../../answers/problem.ts';
import type { Problem } from '../../contract/study-answers.ts';

/** A problem as it goes over HTTP: RFC 9457 problem details. */
export function problemResponse({ status, message, headers }: HttpProblem): Response {
  const title = STATUS_CODES[status] ?? 'Error';
  const body: Problem = { type: 'about:blank', title, status, detail: message };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}
