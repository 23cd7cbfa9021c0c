import { type Command, Option } from 'commander';
import { visible } from '../base/visible.ts';
import { linkageMethods } from '../cluster/linkage.ts';
import { runStudy } from '../run/run.ts';
import { parseRunOptions, runOptions } from '../run/run-options.ts';
import { openStudy } from '../study/open-study.ts';
import type { Study, StudyInfo } from '../study/study.ts';
import { deadUnits, infoWithDead } from './dead.ts';
import { layerList, realNumber, wholeNumber } from './parse.ts';
import { serveStudy } from './serve.ts';
import { colors, duration, number, Progress, print, printJson, printNote } from './terminal.ts';

const { shape } = runOptions;

export function define(command: Command): void {
  const defaults = runOptions.parse({});
  command
    .summary('make a study')
    .description(
      'Runs a model over a corpus, collects each unit’s examples, splits them into features by their neuron ' +
        'embeddings, measures polysemy, and writes a study. Killed and typed again, it continues.',
    )
    .option('--model <M>', 'a folder, a hub id (openai-community/gpt2) or builtin:folio-5m', defaults.model)
    .option(
      '--data <D>',
      'a file, folder, glob, hf:owner/name[@revision][:config[:split]] or builtin:sotu',
      defaults.data,
    )
    .option('--out <FILE>', 'the study', defaults.out)
    .option(
      '--layers <LIST>',
      'layers whose neurons are harvested, e.g. 0,2-5, or none (default: all)',
      (text: string) => (text === 'none' ? [] : layerList(text)),
    )
    .option(
      '--sae <PATH>',
      'harvest the latents of this SAE too: [NAME=] and a folder, a file or hf:owner/name[:path]; may be repeated',
      (path: string, before: string[] = []) => [...before, path],
    )
    .addOption(
      new Option('--center-writing <WHEN>', 'SAEs read x − mean(x); auto: those whose config asks for it')
        .choices(shape.centerWriting.unwrap().options)
        .default(defaults.centerWriting),
    )
    .option(
      '--context <N>',
      'tokens of a context, BOS counted (default: 128, or the model’s limit)',
      wholeNumber(2),
    )
    .option(
      '--contexts <N>',
      'contexts, spread evenly over the documents; the first N of a stream (default: all)',
      wholeNumber(1),
    )
    .addOption(
      new Option(
        '--bos <WHEN>',
        'begin contexts with BOS; auto: as the SAEs were made, or what the tokenizer does',
      )
        .choices(shape.bos.unwrap().options)
        .default(defaults.bos),
    )
    .option('--column <NAME>', 'column of the text in JSONL, CSV and Parquet', defaults.column)
    .addOption(
      new Option(
        '--select <HOW>',
        'examples: largest; evenly from all above --fraction of the maximum; evenly from ten bands; at random',
      )
        .choices(shape.select.unwrap().options)
        .default(defaults.select),
    )
    .option('--examples <N>', 'most examples a unit', wholeNumber(1), defaults.examples)
    .option('--fraction <F>', 'for --select fraction: share of the maximum', realNumber, defaults.fraction)
    .addOption(
      new Option('--sign <S>', 'activations that count')
        .choices(shape.sign.unwrap().options)
        .default(defaults.sign),
    )
    .option('--every-position', 'take every activating position of a context, not only the largest')
    .addOption(
      new Option('--linkage <L>', 'hierarchical clustering')
        .choices([...linkageMethods])
        .default(defaults.linkage),
    )
    .option(
      '--threshold <T>',
      'distance at which the dendrogram is cut into features',
      realNumber,
      defaults.threshold,
    )
    .addOption(
      new Option('--layernorm <L>', 'raw: h with γ and β; folded: as TransformerLens folds them')
        .choices(shape.layernorm.unwrap().options)
        .default(defaults.layernorm),
    )
    .addOption(
      new Option('--gated <G>', 'weights of gated MLPs in the embedding')
        .choices(shape.gated.unwrap().options)
        .default(defaults.gated),
    )
    .option('--seed <N>', 'seed of every choice', wholeNumber(0), defaults.seed)
    .option('--threads <N>', 'default: all cores; the study does not depend on it', wholeNumber(1))
    .option(
      '--layers-at-once <N>',
      'harvest so many layers together: less memory, more passes (default: all)',
      wholeNumber(1),
    )
    .option('--overwrite', 'replace a study with other options')
    .option('--serve', 'on a terminal, open the explorer when done (see serve)')
    .option('--json', 'print what the study holds as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme run --contexts 500\n  polyseme run --model openai-community/gpt2 --data books.jsonl.gz --column paragraphs --contexts 5000 --out gpt2.db\n  polyseme run --layers none --sae jb=hf:jbloom/GPT2-Small-SAEs-Reformatted:blocks.8.hook_resid_pre --model openai-community/gpt2 --out sae.db',
    )
    .action(act);
}

