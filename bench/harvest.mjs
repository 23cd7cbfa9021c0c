// Harvest of every layer of a GPT-2-small-shaped model, as a ratio to the bare forward pass over the same tokens.
// While the examples fill up, every context brings new ones: the ratio falls as the corpus grows.
// Beside wall time, the ratio of processor time (of all threads), which other work on the machine disturbs less.
// Usage: node bench/harvest.mjs [contexts=1024] [rounds=3] [strategies=top,fraction,quantiles]
import { availableParallelism } from 'node:os';
import { mlpBank } from '../dist/bank/mlp-bank.js';
import { cutContexts } from '../dist/corpus/contexts.js';
import { openCorpus } from '../dist/corpus/open-corpus.js';
import { loadModel } from '../dist/model/load-model.js';
import { bareForward } from './forward.mjs';
import { gpt2SmallShape } from './model.mjs';
import { median, report } from './report.mjs';
import { cpuSeconds, timedHarvest } from './timed-harvest.mjs';

const LENGTH = 128;

const count = Number(process.argv[2] ?? 1024);
const rounds = Number(process.argv[3] ?? 3);
const threads = availableParallelism();
const model = await loadModel(await gpt2SmallShape());
const corpus = await openCorpus('builtin:sotu');
const options = { length: LENGTH, bos: false, count, seed: 0 };
const contexts = [];
for await (const context of cutContexts(corpus, model.tokenizer, options)) contexts.push(context);
const banks = Array.from({ length: model.config.layers }, (_, layer) =>
  mlpBank(model.files, layer, { layernorm: 'raw', gated: 'gradient' }),
);

const last = `blocks.${model.config.layers - 1}.hook_resid_post`;
const TARGETS = { top: 1.25, fraction: 2.3, quantiles: 2.3 };
const strategies = (process.argv[4] ?? Object.keys(TARGETS).join(',')).split(',');
const ratios = Object.fromEntries(strategies.map((select) => [select, { wall: [], cpu: [] }]));
const rates = [];
for (let round = 0; round < rounds; round++) {
  for (const select of strategies) {
    const before = process.cpuUsage();
    const forward = await bareForward(model, last, contexts, LENGTH, threads);
    const forwardCpu = cpuSeconds(before);
    const { wall, cpu } = await timedHarvest({
      model,
      banks,
      contexts,
      length: LENGTH,
      select,
      saveEvery: 40,
    });
    ratios[select].wall.push(wall / forward);
    ratios[select].cpu.push(cpu / forwardCpu);
    rates.push((contexts.length * LENGTH) / forward);
  }
}
report('bare forward pass', median(rates), 'tokens/s');
for (const select of strategies) {
  report(`harvest ÷ forward, ${select}`, median(ratios[select].wall), '×', TARGETS[select]);
  report(`harvest ÷ forward, ${select}, processor time`, median(ratios[select].cpu), '×');
}
await model.close();
