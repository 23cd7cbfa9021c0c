import type { Study } from '../study/study.ts';

/** Units of a bank without an example: no text token of the study activates them. */
export function deadUnits(study: Study, bank: string): number {
  return study.units({ bank }).filter(({ examples }) => examples === 0).length;
}
