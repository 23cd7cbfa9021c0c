import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { cutTree } from '../../src/cluster/cut.ts';
import { leafOrder } from '../../src/cluster/leaf-order.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import type { LinkageMethod } from '../../src/cluster/linkage-methods.ts';
import { type Polysemy, polysemy } from '../../src/polysemy/metrics.ts';

interface Golden {
  merges: string;
  leaves: number[];
  distanceCuts: Record<string, string>;
  clusterCuts: Record<string, string>;
  metrics: Polysemy | null;
}
interface Case {
  kind: string;
  count: number;
  distances: string;
  methods: Record<LinkageMethod, Golden>;
}

const { cases } = JSON.parse(
  gunzipSync(readFileSync(new URL('../fixtures/scipy/golden.json.gz', import.meta.url))).toString(),
) as { cases: Case[] };

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

describe.each(cases)('SciPy on $count points, $kind', ({ count, distances: text, methods }) => {
  const distances = new Float32Array(bytes(text).buffer);
  test.each(Object.entries(methods) as [LinkageMethod, Golden][])('%s', (method, golden) => {
    const tree = linkage({ distances, count, method });
    expect(new Uint8Array(tree.merges.buffer)).toEqual(bytes(golden.merges));
    expect(linkage({ distances: new Float64Array(distances), count, method })).toEqual(tree);
    expect([...leafOrder(tree)]).toEqual(golden.leaves);
    for (const [distance, labels] of Object.entries(golden.distanceCuts)) {
      expect([...cutTree(tree, { distance: Number(distance) })], `cut at ${distance}`).toEqual([
        ...bytes(labels),
      ]);
    }
    for (const [clusters, labels] of Object.entries(golden.clusterCuts)) {
      const cut = cutTree(tree, { clusters: Number(clusters) });
      expect([...cut], `${clusters} clusters`).toEqual([...bytes(labels)]);
      expect(new Set(cut).size).toBe(Math.min(Number(clusters), count));
    }
    if (!golden.metrics) return;
    const found = polysemy({ distances, labels: cutTree(tree, { distance: 0.5 }) });
    for (const [field, value] of Object.entries(golden.metrics)) {
      if (value === null) expect(found[field as keyof Polysemy], field).toBeNull();
      else expect(found[field as keyof Polysemy], field).toBeCloseTo(value, 12);
    }
  });
});
