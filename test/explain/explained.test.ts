import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { writeCheckpoint } from '../helpers/tiny-checkpoint.ts';
import { PLANTED, plantedStudy, plantedTensors, type StudyFiles } from './planted.ts';

let files: StudyFiles;
let study: Study;

beforeAll(async () => {
  files = await plantedStudy();
  study = openStudy(files.study);
});

/** The study as an older version wrote it: without digests of its inputs. */
const older = (): Study =>
  Object.assign(Object.create(study) as Study, { ...bound(study), madeFrom: () => null });

function bound(of: Study): Partial<Study> {
  return { path: of.path, info: () => of.info() };
}

/** A checkpoint like the planted one, but for what is changed. */
function otherModel(change: object, weight = 0): string {
  const dir = join(mkdtempSync(join(tmpdir(), 'polyseme-other-')), 'model');
  const tensors = plantedTensors();
  tensors['wte.weight']!.data[0]! += weight;
  writeCheckpoint(dir, { config: { ...PLANTED.config, ...change }, tensors });
  return dir;
}

describe('a study with its model', () => {
  it('opens the model that the study was made with, once', async () => {
    const explained = openExplained(study, { threads: 1 });
    const model = await explained.model();
    expect(model.source).toBe(files.model);
    expect(await explained.model()).toBe(model);
    const bank = await explained.bank('mlp.1');
    expect(bank).toMatchObject({ name: 'mlp.1', units: 24, width: 32, sae: null });
    await explained.close();
  });

  it('takes the same model from another folder', async () => {
    const explained = openExplained(study, { model: otherModel({}), threads: 1 });
    expect((await explained.model()).config.layers).toBe(2);
    await explained.close();
  });

  it('refuses another model, and says what differs', async () => {
    const changed = openExplained(study, { model: otherModel({}, 0.5) });
    await expect(changed.model()).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(
        /is not the one that .*study\.db was made with: model\.safetensors \(sha256 /,
      ),
    });
    const explained = openExplained(study, { model: otherModel({ layer_norm_epsilon: 1e-6 }) });
    await expect(explained.model()).rejects.toThrow(/config\.json \(sha256 [0-9a-f]{12} there/);
    // It can be asked again: the error is not kept in place of a model.
    await expect(explained.bank('mlp.0')).rejects.toThrow(/config\.json/);
  });

  it('tells models apart by their sizes where the study has no digests', async () => {
    const same = openExplained(older(), { model: otherModel({ layer_norm_epsilon: 1e-6 }), threads: 1 });
    expect((await same.model()).config.width).toBe(32);
    await same.close();
    const other = openExplained(older(), { model: 'builtin:folio-5m' });
    await expect(other.model()).rejects.toThrow(/: layers 2 there, 4 now; width 32 there, 256 now; /);
  });

  it('says what is missing', async () => {
    const nowhere = openExplained(study, { model: join(files.model, 'none') });
    await expect(nowhere.model()).rejects.toMatchObject({ code: 'not-found' });
    const explained = openExplained(study, { threads: 1 });
    await expect(explained.bank('mlp.7')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('has no bank mlp.7 (it has mlp.0, mlp.1)'),
    });
    await explained.close();
    const given = Object.assign(older(), {
      info: () => ({ ...study.info(), model: { architecture: 'given' } }),
    });
    await expect(openExplained(given).model()).rejects.toThrow(/without a model/);
    writeFileSync(join(files.model, 'config.json'), '{}');
    await expect(openExplained(study).model()).rejects.toMatchObject({ name: 'PolysemeError' });
  });
});
