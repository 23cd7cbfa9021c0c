import { foundPassage } from '../../../../src/answers/found-passage.ts';
import { Search } from '../../../../src/answers/search.ts';
import { MATCHED_FEATURES } from '../../../../src/contract/constants.ts';
import { imageGrid } from '../../../../src/contract/image-grid.ts';
import type { SearchQuery } from '../../../../src/contract/queries.ts';
import { block, type SiteHead } from '../../../../src/contract/site.ts';
import { sortKeys } from '../../../../src/polysemy/order.ts';
import type { Said } from '../../../../src/search/find.ts';
import type { Passages } from '../../../../src/search/passages.ts';
import {
  checkPostings,
  firstWords,
  type PackedPostings,
  POSTINGS_VERSION,
  type PostingsHead,
  piecesWith,
  somePassages,
} from '../../../../src/search/postings.ts';
import { parseQuery } from '../../../../src/search/query.ts';
import type { Matches, UnitRow } from '../answers.ts';
import { ApiError } from '../http.ts';
import type { Params } from '../source.ts';
import { Kept, once } from './kept.ts';
import type { SiteFiles } from './site-files.ts';
import type { SiteTable } from './site-table.ts';
import type { SiteUnitData } from './site-unit.ts';

/** Searches whose pages are kept. */
const KEPT = 8;
/** What searches read of the table. */
const COLUMNS = ['separation', ...sortKeys('verdict', true).map(({ column }) => column)] as const;

/** Pieces of the index that are kept. */
const KEPT_PIECES = 64;

/** Searches a site: of its index each search fetches what is of its words. */
export class SiteSearch {
  readonly #table: SiteTable;
  readonly #head: SiteHead;
  readonly #unit: (bank: string, index: number) => Promise<SiteUnitData>;
  readonly #opened: () => Promise<PostingsHead & { readonly first: readonly string[] }>;
  readonly #said: () => Promise<readonly Said[]>;
  readonly #vocabulary: () => Promise<readonly string[]>;
  readonly #pieces: Kept<number, PackedPostings>;
  readonly #searches = new Kept(KEPT, (key: string) => {
    const [text, parts] = JSON.parse(key) as [string, boolean];
    return this.#search(text, parts);
  });

  constructor(
    files: SiteFiles,
    head: SiteHead,
    table: SiteTable,
    unit: (bank: string, index: number) => Promise<SiteUnitData>,
  ) {
    this.#table = table;
    this.#head = head;
    this.#unit = unit;
    this.#opened = once(async () => {
      const found = await files.arrays<PostingsHead>(block.search);
      if (found.version?.[0] !== POSTINGS_VERSION)
        throw new ApiError(500, 'The index of this site is of another version: export it anew.');
      checkPostings(found, head.study.examples);
      return { ...found, first: firstWords(found) };
    });
    this.#said = once(() => files.json(block.said));
    this.#vocabulary = once(() => files.json(block.vocabulary));
    this.#pieces = new Kept(KEPT_PIECES, (piece: number) => files.arrays(block.postings(piece)));
  }

  async answer(params: Params): Promise<Matches> {
    const { q, parts = false, bank, limit = 50, offset = 0, ...rest } = params as Partial<SearchQuery>;
    const search = await this.#searches.get(JSON.stringify([q ?? '', parts]));
    const filter = { bank, minSeparation: rest['min.separation'] };
    const rows = search.filtered(filter);
    const page = rows.subarray(offset, offset + limit);
    const listed = await this.#table.rows(page);
    const units = await Promise.all(listed.map((unit, i) => this.#found(search, page[i]!, unit)));
    return { units, total: rows.length, facets: search.facets(filter) };
  }

  /** The rows that have all words of a text; null where there is none to be looked for. */
  async rows(text: string | undefined): Promise<Uint32Array | null> {
    if (text === undefined || text.trim() === '') return null;
    return (await this.#searches.get(JSON.stringify([text, false]))).rows;
  }

  async #search(text: string, parts: boolean): Promise<Search> {
    const [table, passages, said] = await Promise.all([
      this.#table.table(COLUMNS),
      this.#passages(text, parts),
      this.#said(),
    ]);
    return new Search(table, passages, text, parts, said);
  }

  /** What the words of a text are found with. */
  async #passages(text: string, parts: boolean): Promise<Passages> {
    const names = this.#head.study.banks.map(({ name }) => name);
    const words = new Set<string>();
    for (const term of parseQuery(text, names).terms) {
      if (!parts || term.quoted || term.words.length > 1) for (const word of term.words) words.add(word);
      else {
        const [part] = term.words;
        for (const word of await this.#vocabulary()) if (word.includes(part!)) words.add(word);
      }
    }
    const head = await this.#opened();
    const pieces = piecesWith(head.first, words).map((piece) => this.#pieces.get(piece));
    return somePassages(head, await Promise.all(pieces), words);
  }

  async #found(search: Search, row: number, unit: UnitRow): Promise<Matches['units'][number]> {
    const features = search.features(row);
    const found = features.reduce((sum, { examples }) => sum + examples, 0);
    const [best] = features;
    const shown = search.best(row);
    if (best === undefined || shown === null) return { ...unit, found, matches: [], passage: null };
    const own = await this.#unit(unit.bank, unit.index);
    const isOfImages = imageGrid(this.#head.study.model) !== null;
    return {
      ...unit,
      found,
      matches: features.slice(0, MATCHED_FEATURES).map(({ feature, size, examples }) => {
        const { name, words, central } = own.features[feature]!;
        const image = isOfImages ? { image: own.example(central).context } : {};
        return { feature, size, examples, name, words, ...image };
      }),
      passage: passageOf(search, this.#head, own, shown),
    };
  }
}

function passageOf(
  search: Search,
  head: SiteHead,
  unit: SiteUnitData,
  { feature, member }: { readonly feature: number; readonly member: number },
) {
  const example = unit.features[feature]!.examples[member]!.id;
  const { context, position, document } = unit.example(example);
  return foundPassage(search, {
    example,
    feature,
    activation: unit.activation[example]!,
    context,
    position,
    shown: { ...unit.contexts().get(context)!, document },
    grid: imageGrid(head.study.model),
  });
}
