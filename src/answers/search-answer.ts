import { MATCHED_FEATURES } from '../contract/constants.ts';
import { imageGrid, patchBox } from '../contract/image-grid.ts';
import type { SearchQuery } from '../contract/queries.ts';
import type { SearchAnswer } from '../contract/study-answers.ts';
import { showPassage } from '../search/shown-passage.ts';
import { listedFeature } from './listed-feature.ts';
import { unitRow } from './lists.ts';
import type { Search } from './search.ts';
import type { StudySource } from './served-study.ts';
import { fourDigits } from './wire.ts';

type Found = SearchAnswer['units'][number];

/** A page of the units that a search finds, each with its best passage. */
export async function searchAnswer(source: StudySource, query: SearchQuery): Promise<SearchAnswer> {
  const { q, parts, bank, limit, offset } = query;
  const search = await source.search(q, parts);
  const filter = { bank, minSeparation: query['min.separation'] };
  const rows = search.filtered(filter);
  return {
    units: Array.from(rows.subarray(offset, offset + limit), (row) => found(source, search, row)),
    total: rows.length,
    facets: search.facets(filter),
  };
}

function found(source: StudySource, search: Search, row: number): Found {
  const features = search.features(row);
  return {
    ...unitRow(source, row),
    found: features.reduce((sum, { examples }) => sum + examples, 0),
    matches: features.slice(0, MATCHED_FEATURES).map(({ feature, size, examples }) => ({
      feature,
      size,
      examples,
      ...listedFeature(source, row, feature),
    })),
    passage: passageOf(source, search, row),
  };
}

function passageOf(source: StudySource, search: Search, row: number): Found['passage'] {
  const [best] = search.features(row);
  const example = search.example(row);
  if (best === undefined || example === null) return null;
  const { bank, index } = source.table.name(row);
  const detail = source.study.detail(bank, index);
  const context = detail.context[example]!;
  const position = detail.position[example]!;
  const shown = source.contexts([context]).get(context)!;
  return {
    example,
    feature: best.feature,
    activation: fourDigits(detail.activation[example]!),
    context,
    document: shown.document,
    ...(shown.label === undefined
      ? textPassage(shown, position, search)
      : {
          image: { label: shown.label, box: patchBox(imageGrid(source.info.model), position) },
          ...{ position: 0, tokens: [], special: [], marked: [] },
        }),
  };
}

function textPassage(context: Parameters<typeof showPassage>[0], position: number, { query, parts }: Search) {
  const { tokens, special, marked, ...rest } = showPassage(context, position, query.terms, parts);
  return { tokens: [...tokens], special: [...special], marked: [...marked], ...rest };
}
