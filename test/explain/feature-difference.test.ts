import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/base/random.ts';
import { ablate, effectsIn } from '../../src/explain/ablate.ts';
import { controlUnits } from '../../src/explain/control-units.ts';
import type { Explained } from '../../src/explain/explained.ts';
import { rankOf } from '../../src/explain/feature-difference.ts';
import { changeDirection, FeatureShare } from '../../src/explain/feature-share.ts';
import { firingContexts } from '../../src/explain/firing-contexts.ts';
import { openExplained } from '../../src/server/explain/open-explained.ts';
import { openStudy } from '../../src/study/open-study.ts';
import type { Study } from '../../src/study/study.ts';
import { PLANTED, studyOf } from './planted.ts';
import { EFFECTS, effectTensors } from './planted-effects.ts';

let study: Study;
let explained: Explained;

beforeAll(async () => {
  const files = await studyOf({ config: PLANTED.config, tensors: effectTensors() });
  study = openStudy(files.study);
  explained = openExplained(study, { threads: 1 });
});
afterAll(async () => {
  await explained?.close();
  study?.close();
});

describe('features differ in effect', () => {
  it('where later layers make two things of what the unit writes', async () => {
    const found = await ablate(explained, { ...EFFECTS.two, contexts: 40 });
    expect(found.features.map(({ lowered }) => lowered[0]!.text).toSorted()).toEqual([
      ...PLANTED.continuations,
    ]);
    expect(found.featureShare).toBeGreaterThan(0.9);
    for (const unit of found.controls!.units) expect(unit.featureShare).toBeLessThan(0.1);
    expect(found.controls!.p).toBeLessThanOrEqual(0.05);
    expect(found.differs).toBe(true);
  });

  it('not where contexts differ and the unit does one thing in all of them', async () => {
    const { features } = study.unit(EFFECTS.one.bank, EFFECTS.one.index);
    expect(features).toHaveLength(2);
    const found = await ablate(explained, { ...EFFECTS.one, contexts: 40 });
    expect(found.features.map(({ lowered }) => lowered[0]!.text)).toEqual(['r', 'r']);
    // The permutation of labels alone is no test: the two kinds of context do make a difference.
    for (const { adjusted } of found.features) expect(adjusted).toBeLessThan(0.05);
    // So much the contexts alone make, as they do of other units.
    expect(found.featureShare).toBeGreaterThan(0.4);
    expect(Math.max(...found.controls!.units.map((unit) => unit.featureShare!))).toBeGreaterThan(0.9);
    expect(found.controls!.p).toBeGreaterThan(0.05);
    expect(found.differs).toBe(false);
  });

  it('not where a unit that does two things is split by chance', async () => {
    const contexts = await firingContexts(explained, EFFECTS.two.bank, EFFECTS.two.index, 40);
    const random = createRandom(5);
    const split = contexts.map((context) => {
      const feature = random.integer(2);
      const firings = context.firings.map((firing) => ({ ...firing, feature }));
      return { ...context, firings };
    });
    const found = await effectsIn(explained, split, { ...EFFECTS.two, contexts: 40 });
    for (const { adjusted } of found.features) expect(adjusted).toBeGreaterThan(0.05);
    expect(found.differs).toBe(false);
  });

  it('is not said without units to compare with', async () => {
    const found = await ablate(explained, { ...EFFECTS.two, contexts: 20, controls: false });
    expect(found).toMatchObject({ differs: null, controls: null });
    expect(found.featureShare).not.toBeNull();
  });

  it('is compared with units of like density, the nearest where there are too few', () => {
    const { bank, index } = EFFECTS.two;
    const units = controlUnits(study.units({ bank }), index, 1);
    expect(units).toHaveLength(20);
    expect(units.map((unit) => unit.index)).not.toContain(index);
    const density = (unit: { density: number | null }) => unit.density ?? 0;
    const own = density(study.units({ bank }).find((unit) => unit.index === index)!);
    const left = study
      .units({ bank })
      .filter((unit) => unit.index !== index && !units.some((one) => one.index === unit.index));
    const farthest = Math.max(...units.map((unit) => Math.abs(density(unit) - own)));
    for (const unit of left) {
      const isFar = unit.examples === 0 || Math.abs(density(unit) - own) >= farthest;
      expect(isFar || Math.abs(density(unit) - own) <= 0.2 * own).toBe(true);
    }
  });
});

describe('the share of directions that labels tell', () => {
  const shareOf = (groups: readonly number[][][]) => {
    const share = new FeatureShare(groups.length, groups[0]![0]!.length);
    groups.forEach((group, label) => {
      for (const direction of group) share.add(label, Float32Array.from(direction));
    });
    return share.share();
  };

  it('is nearly all where each label has a direction of its own, and none where all are one', () => {
    const [x, y] = [
      [1, 0],
      [-1, 0],
    ];
    expect(shareOf([Array(9).fill(x), Array(9).fill(y)])).toBeCloseTo(1, 6);
    expect(shareOf([Array(9).fill(x), Array(9).fill(x)])).toBeCloseTo(0, 6);
    expect(shareOf([[x], [y]])).toBeNull();
  });

  it('is 0 on average where labels mean nothing', () => {
    const random = createRandom(2);
    const shares = Array.from({ length: 400 }, () => {
      const direction = () => {
        const angle = 2 * Math.PI * random.next();
        return [Math.cos(angle), Math.sin(angle)];
      };
      return shareOf([5, 9, 4].map((count) => Array.from({ length: count }, direction)))!;
    });
    expect(Math.abs(shares.reduce((a, b) => a + b) / shares.length)).toBeLessThan(0.015);
  });

  it('is of directions that know neither the size of a change nor what all logits share', () => {
    const expected = Float64Array.of(3, 1, 0.5);
    const before = Float32Array.of(-1, -2, -3);
    const after = before.map((logp, id) => logp + [0.4, -0.2, 0.1][id]!);
    const doubled = before.map((logp, id) => logp + 2 * [0.4, -0.2, 0.1][id]! + 0.7);
    const one = changeDirection(before, after, expected);
    const other = changeDirection(before, doubled, expected);
    one.forEach((value, id) => {
      expect(other[id]).toBeCloseTo(value, 5);
    });
    expect(Math.hypot(...one)).toBeCloseTo(1, 6);
  });

  it('ranks a unit among others, of which there must be enough', () => {
    const others = Array.from({ length: 20 }, (_, i) => i / 100);
    expect(rankOf(0.5, others)).toBeCloseTo(1 / 21, 10);
    expect(rankOf(0.1, others)).toBeCloseTo(11 / 21, 10);
    expect(rankOf(0.5, others.slice(0, 18))).toBeNull();
    expect(rankOf(null, others)).toBeNull();
  });
});
