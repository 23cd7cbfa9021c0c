import type { StudySource } from './served-study.ts';

/** What lists say of a feature of the unit of a row. */
export function listedFeature(source: StudySource, row: number, id: number) {
  const { table, isOfImages } = source;
  return {
    name: table.names(row)[id] ?? null,
    words: table.words(row)[id] ?? [],
    ...(isOfImages ? { image: source.shares(row).centrals[id]! } : {}),
  };
}
