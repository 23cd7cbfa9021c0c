import { PolysemeError } from '../errors.ts';
import type { Matrix } from '../tensors/matrix.ts';
import { normalizesPerInput, type SaeConfig } from './config.ts';

/** The weights of an SAE: matrices [dIn × dSae] and so on, in SAELens's names and orientation. */
export interface SaeTensors {
  /** dIn × dSae. */
  W_enc: Matrix;
  /** dSae × dOut. */
  W_dec: Matrix;
  /** dOut. */
  b_dec: Float32Array;
  /** dSae; every architecture but gated. */
  b_enc?: Float32Array;
  /** dSae; jumprelu. */
  threshold?: Float32Array;
  /** dSae; gated. */
  b_gate?: Float32Array;
  /** dSae; gated. */
  r_mag?: Float32Array;
  /** dSae; gated. */
  b_mag?: Float32Array;
  /** dOut × dIn: added to the output is W_skip·x, of the raw input. */
  W_skip?: Matrix;
}

/** All that an SAE's graph is made from. */
export interface SaeData {
  readonly config: SaeConfig;
  readonly tensors: SaeTensors;
  /** Where it came from, for messages. */
  readonly label: string;
}

const VECTORS = ['b_dec', 'b_enc', 'threshold', 'b_gate', 'r_mag', 'b_mag'] as const;

/** Whether decoding needs the inputs: to undo a normalisation per input, or for a skip connection. */
export function decodesWithInputs({ config, tensors }: SaeData): boolean {
  return tensors.W_skip !== undefined || (!config.transcoder && normalizesPerInput(config));
}

/** @throws PolysemeError where a tensor is missing, has another shape than the config says, or holds NaN */
export function checkSae({ config, tensors, label }: SaeData): void {
  const { architecture, dIn, dSae, dOut, k } = config;
  const fail = (what: string): never => {
    throw new PolysemeError(`${label}: ${what}`);
  };
  const needed = [
    'W_enc',
    'W_dec',
    'b_dec',
    ...(architecture === 'gated' ? ['b_gate', 'r_mag', 'b_mag'] : ['b_enc']),
  ];
  if (architecture === 'jumprelu') needed.push('threshold');
  const present = Object.entries(tensors).flatMap(([name, tensor]) => (tensor === undefined ? [] : [name]));
  const missing = needed.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    fail(`a ${architecture} SAE needs tensor ${missing.join(', ')}; there are ${present.join(', ')}`);
  }
  for (const [name, rows, cols] of [
    ['W_enc', dIn, dSae],
    ['W_dec', dSae, dOut],
    ['W_skip', dOut, dIn],
  ] as const) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    if (tensor.rows !== rows || tensor.cols !== cols) {
      fail(
        `${name} is ${tensor.rows} × ${tensor.cols}; width ${dIn} and ${dSae} latents make it ${rows} × ${cols}`,
      );
    }
    finite(tensor.data, name, fail);
  }
  for (const name of VECTORS) {
    const tensor = tensors[name];
    if (tensor === undefined) continue;
    const size = name === 'b_dec' ? dOut : dSae;
    if (tensor.length !== size) fail(`${name} has ${tensor.length} numbers, not ${size}`);
    // A latent may be switched off by an infinite threshold.
    if (name === 'threshold' ? tensor.some(Number.isNaN) : !tensor.every(Number.isFinite)) {
      fail(`${name} holds NaN or infinity; the file is damaged or the training diverged`);
    }
  }
  if (['topk', 'abstopk', 'groupmax'].includes(architecture)) {
    if (k === null || !Number.isInteger(k) || k < 1 || k > dSae)
      fail(`k = ${k} is not a number of its ${dSae} latents`);
    if (architecture === 'groupmax' && dSae % k! !== 0)
      fail(`${dSae} latents do not divide into ${k} groups`);
  }
  if (!config.transcoder && dIn !== dOut)
    fail(`it reads width ${dIn} and writes ${dOut}, but is no transcoder`);
  if (config.applyBDecToInput && dIn !== dOut)
    fail(`b_dec of width ${dOut} cannot be taken from inputs of ${dIn}`);
}

/** A sum of v·0 is 0 unless one v is NaN or infinite: one pass, no branch per element. */
function finite(data: Float32Array, name: string, fail: (what: string) => never): void {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]! * 0;
  if (sum === 0) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  fail(`${name} holds ${data[at]} (element ${at}); the file is damaged or the training diverged`);
}
