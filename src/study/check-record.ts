import { weightsWidth } from '../bank/embedding.ts';
import { PolysemeError } from '../errors.ts';
import type { FeatureName } from '../features/names.ts';
import type { TextSample } from '../harvest/text-sample.ts';
import type { StudyBank } from './meta.ts';
import type { BankInputs, UnitDetail, UnitInputs } from './record.ts';

/** Examples of one unit: what option `examples` allows. */
const MAX_EXAMPLES = 100_000;

/** Refuses a unit's packed arrays where their lengths or ids do not fit together. @param what as an error names it */
export function checkDetail(detail: UnitDetail, what: string): UnitDetail {
  const n = detail.labels?.length;
  if (!(n <= MAX_EXAMPLES)) refuse(what, `${n} examples (limit ${MAX_EXAMPLES})`);
  const lengths: readonly (readonly [keyof UnitDetail, number])[] = [
    ['context', n],
    ['position', n],
    ['activation', n],
    ['windowScales', n],
    ['merges', 4 * Math.max(0, n - 1)],
    ['histogramCounts', detail.histogramBins?.length],
    ...(detail.autoLabels ? ([['autoLabels', n]] as const) : []),
    ...(detail.stray ? ([['stray', n]] as const) : []),
  ];
  for (const [name, length] of lengths) {
    const found = detail[name]?.length;
    if (found === undefined || found !== length) refuse(what, `${name} has ${found} values, not ${length}`);
  }
  if (!detail.windows || (n > 0 && detail.windows.length % n !== 0)) refuse(what, 'its windows');
  checkLabels(detail.labels, detail.centrals, n, what);
  if (detail.autoLabels) checkLabels(detail.autoLabels, detail.autoCentrals, n, what);
  checkMerges(detail.merges, n, what);
  return detail;
}

/** The same for a unit's inputs and weights. */
export function checkInputs(inputs: UnitInputs, bank: StudyBank, what: string): UnitInputs {
  const { halves, scales, weights } = inputs;
  if (halves?.length !== scales?.length * bank.width) refuse(what, `inputs of ${halves?.length} values`);
  if (weights?.length !== weightsWidth(bank)) refuse(what, `${weights?.length} weights`);
  return inputs;
}

/** The same for what is kept of a bank's inputs. */
export function checkBankInputs(inputs: BankInputs, width: number, what: string): BankInputs {
  const { mean, halves, scales } = inputs;
  if (mean?.length !== width) refuse(what, `a mean of ${mean?.length} values, not ${width}`);
  if (halves?.length !== scales?.length * width) refuse(what, `random inputs of ${halves?.length} values`);
  return inputs;
}

/** Characters of a name. */
const MAX_NAME = 2048;
/** Positions of a sample of text, and tokens around one. */
const MAX_SAMPLE = 100_000;
const MAX_WINDOW = 4096;

/** The same for the names of a unit's features. */
export function checkNames(names: unknown, what: string): (FeatureName | null)[] {
  const isShare = (value: unknown): boolean =>
    value === null || (typeof value === 'number' && value >= 0 && value <= 1);
  const isName = (name: unknown): boolean => {
    if (name === null) return true;
    const { text, precision, recall, falseAlarms } = Object(name) as Record<string, unknown>;
    return (
      typeof text === 'string' && text.length <= MAX_NAME && [precision, recall, falseAlarms].every(isShare)
    );
  };
  if (!Array.isArray(names) || names.length > MAX_EXAMPLES || !names.every(isName)) refuse(what, 'its names');
  return names as (FeatureName | null)[];
}

/** The same for a sample of text. */
export function checkTextSample(sample: TextSample, what: string): TextSample {
  const { offset, tokens, position } = sample;
  const count = position?.length;
  if (!(count <= MAX_SAMPLE)) refuse(what, `${count} positions (limit ${MAX_SAMPLE})`);
  if (offset?.length !== count + 1 || offset[count] !== tokens?.length) refuse(what, 'its windows');
  for (let i = 0; i < count; i++) {
    const length = offset[i + 1]! - offset[i]!;
    if (length < 1 || length > MAX_WINDOW || position[i]! >= length) refuse(what, `its window ${i}`);
  }
  return sample;
}

/** Labels count from 0, and each has a most typical example. */
function checkLabels(labels: Int32Array, centrals: Int32Array | undefined, n: number, what: string): void {
  const clusters = labels.reduce((most, label) => Math.max(most, label + 1), 0);
  if (labels.some((label) => label < 0)) refuse(what, 'a label below 0');
  if (centrals?.length !== clusters) refuse(what, `${centrals?.length} clusters, not ${clusters}`);
  if (centrals!.some((example) => example < 0 || example >= n)) refuse(what, 'a cluster without an example');
}

/** Row i of the tree joins two clusters that were there before it: below n + i. */
function checkMerges(merges: Float64Array, n: number, what: string): void {
  for (let row = 0; row < n - 1; row++) {
    const [a, b] = [merges[4 * row]!, merges[4 * row + 1]!];
    const known = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < n + row;
    if (!known(a) || !known(b) || a === b) refuse(what, `row ${row} of its tree joins ${a} and ${b}`);
  }
}

function refuse(what: string, why: string): never {
  throw new PolysemeError(`${what} is damaged: ${why}`, 'damaged');
}
