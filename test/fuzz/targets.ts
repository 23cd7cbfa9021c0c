// Every parser of files from outside, with whole files that it reads: what fuzzing changes.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ActivationSource } from '../../src/activations/activation-source.ts';
import { openCache, writeCache } from '../../src/activations/cache.ts';
import { imageSize } from '../../src/corpus/images/decode.ts';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { encodePng } from '../../src/corpus/images/png.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { readNotes } from '../../src/explain/notes.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readModel } from '../../src/model/compile.ts';
import { readGguf } from '../../src/model/gguf/read-gguf.ts';
import { readOnnx } from '../../src/onnx/read-onnx.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import type { SaeTrainerState } from '../../src/sae/trainer/state.ts';
import { readRun } from '../../src/server/trainings/training-run.ts';
import { readNoteLines } from '../../src/study/notes-file.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { verifyStudy } from '../../src/study/verify.ts';
import { openTensors } from '../../src/tensors/open-tensors.ts';
import { loadTokenizer } from '../../src/tokenizer/load-tokenizer.ts';
import { readCheckpoint, writeCheckpoint } from '../../src/train/saved-trainer.ts';
import { tinyTokenizer } from '../helpers/tiny-checkpoint.ts';
import { writeSmallStudy } from '../helpers/written-study.ts';
import { writeRun } from '../helpers/written-training.ts';
import { SHARD_TARGETS } from './shard-targets.ts';
import { SITE_TARGETS } from './site-targets.ts';
import type { Target } from './target.ts';
import { tinyModel } from './tiny-model.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url).pathname;

const written = (name: string, bytes: string | Uint8Array) => (folder: string) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const copied = (name: string) => (folder: string) =>
  written(name.split('/').at(-1)!, readFileSync(FIXTURES + name))(folder);
/** The whole folder of a fixture, of which one file is changed. */
const beside = (name: string) => (folder: string) => {
  cpSync(dirname(FIXTURES + name), folder, { recursive: true });
  return join(folder, name.split('/').at(-1)!);
};

async function drain(documents: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of documents);
}
const corpus = async (path: string): Promise<void> => drain((await openCorpus(path)).documents());
const images = async (path: string): Promise<void> => {
  for await (const image of (await openImages(path)).images()) await image.load();
};
const sae = (path: string): unknown => loadSae(dirname(path));
const model = async (path: string): Promise<void> => {
  readModel(await openCheckpoint(dirname(path)));
};
const tensors = async (path: string): Promise<void> => {
  const file = await openTensors(path, path);
  try {
    for (const name of file.tensors.keys()) await file.read(name);
  } finally {
    await file.close();
  }
};
const tokenizer = async (path: string): Promise<void> => {
  (await loadTokenizer(dirname(path))).encode('The captain of the ship, 12 “knots”.\n\u{1f6a2}');
};

const JSON_LINES = `${JSON.stringify({ text: 'the first', other: [1, null] })}\n${JSON.stringify({ text: ['a', 'b'] })}\n`;
const CSV = 'id,text\r\n1,"a ""quoted"" text, with\nlines"\r\n2,plain\r\n';
const PIXELS = {
  width: 5,
  height: 4,
  channels: 3 as const,
  data: Uint8Array.from({ length: 60 }, (_, i) => i * 4),
};
/** Three pictures of 4 × 4 in the format of MNIST. */
const IDX = Uint8Array.from([
  0,
  0,
  8,
  3,
  0,
  0,
  0,
  3,
  0,
  0,
  0,
  4,
  0,
  0,
  0,
  4,
  ...Array.from({ length: 48 }, (_, i) => i),
]);

/** Vectors of two blocks, cached. */
async function cache(folder: string, name: string): Promise<string> {
  const origin = {
    model: 'm',
    modelDigest: 'd',
    site: 's',
    data: 'x',
    column: 'text',
    context: 8,
    bos: false,
    contexts: null,
  };
  const source: ActivationSource = {
    origin,
    width: 2,
    blockSize: 1500,
    async *pass() {
      yield { vectors: Float32Array.from({ length: 3000 }, (_, i) => i / 100), cursor: 1, done: 1 };
    },
    async close() {},
  };
  await writeCache({ source, out: folder, tokens: 1500 });
  return join(folder, name);
}

async function readCache(path: string): Promise<unknown> {
  const source = await openCache(dirname(path));
  try {
    const blocks: number[][] = [];
    for await (const { vectors } of source.pass(0)) blocks.push([...vectors]);
    return { manifest: source.manifest, blocks };
  } finally {
    await source.close();
  }
}

/** A trainer's state and its buffer, saved. */
async function trainerState(folder: string, name: string): Promise<string> {
  const state = {
    version: 1,
    settings: { seed: 3 },
    counters: { step: 7 },
    arrays: { weights: Float32Array.of(1, 2, 3), counts: Uint32Array.of(4, 5) },
  } as unknown as SaeTrainerState;
  const buffer = { vectors: Float32Array.of(1, 2), batches: 1, cursor: { epoch: 0, after: 1 } };
  await writeCheckpoint(folder, { step: 7, buffer, trainers: [() => state] });
  return join(folder, 'checkpoint-7', name);
}

async function readTrainer(path: string): Promise<unknown> {
  const saved = await readCheckpoint(dirname(dirname(path)));
  return saved && { ...saved, trainer: await saved.trainer(0) };
}

/** A study of two banks. */
function study(folder: string): string {
  const path = join(folder, 'study.db');
  writeSmallStudy(path);
  return path;
}

