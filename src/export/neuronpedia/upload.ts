import { createHash } from 'node:crypto';
import { checkAborted, type LongCall } from '../../base/progress.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import type { Study } from '../../study/study.ts';
import type { ExportProgress } from '../parquet.ts';
import type { Neuronpedia } from './client.ts';
import { type Carriage, MAX_INDEX, type SentFeature, sentFeatures } from './features.ts';
import type { Journal } from './journal.ts';

export interface UploadOptions extends LongCall<ExportProgress> {
  /** Where it goes, for the journal: two instances are two uploads. */
  readonly to: string;
  /** Neuronpedia's id of the model; default made of the model's name. */
  readonly modelId?: string;
  readonly bank?: string;
  readonly carriage?: Carriage;
  readonly names?: boolean;
}

/** What was sent. */
export interface Uploaded {
  readonly model: string;
  readonly sources: readonly string[];
  readonly features: number;
  /** Features that an earlier upload had sent already. */
  readonly skipped: number;
}

/** Features of one request. */
const BATCH = 128;
const MAX_LAYERS = 127;

/**
 * Uploads a study's units through Neuronpedia's API. Batches that were accepted are in the journal and are not sent again; of a
 * batch that was sent without an answer (a kill, a lost line) the server is asked.
 *
 * @throws PolysemeError where the server refuses or cannot be reached: what was accepted is kept
 */
export async function uploadStudy(
  study: Study,
  server: Neuronpedia,
  journal: Journal,
  { to, modelId, bank, carriage = 'sections', names = true, onProgress, signal }: UploadOptions,
): Promise<Uploaded> {
  const { model: meta, banks, contentHash } = study.info();
  if (contentHash === null) {
    throw new PolysemeError(
      `${study.path} is unfinished: only a finished study is uploaded; type its run again`,
    );
  }
  const model = modelId ?? idOf(String(meta['source'] ?? ''));
  checkModelId(model);
  const chosen = banks.filter(({ name }) => bank === undefined || name === bank);
  const units = study.units({ bank });
  const layers = Math.max(Number(meta['layers'] ?? 0), ...banks.map((one) => layerOf(one) + 1));
  if (layers > MAX_LAYERS) {
    throw new PolysemeError(`the model has ${layers} layers: Neuronpedia takes at most ${MAX_LAYERS}`);
  }
  await server.makeModel(model, layers);
  const sources = [];
  let features = 0;
  let skipped = 0;
  let done = 0;
  for (const one of chosen) {
    const set = setName(one, carriage);
    const source = `${layerOf(one)}-${set}`;
    sources.push(source);
    await server.makeSourceSet(set, model, `Features of ${one.name}, by Polyseme`.slice(0, 128));
    let batch: SentFeature[] = [];
    let first = 0;
    const send = async (): Promise<void> => {
      checkAborted(signal);
      if (batch.length === 0) return;
      const digest = createHash('sha256')
        .update(JSON.stringify([to, model, source, contentHash, batch]))
        .digest('hex');
      const state = journal.state(digest);
      const isThere =
        state === 'accepted' || (state === 'sent' && (await hasBatch(server, model, source, batch)));
      if (isThere) skipped += batch.length;
      else {
        await journal.note(digest, 'sent');
        await server.upload(model, source, batch);
        features += batch.length;
      }
      if (state !== 'accepted') await journal.note(digest, 'accepted');
      batch = [];
    };
    for (const { index } of units.filter((unit) => unit.bank === one.name)) {
      for (const feature of sentFeatures(study.unit(one.name, index), { carriage, names, first })) {
        if (feature.index > MAX_INDEX)
          throw new PolysemeError(
            `feature ${feature.index} of ${one.name}: Neuronpedia takes at most ${MAX_INDEX}`,
          );
        batch.push(feature);
        first++;
        if (batch.length === BATCH) await send();
      }
      done++;
      onProgress?.({ stage: 'upload', unit: 'units', done, total: units.length });
    }
    await send();
  }
  return { model, sources, features, skipped };
}

/** Whether a batch that got no answer came through. */
async function hasBatch(
  server: Neuronpedia,
  model: string,
  source: string,
  batch: readonly SentFeature[],
): Promise<boolean> {
  const [first, last] = [batch[0]!.index, batch.at(-1)!.index];
  const there = [await server.has(model, source, first), await server.has(model, source, last)];
  if (there[0] === there[1]) return there[0]!;
  throw new PolysemeError(
    `${source} of ${model} holds only a part of the features ${first} to ${last}, since a line was lost: delete that source there and ${JOURNAL}, and upload it again`,
    'damaged',
  );
}

/** What a journal is called in messages. */
const JOURNAL = 'the file STUDY.neuronpedia';

/** The layer that a bank's units read. */
function layerOf({ site, name }: { readonly site: string; readonly name: string }): number {
  return Number(/^blocks\.(\d+)\./.exec(site)?.[1] ?? /^mlp\.(\d+)/.exec(name)?.[1] ?? 0);
}

/** A source set's name: lower-case letters, digits and single hyphens. */
function setName(
  { name, kind }: { readonly name: string; readonly kind: string },
  carriage: Carriage,
): string {
  const own = kind === 'mlp' ? [] : [name];
  return slug(['polyseme', ...own, ...(carriage === 'features' ? ['features'] : [])].join('-'));
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
}

/** An id that Neuronpedia takes, of a model's name: the last part of it. */
function idOf(source: string): string {
  const last = source.split(/[/\\:]/).findLast((part) => part !== '') ?? '';
  return slug(last)
    .replace(/^[^a-z]+/, '')
    .slice(0, 32)
    .replace(/-+$/, '');
}

function checkModelId(id: string): void {
  if (/^[a-z][a-z0-9.-]{0,30}[a-z0-9]$/.test(id)) return;
  throw new UsageError(
    `${JSON.stringify(id)} is no id of a model that Neuronpedia takes: 2 to 32 of a-z, 0-9, "." and "-", a letter first (option modelId)`,
  );
}
