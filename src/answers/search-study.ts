import type { LongCall } from '../base/progress.ts';
import { searchQuery } from '../contract/queries.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import type { FeatureName } from '../features/names.ts';
import type { TokenTexts, UnitSummary } from '../features/split-unit.ts';
import type { PassagesProgress } from '../search/open-passages.ts';
import { LONGEST_QUERY } from '../search/query.ts';
import type { Study } from '../study/study.ts';
import { searchAnswer } from './search-answer.ts';
import { StudySource } from './served-study.ts';

/** What is asked of `searchStudy`. */
export interface SearchOptions extends LongCall<PassagesProgress> {
  /** Only units of this bank. */
  readonly bank?: string | undefined;
  /** Only units with at least this separation. */
  readonly minSeparation?: number | undefined;
  /** Whether words that contain those of the query match too; default no. */
  readonly parts?: boolean | undefined;
  /** Units that are returned, at most; default 50. */
  readonly limit?: number | undefined;
  /** Units that are skipped; default none. */
  readonly offset?: number | undefined;
}

/** A feature that a search finds. */
export interface SearchedFeature {
  /** Its id. */
  readonly feature: number;
  /** Its examples, and those of them with the words; none where its name or its words have them. */
  readonly size: number;
  readonly examples: number;
  readonly name: FeatureName | null;
  readonly words: readonly string[];
}

/** The best passage of a unit that a search finds. */
export interface SearchedPassage extends TokenTexts {
  /** Id of the example, and of its feature. */
  readonly example: number;
  readonly feature: number;
  /** At the peak. */
  readonly activation: number;
  /** Id of its context. */
  readonly context: number;
  readonly document: string;
  /** Where the context is an image (there are no tokens then): what it shows, and the patch of the peak. */
  readonly image?: { readonly label: string | null } | undefined;
  /** Of the peak among the tokens: they are those around it. */
  readonly position: number;
  /** Positions of the tokens that hold what was searched for. */
  readonly marked: readonly number[];
}

/** A unit that a search finds. */
export interface SearchedUnit extends UnitSummary {
  /** How many of its examples have the words within five tokens of their peak. */
  readonly found: number;
  /** The features that match, the best first; none where only the unit was asked for. */
  readonly matches: readonly SearchedFeature[];
  readonly passage: SearchedPassage | null;
}

export interface SearchResult {
  /** The best match first. */
  readonly units: readonly SearchedUnit[];
  /** Of all units. */
  readonly total: number;
}

/**
 * Finds units by the words around the peaks of their examples, and by the names and words of their features: whole words,
 * phrases in quotes, and banks and units by name. A unit is placed by its best feature: the share of the unit's examples
 * that have the words and are of it, times how exactly its examples have them (docs/search.md). What is searched is
 * stored by the run; of a study of an older version it is made once, and kept in the cache beside it.
 *
 * @throws PolysemeError for an empty query, a bank that the study has not, or options that are none
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
  { minSeparation, onProgress, signal, ...options }: SearchOptions = {},
): Promise<SearchResult> {
  if (query.trim() === '') throw new UsageError('the query is empty: there is nothing to search for');
  if (query.length > LONGEST_QUERY) {
    throw new UsageError(
      `the query has ${query.length} characters, at most ${LONGEST_QUERY} are read: shorten it`,
    );
  }
  const asked = searchQuery.safeParse({ q: query, 'min.separation': minSeparation, ...options });
  if (!asked.success) {
    const { path, message } = asked.error.issues[0]!;
    throw new UsageError(`searchStudy: ${path.join('.')}: ${message}`, 'bad-input');
  }
  const banks = study.info().banks.map(({ name }) => name);
  const { bank } = options;
  if (bank !== undefined && !banks.includes(bank)) {
    throw new PolysemeError(`${study.path} has no bank ${bank} (it has ${banks.join(', ')})`, 'not-found');
  }
  const source = new StudySource(study);
  await source.passages({ onProgress, signal });
  return await searchAnswer(source, asked.data);
}
