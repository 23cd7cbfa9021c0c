import type * as z from 'zod';
import type { StudySource } from '../answers/served-study.ts';
import type { Wire } from '../answers/wire.ts';
import { noQuery } from '../contract/queries.ts';
import type { ServedAnswer } from '../contract/study-answers.ts';
import type { ExplainSource } from './explain/explain-source.ts';
import type { ServedQueue } from './queue/served-queue.ts';
import type { Trainings } from './trainings/served-trainings.ts';

/** What routes read, by what they are of: a study, its model, trainings, a queue, or the server itself, which has some of these. */
export interface Sources {
  readonly study: StudySource;
  readonly explain: ExplainSource;
  readonly trainings: Trainings;
  readonly queue: ServedQueue;
  readonly server: ServedAnswer;
}

/** A route of the API: routing, validation and the OpenAPI document follow from the table of these. */
export interface Route {
  /** As OpenAPI writes it: /api/units/{bank}/{index} */
  readonly path: string;
  readonly summary: string;
  /** `post`: what is costly, or writes; its body is a JSON object. */
  readonly method: 'get' | 'post';
  readonly of: keyof Sources;
  readonly params: z.ZodObject;
  /** What the query holds, or the body of a `post`. */
  readonly query: z.ZodObject;
  readonly answer: z.ZodType;
  /** Whether each answer is another: then it is neither kept nor given an ETag. */
  readonly fresh: boolean;
  /** Whether the answer is arrays, which go as octets (see contract/octets.ts). */
  readonly octets: boolean;
  /** Whether the answer is the bytes of a PNG. */
  readonly png: boolean;
  /** Whether the answer takes so long that it is made in another thread; of a route of the study that is kept. */
  readonly isHeavy: (source: StudySource, params: unknown) => boolean;
  /** The answer, or a promise of it where it takes long; `signal` is aborted when the client has gone. */
  readonly handle: (
    source: Sources[keyof Sources],
    params: unknown,
    query: unknown,
    signal: AbortSignal,
  ) => unknown;
}

/** A route with what it has by default: a GET of the study that takes nothing, whose answer is kept. */
export function route<
  Answer extends z.ZodType,
  Params extends z.ZodObject = typeof noQuery,
  Query extends z.ZodObject = typeof noQuery,
  Of extends keyof Sources = 'study',
>(definition: {
  path: string;
  summary: string;
  method?: 'get' | 'post';
  of?: Of;
  params?: Params;
  query?: Query;
  answer: Answer;
  fresh?: boolean;
  octets?: boolean;
  png?: boolean;
  isHeavy?: (source: StudySource, params: z.output<Params>) => boolean;
  handle: (
    source: Sources[Of],
    params: z.output<Params>,
    query: z.output<Query>,
    signal: AbortSignal,
  ) => Wire<z.output<Answer>> | Promise<Wire<z.output<Answer>>>;
}): Route {
  const {
    method = 'get',
    of = 'study',
    params = noQuery,
    query = noQuery,
    fresh = method === 'post',
    octets = false,
    png = false,
    isHeavy = () => false,
    handle,
    ...rest
  } = definition;
  return {
    ...rest,
    method,
    of,
    params,
    query,
    fresh,
    octets,
    png,
    isHeavy: isHeavy as Route['isHeavy'],
    handle: handle as Route['handle'],
  };
}
