import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseHubSource, planHubFiles } from '../../src/corpus/hub-plan.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import type { HubFiles, HubRepo } from '../../src/hub/hub.ts';
import { documentsOf, FIXTURES, messageOf, scratchFolder } from '../fixtures/corpus/support.ts';

const sized = (paths: string[]) => paths.map((path, i) => ({ path, size: i + 1 }));
const plan = (paths: string[], source = 'hf:o/n') => {
  const { config, split, files } = planHubFiles(sized(paths), parseHubSource(source));
  return [config, split, ...files.map(({ path }) => path)];
};
const failure = (paths: string[], source = 'hf:o/n') => messageOf(async () => plan(paths, source));

describe('hub sources', () => {
  it.each([
    ['hf:o/n', { name: 'o/n', split: 'train' }],
    ['hf:o/n@v1.0', { name: 'o/n', revision: 'v1.0', split: 'train' }],
    ['hf:o/n:en', { name: 'o/n', config: 'en', split: 'train' }],
    ['hf:o/n:en:test', { name: 'o/n', config: 'en', split: 'test' }],
    ['hf:o/n::test', { name: 'o/n', split: 'test' }],
    [
      'hf:Some-1/n.2_x@refs/convert/parquet:20231101.en:validation',
      { name: 'Some-1/n.2_x', revision: 'refs/convert/parquet', config: '20231101.en', split: 'validation' },
    ],
    ['hf:o/n:sample/10BT', { name: 'o/n', config: 'sample/10BT', split: 'train' }],
  ])('%s', (source, expected) => {
    expect(JSON.parse(JSON.stringify(parseHubSource(source)))).toEqual(expected);
  });

  it.each(['hf:n', 'hf:', 'hf:o/n@', 'hf:o/n:a:b:c', 'hf:o/n/m', 'hf:o/n:a b'])(
    'refused: %s',
    async (source) => {
      expect(await messageOf(async () => parseHubSource(source))).toContain('hf:owner/name[@revision]');
    },
  );
});

describe('files of a configuration and split', () => {
  it('data/SPLIT-00000-of-00002, other files left out', () => {
    const paths = [
      '.gitattributes',
      'README.md',
      'data/train-00001-of-00002-0a1b2c.parquet',
      'data/train-00000-of-00002-9f8e7d.parquet',
      'data/train_sft-00000-of-00001.parquet',
      'data/test-00000-of-00001.parquet',
    ];
    expect(plan(paths)).toEqual(['default', 'train', paths[3], paths[2]]);
    expect(plan(paths, 'hf:o/n::train_sft')).toEqual(['default', 'train_sft', paths[4]]);
    expect(plan(paths, 'hf:o/n:default:test')).toEqual(['default', 'test', paths[5]]);
  });

  it('CONFIG/SPLIT-*, the configuration named, or the only one', async () => {
    const paths = [
      'wikitext-2-raw-v1/train-00000-of-00001.parquet',
      'wikitext-2-v1/test-00000-of-00001.parquet',
      'wikitext-2-v1/train-00000-of-00001.parquet',
    ];
    expect(plan(paths, 'hf:o/n:wikitext-2-v1:test')).toEqual(['wikitext-2-v1', 'test', paths[1]]);
    expect(plan(paths.slice(1))).toEqual(['wikitext-2-v1', 'train', paths[2]]);
    expect(await failure(paths)).toBe(
      'hf:o/n: choose a configuration; there are wikitext-2-raw-v1, wikitext-2-v1 (hf:o/n:wikitext-2-raw-v1)',
    );
    expect(await failure(paths, 'hf:o/n:wiki')).toContain(
      'no configuration "wiki"; there are wikitext-2-raw-v1, wikitext-2-v1',
    );
    expect(await failure(paths, 'hf:o/n:wikitext-2-v1:dev')).toBe(
      'hf:o/n: configuration "wikitext-2-v1" has no split "dev"; there are test, train (hf:o/n:wikitext-2-v1:test)',
    );
  });

  it('CONFIG/SPLIT/*, as the hub converts datasets', () => {
    const paths = [
      'default/partial-train/0000.parquet',
      'default/partial-train/0001.parquet',
      'default/odd/0000.parquet',
    ];
    expect(plan(paths)).toEqual(['default', 'train', paths[0], paths[1]]);
    expect(plan(paths, 'hf:o/n::odd')).toEqual(['default', 'odd', paths[2]]);
    expect(plan(['data/validation/a.parquet', 'data/train/b.parquet'], 'hf:o/n::validation')).toEqual([
      'default',
      'validation',
      'data/validation/a.parquet',
    ]);
    expect(plan(['plain_text/squad-train-00000-of-00001.parquet'])).toEqual([
      'plain_text',
      'train',
      'plain_text/squad-train-00000-of-00001.parquet',
    ]);
  });

  it('names without numbers, and names that say nothing', async () => {
    expect(plan(['train.parquet', 'dev.parquet'], 'hf:o/n::validation')).toEqual([
      'default',
      'validation',
      'dev.parquet',
    ]);
    expect(plan(['train.parquet', 'dev.parquet'], 'hf:o/n::dev')).toEqual(['default', 'dev', 'dev.parquet']);
    expect(
      plan(
        ['sample/10BT/000_00001.parquet', 'sample/10BT/000_00000.parquet', 'data/CC/0.parquet'],
        'hf:o/n:sample/10BT',
      ),
    ).toEqual(['sample/10BT', 'train', 'sample/10BT/000_00000.parquet', 'sample/10BT/000_00001.parquet']);
    expect(plan(['en/trainer.parquet'])).toEqual(['en', 'train', 'en/trainer.parquet']);
    expect(await failure(['README.md'])).toBe('hf:o/n: the dataset has no Parquet files');
  });
});

