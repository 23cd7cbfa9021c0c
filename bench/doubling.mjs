// Does reading more text move a verdict between an SAE and its layer? Trains the SAE of docs/training.md on folio-5m and
// compares its latents with the neurons of their layer on examples drawn anew, with 10,000, 40,000 and 160,000 tokens.
// Writes bench/doubling.json and the table of docs/sae.md.
//
//   node bench/doubling.mjs [--tokens 10000,40000,160000] [--examples 16] [--folder DIR]
//
// With each number of tokens goes another seed, so that text, draws and order are others too.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { evaluateSae } from '../dist/evaluate/evaluate.js';
import { loadModel } from '../dist/model/load-model.js';
import { trainSae } from '../dist/train/train.js';
import { doublingTable, moves } from './doubling/table.mjs';

const { values } = parseArgs({
  options: {
    tokens: { type: 'string', default: '10000,40000,160000' },
    examples: { type: 'string', default: '16' },
    folder: { type: 'string', default: join(import.meta.dirname, '.cache', 'doubling') },
  },
});

const sae = join(values.folder, 'my-sae');
if (!existsSync(join(sae, 'cfg.json'))) {
  await trainSae({
    site: 'blocks.2.mlp.hook_in',
    latents: 256,
    k: [8],
    tokens: 20_000,
    batch: 512,
    evalTokens: 0,
    out: sae,
  });
}
const model = await loadModel('builtin:folio-5m');
const found = [];
for (const [i, tokens] of values.tokens.split(',').map(Number).entries()) {
  const { polysemy, notes } = await evaluateSae({
    model,
    sae,
    data: 'builtin:sotu',
    tokens,
    examples: Number(values.examples),
    seed: i,
  });
  if (polysemy === null) throw new Error(notes.join('; '));
  found.push(polysemy);
  console.error(`${polysemy.tokens} tokens: ${polysemy.examples} examples`);
}
await model.close();
console.log(doublingTable(found));
console.log(JSON.stringify(moves(found), null, 1));
writeFileSync(join(import.meta.dirname, 'doubling.json'), `${JSON.stringify(found, null, 1)}\n`);
