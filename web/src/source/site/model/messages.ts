import type { Progress } from '../../../../../src/base/progress.ts';
import type { SiteHead } from '../../../../../src/contract/site.ts';
import type { ModelQuestions } from '../../source.ts';

/** Bytes of a model that have come, of how many. */
export interface Loaded {
  readonly bytes: number;
  readonly of: number;
}

/** What the page tells the thread of its model: to open it, a question, or that an answer is no longer wanted. */
export type ToWorker =
  | { readonly base: string; readonly head: SiteHead }
  | { readonly id: number; readonly question: keyof ModelQuestions; readonly asked: readonly unknown[] }
  | { readonly stop: number };

/** What it hears. */
export type FromWorker =
  | { readonly loaded: Loaded }
  | { readonly opened: true }
  | { readonly working: Progress }
  | { readonly failed: string }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly status: number; readonly message: string };
