import { expect, test } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { linkage } from '../../src/cluster/linkage.ts';
import { linkageMethods } from '../../src/cluster/linkage-methods.ts';
import { fromPlanes, packTree, toPlanes, unpackTree } from '../../src/contract/site-arrays.ts';

test('planes come back', () => {
  const values = Uint16Array.of(0, 1, 255, 256, 0x1234, 0xffff);
  expect([...toPlanes(values)]).toEqual([0, 1, 255, 0, 0x34, 255, 0, 0, 0, 1, 0x12, 255]);
  expect(fromPlanes(toPlanes(values))).toEqual(values);
  expect(fromPlanes(toPlanes(new Uint16Array()))).toEqual(new Uint16Array());
});

test('trees of all linkages and sizes come back exactly', () => {
  const random = createRandom(3);
  for (const count of [1, 2, 3, 64, 128, 129, 300]) {
    const distances = Float32Array.from({ length: (count * (count - 1)) / 2 }, () => 2 * random.next());
    for (const method of linkageMethods) {
      const tree = linkage({ distances, count, method });
      const { pairs, heights } = packTree(tree);
      expect(unpackTree(count, pairs, heights)).toEqual(tree);
    }
  }
});
