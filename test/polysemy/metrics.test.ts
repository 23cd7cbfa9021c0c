import { describe, expect, test } from 'vitest';
import { polysemy } from '../../src/polysemy/metrics.ts';

// The fields are held against SciPy and NumPy in cluster-golden.test.ts.
describe('polysemy', () => {
  const none = {
    maxDistance: null,
    meanDistance: null,
    intraClusterDistance: null,
    interClusterDistance: null,
    silhouette: null,
  };

  test('of no example and of one', () => {
    const distances = new Float32Array(0);
    expect(polysemy({ distances, labels: new Int32Array(0) })).toEqual({
      ...none,
      clusters: 0,
      effectiveClusters: null,
      largestShare: null,
    });
    expect(polysemy({ distances, labels: Int32Array.of(0) })).toEqual({
      ...none,
      clusters: 1,
      effectiveClusters: 1,
      largestShare: 1,
    });
  });

  test('by hand: two clusters of two', () => {
    // d01 = 0.25, d23 = 0.5, all others 1
    const distances = Float64Array.of(0.25, 1, 1, 1, 1, 0.5);
    const found = polysemy({ distances, labels: Int32Array.of(0, 0, 1, 1) });
    expect(found).toEqual({
      clusters: 2,
      maxDistance: 1,
      meanDistance: 4.75 / 6,
      intraClusterDistance: 0.375,
      interClusterDistance: 1,
      effectiveClusters: 2,
      largestShare: 0.5,
      silhouette: (0.75 + 0.75 + 0.5 + 0.5) / 4,
    });
  });

  test('one cluster has no pair between clusters, singletons none inside; neither a silhouette', () => {
    const distances = Float32Array.of(0.25, 0.5, 0.75);
    expect(polysemy({ distances, labels: Int32Array.of(0, 0, 0) })).toMatchObject({
      intraClusterDistance: 0.5,
      interClusterDistance: null,
      effectiveClusters: 1,
      silhouette: null,
    });
    const apart = polysemy({ distances, labels: Int32Array.of(0, 1, 2) });
    expect(apart).toMatchObject({
      clusters: 3,
      intraClusterDistance: null,
      interClusterDistance: 0.5,
      silhouette: null,
    });
    expect(apart.effectiveClusters).toBeCloseTo(3, 12);
  });

  test('identical examples in different clusters score 0, as one alone does', () => {
    const distances = new Float32Array(6);
    expect(polysemy({ distances, labels: Int32Array.of(0, 0, 1, 2) }).silhouette).toBe(0);
  });

  test('names what is wrong', () => {
    expect(() => polysemy({ distances: new Float32Array(2), labels: new Int32Array(3) })).toThrow(
      'distances holds 2 values, but 3 points have 3 pairs',
    );
    expect(() => polysemy({ distances: new Float32Array(3), labels: Int32Array.of(1, 1, 1) })).toThrow(
      'no label is 0',
    );
  });
});
