import { visible } from '../../../src/base/visible.ts';
import type { LogFigure, Training, TrainingLog } from '../source/answers.ts';
import { formatShare, formatThree, formatWhole } from '../ui/metric-info.ts';

export interface FigureInfo {
  readonly figure: LogFigure;
  readonly name: string;
  /** What it says, in a sentence. */
  readonly sentence: string;
  readonly format: (value: number) => string;
  /** Whether a logarithmic axis suits it. */
  readonly canLog: boolean;
  /** Zero says that it was not computed. */
  readonly zeroIsNone: boolean;
  /** Whether it has noise to be smoothed away. */
  readonly canSmooth: boolean;
  /** Ticks of its axis, in d3's notation. */
  readonly ticks?: string;
}

const four = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });
/** Four significant digits, with a power of ten where it is very small or large. */
export const formatFour = (value: number): string => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [digits, power] = value.toExponential(2).split('e');
    return `${digits} × 10^${Number(power)}`.replaceAll('-', '−');
  }
  return four.format(value).replace('-', '−');
};

const usual = { format: formatFour, canLog: true, zeroIsNone: false, canSmooth: true };

/** What is charted, in the order in which it is read. */
export const FIGURES: readonly FigureInfo[] = [
  {
    ...usual,
    figure: 'explainedVariance',
    name: 'Variance explained',
    sentence: 'Share of the batch’s variance that the reconstruction keeps.',
    format: formatThree,
    canLog: false,
  },
  {
    ...usual,
    figure: 'meanEmbeddingDistance',
    name: 'Mean L_N distance',
    sentence: 'How far a latent’s neuron embeddings lie from their average: 0 alike, 1 unrelated.',
    format: formatThree,
  },
  {
    ...usual,
    figure: 'meanResidualDistance',
    name: 'Mean L_R distance',
    sentence:
      'How far a latent’s decoder row lies from what the other latents leave for it: 0 alike, 1 unrelated.',
    format: formatThree,
  },
  {
    ...usual,
    figure: 'l0',
    name: 'L0',
    sentence: 'Active latents per token.',
  },
  {
    ...usual,
    figure: 'loss',
    name: 'Loss',
    sentence:
      'What is minimised: squared error + λ·sparsity + γ·L_N + the weight of L_R · mean ‖x‖² · L_R, and the auxiliary terms.',
  },
  {
    ...usual,
    figure: 'mse',
    name: 'Squared error',
    sentence: 'Mean of ‖x − x̂‖² over the batch.',
  },
  {
    ...usual,
    figure: 'embedding',
    name: 'L_N',
    sentence: 'Sum of the distances over the latents active at a token, before γ.',
    zeroIsNone: true,
  },
  {
    ...usual,
    figure: 'residual',
    name: 'L_R',
    sentence: 'Sum of the distances over the latents active at a token, before its weight.',
    zeroIsNone: true,
  },
  {
    ...usual,
    figure: 'sparsity',
    name: 'Sparsity',
    sentence: 'Mean of Σ activation · decoder norm, before λ (jumprelu: active latents).',
  },
  {
    ...usual,
    figure: 'deadShare',
    name: 'Dead latents',
    sentence: 'Share of the latents that nothing has activated for long.',
    format: formatShare,
    ticks: '~%',
  },
  {
    ...usual,
    figure: 'auxiliary',
    name: 'Auxiliary loss',
    sentence: 'How badly dead latents reconstruct the error that the others leave.',
    zeroIsNone: true,
  },
  {
    ...usual,
    figure: 'gradientNorm',
    name: 'Gradient norm',
    sentence: 'Of all weights together, before clipping.',
  },
  {
    ...usual,
    figure: 'learningRate',
    name: 'Learning rate',
    sentence: 'Adam’s step size, by the schedule.',
    canSmooth: false,
  },
  {
    ...usual,
    figure: 'tokensPerSecond',
    name: 'Tokens per second',
    sentence: 'Since the training began or went on; all SAEs of a sweep go at one pace.',
    format: formatWhole,
    canSmooth: false,
    ticks: '~s',
  },
];

export function figureInfo(figure: LogFigure): FigureInfo {
  return FIGURES.find((info) => info.figure === figure)!;
}

