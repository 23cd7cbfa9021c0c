import type { Study } from '../study/study.ts';
import { unitVectors } from '../study/unit-vectors.ts';
import type { OwnMaxima } from './strongest.ts';
import { unitExamples } from './unit-examples.ts';
import type { UnitReader } from './unit-reader.ts';

/** What explanations ask of a study, from its file. */
export function studyReader(study: Study): UnitReader {
  const { options, banks } = study.info();
  const nullDistances = new Map<string, Float64Array>();
  return {
    path: study.path,
    options,
    banks: banks.map(({ name }) => name),
    async bank(name, units) {
      const sign = (options['sign'] as OwnMaxima['sign'] | undefined) ?? 'positive';
      const { least, most } = study.activationRanges(name);
      const maxima = Float32Array.from({ length: units }, (_, i) => ownMaximum(sign, most[i]!, least[i]!));
      const centre = options['center'] === 'mean' ? study.bankInputs(name)?.mean : undefined;
      return { own: { sign, maxima }, centre };
    },
    units: async (bank) => study.units({ bank }),
    examples: async (question, asked) => unitExamples(study, question, asked),
    async place(bank, index) {
      let known = nullDistances.get(bank);
      if (known === undefined) {
        known = nullDistancesOf(study, bank);
        nullDistances.set(bank, known);
      }
      const nullDistance = known[index] ?? Number.NaN;
      const { count, means, bounds, weights } = unitVectors(study, bank, index, {
        nullDistance: Number.isNaN(nullDistance) ? null : nullDistance,
        threshold: options['features'] === 'auto' ? null : (options['threshold'] as number),
      });
      return { count, means, bounds, weights };
    },
    sample: async (count) => study.sampleContexts(count),
    texts: (tokens) => study.texts(tokens).tokens,
  };
}

/** By unit; NaN where there is none. */
function nullDistancesOf(study: Study, bank: string): Float64Array {
  const { banks } = study.info();
  const id = banks.findIndex(({ name }) => name === bank);
  const found = new Float64Array(banks[id]!.units).fill(Number.NaN);
  const columns = study.columns();
  columns.index.forEach((index, row) => {
    if (columns.bank[row] === id) found[index] = columns.metrics.nullDistance[row]!;
  });
  return found;
}

/** 0 where a unit never had an activation of the sign, so that it has no examples. */
function ownMaximum(sign: OwnMaxima['sign'], most: number | undefined, least: number | undefined): number {
  if (most === undefined || least === undefined || Number.isNaN(most)) return 0;
  if (sign === 'positive') return Math.max(0, most);
  return sign === 'negative' ? Math.min(0, least) : Math.max(most, -least);
}
