// Answers that take long, in a thread of their own: requests that take none go on meanwhile.
import { HttpProblem } from '../../answers/problem.ts';
import { StudySource } from '../../answers/served-study.ts';
import { getSetup, Moved, serve } from '../../base/worker.ts';
import { openStudy } from '../../study/open-study.ts';
import { encode } from '../http/encode.ts';
import { routes } from '../routes.ts';

export interface HeavySetup {
  /** Of the study. */
  readonly path: string;
}

export interface HeavyRequest {
  /** The route's. */
  readonly path: string;
  readonly params: unknown;
  readonly query: unknown;
  /** Of the study: at another one it is read anew. */
  readonly revision: string;
}

export type HeavyAnswer =
  | { readonly body: Uint8Array<ArrayBuffer> }
  | { readonly problem: Pick<HttpProblem, 'status' | 'message' | 'headers'> };

const { path: studyPath } = getSetup<HeavySetup>();
const study = openStudy(studyPath);
let read: { readonly revision: string; readonly source: StudySource } | null = null;

async function sourceAt(revision: string): Promise<StudySource> {
  if (read?.revision !== revision) {
    await read?.source.close();
    read = { revision, source: new StudySource(study) };
  }
  return read.source;
}

const methods = {
  async answer({ path, params, query, revision }: HeavyRequest): Promise<Moved<HeavyAnswer>> {
    const route = routes.find((one) => one.path === path && one.of === 'study')!;
    try {
      const source = await sourceAt(revision);
      const answer = await route.handle(source, params, query, new AbortController().signal);
      // Of its own memory, so that it can move.
      const body = Uint8Array.from(encode(route, answer));
      return new Moved({ body }, [body.buffer]);
    } catch (error) {
      if (!(error instanceof HttpProblem)) throw error;
      const { status, message, headers } = error;
      return new Moved({ problem: { status, message, headers } }, []);
    }
  },
};

export type HeavyMethods = typeof methods;

serve(methods, async () => {
  await read?.source.close();
  study.close();
});
