import { expect, test } from 'vitest';
import { studentQuantile } from '../../src/compare/student.ts';

/** scipy.stats.t.ppf(p, df), SciPy 1.17.1, for these degrees of freedom. */
const FREEDOM = [1, 2, 3, 4, 5, 9, 10, 30, 99];
const GOLDEN: readonly (readonly [number, readonly number[]])[] = [
  [
    0.6,
    [
      0.32491969623290634, 0.2886751345948128, 0.2766706623326898, 0.2707222947075976, 0.2671808657041451,
      0.260955336473911, 0.2601848294920803, 0.2556053649519128, 0.25402901215180673,
    ],
  ],
  [
    0.975,
    [
      12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934, 2.5705818356363146,
      2.262157162798205, 2.228138851986274, 2.0422724563012378, 1.9842169515864174,
    ],
  ],
  [
    0.9999,
    [
      3183.098757118502, 70.70007107496818, 22.203742273205, 13.033671720896821, 9.677566300882814,
      6.010132129081531, 5.693820101457592, 4.23398595727206, 3.8630891071273092,
    ],
  ],
];

test.each(GOLDEN)('the quantile %d of Student’s t is SciPy’s', (p, golden) => {
  FREEDOM.forEach((freedom, i) => {
    const relative = studentQuantile(p, freedom) / golden[i]! - 1;
    // Far out, 2p − 1 itself has lost digits.
    expect([freedom, Math.abs(relative) < (p > 0.99 ? 1e-10 : 1e-12)]).toEqual([freedom, true]);
  });
  expect(studentQuantile(0.5, 7)).toBe(0);
});
