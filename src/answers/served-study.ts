import type { LongCall } from '../base/progress.ts';
import type { LinkageMethod } from '../cluster/linkage-methods.ts';
import { imageGrid } from '../contract/image-grid.ts';
import { type ComparedStudy, SimilarFeatures } from '../explain/similar.ts';
import type { FeatureRule } from '../features/labeling.ts';
import type { NamingTexts } from '../features/naming.ts';
import type { TokenTexts } from '../features/split-unit.ts';
import { type CountedWords, countLabels, sampleCounts } from '../features/word-counter.ts';
import { allWordTexts, wordTokens } from '../features/word-texts.ts';
import type { Said } from '../search/find.ts';
import { openPassages, type PassagesProgress } from '../search/open-passages.ts';
import type { Passages } from '../search/passages.ts';
import type { Study, StudyInfo } from '../study/study.ts';
import { studyNaming } from '../study/study-naming.ts';
import { openVectors, type StudyVectors } from '../study/vectors.ts';
import { byteCache } from './byte-cache.ts';
import { type FeatureShares, featureShares } from './feature-shares.ts';
import { ListedUnits } from './listed-units.ts';
import { noUnit } from './problem.ts';
import { saidOf, saidStamp } from './said.ts';
import { Search } from './search.ts';
import { UnitSpace } from './unit-space.ts';
import { Json } from './wire.ts';

/** Bytes of contexts kept: about 50,000 contexts of 128 tokens. */
const CONTEXT_BYTES = 64 << 20;
/** Bytes of distances, trees and words kept of units that were clustered again. */
const SPACE_BYTES = 64 << 20;
/** Bytes of lists of units kept between their pages. */
const SELECTION_BYTES = 16 << 20;
/** Contexts that word frequencies are estimated from. */
const SAMPLED_CONTEXTS = 1000;

/** Bytes of searches kept between their pages. */
const SEARCH_BYTES = 64 << 20;
/** Bytes of shares kept: those of every unit of a small model. */
const SHARES_BYTES = 16 << 20;

/** A context as answers show it. */
export interface ShownContext extends TokenTexts {
  readonly document: string;
  /** What an image shows, null where the data does not say; undefined of text. */
  readonly label: string | null | undefined;
  /** Its tokens as JSON, made once. */
  readonly json: Json;
}

/** What the routes read: a study at one revision, with what was read of it lately. */
export class StudySource {
  readonly study: Study;
  readonly info: StudyInfo;
  /** Whether its contexts are images. */
  readonly isOfImages: boolean;
  readonly #contexts = byteCache<number, ShownContext>(CONTEXT_BYTES);
  readonly #spaces = byteCache<string, UnitSpace>(SPACE_BYTES);
  readonly #shares = byteCache<number, FeatureShares>(SHARES_BYTES);
  readonly #selections = byteCache<string, { readonly length: number }>(SELECTION_BYTES);
  readonly #searches = byteCache<string, Search>(SEARCH_BYTES);
  #passages: Promise<Passages> | null = null;
  #said: { readonly stamp: string; readonly said: readonly Said[] } | null = null;
  #table: ListedUnits | null = null;
  #words: CountedWords | null = null;
  #vectors: Promise<StudyVectors> | null = null;
  #similar: Promise<SimilarFeatures> | null = null;
  #naming: NamingTexts | null | undefined;

  constructor(study: Study) {
    this.study = study;
    this.info = study.info();
    this.isOfImages = imageGrid(this.info.model) !== null;
  }