describe('hub datasets as corpora', () => {
  const folder = scratchFolder();
  const rows: { text: string }[] = JSON.parse(readFileSync(join(FIXTURES, 'rows.json'), 'utf8'));
  /** A hub whose repositories are lists of paths, each file a fixture. */
  const hubOf = (revisions: Record<string, string[]>) => {
    const downloads: string[] = [];
    const files = ({ revision = 'main' }: HubRepo) => {
      const found = revisions[revision];
      if (!found) throw new Error(`no revision ${revision}`);
      return found;
    };
    const hub: HubFiles = {
      list: async (repo) => files(repo).map((path) => ({ path, size: 1000 })),
      download: async (repo, path) => {
        downloads.push(`${repo.revision ?? 'main'}:${path}`);
        // A hub's cache names files by their content.
        const local = join(folder, `blob-${downloads.length}`);
        mkdirSync(dirname(local), { recursive: true });
        copyFileSync(join(FIXTURES, 'zstd.parquet'), local);
        return local;
      },
    };
    return { hub, downloads };
  };

  it('are streams; their files are fetched when reading reaches them', async () => {
    const paths = ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet'];
    const { hub, downloads } = hubOf({ main: paths });
    const corpus = await openCorpus('hf:o/n', { hub });
    expect(corpus).toMatchObject({
      kind: 'stream',
      files: 2,
      description: 'o/n, default/train: 2 files, 0.0 MB',
    });
    expect(downloads).toEqual([]);
    const documents = corpus.documents()[Symbol.asyncIterator]();
    expect((await documents.next()).value).toMatchObject({ name: `${paths[0]}:1 One`, text: rows[0]!.text });
    expect(downloads).toEqual([`main:${paths[0]}`]);
    await documents.return?.();
    const all = await documentsOf(corpus);
    expect(all.map(({ text }) => text)).toEqual([...rows, ...rows].map(({ text }) => text));
    downloads.length = 0;
    expect(await documentsOf(corpus, all[9]!.cursor)).toEqual(all.slice(9));
    expect(downloads).toEqual([`main:${paths[1]}`]);
  });

  it("fall back to the hub's own conversion, unless a revision is asked for", async () => {
    const converted = 'en/train/0000.parquet';
    const { hub, downloads } = hubOf({ main: ['data.jsonl'], 'refs/convert/parquet': [converted] });
    expect((await documentsOf(await openCorpus('hf:o/n:en', { hub }))).length).toBe(rows.length);
    expect(downloads).toEqual([`refs/convert/parquet:${converted}`]);
    expect(await messageOf(() => openCorpus('hf:o/n:fr', { hub }))).toContain('there are en');
    expect(await messageOf(() => openCorpus('hf:o/n@main:en', { hub }))).toContain('no Parquet files');
    const alone = hubOf({ main: ['data.jsonl'] });
    expect(await messageOf(() => openCorpus('hf:o/n', { hub: alone.hub }))).toContain('no Parquet files');
  });
});
