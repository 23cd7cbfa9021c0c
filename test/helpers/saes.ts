import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../src/base/random.ts';
import { type SaeConfig, saeConfig } from '../../src/sae/config.ts';
import { Sae, type SaeTensors } from '../../src/sae/sae.ts';
import { saveSae } from '../../src/sae/save.ts';
import { rowMajor } from '../../src/tensors/matrix.ts';

/** Numbers that are nearly normal, with mean 0. */
export function normals(seed: number, count: number, deviation: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from(
    { length: count },
    () => (random.next() + random.next() + random.next() - 1.5) * 2 * deviation,
  );
}

/** An SAE with random weights; `tensors` replaces some of them. */
export function randomSae(
  config: Partial<SaeConfig> & Pick<SaeConfig, 'dIn' | 'dSae'>,
  { seed = 1, bias = 0, tensors = {} }: { seed?: number; bias?: number; tensors?: Partial<SaeTensors> } = {},
): Sae {
  const full = saeConfig({ architecture: 'standard', ...config });
  const { dIn, dSae, dOut, architecture } = full;
  const own: SaeTensors = {
    W_enc: rowMajor(normals(seed, dIn * dSae, 1 / Math.sqrt(dIn)), dIn, dSae),
    W_dec: rowMajor(normals(seed + 1, dSae * dOut, 1 / Math.sqrt(dIn)), dSae, dOut),
    b_dec: normals(seed + 2, dOut, 0.2),
  };
  const biases = normals(seed + 3, dSae, 0.3).map((value) => value + bias);
  if (architecture === 'gated') {
    Object.assign(own, {
      b_gate: biases,
      b_mag: normals(seed + 4, dSae, 0.1),
      r_mag: normals(seed + 5, dSae, 0.2),
    });
  } else own.b_enc = biases;
  if (architecture === 'jumprelu') own.threshold = normals(seed + 6, dSae, 0.2).map((value) => 0.5 + value);
  return new Sae(full, { ...own, ...tensors }, { label: 'test SAE' });
}

/** W_enc = [I, −I], W_dec its transpose: relu(x) − relu(−x) is x. */
export function identitySae(config: Partial<SaeConfig> & Pick<SaeConfig, 'dIn'>): Sae {
  const d = config.dIn;
  const encoder = new Float32Array(d * 2 * d);
  for (let i = 0; i < d; i++) {
    encoder[i * 2 * d + i] = 1;
    encoder[i * 2 * d + d + i] = -1;
  }
  const decoder = new Float32Array(2 * d * d);
  for (let i = 0; i < d; i++) {
    decoder[i * d + i] = 1;
    decoder[(d + i) * d + i] = -1;
  }
  return new Sae(
    saeConfig({ architecture: 'standard', dSae: 2 * d, ...config }),
    {
      W_enc: rowMajor(encoder, d, 2 * d),
      W_dec: rowMajor(decoder, 2 * d, d),
      b_enc: new Float32Array(2 * d),
      b_dec: new Float32Array(d),
    },
    { label: 'identity' },
  );
}

/** Saves an SAE in a new folder and returns its path, whose last part is `name`. */
export async function savedSae(sae: Sae, name = 'small'): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'polyseme-sae-')), name);
  await saveSae(sae, folder);
  return folder;
}
