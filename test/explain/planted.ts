import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../src/base/random.ts';
import type { RunStudyOptions } from '../../src/run/open-run.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { gpt2Shapes } from '../helpers/reference-gpt2.ts';
import { randomTensors, type Tensor, type Tensors, writeCheckpoint } from '../helpers/tiny-checkpoint.ts';

/**
 * A small GPT-2 whose weights are built so that one unit is known to do two things. Its text is letters, a token each.
 * A head of layer 0 looks at the token before. The unit `mlp.0/2` fires at the letter `o` where the letter before is of
 * the first set (a, b, c: it then raises `p`) or of the second one (x, y, z: it then raises `q`), through two directions
 * of its input. At any other place its activation is 0. The unit `mlp.1/5` of the next layer reads the same two
 * directions (the twin). All other units read what tells the other letters apart, and write next to nothing.
 */
export const PLANTED = {
  unit: { bank: 'mlp.0', index: 2 },
  twin: { bank: 'mlp.1', index: 5 },
  /** The letters before the peak that make the unit fire: of its two features. */
  sets: ['abc', 'xyz'],
  /** The letter at the peak. */
  trigger: 'o',
  /** The letter that each feature raises. */
  continuations: ['p', 'q'],
  config: {
    model_type: 'gpt2',
    n_embd: 32,
    n_head: 1,
    n_layer: 2,
    n_inner: 24,
    n_positions: 24,
    vocab_size: 32,
    activation_function: 'relu',
    tie_word_embeddings: false,
    layer_norm_epsilon: 1e-5,
  },
} as const;

/** The id of a letter in the tokenizer of `writeCheckpoint`. */
export function letterId(letter: string): number {
  return letter.charCodeAt(0) - 95;
}

/** What the residual stream holds, by the number of its pair of dimensions (value, −value): so its mean is always 0. */
const READS = {
  first: 0,
  second: 1,
  trigger: 2,
  noise: 3,
  before: 6,
  beforeSecond: 7,
  p: 8,
  q: 9,
  place: 10,
};
const PAIRS = 16;
/** Size of a letter's meaning; the rest of its embedding, of length 1, tells letters apart. */
const MEANING = 0.8;

/** The weights, as the float64 reference takes them. */
export function plantedTensors(): Tensors {
  const { config, unit, twin, sets, trigger, continuations } = PLANTED;
  const { n_embd: d, n_inner: inner, n_positions: positions, vocab_size: vocabulary } = config;
  const tensors: Tensors = {};
  const shapes: Record<string, readonly number[]> = {
    ...gpt2Shapes(config),
    'lm_head.weight': [vocabulary, d],
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const gamma = /(ln_\w|norm)\.weight$/.test(name);
    const data = new Float64Array(shape.reduce((a, b) => a * b)).fill(gamma ? 1 : 0);
    tensors[name] = { shape, data };
  }
  const get = (name: string): Tensor => tensors[name]!;
  const random = createRandom(11);
  const noise = () => 2 * random.next() - 1;
  const writePair = (to: Float64Array, pair: number, value: number): void => {
    to[2 * pair]! += value;
    to[2 * pair + 1]! -= value;
  };

  for (let id = 0; id < vocabulary; id++) {
    const row = get('wte.weight').data.subarray(id * d, (id + 1) * d);
    const letter = id > 1 && id < 28 ? String.fromCharCode(95 + id) : '';
    const set = letter === '' ? -1 : sets.findIndex((letters) => letters.includes(letter));
    const meaning = set >= 0 ? READS.first + set : letter === trigger ? READS.trigger : -1;
    const apart = [noise(), noise(), noise()];
    const length = Math.hypot(...apart);
    const rest = meaning < 0 ? 1 : Math.sqrt(1 - MEANING ** 2);
    apart.forEach((value, i) => {
      writePair(row, READS.noise + i, (rest * value) / length);
    });
    if (meaning >= 0) writePair(row, meaning, MEANING);
  }
  const angle = (2 * Math.PI) / positions;
  for (let t = 0; t < positions; t++) {
    const row = get('wpe.weight').data.subarray(t * d, (t + 1) * d);
    writePair(row, READS.place, Math.cos(angle * t));
    writePair(row, READS.place + 1, Math.sin(angle * t));
  }

  // Head of layer 0: the query is the place before, the key one's own, so that almost all goes to the token before.
  const qkv = get('h.0.attn.c_attn.weight').data;
  const read = (pair: number, column: number, value: number): void => {
    qkv[2 * pair * 3 * d + column]! += value;
  };
  const [sharp, cos, sin] = [60, Math.cos(angle), Math.sin(angle)];
  read(READS.place, 0, sharp * cos);
  read(READS.place + 1, 0, sharp * sin);
  read(READS.place + 1, 1, sharp * cos);
  read(READS.place, 1, -sharp * sin);
  read(READS.place, d, sharp);
  read(READS.place + 1, d + 1, sharp);
  // All embeddings have one length: LayerNorm divides by this.
  const deviation = Math.sqrt(2 / PAIRS);
  for (let set = 0; set < 2; set++) {
    read(READS.first + set, 2 * d + set, deviation);
    const out = get('h.0.attn.c_proj.weight').data.subarray(set * d, (set + 1) * d);
    writePair(out, READS.before + set, 1);
  }

  for (let layer = 0; layer < 2; layer++) {
    const own = layer === 0 ? unit.index : twin.index;
    const up = get(`h.${layer}.mlp.c_fc.weight`).data;
    const bias = get(`h.${layer}.mlp.c_fc.bias`).data;
    const down = get(`h.${layer}.mlp.c_proj.weight`).data;
    const reads = (index: number, pair: number, value: number): void => {
      up[2 * pair * inner + index]! += value / 2;
      up[(2 * pair + 1) * inner + index]! -= value / 2;
    };
    for (let index = 0; index < inner; index++) {
      const out = down.subarray(index * d, (index + 1) * d);
      if (index !== own) {
        for (let i = 0; i < 3; i++) reads(index, READS.noise + i, noise());
        bias[index] = -0.4;
        writePair(out, 12 + random.integer(4), 0.01 * noise());
        continue;
      }
      reads(index, READS.before, 3);
      reads(index, READS.beforeSecond, 3);
      reads(index, READS.trigger, 1.2);
      bias[index] = -6.4;
      if (layer === 1) writePair(out, 12, 0.02);
      else for (const pair of [READS.p, READS.q]) writePair(out, pair, 0.25);
    }
  }

  continuations.forEach((letter, set) => {
    const at = letterId(letter) * d;
    const head = get('lm_head.weight').data.subarray(at, at + d);
    writePair(head, READS.p + set, 2);
    // After the other set this letter is out of the question.
    writePair(head, READS.before + (1 - set), -2);
  });
  for (const { data } of Object.values(tensors)) data.set(data.map(Math.fround));
  return tensors;
}

