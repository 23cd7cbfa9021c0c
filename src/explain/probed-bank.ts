import type { UnitColumns } from '../polysemy/unit-columns.ts';
import type { Study, StudyInfo } from '../study/study.ts';
import type { ModelBank } from './explained.ts';
import type { OwnMaxima } from './strongest.ts';

/** A bank of a model, with what a study knows of its units. */
export interface ProbedBank {
  readonly bank: ModelBank;
  readonly own: OwnMaxima;
  /** By unit; NaN where there is none. */
  readonly nullDistance: Float64Array;
  /** μ, where the study's embeddings are of h − μ. */
  readonly centre: Float32Array | undefined;
}

/** Puts a bank of the model together with what the study knows of its units; units that it does not have never fire. */
export function probedBank(study: Study, info: StudyInfo, columns: UnitColumns, bank: ModelBank): ProbedBank {
  const id = info.banks.findIndex(({ name }) => name === bank.name);
  const sign = (info.options['sign'] as OwnMaxima['sign'] | undefined) ?? 'positive';
  const maxima = new Float32Array(bank.units);
  const nullDistance = new Float64Array(bank.units).fill(Number.NaN);
  const { least, most } = study.activationRanges(bank.name);
  for (let index = 0; index < maxima.length; index++) {
    maxima[index] = ownMaximum(sign, most[index]!, least[index]!);
  }
  columns.index.forEach((index, row) => {
    if (columns.bank[row] === id) nullDistance[index] = columns.metrics.nullDistance[row]!;
  });
  return {
    bank,
    own: { sign, maxima },
    nullDistance,
    centre: info.options['center'] === 'mean' ? study.bankInputs(bank.name)?.mean : undefined,
  };
}

/** An activation divided by the unit's own maximum of the sign that counts: above 0 where the unit fires. */
export function relativeTo({ sign, maxima }: OwnMaxima, index: number, activation: number): number {
  const maximum = maxima[index]!;
  if (maximum === 0) return 0;
  return (sign === 'absolute' ? Math.abs(activation) : activation) / maximum;
}

/** 0 where a unit never had an activation of the sign, so that it has no examples. */
function ownMaximum(sign: OwnMaxima['sign'], most: number, least: number): number {
  if (Number.isNaN(most)) return 0;
  if (sign === 'positive') return Math.max(0, most);
  return sign === 'negative' ? Math.min(0, least) : Math.max(most, -least);
}
