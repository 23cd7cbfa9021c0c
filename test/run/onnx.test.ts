// A study of an ONNX file is that of the checkpoint that the file was made of.
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStudy, runStudy } from '../../src/index.ts';
import { expectOneLine, temporaryFolder } from '../helpers/expect.ts';
import { FAMILIES } from '../helpers/families.ts';
import { writeOnnx } from '../helpers/onnx-files.ts';
import { tinyTokenizer } from '../helpers/tiny-checkpoint.ts';

test('a study of an ONNX file has the examples and embeddings of the checkpoint, and knows the file', async () => {
  const root = temporaryFolder();
  const folder = join(root, 'checkpoint');
  cpSync(join(FAMILIES, 'gpt2'), folder, { recursive: true });
  const path = writeOnnx(join(root, 'onnx'), 'gpt2-traced-11');
  for (const dir of [folder, join(root, 'onnx')]) {
    writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(tinyTokenizer(32)));
  }
  mkdirSync(join(root, 'texts'));
  for (let i = 0; i < 40; i++) {
    const words = ['ship', 'storm', 'night', 'sea', 'captain', 'wind'].map(
      (_, w, all) => all[(i * (w + 2)) % 6],
    );
    writeFileSync(join(root, 'texts', `${100 + i}.txt`), words.slice(0, 2 + (i % 5)).join(' '));
  }
  const run = async (model: string, name: string) => {
    const out = join(root, name);
    const options = {
      model,
      data: join(root, 'texts'),
      context: 12,
      examples: 12,
      layers: [1],
      threads: 2,
      out,
    };
    await runStudy(options);
    return { options, study: openStudy(out) };
  };
  const own = await run(path, 'onnx.db');
  const its = await run(folder, 'checkpoint.db');
  expect(own.study.info().model).toMatchObject({
    source: path,
    architecture: 'onnx',
    layers: 2,
    mlpWidth: 24,
  });
  expect(
    own.study
      .madeFrom()!
      .files.map(({ name }) => name)
      .sort(),
  ).toEqual(['config.json', 'gpt2-traced-11.onnx', 'tokenizer.json']);
  const examplesOf = (study: typeof own.study, index: number) =>
    study
      .unit('mlp.1', index)
      .features.flatMap(({ examples }) => examples)
      .sort((x, y) => y.activation - x.activation);
  let compared = 0;
  for (const { index, examples, meanDistance } of its.study.units()) {
    const found = own.study.units().find((unit) => unit.index === index)!;
    expect(found.examples).toBe(examples);
    const other = examplesOf(own.study, index);
    examplesOf(its.study, index).forEach(({ activation }, i) => {
      expect(Math.abs(other[i]!.activation - activation)).toBeLessThan(1e-5);
      compared++;
    });
    if (meanDistance !== null) expect(found.meanDistance).toBeCloseTo(meanDistance, 3);
  }
  expect(compared).toBeGreaterThan(100);
  own.study.close();
  its.study.close();

  appendFileSync(path, Uint8Array.of(0x22, 0)); // an empty domain: another file, the same graph
  await expectOneLine(() => runStudy(own.options), /gpt2-traced-11\.onnx/);
});