  get table(): ListedUnits {
    this.#table ??= new ListedUnits(
      this.study.columns(),
      this.info.banks.map(({ name }) => name),
    );
    return this.#table;
  }

  /** The linkage and threshold of the study's clusters, and whether these are its features. */
  get clustering(): { linkage: LinkageMethod; threshold: number; rule: FeatureRule } {
    const { linkage, threshold, features } = this.info.options;
    return {
      linkage: linkage as LinkageMethod,
      threshold: threshold as number,
      rule: features === 'auto' ? 'auto' : 'cut',
    };
  }

  /** The row of a unit in the table. */
  row(bank: string, index: number): number {
    const row = this.table.row(bank, index);
    if (row >= 0) return row;
    const { units } = this.info.banks.find(({ name }) => name === bank)!;
    throw noUnit(bank, index, units);
  }

  contexts(ids: ArrayLike<number>): Map<number, ShownContext> {
    const found = new Map<number, ShownContext>();
    const missing = new Set<number>();
    for (let i = 0; i < ids.length; i++) {
      const known = this.#contexts.get(ids[i]!);
      if (known === undefined) missing.add(ids[i]!);
      else found.set(ids[i]!, known);
    }
    if (missing.size === 0) return found;
    for (const [id, { document, label, tokens }] of this.study.contexts([...missing])) {
      const texts = this.study.texts(tokens);
      const json = new Json(texts.tokens);
      const context = { document, label, ...texts, json };
      this.#contexts.set(id, context, { size: json.bytes.length + 12 * tokens.length + 300 });
      found.set(id, context);
    }
    return found;
  }

  /** A list of units, kept for its next pages; `key` names what it is a list of. */
  selected<List extends { readonly length: number }>(key: string, select: () => List): List {
    const known = this.#selections.get(key) as List | undefined;
    if (known !== undefined) return known;
    const list = select();
    this.#selections.set(key, list, { size: 16 + list.length * (ArrayBuffer.isView(list) ? 4 : 100) });
    return list;
  }

  /** The index that searches go over; it is made where the study has none. */
  passages(call: LongCall<PassagesProgress> = {}): Promise<Passages> {
    if (this.#passages === null) {
      this.#passages = openPassages(this.study, call);
      // The next request tries again.
      this.#passages.catch(() => {
        this.#passages = null;
      });
    }
    return this.#passages;
  }

  /** What a search finds, kept for its next pages. @param parts whether parts of words match too */
  async search(text: string, parts: boolean): Promise<Search> {
    const stamp = saidStamp(this.study);
    const key = JSON.stringify([text, parts, stamp]);
    let search = this.#searches.get(key);
    if (search === undefined) {
      const passages = await this.passages();
      search = new Search(this.table, passages, text, parts, this.#saidAt(stamp));
      this.#searches.set(key, search, { size: search.size });
    }
    return search;
  }

  /** What notes and names that a language model gave say. */
  get said(): readonly Said[] {
    return this.#saidAt(saidStamp(this.study));
  }

  #saidAt(stamp: string): readonly Said[] {
    if (this.#said?.stamp !== stamp) this.#said = { stamp, said: saidOf(this.study, this.table) };
    return this.#said.said;
  }

  /** How the examples of the unit of a row fall to its features. */
  shares(row: number): FeatureShares {
    let shares = this.#shares.get(row);
    if (shares === undefined) {
      const { bank, index } = this.table.name(row);
      shares = featureShares(this.study, bank, index);
      this.#shares.set(row, shares, { size: 100 + 16 * shares.sizes.length });
    }
    return shares;
  }

  /** What a unit's clusterings and maps follow from. */
  space(bank: string, index: number): UnitSpace {
    const row = this.row(bank, index);
    const key = String(row);
    let space = this.#spaces.get(key);
    if (space === undefined) {
      space = new UnitSpace(this, bank, index);
      this.#spaces.set(key, space, { size: 1000 + space.size });
    }
    return space;
  }

  /** How often words occur, as far as a sample of the study's contexts tells. */
  get wordCounts(): CountedWords {
    if (this.#words === null) {
      const sample = this.study.sampleContexts(SAMPLED_CONTEXTS);
      const labels = sample.flatMap(({ label }) => (label === undefined ? [] : [label]));
      this.#words =
        labels.length > 0
          ? countLabels(labels)
          : sampleCounts(sample.map(({ tokens }) => allWordTexts(wordTokens(this.study.texts(tokens)))));
    }
    return this.#words;
  }

  /**
   * The search for similar features; what it searches is computed where it was not kept beside the study.
   * @param outputs what the units of a bank write, which needs the model
   */
  similar(outputs: ComparedStudy['outputs']): Promise<SimilarFeatures> {
    if (this.#similar === null) {
      this.#vectors = openVectors(this.study);
      this.#similar = this.#vectors.then(
        (vectors) => new SimilarFeatures({ study: this.study, vectors, outputs }),
      );
      // The next request tries again.
      this.#similar.catch(() => {
        this.#similar = null;
      });
    }
    return this.#similar;
  }

  /** Closes the files that it opened; the study stays open. */
  async close(): Promise<void> {
    const vectors = await this.#vectors?.catch(() => null);
    vectors?.close();
  }

  /** What features that are cut anew are named with; null in a study of an older version. */
  get naming(): NamingTexts | null {
    this.#naming ??= studyNaming(this.study);
    return this.#naming;
  }
}
