// A study of a model in GGUF says what was quantised and how its rotary positions lie, and knows the file by its digest.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStudy, runStudy } from '../../src/index.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { expectOneLine } from '../helpers/expect.ts';

const FIXTURES = new URL('../fixtures/gguf/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'polyseme-gguf-run-'));
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  vi.stubEnv('HF_ASSETS_CACHE', at('assets'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test('the study, its model when it is explained, and another file under the name', async () => {
  const model = at('model.gguf');
  copyFileSync(join(FIXTURES, 'llama-half.gguf'), model);
  writeFileSync(
    at('text.txt'),
    'Fellow-citizens of the Senate and of the House of Representatives, we met. '.repeat(40),
  );
  const notes: string[] = [];
  const options = {
    model,
    data: at('text.txt'),
    out: at('study.db'),
    context: 32,
    layers: [1],
    examples: 4,
    threads: 1,
  };
  await runStudy({ ...options, onNote: (line) => notes.push(line) });
  expect(notes.join('\n')).toMatch(/rotary positions half/);

  const study = openStudy(options.out);
  expect(study.info().model).toMatchObject({
    source: model,
    architecture: 'llama',
    format: 'gguf',
    quantisation: '15 F16, 5 F32',
    ropeLayout: 'half',
  });
  expect(study.madeFrom()?.files.map(({ name }) => name)).toEqual(['model.gguf']);
  const explained = openExplained(study, { threads: 1 });
  expect((await explained.model()).source).toBe(model);
  await explained.close();
  study.close();

  copyFileSync(join(FIXTURES, 'llama.gguf'), model);
  await expectOneLine(() => runStudy(options), /model ropeLayout "half" there, "interleaved" asked/);
  // The same tensors, other bytes.
  writeFileSync(model, Buffer.concat([readFileSync(join(FIXTURES, 'llama-half.gguf')), Buffer.alloc(32)]));
  await expectOneLine(() => runStudy(options), /model.gguf \(sha256 \w+ there, \w+ now\)/);
});
