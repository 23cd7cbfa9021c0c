import type { LongCall } from '../base/progress.ts';
import { PolysemeError } from '../errors.ts';
import type { FeatureName } from '../features/names.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import type { Study } from '../study/study.ts';
import {
  examplesFound,
  type FoundFeature,
  FoundTerms,
  type FoundUnits,
  featuresFound,
  findPassages,
} from './find.ts';
import { openPassages, type PassagesProgress } from './open-passages.ts';
import type { Passages } from './passages.ts';
import { parseQuery, type SearchQuery } from './query.ts';
import { type ShownPassage, showPassage } from './shown-passage.ts';

/** The best passage of a unit that was found. */
export interface FoundPassage extends ShownPassage {
  /** Its rank among the unit's examples, and its feature. */
  readonly example: number;
  readonly feature: number;
  readonly activation: number;
  readonly context: number;
  readonly document: string;
  /** What the image shows, where the data says; absent of text. */
  readonly label?: string | null;
}

/** A unit that was found. */
export interface FoundUnit {
  readonly bank: string;
  readonly index: number;
  /** Its examples, and those of them with the words around their peak. */
  readonly examples: number;
  readonly found: number;
  /** The features that match, the best first. */
  readonly features: readonly (FoundFeature & {
    readonly name: FeatureName | null;
    readonly words: readonly string[];
  })[];
  /** An example of the first of these features: one that matches, where one does; null where nothing but the unit is asked for. */
  readonly passage: FoundPassage | null;
}

export interface SearchOptions extends LongCall<PassagesProgress> {
  /** Only units of this bank. */
  readonly bank?: string;
  /** Units that are returned, at most; default 50. */
  readonly limit?: number;
  /** Whether parts of words match too; default no. */
  readonly parts?: boolean;
}

/**
 * Finds units by the passages around the peaks of their examples: whole words first, phrases in quotes, `mlp.1` and
 * `mlp.1/37` as they are. Best matches first (see `docs/search.md`).
 *
 * @throws PolysemeError for a bank that the study has not
 * @example
 * const study = openStudy('study.db');
 * const { total, units } = await searchStudy(study, '"the war"', { limit: 5 });
 * for (const { bank, index, found, examples } of units) console.log(`${bank}/${index}: ${found} of ${examples} examples`);
 * console.log(total);
 * study.close();
 */
export async function searchStudy(
  study: Study,
  query: string,
  { bank, limit = 50, parts = false, ...call }: SearchOptions = {},
): Promise<{ readonly total: number; readonly units: readonly FoundUnit[] }> {
  const banks = study.info().banks.map(({ name }) => name);
  if (bank !== undefined && !banks.includes(bank)) {
    throw new PolysemeError(`${study.path} has no bank ${bank} (it has ${banks.join(', ')})`, 'not-found');
  }
  const asked = parseQuery(query, banks);
  const units = study.units();
  const passages = await openPassages(study, call);
  const found = findPassages(passages, asked, parts);
  const isAsked = (name: string): boolean =>
    (bank === undefined || name === bank) && (asked.banks.length === 0 || asked.banks.includes(name));
  const rows = foundRows(units, asked, found).filter((row) => isAsked(units[row]!.bank));
  const terms = new FoundTerms(passages, asked, parts);
  const contexts = (ids: readonly number[]) =>
    new Map(
      Array.from(study.contexts(ids), ([id, { tokens, ...rest }]) => [
        id,
        { ...rest, ...study.texts(tokens) },
      ]),
    );
  return {
    total: rows.length,
    units: Array.from(rows.slice(0, limit), (row) =>
      foundUnit({ study, passages, query: asked, parts, found, terms, contexts }, units[row]!, row),
    ),
  };
}

/** Rows of the units that a query finds: those that it names first; all, where it names only banks. */
export function foundRows(
  units: readonly { readonly bank: string; readonly index: number }[],
  query: SearchQuery,
  found: FoundUnits,
): number[] {
  const named = query.units.flatMap(({ bank, index }) => {
    const row = units.findIndex((unit) => unit.bank === bank && unit.index === index);
    return row < 0 ? [] : [row];
  });
  const isOnlyBank = query.terms.length === 0 && query.banks.length > 0;
  const rest = isOnlyBank ? [...units.keys()] : [...found.units];
  return [...new Set([...named, ...rest])];
}

/** What a found unit is described from. */
export interface FoundIn {
  readonly study: Study;
  readonly passages: Passages;
  readonly query: SearchQuery;
  readonly parts: boolean;
  readonly found: FoundUnits;
  readonly terms: FoundTerms;
  readonly contexts: (
    ids: readonly number[],
  ) => ReadonlyMap<
    number,
    TokenTexts & { readonly document: string; readonly label?: string | null | undefined }
  >;
}

/** A unit that was found, with its best passage. @param row its place by bank and index */
export function foundUnit(
  { study, passages, query, parts, found, terms, contexts }: FoundIn,
  { bank, index }: { readonly bank: string; readonly index: number },
  row: number,
): FoundUnit {
  const features = featuresFound(passages, found, row);
  const names = study.names(bank, index);
  const words = study.words(bank, index);
  const described = {
    bank,
    index,
    examples: passages.packed.examples[row]!,
    found: features.reduce((sum, { examples }) => sum + examples, 0),
    features: features.map((one) => ({
      ...one,
      name: names[one.feature] ?? null,
      words: words[one.feature] ?? [],
    })),
  };
  const [best] = features;
  if (best === undefined) return { ...described, passage: null };
  const [passage] = examplesFound(passages, terms, row)
    .filter(({ feature }) => feature === best.feature)
    .sort((a, b) => b.exactness - a.exactness || a.example - b.example);
  const from = passages.exampleStart[row]!;
  const of = passages.packed.feature.subarray(from, passages.exampleStart[row + 1]);
  const example = passage?.example ?? of.indexOf(best.feature);
  const detail = study.detail(bank, index);
  const id = detail.context[example]!;
  const { document, label, ...context } = contexts([id]).get(id)!;
  return {
    ...described,
    passage: {
      example,
      feature: best.feature,
      activation: detail.activation[example]!,
      context: id,
      document,
      ...(label === undefined ? {} : { label }),
      ...showPassage(context, detail.position[example]!, query.terms, parts),
    },
  };
}
