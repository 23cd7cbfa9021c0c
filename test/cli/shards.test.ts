import { afterAll, expect, test } from 'vitest';
import { manyCommands, POLYSEME } from '../helpers/cli.ts';

const { cli, close } = manyCommands(POLYSEME[0]!);
afterAll(close);

test.each([
  [
    'run --shard 1/2 --out x',
    /--shard needs --plan, .*; or --keep-duplicates, with which each shard reads all/,
  ],
  ['run --shard 1/2 --paper', /--shard needs --out/],
  ['run --after x', /--after needs --plan/],
  ['run --shards 2', /--shards needs --plan/],
  ['run --plan p', /--plan needs --shards, to make it, or --shard/],
  ['run --plan p --shards 2 --out x', /--shards makes the plan alone: leave out --out/],
  ['run --plan p --shard 1/2', /--shard needs --out/],
  [
    'run --plan p --shard 1/2 --layers 0 --examples 4 --out x',
    /the plan has the options of the run: leave out --(layers, --examples|examples, --layers)\n/,
  ],
  ['run --plan p --shard 3/2 --out x', /It must be i\/n/],
  ['run --plan p --shards 2 --paper --center mean', /--paper means --center none/],
  ['merge --out x', /missing required argument/],
])('%s is wrong usage', async (line, message) => {
  const { code, stdout, stderr } = await cli(line.split(' '));
  expect(stderr).toMatch(message);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('a part that is not there', async () => {
  const { code, stderr } = await cli(['merge', '/no/such/part', '--out', 'x']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: /no/such/part: there is no such file\n' });
});
