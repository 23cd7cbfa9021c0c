import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { etag } from 'hono/etag';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { LRUCache } from 'lru-cache';
import type * as z from 'zod';
import { byteCache } from '../answers/byte-cache.ts';
import { HttpProblem } from '../answers/problem.ts';
import { StudySource } from '../answers/served-study.ts';
import { version } from '../answers/study-answer.ts';
import { pack } from '../base/pack.ts';
import { visibleLines } from '../base/visible.ts';
import type { ServedAnswer } from '../contract/study-answers.ts';
import { PolysemeError } from '../errors.ts';
import type { Explained } from '../explain/explained.ts';
import type { Study } from '../study/study.ts';
import { ExplainSource } from './explain/explain-source.ts';
import { type ExplainedOptions, openExplained } from './explain/open-explained.ts';
import { WorkQueue } from './explain/queue.ts';
import { Entity, entityTag } from './http/entity.ts';
import { hostName, isOwnOrigin, securityHeaders } from './http/headers.ts';
import { toJson } from './http/json-writer.ts';
import { problemResponse } from './http/problem.ts';
import { StaticFiles } from './http/static.ts';
import { demandToken } from './http/token.ts';
import { openApiDocument } from './openapi.ts';
import type { Route, Sources } from './route.ts';
import { routes } from './routes.ts';
import { Trainings } from './trainings/served-trainings.ts';

/** Bytes of answers that are kept. */
const ANSWER_BYTES = 64 << 20;
/** Bytes of a request's body. */
const BODY_BYTES = 1 << 20;
type Packed = Parameters<typeof pack>[0];

/** Milliseconds between looks at an unfinished study. */
const LOOK_EVERY = 1000;

/** Tells ETags of this process from those of others, whose code may differ. */
const STARTED = Date.now();

/** `model`, `sae` and `threads` say where the model behind the study lies, and how it runs, once it is needed. */
export interface ServerOptions extends ExplainedOptions {
  /** A folder of trainings to follow: of one (the output of `sae train`), or one that holds them. Default: none. */
  readonly trainings?: string;
  /** Folder of the built explorer; default: the one in this package. */
  readonly webRoot?: string;
  /** Names that the Host header may give; default: any. */
  readonly hosts?: ReadonlySet<string> | null;
  /** What every request must bring, but for /healthz (see `demandToken`); default: nothing. */
  readonly token?: string;
  /** Takes a line for each error that is ours; default: standard error. */
  readonly log?: (line: string) => void;
}

/** A web-standard handler of requests. */
export interface StudyServer {
  fetch(request: Request): Response | Promise<Response>;
  /** Reads ahead what the first requests need: a second or less. */
  prepare(): void;
  /** Closes the model, where one was opened. */
  close(): Promise<void>;
}

/**
 * The HTTP API and the explorer over an open study, trainings, or both, as a function from requests to responses that
 * any server of web standards can run. The study stays the caller's to close.
 *
 * @throws PolysemeError where there is neither, or no folder of trainings
 * @example
 * const server = createServer(openStudy('study.db'));
 * const answer = await server.fetch(new Request('http://localhost/api/units?sort=clusters&order=desc&limit=1'));
 * console.log((await answer.json()).units[0].words);
 */
export function createServer(study: Study | null, options: ServerOptions = {}): StudyServer {
  if (study === null && options.trainings === undefined) {
    throw new PolysemeError('nothing to serve: give a study, a folder of trainings, or both');
  }
  const { hosts = null, log = (line) => process.stderr.write(`${visibleLines(line)}\n`) } = options;
  const files = new StaticFiles(
    options.webRoot ?? fileURLToPath(new URL('../../dist/web/', import.meta.url)),
  );
  const trainings = options.trainings === undefined ? null : new Trainings(options.trainings);
  const explained = study === null ? null : openExplained(study, options);
  const answers = new Answers(study, explained, trainings);
  const document = new Entity(toJson(openApiDocument(routes, version)), 'application/json', 9);
  const app = new Hono();
  app.use(securityHeaders);
  app.use(async (c, next) => {
    const host = hostName(c.req.header('host') ?? new URL(c.req.url).host);
    if (hosts !== null && !hosts.has(host)) {
      throw new HttpProblem(403, `host ${JSON.stringify(host)} is not served here; open http://localhost`);
    }
    await next();
  });
  if (options.token !== undefined) app.use(demandToken(options.token));
  app.use(async (c, next) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (isRead || isOwnOrigin(c.req.raw)) return next();
    throw new HttpProblem(403, 'requests that other pages send are refused');
  });
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed(c, methods) {
        const detail = `${c.req.method} is not allowed here, only ${methods.join(' and ')}`;
        return problemResponse(new HttpProblem(405, detail, { allow: methods.join(', ') }));
      },
    }),
  );
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    if (!route.fresh) app.use(path, etag());
    if (route.method === 'get') app.get(path, (c) => answers.respond(route, c.req.raw, c.req.param()));
    else {
      app.post(path, limitBody, (c) => answers.respond(route, c.req.raw, c.req.param()));
      // Else the explorer's files would be looked through for it.
      app.get(path, (c) => {
        throw new HttpProblem(405, `${c.req.method} is not allowed here, only POST`, { allow: 'POST' });
      });
    }
  }
  app.get('/openapi.json', etag(), (c) => document.respond(c.req.raw, 'no-cache'));
  app.get('*', etag(), async (c) => {
    const path = c.req.path;
    if (!/^\/api(\/|$)/.test(path)) {
      const answer = await files.respond(path, c.req.raw);
      if (answer !== null) return answer;
      if (path === '/')
        throw new HttpProblem(404, 'the explorer is not built; the API is described at /openapi.json');
    }
    throw new HttpProblem(404, `there is nothing at ${path}; the API is described at /openapi.json`);
  });
  app.onError((error, c) => {
    if (error instanceof HttpProblem) return problemResponse(error);
    // Nobody waits for this answer any more.
    if (c.req.raw.signal.aborted) return problemResponse(new HttpProblem(503, 'the request was closed'));
    log(`error: ${error instanceof PolysemeError ? error.message : (error.stack ?? error.message)}`);
    const detail =
      error instanceof PolysemeError ? error.message : 'an error that is not expected; the server printed it';
    return problemResponse(new HttpProblem(500, detail));
  });
  return {
    prepare: () => answers.prepare(),
    fetch: (request) => app.fetch(request),
    async close() {
      await answers.close();
      await explained?.close();
    },
  };
}