/** All of a study that is read for an answer, and what `info --verify` looks at. */
function readStudy(path: string): unknown {
  const opened = openStudy(path);
  try {
    const banks = opened.info().banks.map(({ name }) =>
      opened.units({ bank: name }).map(({ index }) => ({
        unit: opened.unit(name, index),
        inputs: opened.inputs(name, index),
        tree: opened.tree(name, index),
        histogram: opened.histogram(name, index),
      })),
    );
    return {
      verified: verifyStudy(path),
      banks,
      columns: opened.columns(),
      contexts: opened.sampleContexts(2),
    };
  } finally {
    opened.close();
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
  }
}

/** A site's first: of what a long run reads last the least is known, should it be stopped. */
export const TARGETS: readonly Target[] = [
  ...SITE_TARGETS,
  { name: 'safetensors', make: copied('sae/golden/sl-standard/sae_weights.safetensors'), read: tensors },
  { name: 'torch, zip', make: copied('sae/golden/dl-topk/ae.pt'), read: tensors },
  { name: 'torch before 1.6', make: copied('sae/golden/dl-legacy/ae.pt'), read: tensors },
  {
    name: 'npz',
    make: copied(
      'sae/golden/gs-res-compressed/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71/params.npz',
    ),
    read: tensors,
  },
  { name: 'SAE, cfg.json', make: beside('sae/golden/sl-topk/cfg.json'), read: sae, json: true },
  { name: 'SAE, config.json', make: beside('sae/golden/dl-matryoshka/config.json'), read: sae, json: true },
  { name: 'GGUF', make: copied('gguf/llama.gguf'), read: readGguf },
  { name: 'GGUF, BERT', make: copied('gguf/bert.gguf'), read: readGguf },
  {
    name: 'ONNX',
    make: written('gated.onnx', gunzipSync(readFileSync(`${FIXTURES}onnx/gated.onnx.gz`))),
    read: readOnnx,
  },
  { name: 'config.json, llama', make: beside('families/models/llama/config.json'), read: model, json: true },
  { name: 'config.json, bert', make: beside('families/models/bert/config.json'), read: model, json: true },
  {
    name: 'config.json, mixtral',
    make: beside('families/models/mixtral/config.json'),
    read: model,
    json: true,
  },
  {
    name: 'index of shards',
    make(folder) {
      tinyModel(folder, 2);
      return join(folder, 'model.safetensors.index.json');
    },
    read: model,
    json: true,
  },
  {
    name: 'weights of a model',
    make(folder) {
      tinyModel(folder);
      return join(folder, 'model.safetensors');
    },
    read: model,
  },
  {
    name: 'tokenizer.json',
    make: written('tokenizer.json', JSON.stringify(tinyTokenizer(40))),
    read: tokenizer,
    json: true,
  },
  {
    name: 'tokenizer.json, bytes',
    make: written('tokenizer.json', JSON.stringify(tinyTokenizer(40))),
    read: tokenizer,
  },
  { name: 'JSON lines', make: written('texts.jsonl', JSON_LINES), read: corpus },
  {
    name: 'JSON',
    make: written('texts.json', JSON.stringify([{ text: 'a' }, { text: ['b', 'c'] }])),
    read: corpus,
  },
  { name: 'CSV', make: written('texts.csv', CSV), read: corpus },
  { name: 'Parquet', make: copied('corpus/snappy.parquet'), read: corpus },
  { name: 'Parquet of several pages', make: copied('corpus/pages-v2.parquet'), read: corpus },
  { name: 'gzipped text', make: written('texts.jsonl.gz', gzipSync(JSON_LINES)), read: corpus },
  { name: 'idx', make: written('x-images-idx3-ubyte', IDX), read: images },
  { name: 'idx, gzipped', make: written('x-images-idx3-ubyte.gz', gzipSync(IDX)), read: images },
  { name: 'PNG', make: written('a.png', encodePng(PIXELS)), read: images },
  {
    name: 'head of a picture',
    make: written('a.png', encodePng(PIXELS)),
    read: (path) => imageSize(readFileSync(path), path),
  },
  {
    name: 'notes',
    make: written(
      'study.notes.jsonl',
      `${JSON.stringify({ kind: 'note', at: '2026-01-01T00:00:00Z', bank: 'mlp.0', index: 1, place: null, star: true, note: 'a' })}\n`,
    ),
    read: (path) => readNotes(readNoteLines(path)),
    lenient: true,
  },
  {
    name: 'run.json of a training',
    make(folder) {
      writeRun(folder);
      return join(folder, 'run.json');
    },
    read: readRun,
    json: true,
  },
  { name: 'study', make: study, read: readStudy, checked: true, isolated: true },
  {
    name: 'activations, shard',
    make: (folder) => cache(folder, 'activations-00000.safetensors'),
    read: readCache,
    checked: true,
  },
  {
    name: 'activations, manifest',
    make: (folder) => cache(folder, 'manifest.json'),
    read: readCache,
    json: true,
    checked: true,
  },
  {
    name: 'checkpoint, state',
    make: (folder) => trainerState(folder, 'state.json'),
    read: readTrainer,
    json: true,
    checked: true,
  },
  {
    name: 'checkpoint, buffer',
    make: (folder) => trainerState(folder, 'buffer.safetensors'),
    read: readTrainer,
    checked: true,
  },
  {
    name: 'checkpoint, trainer',
    make: (folder) => trainerState(folder, 'trainer-0.safetensors'),
    read: readTrainer,
    checked: true,
  },
  ...SHARD_TARGETS,
];
