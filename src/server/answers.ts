import type { LRUCache } from 'lru-cache';
import { byteCache } from '../answers/byte-cache.ts';
import { HttpProblem } from '../answers/problem.ts';
import { StudySource } from '../answers/served-study.ts';
import { version } from '../answers/study-answer.ts';
import type { ServedAnswer } from '../contract/study-answers.ts';
import type { Explained } from '../explain/explained.ts';
import type { Study } from '../study/study.ts';
import { ExplainSource } from './explain/explain-source.ts';
import { WorkQueue } from './explain/queue.ts';
import { HeavyAnswers } from './heavy/heavy-answers.ts';
import { contentType, encode } from './http/encode.ts';
import { Entity, entityTag } from './http/entity.ts';
import { bodyOf, parse, queryOf } from './http/parameters.ts';
import type { ServedQueue } from './queue/served-queue.ts';
import type { Route, Sources } from './route.ts';
import type { Trainings } from './trainings/served-trainings.ts';

/** Bytes of answers that are kept. */
const ANSWER_BYTES = 64 << 20;
/** Milliseconds between looks at an unfinished study. */
const LOOK_EVERY = 1000;

/** What is said where a route's source is not served. */
const MISSING = {
  trainings: 'no trainings are served here: start polyseme serve with option trainings and their folder',
  queue: 'no queue is served here: start polyseme serve with option queue and its address',
  study: 'no study is served here: start the server with one, polyseme serve STUDY',
  explain: 'no study is served here: start the server with one, polyseme serve STUDY',
};

/** Tells ETags of this process from those of others, whose code may differ. */
const STARTED = Date.now();

/** Answers of the API's routes, kept as long as the study does not change. */
export class Answers {
  readonly #study: Study | null;
  readonly #explained: Explained | null;
  readonly #queue = new WorkQueue();
  readonly #heavy: HeavyAnswers | null;
  readonly #trainings: Trainings | null;
  readonly #jobs: ServedQueue | null;
  readonly #served: ServedAnswer;
  #source: StudySource | null;
  #kept: LRUCache<string, Entity> = byteCache(ANSWER_BYTES);
  /** Answers under way, which requests of the same path wait for together. */
  #pending = new Map<string, Promise<Entity>>();
  #revision: string;
  #looked = performance.now();

  constructor(
    study: Study | null,
    explained: Explained | null,
    trainings: Trainings | null,
    queue: ServedQueue | null,
  ) {
    this.#study = study;
    this.#explained = explained;
    this.#trainings = trainings;
    this.#jobs = queue;
    this.#served = { study: study !== null, trainings: trainings !== null, queue: queue !== null };
    this.#revision = study?.revision() ?? '';
    this.#source = study === null ? null : new StudySource(study);
    this.#heavy = study === null ? null : new HeavyAnswers(study.path);
  }

  async close(): Promise<void> {
    await this.#heavy?.close();
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
      return new Response(await this.#body(route, given, params, request.signal), {
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
    const keep = (body: Buffer<ArrayBuffer>): Entity => {
      const entity = new Entity(body, contentType(route), 1, etag);
      kept.set(key, entity, { size: 2 * entity.body.length + key.length + 500 });
      return entity;
    };
    // Others may wait for the same answer: it does not end with this request.
    const body = this.#body(route, queryOf(url), params, new AbortController().signal);
    if (!(body instanceof Promise)) return keep(body);
    const made = body.then(keep).finally(() => pending.delete(key));
    pending.set(key, made);
    return made;
  }

  /** The answer's bytes. */
  #body(
    route: Route,
    asked: Readonly<Record<string, unknown>>,
    params: Record<string, string>,
    signal: AbortSignal,
  ): Buffer<ArrayBuffer> | Promise<Buffer<ArrayBuffer>> {
    const given = parse(route.params, params, 'path');
    const query = parse(route.query, asked, route.method === 'post' ? 'body' : 'query');
    const source = this.#sourceOf(route);
    if (source instanceof StudySource && route.isHeavy(source, given)) {
      const revision = this.#revision;
      return this.#heavy!.answer({ path: route.path, params: given, query, revision });
    }
    const answer = route.handle(source, given, query, signal);
    if (!(answer instanceof Promise)) return encode(route, answer);
    return answer.then((value) => encode(route, value));
  }

  #sourceOf(route: Route): Sources[keyof Sources] {
    if (route.of === 'server') return this.#served;
    if (route.of === 'explain' && this.#source !== null) {
      return new ExplainSource(this.#source, this.#explained!, this.#queue);
    }
    const sources = { trainings: this.#trainings, queue: this.#jobs, study: this.#source, explain: null };
    const source = sources[route.of];
    if (source !== null) return source;
    throw new HttpProblem(404, MISSING[route.of]);
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
