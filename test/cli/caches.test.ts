import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../helpers/cli.ts';
import { temporaryFolder } from '../helpers/expect.ts';

test('what is kept is listed, and removed when that is asked', async () => {
  const folder = temporaryFolder();
  const env = { HF_ASSETS_CACHE: join(folder, 'assets') };
  const model = join(folder, 'assets', 'polyseme', 'gguf', 'abc-v1');
  mkdirSync(model, { recursive: true });
  writeFileSync(join(model, 'model.safetensors'), Buffer.alloc(3000));
  const study = join(folder, 'study.db');
  writeFileSync(study, '');
  writeFileSync(join(folder, 'study.cache.db'), Buffer.alloc(500));
  const listed = JSON.parse((await cli(['caches', study, '--json'], { env })).stdout);
  expect(listed).toMatchObject([
    { kind: 'model from GGUF', path: model, bytes: 3000, cleared: false },
    { kind: 'results', path: join(folder, 'study.cache.db'), bytes: 500 },
  ]);
  const { stdout } = await cli(['caches', study, '--clear'], { env });
  expect(stdout).toMatch(/2 in all, 0\.0 MB, removed/);
  expect([existsSync(model), existsSync(join(folder, 'study.cache.db')), existsSync(study)]).toEqual([
    false,
    false,
    true,
  ]);
  expect((await cli(['caches'], { env })).stdout).toMatch(/0 in all/);
});
