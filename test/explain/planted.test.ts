import { expect, it } from 'vitest';
import { openStudy } from '../../src/study/open-study.ts';
import { referenceGpt2 } from '../helpers/reference-gpt2.ts';
import { letterId, PLANTED, plantedStudy, plantedTensors, plantedTexts } from './planted.ts';

const { config, unit, twin, sets, trigger, continuations } = PLANTED;
const tensors = plantedTensors();

it('the planted unit and its twin fire at the trigger after either set, and nowhere else', () => {
  for (const text of plantedTexts(40)) {
    const letters = [...text].slice(0, config.n_positions);
    const sites = referenceGpt2(tensors, config, letters.map(letterId));
    letters.forEach((letter, t) => {
      const set = sets.findIndex((of) => t > 0 && of.includes(letters[t - 1]!));
      const fires = letter === trigger && set >= 0;
      for (const [layer, { index }] of [unit, twin].entries()) {
        const a = sites[`blocks.${layer}.mlp.hook_post`]![t * config.n_inner + index]!;
        if (fires) expect(a).toBeGreaterThan(1);
        else expect(a).toBe(0);
      }
      if (!fires) return;
      const logits = sites['logits']!.subarray(t * config.vocab_size, (t + 1) * config.vocab_size);
      expect(logits.indexOf(Math.max(...logits))).toBe(letterId(continuations[set]!));
    });
  }
});

it('a study of the planted model finds the two features of both units', async () => {
  const { study: path } = await plantedStudy();
  const study = openStudy(path);
  for (const { bank, index } of [unit, twin]) {
    const { features } = study.unit(bank, index);
    const found = features.map(({ examples }) =>
      [...new Set(examples.map(({ tokens, position }) => tokens[position - 1]))].sort().join(''),
    );
    expect(found.sort()).toEqual([...sets]);
  }
  study.close();
});
