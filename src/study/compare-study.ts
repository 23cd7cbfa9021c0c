import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { type CompareOptions, type Comparison, compareSources } from '../compare/compare-banks.ts';
import type { ExampleSource } from '../compare/matched.ts';
import { PolysemeError } from '../errors.ts';
import type { Study, StudyInfo } from './study.ts';

/** A bank of a study. */
export interface StudyBank {
  readonly study: Study;
  readonly bank: string;
  /** What a comparison calls it; default the bank's name. */
  readonly name?: string;
}

/** Options that must be equal in studies whose banks are compared: embeddings and metrics follow from them. */
const EQUAL = ['linkage', 'threshold', 'center', 'layernorm', 'gated', 'sign'] as const;

/** What an option was, before it could be chosen, in a study that does not say it. */
export const OPTIONS_BEFORE: Readonly<Record<string, unknown>> = { center: 'none' };

/**
 * Compares the polysemy of two or more banks of a study at equal numbers of examples, with the study's linkage and
 * threshold, as `compareSources` does.
 *
 * @throws PolysemeError for fewer than two banks, one that the study has not, or too few examples
 * @example
 * const study = openStudy('study.db');
 * const { banks, differences } = await compareBanks(study, { banks: ['mlp.0', 'mlp.1'], units: 20 });
 * for (const { name, metrics } of banks) console.log(name, metrics.clusters.median, metrics.clusters.null.median);
 * study.close();
 */
export async function compareBanks(
  study: Study,
  options: CompareOptions & { readonly banks: readonly string[] },
): Promise<Comparison> {
  return compareStudyBanks(
    options.banks.map((bank) => ({ study, bank })),
    options,
  );
}

/**
 * As `compareBanks`, of banks of several studies.
 *
 * @throws PolysemeError where the studies differ in an option that distances or metrics depend on
 * @example
 * const [a, b] = [openStudy('study.db'), openStudy('study.db')];
 * const banks = [{ study: a, bank: 'mlp.0', name: 'first' }, { study: b, bank: 'mlp.1', name: 'second' }];
 * const { differences } = await compareStudyBanks(banks, { units: 20 });
 * console.log(differences.length > 0);
 * a.close();
 * b.close();
 */
export async function compareStudyBanks(
  banks: readonly StudyBank[],
  options: CompareOptions = {},
): Promise<Comparison> {
  checkEqual(banks, EQUAL);
  const sources = banks.map(studySource);
  const { linkage, threshold } = (banks[0]?.study.info().options ?? {}) as {
    linkage: LinkageMethod;
    threshold: number;
  };
  return compareSources(sources, { linkage, threshold }, options);
}

/** Refuses banks of studies that differ in one of some options, naming it and both values. */
export function checkEqual(banks: readonly StudyBank[], options: readonly string[]): void {
  const [first, ...others] = banks;
  for (const other of others) {
    for (const option of options) {
      const [a, b] = [first!, other].map(({ study }) => optionOf(study.info(), option));
      if (a === b) continue;
      throw new PolysemeError(
        `compare: ${labelOf(first!)} was made with ${option} ${a} and ${labelOf(other)} with ${option} ${b}: their numbers do not mean the same`,
      );
    }
  }
}

/** What a comparison calls a bank. */
export function labelOf({ bank, name = bank }: StudyBank): string {
  return name;
}

function optionOf({ options }: StudyInfo, name: string): string {
  return JSON.stringify((options as Record<string, unknown>)[name] ?? OPTIONS_BEFORE[name] ?? null);
}

/** A bank of a study as comparisons read it. @param all the banks that it is compared with */
export function studySource(one: StudyBank, _: number, all: readonly StudyBank[]): ExampleSource {
  const { study, bank: name } = one;
  const bank = study.info().banks.find((b) => b.name === name);
  const counts = new Uint32Array(bank?.units ?? 0);
  let first = -1;
  // A bank that the study has not is an error here, which names those that it has.
  for (const { index, examples } of study.units({ bank: name })) {
    counts[index] = examples;
    if (first < 0) first = index;
  }
  const embedding = first < 0 ? ({ kind: 'linear' } as const) : study.inputs(name, first).embedding;
  return {
    name: labelOf(one),
    embedding,
    width: bank!.width,
    counts,
    chosen: howChosen(study.info()) ?? otherText(one, all[0]!),
    // Without random inputs: no metric that is compared needs the null distance, which costs more than the split.
    unit: (index) => ({ ...study.inputs(name, index), nullInputs: undefined }),
  };
}

/** How a study's examples were chosen, where it was not at random among all positions that activate the unit. */
function howChosen({ options }: StudyInfo): string | undefined {
  const { select, fraction, everyPosition } = options as {
    select: string;
    fraction: number;
    everyPosition: boolean;
  };
  if (select === 'top') return 'its units’ strongest';
  if (select === 'fraction') return `those that reach ${fraction} of a unit’s maximum`;
  if (select === 'quantiles') return 'spread evenly over a unit’s range of activations';
  return everyPosition ? undefined : 'each the strongest position of a context';
}

/** Whether a bank's study ran over other text than the first one's. */
function otherText(one: StudyBank, first: StudyBank): string | undefined {
  const [a, b] = [one, first].map(({ study }) => study.info());
  const same = a!.data.source === b!.data.source && a!.tokens === b!.tokens;
  return same ? undefined : `of other text than those of ${labelOf(first)}`;
}
