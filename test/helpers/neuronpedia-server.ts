import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as z from 'zod';

/** What Neuronpedia's upload endpoints accept (its routes' own schemas, August 2026). */
const upload = z.strictObject({
  modelId: z.string(),
  source: z.string(),
  features: z
    .array(
      z.strictObject({
        index: z.int().min(0).max(1e7),
        density: z.number().min(0).max(1),
        topLogits: z.array(z.strictObject({ token: z.string(), value: z.number() })).max(20),
        bottomLogits: z.array(z.strictObject({ token: z.string(), value: z.number() })).max(20),
        explanations: z.array(z.strictObject({ text: z.string().min(1).max(512) })),
        activations: z
          .array(
            z
              .strictObject({
                tokens: z.array(z.string()).min(1).max(1024),
                values: z.array(z.number()).min(1).max(1024),
                quantileMin: z.number(),
                quantileMax: z.number(),
                quantileFraction: z.number().min(0).max(1),
              })
              .refine(({ tokens, values }) => tokens.length === values.length),
          )
          .min(1),
      }),
    )
    .min(1)
    .max(128),
});
const model = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9.-]{0,30}[a-z0-9]$/),
  layers: z.int().min(1).max(127),
  displayName: z.string().optional(),
});
const sourceSet = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    .refine((name) => name !== 'neurons'),
  modelId: z.string(),
  description: z.string().max(128),
});

type Upload = z.output<typeof upload>;
export type StoredFeature = Upload['features'][number];

/** A server that speaks Neuronpedia's API, and doubles activations that come twice, as it does. */
export interface NeuronpediaServer extends AsyncDisposable {
  readonly url: string;
  /** By `model/source/index`. */
  readonly features: Map<string, StoredFeature>;
  /** Requests that came, by path. */
  readonly requests: string[];
  readonly keys: Set<string | undefined>;
}

/**
 * @param fault answers a request in the server's place and gives true; `after` is called once it has taken the request, but
 *   has not answered yet
 */
export async function neuronpediaServer(
  fault: (number: number, response: ServerResponse, when: 'before' | 'after') => boolean = () => false,
): Promise<NeuronpediaServer> {
  const features = new Map<string, StoredFeature>();
  const requests: string[] = [];
  const keys = new Set<string | undefined>();
  const models = new Set<string>();
  const sets = new Set<string>();
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    for await (const part of request) text += part;
    const path = request.url!;
    const number = requests.push(path) - 1;
    keys.add(request.headers['x-api-key'] as string | undefined);
    if (fault(number, response, 'before')) return;
    const answer = (status: number, value: unknown): void => {
      if (fault(number, response, 'after')) return;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const stored = /^\/api\/feature\/([^/]+)\/([^/]+)\/(\d+)$/.exec(path);
    if (request.method === 'GET' && stored !== null)
      return answer(200, features.get(`${stored[1]}/${stored[2]}/${stored[3]}`) ?? null);
    const schema = {
      '/api/model/new': model,
      '/api/source-set/new': sourceSet,
      '/api/feature/upload-batch': upload,
    }[path];
    if (request.method !== 'POST' || schema === undefined) return answer(404, { message: 'no such route' });
    const parsed = schema.safeParse(JSON.parse(text));
    if (!parsed.success) return answer(400, { message: parsed.error.message });
    const value = parsed.data as unknown as Record<string, string>;
    if (path === '/api/model/new') {
      if (models.has(value['id']!)) return answer(400, { message: 'Model already exists' });
      models.add(value['id']!);
      return answer(200, {});
    }
    if (!models.has(value['modelId']!)) return answer(400, { message: 'no such model' });
    if (path === '/api/source-set/new') {
      if (sets.has(value['name']!)) return answer(400, { message: 'Source set with this name exists' });
      sets.add(value['name']!);
      return answer(200, {});
    }
    const { modelId, source, features: sent } = parsed.data as Upload;
    for (const feature of sent) {
      const key = `${modelId}/${source}/${feature.index}`;
      const known = features.get(key);
      // What is there is not changed, but its activations are added once more.
      features.set(
        key,
        known === undefined
          ? feature
          : { ...known, activations: [...known.activations, ...feature.activations] },
      );
    }
    return answer(200, {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    features,
    requests,
    keys,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
