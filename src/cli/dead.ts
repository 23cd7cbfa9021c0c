import type { Study, StudyInfo } from '../study/study.ts';

/** Units of a bank without an example: no text token of the study activates them. */
export function deadUnits(study: Study, bank: string): number {
  return study.units({ bank }).filter(({ examples }) => examples === 0).length;
}

/** A study's account of itself, with the dead units of each bank: what `--json` prints. */
export function infoWithDead(study: Study): object {
  const info: StudyInfo = study.info();
  return { ...info, banks: info.banks.map((bank) => ({ ...bank, dead: deadUnits(study, bank.name) })) };
}
