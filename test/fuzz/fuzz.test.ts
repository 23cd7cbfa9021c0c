// Some of what `npm run fuzz` does, which has 100,000 inputs and more.
import { expect, test } from 'vitest';
import { fuzz } from './fuzz.ts';
import { TARGETS } from './targets.ts';

const OWN = TARGETS.filter(({ isolated }) => !isolated);

test.each(OWN.map((target) => [target.name, target] as const))('%s', async (_, target) => {
  const { refused } = await fuzz(target, { runs: 60, seed: 1 });
  // That some are refused shows that the changes reach what is read.
  if (!target.lenient) expect(refused).toBeGreaterThan(0);
});
