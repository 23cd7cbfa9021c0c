import { statSync } from 'node:fs';
import { LAST_NAMES } from '../explain/model-names.ts';
import { readNotes } from '../explain/notes.ts';
import { unitModelNames } from '../explain/results.ts';
import type { Said } from '../search/find.ts';
import { cachePath, readAllCached } from '../study/cache.ts';
import { notesPath, readNoteLines } from '../study/notes-file.ts';
import type { Study } from '../study/study.ts';
import type { ListedUnits } from './listed-units.ts';

/** What notes beside a study, and names that a language model gave, say about its units. */
export function saidOf(study: Study, table: ListedUnits): Said[] {
  const banks = new Set(table.banks.map(({ name }) => name));
  const rowOf = ({ bank, index }: { bank: string; index: number }): number =>
    banks.has(bank) ? table.row(bank, index) : -1;
  const noted = readNotes(readNoteLines(notesPath(study.path))).notes.map(({ place, note, ...unit }) => {
    const row = rowOf(unit);
    return { unit: row, feature: place && row >= 0 ? featureAt(study, unit, place) : null, text: note };
  });
  const named = readAllCached(study, LAST_NAMES).flatMap((value) => {
    const kept = unitModelNames.safeParse(parsed(value));
    if (!kept.success) return [];
    const { features, ...unit } = kept.data;
    return features.map(({ feature, text }) => ({ unit: rowOf(unit), feature, text: text ?? '' }));
  });
  return [...noted, ...named].filter(({ unit, text }) => unit >= 0 && text !== '');
}

/** Another one whenever `saidOf` may say something else. */
export function saidStamp({ path }: Study): string {
  return [notesPath(path), cachePath(path)]
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? '' : `${stat.mtimeMs} ${stat.size}`;
    })
    .join(', ');
}

/** The feature of the example at a place; null where there is none any more: then the note is about the unit. */
function featureAt(
  study: Study,
  { bank, index }: { bank: string; index: number },
  { context, position }: { context: number; position: number },
): number | null {
  const detail = study.detail(bank, index);
  const example = detail.context.findIndex((id, i) => id === context && detail.position[i] === position);
  return example < 0 ? null : study.tree(bank, index).featureOf[example]!;
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    return null;
  }
}
