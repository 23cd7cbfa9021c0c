// The files of an exported site, as the explorer reads them: what is plain, what is packed, and what packs of right checksums hold.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { block } from '../../src/contract/site.ts';
import { PolysemeError } from '../../src/errors.ts';
import { writeSite } from '../../src/export/site/write-site.ts';
import { openStudy } from '../../src/study/open-study.ts';
import { ApiError } from '../../web/src/source/http.ts';
import { openSite } from '../../web/src/source/site/site-source.ts';
import { writeSmallStudy } from '../helpers/written-study.ts';
import type { Target } from './target.ts';

let data: Promise<string> | undefined;

/** The folder of the data of a site, which is made once. */
async function makeSite(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-fuzz-site-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const [path, webRoot] = [join(folder, 'study.db'), join(folder, 'web')];
  mkdirSync(webRoot);
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><head><meta charset="utf-8" /></head>');
  writeSmallStudy(path);
  const study = openStudy(path);
  const { data } = await writeSite(study, join(folder, 'site'), { webRoot });
  study.close();
  return join(folder, 'site', data);
}

const file = (name: string): string => `${name}.bin`;
const unzipped = (bytes: Uint8Array): Uint8Array => gunzipSync(bytes.subarray(2));
/** A block of one part. */
const zipped = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(1, 0), gzipSync(bytes, { level: 1 })]);

/** Everything that pages ask of a site in which one file has other bytes. @throws PolysemeError the first refusal of any question */
async function readSite(changed: string, bytes: Uint8Array): Promise<unknown> {
  const folder = await data!;
  const read = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
    if (path === changed) return Uint8Array.from(bytes);
    if (!existsSync(join(folder, path))) throw new ApiError(404, `This site lacks its file ${path}`);
    return Uint8Array.from(readFileSync(join(folder, path)));
  };
  const refusals: string[] = [];
  const asked = async (question: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      refusals.push(error.message);
      return null;
    }
  };
  const site = (await asked(() => openSite(read, 'http://localhost/data/'))) as Awaited<
    ReturnType<typeof openSite>
  > | null;
  const answers: unknown[] = [];
  for (const question of site === null
    ? []
    : [
        () => site.study(),
        () => site.banks(),
        () => site.units({ sort: 'verdict', order: 'desc' }),
        () => site.units({ sort: 'clusters', bank: 'mlp.0', limit: 2 }),
        () => site.metrics(),
        () => site.search({ q: 'the' }),
        () => site.search({ q: 'ship', parts: true }),
        () => site.compare(['mlp.0', 'sae/x']),
        () => site.matched(['mlp.0', 'sae/x']),
        () => site.allNotes(),
        ...[0, 2].flatMap((index) => [
          () => site.unit('mlp.0', index),
          () => site.distances('mlp.0', index),
          () => site.clustering('mlp.0', index, { linkage: 'complete', cut: 0.4 }),
          () => site.clustering('mlp.0', index, { linkage: 'average', cut: 'auto' }),
          () => site.map('mlp.0', index, true),
          () => site.notes('mlp.0', index),
        ]),
      ])
    answers.push(await asked(question));
  if (refusals.length > 0) throw new PolysemeError(refusals[0]!, 'damaged');
  return answers;
}

/** A file as it lies there. */
const plain = (name: string, path: string, more: Partial<Target> = {}): Target => ({
  name: `site, ${name}`,
  async make(folder) {
    data ??= makeSite();
    const copy = join(folder, 'file');
    writeFileSync(copy, readFileSync(join(await data, path)));
    return copy;
  },
  read: (copy) => readSite(path, readFileSync(copy)),
  ...more,
});

/** What a block holds: packed anew, so that its checksum is right. */
const content = (name: string, of: string, more: Partial<Target> = {}): Target => ({
  name: `site, ${name}`,
  async make(folder) {
    data ??= makeSite();
    const copy = join(folder, 'content');
    writeFileSync(copy, unzipped(readFileSync(join(await data, file(of)))));
    return copy;
  },
  read: (copy) => readSite(file(of), zipped(readFileSync(copy))),
  ...more,
});

export const SITE_TARGETS: readonly Target[] = [
  plain('site.json', 'site.json', { json: true }),
  plain('a packed file', file(block.unit(0, 2)), { checked: true }),
  content('order', block.order),
  content('a unit', block.unit(0, 2)),
  content('tokens', block.tokens, { json: true }),
  content('names', block.naming, { json: true }),
  content('rows', block.rows(0), { json: true }),
  content('what is searched', block.search),
  content('a piece of the index', block.postings(0)),
  content('a comparison', block.compare, { json: true }),
];
