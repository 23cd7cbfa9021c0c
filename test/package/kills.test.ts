// Some of what `tsx test/long/kills.ts` does, of the commands that no other test kills.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawn, type LongCommand, longCommands } from '../long/commands.ts';
import { torment } from '../long/torment.ts';

const root = mkdtempSync(join(tmpdir(), 'polyseme-kills-'));
let commands: readonly LongCommand[];
beforeAll(async () => {
  mkdirSync(join(root, 'given'));
  commands = await longCommands(join(root, 'given'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(['merge to a study', 'sae cache', 'export --format site', 'export --format site --overwrite'])(
  '%s',
  async (name) => {
    const command = commands.find((one) => one.name === name)!;
    const { killed, faults } = await torment(command, { root, wanted: 2, random: drawn(name.length) });
    expect(faults).toEqual([]);
    expect(killed).toBeGreaterThanOrEqual(2);
  },
);
