import { featureTitle } from '../../features/feature-title.ts';
import type { SplitUnit, UnitExample, UnitFeature } from '../../features/split-unit.ts';

import { spelledAt } from '../../tokenizer/byte-tokens.ts';

/** How a unit is carried: its features as sections of one Neuronpedia feature, or each as a feature of its own. */
export const carriages = ['sections', 'features'] as const;
export type Carriage = (typeof carriages)[number];

/** A feature as Neuronpedia's `POST /api/feature/upload-batch` takes it. */
export interface SentFeature {
  readonly index: number;
  readonly density: number;
  readonly topLogits: readonly [];
  readonly bottomLogits: readonly [];
  readonly explanations: readonly { readonly text: string }[];
  readonly activations: readonly SentActivation[];
}

interface SentActivation {
  readonly tokens: readonly string[];
  readonly values: readonly number[];
  readonly quantileMin: number;
  readonly quantileMax: number;
  readonly quantileFraction: number;
}

/** Neuronpedia's limits. */
export const MAX_INDEX = 1e7;
const MAX_TEXT = 512;
const MAX_TOKENS = 1024;

export interface SentOptions {
  readonly carriage: Carriage;
  /** Whether names go as explanations: the server then asks OpenAI for their embeddings. */
  readonly names: boolean;
  /** Index of the first Neuronpedia feature, where each feature is one. */
  readonly first: number;
}

/**
 * What Neuronpedia is sent of a unit. It orders the sections of a feature by their upper bound and puts an example into a section
 * below whose bound its largest value lies, so each feature of a unit gets a bound of its own above the unit's maximum, the largest
 * feature the highest. A unit that fires below zero is sent with the other sign: the page hides what does not exceed zero.
 */
export function sentFeatures(unit: SplitUnit, { carriage, names, first }: SentOptions): SentFeature[] {
  const { bank, index, features, examples } = unit;
  if (examples === 0) return [];
  const isNegative = features.every((feature) => feature.examples.every(({ activation }) => activation < 0));
  const sign = isNegative ? -1 : 1;
  const title = `${bank}/${index}${isNegative ? ' (sign turned)' : ''}`;
  const describe = (text: string) => (names ? [{ text: cut(text) }] : []);
  const base = {
    density: Math.min(1, Math.max(0, unit.density ?? 0)),
    topLogits: [] as const,
    bottomLogits: [] as const,
  };
  const seen = new Set<string>();
  const of = (feature: UnitFeature): SentActivation[] => activationsOf(feature, unit, sign, seen);
  if (carriage === 'sections') {
    const parts = features.map((feature) => `${feature.id + 1}. ${featureTitle(feature) || '(no words)'}`);
    return [
      {
        ...base,
        index,
        explanations: describe(`${title}, ${features.length} features: ${parts.join('; ')}`),
        activations: features.flatMap(of),
      },
    ];
  }
  return features.map((feature) => {
    seen.clear();
    return {
      ...base,
      index: first + feature.id,
      explanations: describe(
        `${title} · feature ${feature.id + 1} of ${features.length} · ${featureTitle(feature) || '(no words)'}`,
      ),
      activations: of(feature),
    };
  });
}

function activationsOf(
  { id, size, examples }: UnitFeature,
  unit: SplitUnit,
  sign: number,
  seen: Set<string>,
): SentActivation[] {
  const sent = examples.map((example) => passage(example, sign, seen));
  const peaks = sent.map(({ values }) => Math.max(...values));
  const largest = Math.max(
    ...unit.features.flatMap((feature) =>
      feature.examples.flatMap(({ activations }) => activations.map((value) => sign * value)),
    ),
  );
  const bound = {
    quantileMin: Math.max(0, rounded(Math.min(...peaks))),
    quantileMax: rounded(Math.max(largest, 1e-6) * (1 + (unit.features.length - id) * 1e-3)),
    quantileFraction: rounded(size / unit.examples),
  };
  return sent.map((one) => ({ ...one, ...bound }));
}

/**
 * An example's context, at most Neuronpedia's longest, around the peak. The page hides all but one of the examples with the same
 * tokens: a context that came before is shortened, from the side that is longer.
 */
function passage(
  { tokens, activations, position: peak }: UnitExample,
  sign: number,
  seen: Set<string>,
): Pick<SentActivation, 'tokens' | 'values'> {
  const position = spelledAt(tokens, peak);
  let from = Math.max(0, Math.min(position - MAX_TOKENS / 2, tokens.length - MAX_TOKENS));
  let to = Math.min(tokens.length, from + MAX_TOKENS);
  const key = (): string =>
    tokens
      .slice(from, to)
      .filter((token) => token !== '')
      .toSorted()
      .join('\0');
  while (seen.has(key()) && to - from > 1) {
    if (position - from >= to - 1 - position) from++;
    else to--;
  }
  seen.add(key());
  while (from < position && tokens[from] === '') from++;
  const kept: string[] = [];
  const values: number[] = [];
  for (let i = from; i < to; i++) {
    const value = rounded(sign * (activations[i] ?? 0));
    // A token whose character stands at the one before it.
    if (tokens[i] === '' && kept.length > 0) values[values.length - 1] = Math.max(values.at(-1)!, value);
    else {
      kept.push(tokens[i]!);
      values.push(value);
    }
  }
  return { tokens: kept, values };
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_TEXT ? text : `${characters.slice(0, MAX_TEXT - 1).join('')}…`;
}
