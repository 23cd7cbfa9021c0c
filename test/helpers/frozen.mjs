// What the frozen records of studies are made from, and on which machines they hold: see test/run/content-hash.test.ts
// and test/fixtures/study/records-before.mjs. Nothing here may change while those records are kept.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openCorpus, rowMajor, Sae, saeConfig, saveSae } from '../../src/index.ts';

/** A model with gated MLPs that lies beside some clones. */
export const STORIES = new URL('../../../shared/models/stories260K', import.meta.url).pathname;

const GRAPH = new URL('../fixtures/run/arithmetic.onnx', import.meta.url);

/**
 * A name for how this machine rounds: a digest of what ONNX Runtime makes of one graph that none of our code has a
 * part in, and of JavaScript's own functions. Content hashes can be compared between machines of one name only:
 * another processor, ONNX Runtime or Node may round a sum elsewhere.
 */
export async function arithmetic() {
  const hash = createHash('sha256');
  const session = await InferenceSession.create(readFileSync(GRAPH), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const floats = (seed, shape, deviation) =>
    new Tensor(
      'float32',
      uniform(
        seed,
        shape.reduce((product, n) => product * n),
        deviation,
      ),
      shape,
    );
  const found = await session.run({
    x: floats(1, [3, 40, 256], 1),
    up: floats(2, [256, 1024], 0.1),
    down: floats(3, [1024, 256], 0.05),
    gamma: floats(4, [256], 1),
    beta: floats(5, [256], 0.2),
    angles: new Tensor(
      'float64',
      Float64Array.from({ length: 200 }, (_, i) => i * 0.73),
      [200],
    ),
  });
  for (const name of session.outputNames) hash.update(bytesOf(found[name].data));
  await session.release();
  const numbers = Array.from(uniform(6, 500, 20), (x) => [
    Math.exp(x),
    Math.log(Math.abs(x)),
    Math.cos(x),
    Math.hypot(x, 1, 3),
    Math.abs(x) ** 0.37,
  ]);
  hash.update(bytesOf(Float64Array.from(numbers.flat())));
  return hash.digest('hex').slice(0, 16);
}

/**
 * Writes a JSONL corpus of pieces of State of the Union addresses, with what is awkward in it: a document twice and
 * thrice (equal activations), some too short, special tokens' texts, and characters that are several tokens. Column
 * `other` holds other pieces.
 */
export async function writePieces(path) {
  const texts = [];
  for await (const { text } of (await openCorpus('builtin:sotu')).documents()) {
    if (texts.length === 48) break;
    const start = (text.indexOf(' ', 2000) % (text.length - 2000)) + 1;
    texts.push(text.slice(start, start + 550 + 37 * (texts.length % 9)));
  }
  const others = texts.splice(24);
  texts.splice(5, 0, texts[1]);
  texts.push(
    'a',
    '',
    texts[1],
    'The union<|endoftext|>Fellow citizens of the Senate<|endoftext|><|endoftext|> and House',
    '<s>Once upon a time</s> there was a little girl. <unk> She said: "Hello!"\r\n\tNaïve café, 12,345.67 € 🙂 日本語',
  );
  const rows = texts.map((text, i) => ({ name: `piece ${i}`, text, other: others[i] ?? null }));
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/**
 * Saves an SAE of seeded random weights in a folder, in SAELens's format. Its last latent never activates.
 * @param {string} folder
 * @param {Parameters<typeof saeConfig>[0]} config
 * @param {{ seed?: number, bias?: number }} [how]
 */
export async function writeSae(folder, config, { seed = 1, bias = -0.5 } = {}) {
  const full = saeConfig(config);
  const { dIn, dSae, dOut, architecture } = full;
  const biases = uniform(10 * seed, dSae, 0.3).map((value) => value + bias);
  biases[dSae - 1] = -1e6;
  const numbers = (offset, count, deviation) => uniform(10 * seed + offset, count, deviation);
  /** @type {import('../../src/index.ts').SaeTensors} */
  const tensors = {
    W_enc: rowMajor(numbers(1, dIn * dSae, 1 / Math.sqrt(dIn)), dIn, dSae),
    W_dec: rowMajor(numbers(2, dSae * dOut, 1 / Math.sqrt(dIn)), dSae, dOut),
    b_dec: numbers(3, dOut, 0.2),
  };
  if (architecture === 'gated') {
    Object.assign(tensors, {
      b_gate: biases,
      b_mag: numbers(4, dSae, 0.1),
      r_mag: numbers(5, dSae, 0.2),
    });
  } else tensors.b_enc = biases;
  if (architecture === 'jumprelu') tensors.threshold = numbers(6, dSae, 0.1).map((value) => 0.5 + value);
  await saveSae(new Sae(full, tensors), folder);
}

/**
 * Evenly spread numbers of mean 0 and this standard deviation, by Park and Miller's generator.
 * @param {number} seed
 * @param {number} count
 * @param {number} deviation
 */
export function uniform(seed, count, deviation) {
  let state = seed + 1;
  for (let i = 0; i < 10; i++) state = (state * 48271) % 2147483647;
  const scale = deviation * Math.sqrt(12);
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647 - 0.5) * scale;
  });
}

/** @param {ArrayBufferView} array */
export function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
