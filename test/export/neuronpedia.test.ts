import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { neuronpedia } from '../../src/export/neuronpedia/client.ts';
import { sentFeatures } from '../../src/export/neuronpedia/features.ts';
import { openJournal } from '../../src/export/neuronpedia/journal.ts';
import { uploadStudy } from '../../src/export/neuronpedia/upload.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { neuronpediaServer } from '../helpers/neuronpedia-server.ts';
import { writeStudy } from '../helpers/written-study.ts';

let folder: string;
let study: Study;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'polyseme-neuronpedia-'));
  const path = join(folder, 'study.db');
  const words = Array.from({ length: 40 }, (_, i) => ` w${i}`);
  writeStudy({
    path,
    banks: [
      { name: 'mlp.2', units: 150 },
      { name: 'sae/My+SAE', units: 3 },
    ],
    examples: (unit) => (unit % 50 === 1 ? 0 : 6 + (unit % 5)),
    contexts: [words, words.slice(5, 30), ['a', '', ' b', ' c', ' d', ' e', ' f', ' g']],
    words: (unit, feature) => [`u${unit}f${feature}`],
  });
  study = openStudy(path);
});

afterAll(() => {
  study?.close();
  rmSync(folder, { recursive: true, force: true });
});

const LIVE = 147 + 2;

async function upload(
  url: string,
  options: { journal?: string; carriage?: 'sections' | 'features'; names?: boolean; key?: string } = {},
) {
  const journal = options.journal ?? join(folder, `journal-${count++}`);
  const server = neuronpedia(url, options.key, { pause: 1 });
  return uploadStudy(study, server, await openJournal(journal), { to: url, modelId: 'my-model', ...options });
}

describe('what is sent of a unit', () => {
  test('sections: each feature has a bound of its own above the unit’s largest value, the largest feature the highest', () => {
    const unit = study.unit('mlp.2', 4);
    expect(unit.features.length).toBeGreaterThan(1);
    const [sent, ...rest] = sentFeatures(unit, { carriage: 'sections', names: true, first: 0 });
    expect(rest).toEqual([]);
    expect(sent!.index).toBe(4);
    expect(sent!.explanations[0]!.text).toMatch(/^mlp\.2\/4, \d+ features: 1\. .*u4f0.*; 2\. /);
    const bounds = new Map<number, number>();
    for (const { quantileMax, values, quantileFraction } of sent!.activations) {
      expect(Math.max(...values)).toBeLessThan(quantileMax);
      bounds.set(quantileMax, quantileFraction);
    }
    expect([...bounds.keys()]).toEqual([...bounds.keys()].sort((a, b) => b - a));
    expect([...bounds.values()]).toEqual(
      unit.features.map(({ size }) => Number((size / unit.examples).toPrecision(6))),
    );
    // The page would hide an example with the tokens of another.
    const keys = sent!.activations.map(({ tokens }) => tokens.toSorted().join());
    expect(new Set(keys).size).toBe(keys.length);
    for (const { tokens } of sent!.activations) expect(tokens).not.toContain('');
  });
  test('features: each is one, numbered on', () => {
    const unit = study.unit('mlp.2', 4);
    const sent = sentFeatures(unit, { carriage: 'features', names: false, first: 70 });
    expect(sent.map(({ index }) => index)).toEqual(unit.features.map(({ id }) => 70 + id));
    expect(sent.map(({ activations }) => activations.length)).toEqual(unit.features.map(({ size }) => size));
    expect(sent.every(({ explanations }) => explanations.length === 0)).toBe(true);
  });
  test('a unit that fires below zero is sent with the other sign, and says so', () => {
    const unit = study.unit('mlp.2', 4);
    const turned = {
      ...unit,
      features: unit.features.map((feature) => ({
        ...feature,
        examples: feature.examples.map((example) => ({
          ...example,
          activation: -example.activation,
          activations: example.activations.map((value) => -value),
        })),
      })),
    };
    const options = { carriage: 'sections', names: true, first: 0 } as const;
    const [sent] = sentFeatures(turned, options);
    const [plain] = sentFeatures(unit, options);
    expect(sent!.activations.map(({ values }) => values)).toEqual(
      plain!.activations.map(({ values }) => values),
    );
    expect(sent!.explanations[0]!.text).toContain('(sign turned)');
  });
});

