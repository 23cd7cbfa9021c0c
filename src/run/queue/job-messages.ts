import type { ErrorCode } from '../../errors.ts';
import type { RunProgress } from '../run-hooks.ts';
import type { ArtefactsPlace } from './artefacts.ts';
import type { JobData } from './jobs.ts';

/** What a worker sends to its process for jobs: first how to work, then jobs, one at a time. */
export type ToProcess =
  | { readonly kind: 'setup'; readonly place: ArtefactsPlace; readonly threads: number | undefined }
  | { readonly kind: 'job'; readonly data: JobData; readonly before: readonly string[] };

/** What that process answers: at first that it can work, or why not. */
export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'alive' }
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'note'; readonly line: string }
  | { readonly kind: 'done'; readonly digest: string }
  | { readonly kind: 'failed'; readonly message: string; readonly code: ErrorCode | null };
