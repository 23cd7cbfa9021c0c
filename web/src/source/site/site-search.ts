import { foundPassage } from '../../../../src/answers/found-passage.ts';
import { Search } from '../../../../src/answers/search.ts';
import { MATCHED_FEATURES } from '../../../../src/contract/constants.ts';
import { imageGrid } from '../../../../src/contract/image-grid.ts';
import type { SearchQuery } from '../../../../src/contract/queries.ts';
import { block, type SiteHead } from '../../../../src/contract/site.ts';
import { sortKeys } from '../../../../src/polysemy/order.ts';
import { Passages, unpackPassages } from '../../../../src/search/passages.ts';
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

/** Searches a site: its index is fetched with the first search. */
export class SiteSearch {
  readonly #table: SiteTable;
  readonly #head: SiteHead;
  readonly #unit: (bank: string, index: number) => Promise<SiteUnitData>;
  readonly #passages: () => Promise<Passages>;
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
    this.#passages = once(async () => {
      const packed = unpackPassages(await files.bytes(block.passages), block.passages);
      if (packed === null)
        throw new ApiError(500, 'The index of this site is of another version: export it anew.');
      return new Passages(packed);
    });
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
    const [table, passages] = await Promise.all([this.#table.table(COLUMNS), this.#passages()]);
    return new Search(table, passages, text, parts);
  }

  async #found(search: Search, row: number, unit: UnitRow): Promise<Matches['units'][number]> {
    const features = search.features(row);
    const found = features.reduce((sum, { examples }) => sum + examples, 0);
    const [best] = features;
    const example = search.example(row);
    if (best === undefined) return { ...unit, found, matches: [], passage: null };
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
      passage: example === null ? null : passageOf(search, this.#head, own, best.feature, example),
    };
  }
}

function passageOf(search: Search, head: SiteHead, unit: SiteUnitData, feature: number, example: number) {
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
