import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { etag } from 'hono/etag';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { HttpProblem } from '../answers/problem.ts';
import { version } from '../answers/study-answer.ts';
import { visibleLines } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import type { Study } from '../study/study.ts';
import { Answers } from './answers.ts';
import { type ExplainedOptions, openExplained } from './explain/open-explained.ts';
import { Entity } from './http/entity.ts';
import { hostName, isOwnOrigin, securityHeaders } from './http/headers.ts';
import { toJson } from './http/json-writer.ts';
import { problemResponse } from './http/problem.ts';
import { StaticFiles } from './http/static.ts';
import { demandToken } from './http/token.ts';
import { openApiDocument } from './openapi.ts';
import { ServedQueue } from './queue/served-queue.ts';
import { routes } from './routes.ts';
import { Trainings } from './trainings/served-trainings.ts';

/** Bytes of a request's body. */
const BODY_BYTES = 1 << 20;

/** `model`, `sae` and `threads` say where the model behind the study lies, and how it runs, once it is needed. */
export interface ServerOptions extends ExplainedOptions {
  /** A folder of trainings to follow: of one (the output of `sae train`), or one that holds them. Default: none. */
  readonly trainings?: string;
  /** A queue whose runs and workers to show: redis://HOST[:PORT][/DATABASE]. Default: none. */
  readonly queue?: string;
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
 * The HTTP API and the explorer over an open study, trainings, a queue, or several of these, as a function from requests to responses that
 * any server of web standards can run. The study stays the caller's to close.
 *
 * @throws PolysemeError where there is none of these, or no folder of trainings
 * @example
 * const server = createServer(openStudy('study.db'));
 * const answer = await server.fetch(new Request('http://localhost/api/units?sort=clusters&order=desc&limit=1'));
 * console.log((await answer.json()).units[0].words);
 */
export function createServer(study: Study | null, options: ServerOptions = {}): StudyServer {
  if (study === null && options.trainings === undefined && options.queue === undefined) {
    throw new PolysemeError('nothing to serve: give a study, a folder of trainings, or a queue');
  }
  const { hosts = null, log = (line) => process.stderr.write(`${visibleLines(line)}\n`) } = options;
  const files = new StaticFiles(
    options.webRoot ?? fileURLToPath(new URL('../../dist/web/', import.meta.url)),
  );
  const trainings = options.trainings === undefined ? null : new Trainings(options.trainings);
  const explained = study === null ? null : openExplained(study, options);
  const queue = options.queue === undefined ? null : new ServedQueue(options.queue);
  const answers = new Answers(study, explained, trainings, queue);
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
      await queue?.close();
    },
  };
}

const limitBody = bodyLimit({
  maxSize: BODY_BYTES,
  onError() {
    throw new HttpProblem(413, `the body of a request may have ${BODY_BYTES} bytes`);
  },
});
