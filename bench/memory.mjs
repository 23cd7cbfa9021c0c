// Peak memory of a whole run over all 36,864 neurons of a GPT-2-small-shaped model, 64 examples each, and whether
// it grows when the corpus doubles: units share rows of h, fewer of them in a longer corpus, up to one row an example
// (5.5 GB). Needs some 10 GB of disk and several minutes.
// Usage: node bench/memory.mjs [contexts=256]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gpt2SmallShape } from './model.mjs';
import { report } from './report.mjs';

const contexts = Number(process.argv[2] ?? 256);
const model = await gpt2SmallShape();
const cli = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');

function peak(count) {
  const dir = mkdtempSync(join(tmpdir(), 'polyseme-bench-'));
  const hook = `data:text/javascript,process.on('exit', () => process.stderr.write('PEAK ' + process.resourceUsage().maxRSS + '\\n'))`;
  const args = ['run', '--model', model, '--contexts', String(count), '--out', join(dir, 'study.db')];
  const { stderr, status } = spawnSync(process.execPath, ['--import', hook, cli, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  rmSync(dir, { recursive: true });
  if (status !== 0) throw new Error(stderr);
  return Number(/PEAK (\d+)/.exec(stderr)[1]) / 1e6;
}

const first = peak(contexts);
report(`peak memory, ${contexts} contexts`, first, 'GB', 7);
const second = peak(2 * contexts);
report(`peak memory, ${2 * contexts} contexts`, second, 'GB', 7);
report('ratio when the corpus doubles', second / first, '×', 1.05);
