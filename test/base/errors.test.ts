// Errors carry a code: programs need not read messages.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withFlags } from '../../src/cli/flags.ts';
import { openCorpus } from '../../src/corpus/open-corpus.ts';
import { PolysemeError } from '../../src/errors.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { resolveModel } from '../../src/model/locate.ts';
import { runStudy } from '../../src/run/run-study.ts';
import { loadSae } from '../../src/sae/load-sae.ts';
import { openFile } from '../../src/tensors/random-file.ts';
import { readSafetensorsHeader } from '../../src/tensors/safetensors.ts';

const dir = mkdtempSync(join(tmpdir(), 'polyseme-codes-'));
afterAll(() => rmSync(dir, { recursive: true }));
const at = (name: string, text?: string) => {
  if (text !== undefined) writeFileSync(join(dir, name), text);
  return join(dir, name);
};

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolysemeError);
  return (error as PolysemeError).code;
}

describe('codes', () => {
  it.each([
    ['not-found', 'a model', () => resolveModel('./none')],
    ['not-found', 'a built-in model', () => resolveModel('builtin:none')],
    ['not-found', 'a checkpoint', () => openCheckpoint(at('none'))],
    ['not-found', 'a text', () => openCorpus(at('none.txt'))],
    ['not-found', 'a file', () => openFile(at('none'))],
    ['not-found', 'an SAE', () => loadSae(at('none'))],
    ['unsupported', 'a text of unknown kind', () => openCorpus(at('text.xyz', 'x'))],
    ['damaged', 'weights', () => readSafetensorsHeader(at('cut.safetensors', 'x'))],
    ['bad-input', 'an option', () => runStudy({ threshold: -1, out: at('study.db') })],
  ])('%s: %s', async (code, _, work) => {
    expect(await codeOf(work())).toBe(code);
  });

  it('unsupported: an architecture', async () => {
    const model = at('model');
    mkdirSync(model);
    writeFileSync(join(model, 'config.json'), '{"model_type": "rwkv"}');
    writeFileSync(
      join(model, 'model.safetensors'),
      Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]),
    );
    const { readModel } = await import('../../src/model/compile.ts');
    expect(await codeOf(openCheckpoint(model).then((checkpoint) => readModel(checkpoint)))).toBe(
      'unsupported',
    );
  });
});

it.each([
  ['option learningRate is 0', '--lr is 0'],
  ['give option centerWriting no', 'give --center-writing no'],
  [
    'choose another output (option out), or option overwrite',
    'choose another output (--out), or --overwrite',
  ],
  ['a study with other options (seed 0 there)', 'a study with other options (seed 0 there)'],
  ['the option "hub"', 'the option "hub"'],
])('the command line calls %j %j', (message, shown) => {
  expect(withFlags(message)).toBe(shown);
});

it('is one line that can be read, whatever names stand in it', () => {
  const { message } = new PolysemeError(`no file a\u001b[31m\n${'x'.repeat(40_000)}: name another`);
  expect(message).toMatch(/^no file a␛\[31m x+ … \d{5} characters … x+: name another$/);
  expect(message.length).toBeLessThan(2100);
});
