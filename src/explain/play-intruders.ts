import { checkAborted, type LongCall } from '../base/progress.ts';
import type { Study } from '../study/study.ts';
import type { Ask } from './chat.ts';
import { type IntruderScore, intruderScore, intruderTest, PASSAGES } from './intruders.ts';
import { shownFeatures } from './model-names.ts';
import { intruderPrompt, parseChoice, passage } from './prompts.ts';

/** A test that a language model answered. */
export interface PlayedTest {
  readonly bank: string;
  readonly index: number;
  readonly feature: number;
  readonly sibling: number;
  /** Where the intruder was among the passages, and which was taken for it; null: the answer does not say. */
  readonly intruder: number;
  readonly answer: number | null;
  readonly places: readonly { readonly context: number; readonly position: number }[];
}

export interface PlayedIntruders extends IntruderScore {
  /** Answers that name no passage: they count as wrong. */
  readonly unanswered: number;
  readonly played: readonly PlayedTest[];
}

const ANSWER_TOKENS = 400;

/**
 * Lets a language model find intruders: in some tests of each unit it is shown passages of one feature and one of a sibling
 * (`intruderTest`), without names. Units without two features, or without enough examples, have no test.
 * @param tests tests of each unit
 */
export async function playIntruders(
  study: Study,
  units: readonly { readonly bank: string; readonly index: number }[],
  ask: Ask,
  {
    tests = 4,
    passages = PASSAGES,
    seed = 0,
    signal,
    onProgress,
  }: LongCall & { tests?: number; passages?: number; seed?: number } = {},
): Promise<PlayedIntruders> {
  const played: PlayedTest[] = [];
  for (const [done, { bank, index }] of units.entries()) {
    const features = shownFeatures(study, bank, index);
    const byId = new Map(features.flat().map((example, i) => [i, example]));
    let first = 0;
    const members = features.map((own) => own.map(() => first++));
    for (let test = 0; test < tests; test++) {
      checkAborted(signal);
      const drawn = intruderTest({
        unit: `${bank}/${index}`,
        features: members,
        seed: seed + test,
        passages,
      });
      if (drawn === null) break;
      const { examples, intruder, feature, sibling } = drawn;
      const shown = examples.map((id) => byId.get(id)!);
      const answer = await ask(
        intruderPrompt(shown.map(({ tokens, position }) => passage(tokens, position))),
        ANSWER_TOKENS,
      );
      played.push({
        ...{ bank, index, feature, sibling, intruder },
        answer: parseChoice(answer, passages),
        places: shown.map(({ context, position }) => ({ context, position })),
      });
    }
    onProgress?.({ stage: 'intruders', done: done + 1, total: units.length, unit: 'units' });
  }
  return {
    ...intruderScore(played),
    unanswered: played.filter(({ answer }) => answer === null).length,
    played,
  };
}
