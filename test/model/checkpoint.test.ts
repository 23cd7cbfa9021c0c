import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { resolveModel } from '../../src/model/locate.ts';
import { readTensor } from '../../src/tensors/safetensors.ts';
import { writeSafetensors } from '../../src/tensors/write-safetensors.ts';
import { readFiles, servedRepo, startHubServer } from '../helpers/hub-server.ts';

const FOLIO = new URL('../../models/folio-5m', import.meta.url).pathname;

let work: string;
beforeAll(() => {
  work = realpathSync(mkdtempSync(join(tmpdir(), 'polyseme-checkpoint-')));
});
afterAll(() => rmSync(work, { recursive: true }));

function folder(name: string, files: Record<string, unknown>): string {
  const dir = join(work, name);
  mkdirSync(dir, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(dir, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return dir;
}

const INDEX = 'model.safetensors.index.json';

describe('openCheckpoint', () => {
  test('one file', async () => {
    const { dir, config, tensors } = await openCheckpoint(FOLIO);
    expect(dir).toBe(FOLIO);
    expect(config).toMatchObject({ model_type: 'gpt2', n_embd: 256 });
    expect(tensors.size).toBeGreaterThan(40);
    for (const { file } of tensors.values()) expect(file).toBe(join(FOLIO, 'model.safetensors'));
  });

  test('shards with an index', async () => {
    const weight_map = { a: 'x-1.safetensors', b: 'x-2.safetensors', c: 'x-1.safetensors' };
    const dir = folder('shards', { 'config.json': {}, [INDEX]: { metadata: { total_size: 1 }, weight_map } });
    await writeSafetensors(join(dir, 'x-1.safetensors'), {
      a: { data: new Float32Array([1]), shape: [1] },
      c: { data: new Float32Array([3]), shape: [1] },
      unused: { data: new Float32Array([4]), shape: [1] },
    });
    await writeSafetensors(join(dir, 'x-2.safetensors'), { b: { data: new Float32Array([2]), shape: [1] } });
    const checkpoint = await openCheckpoint(dir);
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(checkpoint.tensors.get('b')?.file).toBe(join(dir, 'x-2.safetensors'));
    expect([...(await readTensor(checkpoint, 'c'))]).toEqual([3]);

    folder('shards', { [INDEX]: { weight_map: { ...weight_map, d: 'x-2.safetensors' } } });
    await expect(openCheckpoint(dir)).rejects.toThrow('x-2.safetensors holds tensor "d"; it does not');
    folder('shards', { [INDEX]: { weight_map: { ...weight_map, d: 'x-3.safetensors' } } });
    await expect(openCheckpoint(dir)).rejects.toThrow(
      `cannot read ${join(dir, 'x-3.safetensors')}: no such file`,
    );
  });

  test.each(['../x-1.safetensors', '/etc/passwd', 'a/b', 'a\\b', '..', '.', '', 'C:x', 'a\0b', 7, null])(
    'a shard named %j is refused',
    async (shard) => {
      const dir = folder('evil', { 'config.json': {}, [INDEX]: { weight_map: { w: shard } } });
      await expect(openCheckpoint(dir)).rejects.toThrow(
        `tensor "w" lies in ${JSON.stringify(shard)}, which is no file`,
      );
    },
  );

  test('folders that are none', async () => {
    const none = join(work, 'none');
    await expect(openCheckpoint(none)).rejects.toThrow(`cannot open the checkpoint ${none}: no such folder`);
    await expect(openCheckpoint(join(FOLIO, 'config.json'))).rejects.toThrow('not a folder');
    await expect(openCheckpoint(folder('empty', {}))).rejects.toThrow('has no config.json');
    const config = { 'config.json': {} };
    await expect(openCheckpoint(folder('bare', config))).rejects.toThrow('has neither model.safetensors nor');
    const torch = folder('torch', { ...config, 'pytorch_model.bin': 'x' });
    await expect(openCheckpoint(torch)).rejects.toThrow(
      /only as pytorch_model\.bin.*convert it once.*save_pretrained/,
    );
    await expect(openCheckpoint(folder('no-map', { ...config, [INDEX]: {} }))).rejects.toThrow(
      'has no weight_map',
    );
    await expect(openCheckpoint(folder('list', { 'config.json': [] }))).rejects.toThrow(
      'is not a JSON object',
    );
    await expect(openCheckpoint(folder('json', { 'config.json': '{\n"a":\n}' }))).rejects.toThrow(
      /^[^\n]*valid JSON/,
    );
    const huge = folder('huge', { 'config.json': `{}${' '.repeat(17 << 20)}` });
    await expect(openCheckpoint(huge)).rejects.toThrow('(limit 16777216)');
  });
});

describe('resolveModel', () => {
  afterEach(() => vi.unstubAllEnvs());

  test('a folder, and what is built in', async () => {
    expect(await resolveModel(FOLIO)).toBe(FOLIO);
    expect(await resolveModel('models/folio-5m')).toBe(FOLIO);
    const builtin = await resolveModel('builtin:folio-5m');
    expect((await openCheckpoint(builtin)).config).toMatchObject({ n_embd: 256 });
    await expect(resolveModel('builtin:gpt5')).rejects.toThrow(
      'there is no builtin:gpt5; built in: builtin:digits, builtin:folio-5m',
    );
    await expect(resolveModel('builtin:..')).rejects.toThrow('there is no builtin:..');
  });

  test('what looks like a path and is none', async () => {
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
    const paths = [
      './none',
      '/none',
      '../x/y',
      '~/none',
      'none/',
      'a/b/c',
      'C:\\x',
      'x/y.safetensors',
      'a b',
      '',
    ];
    for (const path of paths) {
      await expect(resolveModel(path), path).rejects.toThrow(
        `the model ${JSON.stringify(path)} does not exist`,
      );
    }
    const file = join(FOLIO, 'model.safetensors');
    await expect(resolveModel(file)).rejects.toThrow('is a file: give the folder that holds it');
  });

  test('a hub id, old single names too', async () => {
    const files = readFiles(FOLIO);
    const server = await startHubServer([
      servedRepo('model', 'folio', files),
      servedRepo('model', 'a/folio-5m', files),
    ]);
    vi.stubEnv('HF_ENDPOINT', server.url);
    vi.stubEnv('HF_HOME', join(work, 'home'));
    vi.stubEnv('HF_HUB_CACHE', undefined);
    vi.stubEnv('HF_TOKEN', undefined);
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    const commit = server.repos[0].refs['main'];
    expect(await resolveModel('folio')).toBe(join(work, 'home/hub/models--folio/snapshots', commit));
    const dir = await resolveModel(`a/folio-5m@${commit}`);
    expect(dir).toBe(join(work, 'home/hub/models--a--folio-5m/snapshots', commit));
    const { tensors } = await openCheckpoint(dir);
    for (const { file } of tensors.values()) expect(file).toContain('/blobs/');
    await expect(resolveModel('a/none')).rejects.toThrow(
      /does not give the model a\/none \(status 401\).*folder "a\/none" does not/,
    );
    await server.close();
  });
});
