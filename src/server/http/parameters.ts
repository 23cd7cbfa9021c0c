import type * as z from 'zod';
import { HttpProblem } from '../../answers/problem.ts';

/** The query of an address; a parameter given twice is a problem. */
export function queryOf(url: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  const start = url.indexOf('?');
  if (start < 0) return query;
  for (const [name, value] of new URLSearchParams(url.slice(start + 1))) {
    if (name in query) throw new HttpProblem(400, `query parameter ${JSON.stringify(name)} is given twice`);
    query[name] = value;
  }
  return query;
}

/** The JSON object that a request brings. */
export async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
    throw new HttpProblem(415, 'the body of a request is JSON: send content-type application/json');
  }
  const body: unknown = await request.json().catch(() => null);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  throw new HttpProblem(400, 'the body of the request is no JSON object');
}

/** Parameters checked and converted; a bad one is a problem that names it and what is allowed. */
export function parse(
  schema: z.ZodObject,
  values: Readonly<Record<string, unknown>>,
  location: 'path' | 'query' | 'body',
): unknown {
  const parsed = schema.safeParse({ ...values });
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const known = Object.keys(schema.shape).join(', ') || 'none';
      return `unknown ${location} parameter ${issue.keys.map((key) => JSON.stringify(key)).join(', ')} (known: ${known})`;
    }
    const name = String(issue.path[0]);
    const value = values[name];
    if (value === undefined) return `${location} parameter ${name} is missing`;
    return `${location} parameter ${name} is ${JSON.stringify(value)}: ${issue.message}`;
  });
  throw new HttpProblem(400, details.join('; '));
}
