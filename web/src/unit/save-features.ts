import type { CsvValue } from '../../../src/base/csv.ts';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import type { Unit } from '../source/answers.ts';
import { queryClient, studyQuery } from '../source/query-options.ts';
import { saveCsv, saveJson } from '../ui/save-file.ts';
import type { UnitCut } from './unit-cut.ts';

/** Saves a unit as the study has it, with what study that is. */
export function saveUnitJson(unit: Unit): void {
  const study = queryClient.getQueryData(studyQuery.queryKey);
  const { name = null, contentHash = null } = study ?? {};
  saveJson(`${unit.bank}-${unit.index}`, { study: { name, contentHash }, ...unit });
}

/** Saves a unit's examples with the features of the cut on screen. */
export function saveFeatures(unit: Unit, { cut, examples }: UnitCut): void {
  const isOfImages = examples[0]?.image !== undefined;
  const rows: CsvValue[][] = [
    [
      'feature',
      'name',
      'words',
      'example',
      'activation',
      'document',
      'context',
      'position',
      'token',
      isOfImages ? 'label' : 'text',
      'stray',
    ],
  ];
  for (const { id, name, words, members } of cut.features) {
    for (const member of members) {
      const { activation, document, context, position, tokens, image } = examples[member]!;
      const text = image === undefined ? tokens.join('') : (image.label ?? '');
      rows.push([
        id,
        name?.text ?? '',
        words.join(' '),
        member,
        activation,
        document,
        context,
        position,
        tokens[spelledAt(tokens, position)] ?? '',
        text,
        String(cut.stray.has(member)),
      ]);
    }
  }
  saveCsv(`${unit.bank}-${unit.index}`, rows);
}
