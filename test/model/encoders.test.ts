import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { relativeBucket } from '../../src/model/architectures/mpnet.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { type ModelFiles, readModel, sitesOf } from '../../src/model/compile.ts';
import { resolveModel } from '../../src/model/locate.ts';
import { siteNamed } from '../../src/model/sites.ts';
import { FAMILIES, farthest, readFixture, runRows } from '../helpers/families.ts';
import { encodeSafetensors, readTensors, type Tensors } from '../helpers/tiny-checkpoint.ts';

const work = mkdtempSync(join(tmpdir(), 'polyseme-encoders-'));
afterAll(() => rmSync(work, { recursive: true }));

/** A fixture with other tensors. */
async function changed(name: string, of: string, change: (tensors: Tensors) => Tensors): Promise<ModelFiles> {
  const dir = join(work, name);
  cpSync(join(FAMILIES, of), dir, { recursive: true });
  const tensors = readTensors(join(dir, 'model.safetensors'));
  writeFileSync(join(dir, 'model.safetensors'), encodeSafetensors(change(tensors)));
  return readModel(await openCheckpoint(dir));
}

const renamed = (rename: (name: string) => string) => (tensors: Tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));

describe.each(['bert', 'roberta', 'distilbert', 'mpnet', 'modernbert'])('%s', (name) => {
  it('gives a position the same bits in any block and with any padding', async () => {
    const { dir, rows } = readFixture(name);
    const files = readModel(await openCheckpoint(dir));
    const sites = [...sitesOf(files).keys()];
    const short = { tokens: rows[0]!.tokens.slice(0, 2) };
    const all = [short, ...rows, short];
    const together = await runRows(files, all, sites);
    for (const [i, row] of all.entries()) {
      const [alone] = await runRows(files, [row], sites);
      for (const site of sites) expect(together[i]!.get(site), `${site} of ${i}`).toEqual(alone!.get(site));
    }
    // What follows does count: the mask hides padding, not text.
    const [longer] = await runRows(
      files,
      [{ tokens: rows[0]!.tokens.slice(0, 3) }],
      ['blocks.1.mlp.hook_in'],
    );
    const width = files.model.width;
    expect(longer!.get('blocks.1.mlp.hook_in')!.slice(0, width)).not.toEqual(
      together[0]!.get('blocks.1.mlp.hook_in')!.slice(0, width),
    );
  });
});

describe('files', () => {
  it('with another prefix or none, with the norms’ early names, with other heads beside', async () => {
    const { rows, expected } = readFixture('bert');
    const variants: [string, (tensors: Tensors) => Tensors][] = [
      ['bare', renamed((name) => name.replace(/^bert\./, ''))],
      [
        'early',
        renamed((name) =>
          name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta'),
        ),
      ],
      ['decoder-bias', renamed((name) => name.replace('predictions.bias', 'predictions.decoder.bias'))],
      [
        'heads',
        (tensors) => ({
          ...tensors,
          'bert.pooler.dense.weight': { shape: [16, 16], data: new Float64Array(256) },
          'bert.pooler.dense.bias': { shape: [16], data: new Float64Array(16) },
          'cls.seq_relationship.weight': { shape: [2, 16], data: new Float64Array(32) },
          'bert.embeddings.position_ids': { shape: [1, 16], data: new Float64Array(16) },
        }),
      ],
    ];
    for (const [name, change] of variants) {
      const files = await changed(name, 'bert', change);
      const found = await runRows(files, rows, [...expected[0]!.keys()]);
      expect(farthest(found, expected).difference, name).toBeLessThan(1e-5);
    }
  });

  it('of early sentence-transformers lie in the folder of the first module', async () => {
    const dir = join(work, 'early-folder');
    cpSync(join(FAMILIES, 'bert-bare'), join(dir, '0_Transformer'), { recursive: true });
    writeFileSync(join(dir, 'config.json'), '{"__version__":"0.2.0"}');
    expect(await resolveModel(dir)).toBe(dir);
    writeFileSync(join(dir, 'modules.json'), '[]');
    expect(await resolveModel(dir)).toBe(join(dir, '0_Transformer'));
  });

  it('without a masked-language head have no logits', async () => {
    const bare = readModel(await openCheckpoint(join(FAMILIES, 'bert-bare')));
    expect(sitesOf(bare).has('logits')).toBe(false);
    const classifier = await changed('classifier', 'modernbert', ({ 'decoder.bias': _, ...tensors }) => ({
      ...tensors,
      'classifier.weight': { shape: [2, 8], data: new Float64Array(16) },
      'classifier.bias': { shape: [2], data: new Float64Array(2) },
    }));
    expect(sitesOf(classifier).has('logits')).toBe(false);
    await expect(
      changed('broken', 'bert', ({ 'cls.predictions.transform.LayerNorm.bias': _, ...tensors }) => tensors),
    ).rejects.toThrow('has no tensor cls.predictions.transform.LayerNorm.bias');
    await expect(
      changed('other', 'bert', (tensors) => ({
        ...tensors,
        'adapter.weight': { shape: [1], data: new Float64Array(1) },
      })),
    ).rejects.toThrow('tensor adapter.weight takes no part');
  });
});

it('sites go by the names of TransformerLens and of the modules', async () => {
  const sites = sitesOf(readModel(await openCheckpoint(join(FAMILIES, 'bert'))));
  const names: [string, string][] = [
    ['blocks.1.hook_normalized_resid_post', 'blocks.1.hook_normalized_resid_post'],
    ['blocks.0.ln1.hook_normalized', 'blocks.0.ln2.hook_normalized'],
    ['bert.encoder.layer.1', 'blocks.1.hook_normalized_resid_post'],
    ['encoder.layer.0.intermediate', 'blocks.0.mlp.hook_post'],
    ['encoder.layer.0.attention.output', 'blocks.0.mlp.hook_in'],
    ['encoder.layer.0.output.dense', 'blocks.0.hook_mlp_out'],
  ];
  for (const [name, site] of names) expect([name, siteNamed(name, sites, false)]).toEqual([name, site]);
});

it('MPNet’s buckets of distances are those of transformers', () => {
  // Where a bucket begins, from MPNetEncoder.relative_position_bucket over −511 … 511.
  const starts: [number, number][] = [
    [-511, 15],
    [-90, 14],
    [-63, 13],
    [-45, 12],
    [-31, 11],
    [-22, 10],
    [-15, 9],
    [-11, 8],
    [-7, 7],
    [-6, 6],
    [-5, 5],
    [-4, 4],
    [-3, 3],
    [-2, 2],
    [-1, 1],
    [0, 0],
    [1, 17],
    [2, 18],
    [3, 19],
    [4, 20],
    [5, 21],
    [6, 22],
    [7, 23],
    [8, 24],
    [12, 25],
    [16, 26],
    [23, 27],
    [32, 28],
    [46, 29],
    [64, 30],
    [91, 31],
  ];
  for (let distance = -511; distance <= 511; distance++) {
    const [, bucket] = starts.findLast(([first]) => first <= distance)!;
    expect([distance, relativeBucket(distance)]).toEqual([distance, bucket]);
  }
});