describe('an upload', () => {
  test('puts every live unit there once, and again is none', async () => {
    await using server = await neuronpediaServer();
    const journal = join(folder, 'again');
    const first = await upload(server.url, { journal, key: 'secret' });
    expect(first).toEqual({
      model: 'my-model',
      // Every bank of a written study is an SAE's, at layer 0.
      sources: ['0-polyseme-mlp-2', '0-polyseme-sae-my-sae'],
      features: LIVE,
      skipped: 0,
    });
    expect([...server.keys]).toEqual(['secret']);
    expect(server.features.size).toBe(LIVE);
    const before = JSON.stringify([...server.features]);
    expect(
      await upload(`${server.url}/`, { journal: join(folder, 'other'), key: 'secret' }).then(() => 1),
    ).toBe(1);
    expect(JSON.stringify([...server.features])).not.toBe(before);
    const doubled = JSON.stringify([...server.features]);
    expect(await upload(server.url, { journal })).toMatchObject({ features: 0, skipped: LIVE });
    expect(JSON.stringify([...server.features])).toBe(doubled);
  });

  test.each(['sections', 'features'] as const)(
    'as %s: a line that is lost, at every request, and a server that was busy double nothing',
    async (carriage) => {
      await using whole = await neuronpediaServer();
      await upload(whole.url, { carriage });
      const expected = [...whole.features.values()];
      const uploads = whole.requests.flatMap((path, i) => (path.endsWith('/upload-batch') ? [i] : []));
      for (const at of new Set([uploads[0]!, uploads[1]!, uploads.at(-1)!])) {
        for (const when of ['before', 'after'] as const) {
          let down = true;
          await using server = await neuronpediaServer((number, response, stage) => {
            if (number < at || stage !== when || !down) return false;
            response.destroy();
            return true;
          });
          const journal = join(folder, `lost-${carriage}-${at}-${when}`);
          await expect(upload(server.url, { journal, carriage })).rejects.toMatchObject({
            code: 'unreachable',
          });
          down = false;
          await upload(server.url, { journal, carriage });
          expect([...server.features.values()]).toEqual(expected);
        }
      }
    },
  );

  test('refusals are one line, with the way out', async () => {
    await using server = await neuronpediaServer((_, response) => {
      response.writeHead(401).end('who are\nyou?');
      return true;
    });
    await expect(upload(server.url)).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:\d+\/api\/model\/new does not take the upload: status 401, who are you\?; put a key that it knows into NEURONPEDIA_API_KEY$/,
    );
    await using other = await neuronpediaServer((_, response) => {
      response.writeHead(501).end('<!DOCTYPE HTML>\n<p>Unsupported method');
      return true;
    });
    await expect(upload(other.url)).rejects.toThrow(
      /\/api\/model\/new does not take the upload: status 501 and a web page: this is no API of a Neuronpedia; see option to$/,
    );
    await expect(upload('nowhere')).rejects.toThrow(/"nowhere" is no address of a Neuronpedia/);
    const gone = await neuronpediaServer();
    await gone[Symbol.asyncDispose]();
    await expect(upload(gone.url)).rejects.toThrow(/does not take the upload: .*ECONNREFUSED/);
    const journal = await openJournal(join(folder, 'unused'));
    await expect(
      uploadStudy(study, neuronpedia(server.url, undefined), journal, { to: server.url, modelId: 'Bad Id' }),
    ).rejects.toThrow(/"Bad Id" is no id of a model that Neuronpedia takes/);
  });

  test('a journal that was cut off within a line is read', async () => {
    const path = join(folder, 'cut');
    const digest = 'a'.repeat(64);
    writeFileSync(path, `sent ${digest}\naccepted ${digest.slice(0, 20)}`);
    const journal = await openJournal(path);
    expect(journal.state(digest)).toBe('sent');
    await journal.note(digest, 'accepted');
    expect((await openJournal(path)).state(digest)).toBe('accepted');
    expect(readFileSync(path, 'utf8').endsWith(`\naccepted ${digest}\n`)).toBe(true);
  });
});
