import type { CsvValue } from '../../../src/base/csv.ts';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import { saveCsv } from '../charts/save-figure.ts';
import type { Unit } from '../source/answers.ts';
import type { UnitCut } from './unit-cut.ts';

/** Saves a unit's examples with the features of the cut on screen. */
export function saveFeatures(unit: Unit, { cut, examples }: UnitCut): void {
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
      'text',
      'stray',
    ],
  ];
  for (const { id, name, words, members } of cut.features) {
    for (const member of members) {
      const { activation, document, context, position, tokens } = examples[member]!;
      const text = tokens.join('');
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
