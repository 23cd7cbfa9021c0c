// Wrong usage is one line and exit status 2, whatever the option.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { manyCommands, POLYSEME } from '../helpers/cli.ts';
import { allCommands } from '../helpers/commands.ts';
import { writeStudy } from '../helpers/written-study.ts';

const dir = mkdtempSync(join(tmpdir(), 'polyseme-usage-'));
const study = join(dir, 'study.db');
writeStudy({
  path: study,
  banks: [{ name: 'mlp.0', units: 4 }],
  examples: () => 12,
  contexts: [[' a', ' b']],
});
const { cli, close } = manyCommands(POLYSEME[0]!);
afterAll(async () => {
  await close();
  rmSync(dir, { recursive: true, force: true });
});

const queued = ['run', '--shards', '2', '--queue', 'redis://127.0.0.1:1', '--artefacts', dir];
const namer = ['--namer-model', 'm', '--namer'];
const neuronpedia = ['export', study, '--format', 'neuronpedia'];
/** Options whose text has a form, with a command line that has it wrong. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  'run --layers': ['run', '--layers', 'all'],
  'run --sae': ['run', '--sae', 'a b=sae'],
  'run --shard': ['run', '--shard', '3'],
  'run --queue': [...queued, '--queue', 'localhost'],
  'run --artefacts': [...queued, '--artefacts', 's3://'],
  'run --artefacts-endpoint': [...queued, '--artefacts-endpoint', 'http://127.0.0.1:1'],
  'merge --units': ['merge', 'part', '--units', '3', '--out', join(dir, 'x')],
  'worker --queue': ['worker', '--queue', 'http://localhost', '--artefacts', dir],
  'worker --artefacts': ['worker', '--queue', 'redis://127.0.0.1:1', '--artefacts', 's3://'],
  'worker --artefacts-endpoint': [
    ...['worker', '--queue', 'redis://127.0.0.1:1', '--artefacts', dir],
    ...['--artefacts-endpoint', 'http://127.0.0.1:1'],
  ],
  'serve --queue': ['serve', '--queue', 'redis://'],
  'serve --port': ['serve', study, '--port', '65536'],
  'serve --token': ['serve', study, '--token', 'short'],

  'name --namer': ['name', study, 'mlp.0/1', ...namer, 'localhost:1'],
  'intruders --namer': ['intruders', study, 'mlp.0/1', ...namer, 'ftp://localhost'],
  'compare --banks': ['compare', study, 'other.db', '--banks', 'mlp.0'],
  'export --to': [...neuronpedia, '--to', 'localhost'],
  'export --model-id': [...neuronpedia, '--to', 'http://127.0.0.1:1', '--model-id', 'Bad Id'],
  'export --unit': ['export', study, '--unit', 'mlp.0'],
};
/** What is wrong together, or missing. */
const TOGETHER: readonly (readonly string[])[] = [
  ['run', '--paper', '--linkage', 'single'],
  ['run', '--activations', dir, '--model', 'x'],
  ['run', '--shards', '2'],
  ['run', '--plan', join(dir, 'plan')],
  ['run', '--shard', '1/2', '--out', join(dir, 'part')],
  ['run', '--queue', 'redis://localhost'],
  ['run', '--artefacts', dir],
  ['worker', '--queue', 'redis://localhost'],
  ['units', study, '--sort', 'beauty'],
  ['unit', study, 'mlp.0'],
  ['search', study, ''],
  ['serve'],
  ['serve', study, '--host', '0.0.0.0'],
  ['probe', study, 'text', '--keys', 'file', '--bank', 'mlp.0'],
  ['compare', study],
  ['compare', study, '--banks', 'mlp.0', '--tokens', '9'],
  ['sae', 'train', '--out', join(dir, 'x'), '--latents', '8', '--k', '2'],
  ['sae', 'train', '--site', 'blocks.0.hook_mlp_out', '--architecture', 'relu', '--k', '2'],
  ['sae', 'convert', 'only-one'],
  ['export', study, '--format', 'parquet'],
  ['export', study, '--format', 'html', '--out', join(dir, 'x')],
  ['export', study, '--format', 'site', '--out', join(dir, 'x'), '--model', 'x'],
  ['export', study, '--format', 'neuronpedia'],
  ['completion', 'tcsh'],
  ['caches', '--nothing'],
  ['models', 'inspect'],
  ['nothing'],
];
/** Options whose text is a path, a name or a text, of which any may be there. */
const ANY =
  /^--(model|data|activations|out|column|plan|after|bank|sae|trainings|keys|other|mask|host|namer-model|site)$/;

describe('wrong usage', () => {
  const expectUsage = async (args: readonly string[], says: string) => {
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(says);
  };
  test.each(Object.entries(FORMS))('of %s', (option, args) => expectUsage(args, option.split(' ')[1]!));

  test.each(TOGETHER.map((args) => [args]))('%j', (args) => expectUsage(args, ''));

  test('every option of every command is among these, or refuses what is no value of its', async () => {
    const left: string[] = [];
    for (const [name, { options }] of await allCommands()) {
      for (const option of options.filter(({ flags }) => flags.includes('<'))) {
        if (ANY.test(option.long!) || `${name} ${option.long}` in FORMS) continue;
        const accepts = (value: string): boolean => {
          try {
            option.parseArg!(value, undefined);
            return true;
          } catch {
            return false;
          }
        };
        if (accepts('x?')) left.push(`${name} ${option.long}`);
      }
    }
    expect(left).toEqual([]);
  });
});