/** A figure's values, with gaps where there is none. */
export function valuesOf({ figure, zeroIsNone }: FigureInfo, log: TrainingLog): readonly (number | null)[] {
  const values = log.figures[figure];
  return zeroIsNone ? values.map((value) => (value === 0 ? null : value)) : values;
}

/** Whether a chart of the figure would show anything. */
export function hasNumbers(info: FigureInfo, logs: readonly TrainingLog[]): boolean {
  return logs.some((log) => valuesOf(info, log).some((value) => value !== null));
}

/**
 * Exponential moving average in which each value weighs `weight` times the one after it, divided by the sum of the
 * weights so far (Adam's bias correction), so that it begins at the first value. Gaps stay gaps.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight === 0) return [...values];
  let sum = 0;
  let total = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}

/** Ticks of a logarithmic axis from `low` to `high`: 1, 2, 5, 10 … where three of them lie there, else round numbers. */
export function logTicks(low: number, high: number): number[] {
  const powers: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) powers.push(10 ** power);
  const within = (ticks: readonly number[]) =>
    ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const tens = within(powers);
  if (tens.length > 3) return tens;
  const steps = within(powers.flatMap((power) => [power, 2 * power, 5 * power]));
  if (steps.length > 2) return steps;
  const rough = (high - low) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * unit).find((each) => each >= rough)!;
  const count = Math.floor((high - low) / step) + 2;
  const first = Math.ceil(low / step);
  return within(Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12))));
}

/** Place of the value nearest to `x` in rising numbers; −1 where there are none. */
export function nearest(values: readonly number[], x: number): number {
  let [low, high] = [0, values.length - 1];
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle;
    else high = middle;
  }
  return Math.abs(values[low]! - x) <= Math.abs(values[high]! - x) ? low : high;
}

type SettingName = keyof Training['settings'];

/** Settings with their names, in the order in which they are told. */
export const SETTINGS: readonly (readonly [SettingName, string])[] = [
  ['architecture', 'kind'],
  ['model', 'model'],
  ['site', 'site'],
  ['data', 'data'],
  ['activations', 'activations'],
  ['latents', 'latents'],
  ['k', 'k'],
  ['l1', 'λ'],
  ['embeddingWeight', 'γ'],
  ['residualWeight', 'L_R'],
  ['learningRate', 'learning rate'],
  ['tokens', 'tokens'],
  ['batch', 'batch'],
  ['seed', 'seed'],
  ['context', 'context'],
  ['contexts', 'contexts'],
  ['column', 'column'],
  ['bos', 'BOS'],
  ['buffer', 'buffer'],
  ['clip', 'clip'],
  ['scale', 'scaled'],
  ['decoderBias', 'b_dec'],
  ['aux', 'auxiliary loss'],
  ['deadAfter', 'dead after'],
  ['resample', 'resample'],
];

/** The names of the settings in which trainings differ. */
export function differing(trainings: readonly Training[]): SettingName[] {
  return SETTINGS.map(([name]) => name).filter((name) =>
    trainings.some(({ settings }) => settings[name] !== trainings[0]!.settings[name]),
  );
}

export function settingName(setting: SettingName): string {
  return SETTINGS.find(([name]) => name === setting)![1];
}

export function formatSetting(value: Training['settings'][SettingName]): string {
  if (value === null) return 'default';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return visible(value);
  return Number.isInteger(value) ? formatWhole(value) : formatFour(value);
}

/** What tells trainings apart in a few letters, `γ 0.3`, by their names; where that is not enough, the name itself. */
export function shortNames(trainings: readonly Training[]): ReadonlyMap<string, string> {
  const differences = differing(trainings);
  const telling = differences.filter((setting) => TELLING.has(setting));
  const isTelling = telling.length > 0 && telling.length <= 2 && telling.length === differences.length;
  const shorts = trainings.map(({ name, settings }) =>
    isTelling
      ? telling.map((setting) => `${settingName(setting)} ${formatSetting(settings[setting])}`).join(', ')
      : visible(name.split('/').at(-1)!),
  );
  const count = new Map<string, number>();
  for (const short of shorts) count.set(short, (count.get(short) ?? 0) + 1);
  return new Map(
    trainings.map(({ name }, i) => [name, count.get(shorts[i]!) === 1 ? shorts[i]! : visible(name)]),
  );
}

/** Settings that are told in a few letters. */
const TELLING = new Set<SettingName>(['k', 'l1', 'embeddingWeight', 'residualWeight', 'latents', 'seed']);
