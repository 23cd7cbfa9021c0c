import type { Verdict } from '../../../src/polysemy/verdict.ts';

/** What each verdict is, in words. */
export const VERDICT_NAMES: Readonly<Record<Verdict, string>> = {
  several: 'several things',
  one: 'one thing',
  scatter: 'scatter',
  few: 'too few examples',
};
