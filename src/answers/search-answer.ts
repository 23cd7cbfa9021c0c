import { MATCHED_FEATURES } from '../contract/constants.ts';
import { imageGrid } from '../contract/image-grid.ts';
import type { SearchQuery } from '../contract/queries.ts';
import type { SearchAnswer } from '../contract/search-answers.ts';
import { foundPassage } from './found-passage.ts';
import { listedFeature } from './listed-feature.ts';
import { unitRow } from './lists.ts';
import type { Search } from './search.ts';
import type { StudySource } from './served-study.ts';

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
  const best = search.best(row);
  if (best === null) return null;
  const { bank, index } = source.table.name(row);
  const { context, position, activation } = source.study.detail(bank, index);
  const example = search.rank(row, best);
  return foundPassage(search, {
    example,
    feature: best.feature,
    activation: activation[example]!,
    context: context[example]!,
    position: position[example]!,
    shown: source.contexts([context[example]!]).get(context[example]!)!,
    grid: imageGrid(source.info.model),
  });
}