async function act(
  {
    json = false,
    serve = false,
    verbose: _,
    ...options
  }: Record<string, unknown> & { json?: boolean; serve?: boolean },
  command: Command,
): Promise<void> {
  try {
    parseRunOptions(options);
  } catch (error) {
    command.error(`error: ${(error as Error).message}`);
  }
  const started = performance.now();
  const progress = new Progress();
  const info = await runStudy(options, {
    onNote: printNote,
    onProgress({ stage, done, total, what }) {
      if (stage === 'features') progress.show(`features of ${what}`, done, total, 'units');
      else progress.show(what === '' ? 'harvest' : `harvest, ${what}`, done, total, 'contexts');
    },
  });
  progress.end();
  const out = String(options['out']);
  if (json) {
    const study = openStudy(out);
    printJson(infoWithDead(study));
    study.close();
    return;
  }
  print(
    `${colors.bold(visible(out))}: ${number(info.banks.reduce((sum, { units }) => sum + units, 0))} units, ` +
      `${number(info.examples)} examples from ${number(info.tokens ?? 0)} tokens in ${duration((performance.now() - started) / 1000)}`,
  );
  const study = openStudy(out);
  try {
    for (const bank of info.banks) {
      if (bank.name.startsWith('sae/')) print(latentsLine(study, bank, info.tokens ?? 0));
    }
    printMostPolysemantic(study);
  } finally {
    study.close();
  }
  if (serve && process.stdout.isTTY) await serveStudy(out, { port: 7423, host: '127.0.0.1' });
  else
    print(
      `\nLook closer:  polyseme serve ${visible(out)}  (or: polyseme units ${visible(out)} --sort clusters --desc --limit 20)`,
    );
}

function latentsLine(study: Study, bank: StudyInfo['banks'][number], tokens: number): string {
  const dead = deadUnits(study, bank.name);
  return `${colors.bold(visible(bank.name))}: ${number(bank.units)} latents at ${visible(bank.site)}, ${number(dead)} dead (none of ${number(tokens)} tokens activates them)`;
}

/** The five units with the most features, with the words of the largest of these. */
function printMostPolysemantic(study: Study): void {
  print('\nThe five most polysemantic units:');
  for (const { bank, index, clusters, meanDistance } of study.units({
    sort: 'clusters',
    descending: true,
    limit: 5,
  })) {
    const { features } = study.unit(bank, index);
    print(
      `  ${colors.bold(visible(`${bank}/${index}`))}  ${clusters} features, mean distance ${meanDistance?.toFixed(2) ?? '–'}`,
    );
    for (const { size, words } of features.slice(0, 3)) {
      print(`    ${String(size).padStart(4)} examples  ${colors.cyan(visible(words.join(', ')))}`);
    }
    if (features.length > 3) print(colors.dim(`         … and ${features.length - 3} more`));
  }
}
