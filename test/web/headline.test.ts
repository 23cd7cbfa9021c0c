import { describe, expect, it } from 'vitest';
import { firstPair, headline } from '../../web/src/compare/headline.ts';
import type { MatchedComparison } from '../../web/src/source/answers.ts';

type Difference = MatchedComparison['differences'][number];

function said(difference: Partial<Difference>, unequalDepth: string[] = []): string | null {
  return headline({
    banks: [{ name: 'mlp.2' }, { name: 'sae/g0' }],
    differences: [
      {
        metric: 'meanDistance',
        banks: ['mlp.2', 'sae/g0'],
        superiority: 0.9,
        superiorityInterval: [0.8, 1],
        differs: true,
      },
      { metric: 'effectiveFeatures', banks: ['mlp.2', 'sae/g0'], ...difference },
    ],
    unequalDepth,
    examples: 32,
  } as unknown as MatchedComparison);
}

describe('the headline of a comparison', () => {
  it('says which bank is less polysemantic, in how many pairs, with the interval', () => {
    expect(said({ superiority: 0.42, superiorityInterval: [0.38, 0.46], differs: true })).toBe(
      'Units of mlp.2 are less polysemantic than those of sae/g0 in 58 % [54, 62] of pairs of units at 32 examples each.',
    );
    expect(said({ superiority: 0.7, superiorityInterval: [0.65, 0.75], differs: true })).toBe(
      'Units of mlp.2 are more polysemantic than those of sae/g0 in 70 % [65, 75] of pairs of units at 32 examples each.',
    );
  });
  it('gives no verdict where there is none', () => {
    expect(said({ superiority: 0.52, superiorityInterval: [0.48, 0.56], differs: false })).toMatch(
      /^No clear difference: .* in 52 % \[48, 56\]/,
    );
    expect(
      said({ superiority: 0.2, superiorityInterval: [0.1, 0.3], differs: null }, ['top examples']),
    ).toMatch(
      /^Units of sae\/g0 have more features .* 80 % \[70, 90\] .* does not say which are more polysemantic/,
    );
  });
});

describe('the pair that is compared first', () => {
  const mlp = (l: number) => ({ name: `mlp.${l}`, kind: 'mlp', site: `blocks.${l}.mlp.hook_in` });
  it('is an SAE and the layer that it reads, else the first and the last', () => {
    const sae = { name: 'sae/a', kind: 'sae', site: 'blocks.1.hook_resid_post' };
    expect(firstPair([mlp(0), mlp(1), mlp(2), sae])).toEqual(['mlp.1', 'sae/a']);
    expect(firstPair([mlp(0), mlp(1), mlp(2)])).toEqual(['mlp.0', 'mlp.2']);
    expect(firstPair([mlp(0)])).toEqual(['mlp.0']);
    expect(firstPair([])).toEqual([]);
  });
});
