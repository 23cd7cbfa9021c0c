import * as z from 'zod';
import { OCTETS } from '../contract/octets.ts';
import { problem } from '../contract/study-answers.ts';
import type { Route } from './route.ts';

type JsonSchema = Record<string, unknown>;

/** The OpenAPI 3.1 document of a table of routes; schemas with an id become its components. */
export function openApiDocument(routes: readonly Route[], version: string): Record<string, unknown> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Polyseme',
      version,
      description:
        'A study: units of a language model, taken apart into features by their neuron embeddings; trainings of sparse autoencoders; and the queue of runs on many machines.',
    },
    paths: Object.fromEntries(routes.map((route) => [route.path, { [route.method]: operation(route) }])),
    components: { schemas: components([problem, ...routes.map(({ answer }) => answer)]) },
  };
}

function operation({ path, summary, method, params, query, answer, octets, png }: Route): JsonSchema {
  const failure = (description: string): JsonSchema => ({
    description,
    content: { 'application/problem+json': { schema: reference(problem) } },
  });
  return {
    operationId: operationId(method, path),
    summary,
    parameters: [...parameters(params, 'path'), ...(method === 'get' ? parameters(query, 'query') : [])],
    ...(method === 'post' ? { requestBody: requestBody(query) } : {}),
    responses: {
      200: {
        description: summary,
        content: png ? pngContent(answer) : octets ? octetContent(answer) : jsonContent(answer),
      },
      ...(method === 'get' ? { 304: { description: 'What If-None-Match names is still right' } } : {}),
      400: failure('A parameter is unknown or bad'),
      404: failure('There is no such bank, unit, training or queue, or none is served'),
      default: failure('Another problem'),
    },
  };
}

function jsonContent(answer: z.ZodType): JsonSchema {
  return { 'application/json': { schema: reference(answer) } };
}

function pngContent(answer: z.ZodType): JsonSchema {
  return { 'image/png': { schema: reference(answer) } };
}

function octetContent(answer: z.ZodType): JsonSchema {
  const schema = { type: 'string', format: 'binary', description: OCTETS };
  return { 'application/octet-stream': { schema, 'x-arrays': reference(answer) } };
}

function requestBody(query: z.ZodObject): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(query, { io: 'input' }) as JsonSchema;
  return { required: true, content: { 'application/json': { schema } } };
}

/** getUnitsBankIndexMap */
function operationId(method: string, path: string): string {
  const words = path.split(/\W+/).filter((word) => word !== '' && word !== 'api');
  return `${method}${words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')}`;
}

function parameters(schema: z.ZodObject, location: 'path' | 'query'): JsonSchema[] {
  return Object.entries(schema.shape).map(([name, part]) => {
    // A list is given as text with commas; everything else as what it becomes.
    const list = part instanceof z.ZodOptional ? part.unwrap() : part;
    const io = list instanceof z.ZodPipe && list.out instanceof z.ZodArray ? 'input' : 'output';
    const { $schema: _, description, ...rest } = z.toJSONSchema(part as z.ZodType, { io }) as JsonSchema;
    const optional = (part as z.ZodType).safeParse(undefined).success;
    return { name, in: location, required: !optional, ...(description ? { description } : {}), schema: rest };
  });
}

function reference(schema: z.ZodType): JsonSchema {
  return { $ref: `#/components/schemas/${schema.meta()!.id}` };
}

/** Schemas with an id and those within them, by id. */
function components(schemas: readonly z.ZodType[]): JsonSchema {
  const registry = z.registry<{ id: string }>();
  for (const schema of schemas) registry.add(schema, { id: schema.meta()!.id! });
  const found = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` }).schemas;
  // What only lies within others is put under one more schema, `__shared`.
  const text = JSON.stringify(found).replaceAll('/__shared#/$defs/', '/');
  const { __shared, ...own } = JSON.parse(text) as Record<string, JsonSchema>;
  const all = { ...own, ...(__shared?.['$defs'] as Record<string, JsonSchema> | undefined) };
  return Object.fromEntries(
    Object.entries(all)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, { $schema: _, $id: __, id: ___, ...schema }]) => [id, schema]),
  );
}
