// Every example in the documentation of a public name runs, as it stands, and prints what its comments say: one after
// another in one process, on the built package with few neurons.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as polyseme from 'polyseme';
import { transformWithOxc } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallPackage } from './small-package.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What is printed before and after an example. */
const [BEGINS, ENDS] = ['>>> ', '<<<'];

interface Example {
  readonly name: string;
  readonly code: string;
}

/** The examples above exported declarations that the index exports. */
function examplesOf(file: string): Example[] {
  const source = readFileSync(file, 'utf8');
  const found: Example[] = [];
  for (const [, comment, name] of source.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?(?:function\*?|class|const) (\w+)/g,
  )) {
    const code = comment!.split('@example')[1];
    if (code === undefined || !(name! in polyseme)) continue;
    found.push({ name: name!, code: code.replaceAll(/^ \* ?/gm, '').trim() });
  }
  return found;
}

const examples = globSourceFiles().flatMap(examplesOf);
/** Those of a queue need its server, and each other: test/run/queue/queue.test.ts runs them. */
const QUEUE = ['runQueued', 'startWorker'];
const run = examples.filter(({ name }) => !QUEUE.includes(name));
/** What each printed, and how the process ended in which they ran, one after another. */
const printed = new Map<string, string>();
let ended: { status: number | null; stderr: string };
const functions = Object.entries(polyseme).filter(([, value]) => typeof value === 'function');

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'polyseme-examples-'));
  const config = polyseme.saeConfig({ architecture: 'standard', dIn: 2, dSae: 2 });
  const identity = polyseme.rowMajor(Float32Array.of(1, 0, 0, 1), 2, 2);
  const zeros = new Float32Array(2);
  const sae = new polyseme.Sae(config, { W_enc: identity, b_enc: zeros, W_dec: identity, b_dec: zeros });
  await polyseme.saveSae(sae, join(folder, 'my-sae'));
  const residual = polyseme.saeConfig({
    architecture: 'topk',
    dIn: 256,
    dSae: 512,
    k: 8,
    hookName: 'blocks.2.hook_resid_post',
  });
  const wave = (length: number) => Float32Array.from({ length }, (_, i) => 0.1 * Math.sin(i * i));
  const random = new polyseme.Sae(residual, {
    W_enc: polyseme.rowMajor(wave(256 * 512), 256, 512),
    b_enc: new Float32Array(512),
    W_dec: polyseme.rowMajor(wave(512 * 256), 512, 256),
    b_dec: new Float32Array(256),
  });
  await polyseme.saveSae(random, join(folder, 'folio-sae'));
  const library = JSON.stringify(join(smallPackage(join(folder, 'package'), 48), '../../index.js'));
  const parts = [
    `import { runStudy } from ${library};
    await runStudy({ contexts: 4, layers: [0, 1], examples: 4, out: 'study.db' });`,
  ];
  for (const { name, code } of run) {
    const imported = Object.keys(polyseme).filter((key) => new RegExp(`\\b${key}\\b`).test(code));
    const { code: plain } = await transformWithOxc(`${code}\nexport {};`, 'example.ts');
    // runStudy's example makes a study of its own.
    const own = name === 'runStudy' ? plain.replace(/(['"])study\.db\1/, "'other.db'") : plain;
    writeFileSync(join(folder, `${name}.mjs`), `import { ${imported.join(', ')} } from ${library};\n${own}`);
    parts.push(`console.log('${BEGINS}${name}');
      await import('./${name}.mjs').then(() => console.log('${ENDS}'), (error) => console.error('${name}', error));`);
  }
  writeFileSync(join(folder, 'all.mjs'), parts.join('\n'));
  const how = { cwd: folder, encoding: 'utf8', timeout: 240_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['all.mjs'], how);
  ended = { status, stderr };
  for (const part of stdout.split(BEGINS).slice(1)) {
    const [first, ...rest] = part.split('\n');
    const end = rest.indexOf(ENDS);
    if (end !== -1) printed.set(first!, rest.slice(0, end).join('\n'));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('examples of the public API', () => {
  it('are there for every function and class', () => {
    const documented = new Set(examples.map(({ name }) => name));
    const without = functions.map(([name]) => name).filter((name) => !documented.has(name));
    const errors = functions
      .filter(([, value]) => (value as { prototype?: unknown }).prototype instanceof Error)
      .map(([name]) => name);
    expect(without.sort()).toEqual(errors.sort());
  });

  it.each(run.map(({ name }) => name))('%s', (name) => {
    const { code } = run.find((example) => example.name === name)!;
    const output = printed.get(name);
    expect(output, 'it did not end').toBeDefined();
    const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*?)(?:: .*)?$/gm)].map(([, text]) => text!);
    if (said.length > 0) expect(plainText(output!)).toBe(said.map(plainText).join(''));
  });

  it('end by themselves, and none complains', () => expect(ended).toEqual({ status: 0, stderr: '' }));
});

function plainText(text: string): string {
  return text.replaceAll(/\s/g, '');
}

function globSourceFiles(): string[] {
  const out = execFileSync('git', ['ls-files', 'src'], { cwd: ROOT, encoding: 'utf8' });
  return out
    .split('\n')
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(ROOT, path));
}