/** Texts in which both sets, the trigger and the continuations stand, together and apart. */
export function plantedTexts(count = 120): string[] {
  const random = createRandom(12);
  const pick = (letters: string): string => letters[random.integer(letters.length)]!;
  const others = 'defghijklmnrstuvw';
  const pieces = [
    () => `${pick('abc')}op`,
    () => `${pick('xyz')}oq`,
    () => `${pick(others)}o${pick(others)}`,
    () => pick('abcxyz') + pick(others),
  ];
  return Array.from({ length: count }, () => {
    let text = '';
    while (text.length < 21) {
      const filler = Array.from({ length: 2 + random.integer(3) }, () => pick(others)).join('');
      text += filler + pieces[random.integer(pieces.length)]!();
    }
    return text;
  });
}

export interface StudyFiles {
  /** Folder of the checkpoint. */
  readonly model: string;
  readonly data: string;
  readonly study: string;
}

/** Writes the planted model and its text, and runs a study of all units. */
export function plantedStudy(options: RunStudyOptions = {}): Promise<StudyFiles> {
  return studyOf({ config: PLANTED.config, tensors: plantedTensors() }, options);
}

/** A study of a model of letters over the planted text. */
export async function studyOf(
  checkpoint: { config: object; tensors: Tensors },
  options: RunStudyOptions = {},
): Promise<StudyFiles> {
  const dir = mkdtempSync(join(tmpdir(), 'polyseme-planted-'));
  const files = { model: join(dir, 'model'), data: join(dir, 'texts.jsonl'), study: join(dir, 'study.db') };
  writeCheckpoint(files.model, checkpoint);
  writeFileSync(
    files.data,
    plantedTexts()
      .map((text) => `${JSON.stringify({ text })}\n`)
      .join(''),
  );
  await runStudy({
    model: files.model,
    data: files.data,
    out: files.study,
    context: 24,
    examples: 64,
    threads: 1,
    ...options,
  });
  return files;
}

/** A small GPT-2 of random weights, in which every token counts for every unit. */
export const RANDOM = {
  config: {
    ...PLANTED.config,
    n_embd: 16,
    n_head: 2,
    n_inner: 12,
    activation_function: 'gelu_new',
    tie_word_embeddings: true,
  },
} as const;

export function randomModelTensors(): Tensors {
  return randomTensors(gpt2Shapes(RANDOM.config), 5);
}
