// `npm run test:real`: runs the Python of docs/own-activations.md in a virtual environment and compares what it writes
// with the committed fixtures. It downloads PyTorch; PYTHON names an interpreter that has everything already.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fixtures = fileURLToPath(new URL('../fixtures/own-activations/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'polyseme-real-'));
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });

/** The tensors of a safetensors file of F32 and I64, by name. */
function tensors(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const { __metadata__, ...header } = JSON.parse(bytes.subarray(8, 8 + length).toString());
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        const data = bytes.buffer.slice(
          bytes.byteOffset + 8 + length + start,
          bytes.byteOffset + 8 + length + end,
        );
        const values =
          dtype === 'I64' ? Array.from(new BigInt64Array(data), Number) : [...new Float32Array(data)];
        return [name, { dtype, shape: shape.join(), values }];
      },
    ),
  );
}

/** Throws unless two folders hold the same tensors, to what float32 differs by between versions and machines. */
function compare(written, expected) {
  const files = readdirSync(expected).filter((name) => name.endsWith('.safetensors'));
  let worst = 0;
  for (const file of files) {
    const [mine, theirs] = [tensors(join(written, file)), tensors(join(expected, file))];
    for (const [name, { dtype, shape, values }] of Object.entries(theirs)) {
      const own = mine[name];
      if (own?.dtype !== dtype || own.shape !== shape)
        throw new Error(`${written}/${file}: ${name} is ${own?.dtype} [${own?.shape}]`);
      values.forEach((value, i) => {
        worst = Math.max(worst, Math.abs(value - own.values[i]) / Math.max(1, Math.abs(value)));
      });
    }
  }
  if (!(worst < 1e-4)) throw new Error(`${written} differs from ${expected} by ${worst}`);
  const bank = (dir) => JSON.stringify(JSON.parse(readFileSync(join(dir, 'bank.json'), 'utf8')));
  if (bank(written) !== bank(expected)) throw new Error(`${written}/bank.json is ${bank(written)}`);
  console.log(`${files.length} files as in ${expected}, largest difference ${worst}`);
}

try {
  let python = process.env.PYTHON;
  if (python === undefined) {
    run('python3', '-m', 'venv', join(folder, 'venv'));
    python = join(folder, 'venv/bin/python');
    if (!existsSync(python)) throw new Error(`there is no ${python}: set PYTHON`);
    run(python, '-m', 'pip', 'install', '--quiet', 'torch', 'transformers', 'safetensors', 'nnsight');
  }
  const texts = join(fixtures, 'texts.txt');
  run(python, join(fixtures, 'tiny_models.py'), folder);
  for (const model of ['gpt2', 'llama']) {
    // The committed checkpoints: random weights may differ between versions of PyTorch.
    run(
      python,
      join(fixtures, 'hooks.py'),
      join(fixtures, model),
      '1',
      texts,
      join(folder, `hooks-${model}`),
    );
    compare(join(folder, `hooks-${model}`), join(fixtures, `hooks-${model}`));
  }
  run(
    python,
    join(fixtures, 'nnsight_traces.py'),
    join(fixtures, 'gpt2'),
    '1',
    texts,
    join(folder, 'nnsight'),
  );
  compare(join(folder, 'nnsight'), join(fixtures, 'hooks-gpt2'));
  console.log(`scripts of ${dirname(fixtures)}: all as committed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