const limitBody = bodyLimit({
  maxSize: BODY_BYTES,
  onError() {
    throw new HttpProblem(413, `the body of a request may have ${BODY_BYTES} bytes`);
  },
});

/** Answers of the API's routes, kept as long as the study does not change. */
class Answers {
  readonly #study: Study | null;
  readonly #explained: Explained | null;
  readonly #queue = new WorkQueue();
  readonly #trainings: Trainings | null;
  readonly #served: ServedAnswer;
  #source: StudySource | null;
  #kept: LRUCache<string, Entity> = byteCache(ANSWER_BYTES);
  /** Answers under way, which requests of the same path wait for together. */
  #pending = new Map<string, Promise<Entity>>();
  #revision: string;
  #looked = performance.now();

  constructor(study: Study | null, explained: Explained | null, trainings: Trainings | null) {
    this.#study = study;
    this.#explained = explained;
    this.#trainings = trainings;
    this.#served = { study: study !== null, trainings: trainings !== null };
    this.#revision = study?.revision() ?? '';
    this.#source = study === null ? null : new StudySource(study);
  }

  async close(): Promise<void> {
    await this.#source?.close();
  }

  prepare(): void {
    if (this.#source === null) return;
    const { table, wordCounts } = this.#source;
    table.select({ ranges: [] });
    wordCounts.count('');
  }

  async respond(route: Route, request: Request, params: Record<string, string>): Promise<Response> {
    this.#look();
    const { url } = request;
    const key = url.slice(url.indexOf('/', url.indexOf('//') + 2));
    if (route.fresh) {
      const given = route.method === 'post' ? await bodyOf(request) : queryOf(url);
      return new Response(toJson(await this.#answer(route, given, params, request.signal)), {
        headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      });
    }
    // The same study at the same path answers the same, as long as the server is the same.
    const etag = entityTag(`${version} ${STARTED} ${this.#revision} ${key}`);
    const entity =
      this.#kept.get(key) ?? (await (this.#pending.get(key) ?? this.#make(route, url, params, key, etag)));
    return entity.respond(request, 'no-cache');
  }

  #make(
    route: Route,
    url: string,
    params: Record<string, string>,
    key: string,
    etag: string,
  ): Entity | Promise<Entity> {
    // Those of the revision that the answer is of: an unfinished study may get on meanwhile.
    const [kept, pending] = [this.#kept, this.#pending];
    const keep = (answer: unknown): Entity => {
      const entity = route.png
        ? new Entity(Buffer.from(answer as Uint8Array), 'image/png', 1, etag)
        : route.octets
          ? new Entity(Buffer.from(pack(answer as Packed).buffer), 'application/octet-stream', 1, etag)
          : new Entity(toJson(answer), 'application/json', 1, etag);
      kept.set(key, entity, { size: 2 * entity.body.length + key.length + 500 });
      return entity;
    };
    // Others may wait for the same answer: it does not end with this request.
    const answer = this.#answer(route, queryOf(url), params, new AbortController().signal);
    if (!(answer instanceof Promise)) return keep(answer);
    const made = answer.then(keep).finally(() => pending.delete(key));
    pending.set(key, made);
    return made;
  }

  #answer(
    route: Route,
    asked: Readonly<Record<string, unknown>>,
    params: Record<string, string>,
    signal: AbortSignal,
  ): unknown {
    const given = parse(route.params, params, 'path');
    const query = parse(route.query, asked, route.method === 'post' ? 'body' : 'query');
    return route.handle(this.#sourceOf(route), given, query, signal);
  }

  #sourceOf(route: Route): Sources[keyof Sources] {
    if (route.of === 'server') return this.#served;
    if (route.of === 'explain' && this.#source !== null) {
      return new ExplainSource(this.#source, this.#explained!, this.#queue);
    }
    const source = route.of === 'trainings' ? this.#trainings : this.#source;
    if (source !== null) return source;
    throw new HttpProblem(
      404,
      route.of === 'trainings'
        ? 'no trainings are served here: start polyseme serve with option trainings and their folder'
        : 'no study is served here: start the server with one, polyseme serve STUDY',
    );
  }

  /** Begins anew when an unfinished study has got on. */
  #look(): void {
    if (this.#study === null || this.#source === null || this.#source.info.status === 'complete') return;
    if (performance.now() - this.#looked < LOOK_EVERY) return;
    this.#looked = performance.now();
    const revision = this.#study.revision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    void this.#source.close();
    this.#source = new StudySource(this.#study);
    this.#kept = byteCache(ANSWER_BYTES);
    this.#pending = new Map();
  }
}

function queryOf(url: string): Record<string, string> {
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
async function bodyOf(request: Request): Promise<Record<string, unknown>> {
  if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
    throw new HttpProblem(415, 'the body of a request is JSON: send content-type application/json');
  }
  const body: unknown = await request.json().catch(() => null);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  throw new HttpProblem(400, 'the body of the request is no JSON object');
}

/** Parameters checked and converted; a bad one is a problem that names it and what is allowed. */
function parse(
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
