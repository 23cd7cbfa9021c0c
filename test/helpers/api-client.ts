import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { unpack } from '../../src/base/pack.ts';
import type { StudyServer } from '../../src/server/api.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by the schema, not by the compiler
type Answer = any;

/** Asks a server, and holds every answer against the OpenAPI document that the server gives. */
export async function apiClient(server: StudyServer) {
  const fetch = async (path: string, init?: RequestInit): Promise<Response> =>
    server.fetch(new Request(`http://localhost${path}`, init));
  const document: Answer = await (await fetch('/openapi.json')).json();
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(document, 'openapi');
  const checked = (body: Answer, status: number, path: string, method: 'get' | 'post' = 'get'): Answer => {
    const template = pathOf(document, path);
    const { responses } = document.paths[template][method];
    const [content] = Object.values(responses[status].content) as [Answer];
    const validate = ajv.compile({ $ref: `openapi${(content['x-arrays'] ?? content.schema).$ref}` });
    expect(validate(body) || ajv.errorsText(validate.errors)).toBe(true);
    return body;
  };
  return {
    document,
    fetch,
    /** The JSON at a path, which must be there. */
    async get(path: string): Promise<Answer> {
      const response = await fetch(path);
      const text = await response.text();
      expect(`${response.status} ${response.status === 200 ? '' : text}`).toBe('200 ');
      expect(response.headers.get('content-type')).toBe('application/json');
      return checked(JSON.parse(text), 200, path);
    },
    /** The JSON that a path answers a body with, which must be one that the document allows. */
    async post(path: string, body: object): Promise<Answer> {
      const { content } = document.paths[pathOf(document, path)].post.requestBody;
      expect(ajv.validate(content['application/json'].schema, body) || ajv.errorsText()).toBe(true);
      const response = await fetch(path, posted(body));
      const text = await response.text();
      expect(`${response.status} ${response.status === 200 ? '' : text}`).toBe('200 ');
      return checked(JSON.parse(text), 200, path, 'post');
    },
    /** The arrays at a path: each of the type that its description begins with, NaN as null. */
    async arrays(path: string): Promise<Record<string, (number | null)[]>> {
      const response = await fetch(path);
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        'application/octet-stream',
      ]);
      const found = unpack(new Uint8Array(await response.arrayBuffer()), path);
      const lists = Object.fromEntries(
        Object.entries(found).map(([name, values]) => [
          name,
          Array.from(values, (value) => (Number.isNaN(value) ? null : value)),
        ]),
      );
      checked(lists, 200, path);
      const { content } = document.paths[pathOf(document, path)].get.responses[200];
      const { $ref } = content['application/octet-stream']['x-arrays'];
      const { properties } = document.components.schemas[$ref.split('/').at(-1)];
      for (const [name, values] of Object.entries(found)) {
        const type = { Uint16Array: 'u16', Uint32Array: 'u32', Float32Array: 'f32', Float64Array: 'f64' }[
          values.constructor.name
        ];
        expect(properties[name].description.split(':')[0], name).toBe(type);
      }
      return lists;
    },
    /** The problem at a path, which must be one. */
    async problem(path: string, init?: RequestInit): Promise<{ status: number; detail: string }> {
      const response = await fetch(path, init);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      const body: Answer = await response.json();
      expect(ajv.validate({ $ref: 'openapi#/components/schemas/Problem' }, body)).toBe(true);
      expect(body.status).toBe(response.status);
      return body;
    },
  };
}

/** A request that brings a JSON body. */
export function posted(body: unknown, init: RequestInit = {}): RequestInit {
  return {
    ...init,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify(body),
  };
}

function pathOf(document: Answer, path: string): string {
  const parts = path.replace(/\?.*/, '').split('/');
  const found = Object.keys(document.paths).find((template) => {
    const names = template.split('/');
    return (
      names.length === parts.length && names.every((name, i) => name.startsWith('{') || name === parts[i])
    );
  });
  expect(found, `${path} in the OpenAPI document`).toBeDefined();
  return found!;
}
