import type { ModelBank } from './explained.ts';
import type { OwnMaxima } from './strongest.ts';
import type { BankFacts } from './unit-reader.ts';

/** A bank of a model, with what a study knows of its units; those that the study does not have never fire. */
export interface ProbedBank extends BankFacts {
  readonly bank: ModelBank;
}

/** An activation divided by the unit's own maximum of the sign that counts: above 0 where the unit fires. */
export function relativeTo({ sign, maxima }: OwnMaxima, index: number, activation: number): number {
  const maximum = maxima[index]!;
  if (maximum === 0) return 0;
  return (sign === 'absolute' ? Math.abs(activation) : activation) / maximum;
}
