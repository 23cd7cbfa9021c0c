import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';

import { runOptions } from '../run/run-options.ts';
import type { Study, StudyInfo } from '../study/study.ts';
import { deadUnits, infoWithDead } from './dead.ts';
import { RESUME, untilInterrupted } from './interrupt.ts';
import { leftOut } from './left-out.ts';
import { addOptions } from './options.ts';
import { layerList, numberOf } from './parse.ts';
import { colors, duration, number, Progress, print, printJson, printNote, shellWord } from './terminal.ts';

const shardOptions = {
  plan: z.string().min(1).optional().meta({
    description: 'divide the run over machines (docs/scaling.md): the file of its plan',
    value: 'FILE',
  }),
  shards: z.int().min(1).max(100_000).optional().meta({
    description: 'with --plan: make the plan, for so many shards; with --queue: hand out so many',
  }),
  shard: z.object({ number: z.int(), of: z.int() }).optional().meta({
    description:
      'with --plan, or the options of the run and --keep-duplicates: run this shard, and write what it found to --out',
    value: 'i/n',
  }),
  after: z.string().min(1).optional().meta({
    description: 'with --shard: the merged part of the round before',
    value: 'FILE',
    fallback: 'none, in the first round',
  }),
  queue: z.string().min(1).optional().meta({
    description: 'let the workers of this queue (see worker) run the shards: redis://HOST[:PORT][/DATABASE]',
    value: 'URL',
  }),
  artefacts: z.string().min(1).optional().meta({
    description: 'with --queue: the folder that all workers see, or a bucket: s3://BUCKET[/PREFIX]',
    value: 'DIR',
  }),
  artefactsEndpoint: z.string().min(1).optional().meta({
    description: 'with --artefacts s3://…: the address of an S3-compatible store',
    value: 'URL',
    fallback: 'AWS_ENDPOINT_URL_S3, else Amazon’s',
  }),
};

const ownOptions = {
  serve: z
    .boolean()
    .default(false)
    .meta({ description: 'on a terminal, open the explorer when done (see serve)' }),
  json: z.boolean().default(false).meta({ description: 'print what the study holds, as one JSON document' }),
};

export function define(command: Command): void {
  command.description(
    'Runs a model over text, collects the examples that activate each unit, splits them into features by their neuron ' +
      'embeddings, measures polysemy, and writes a study. Run the same command again to resume an interrupted run.',
  );
  addOptions(
    command,
    { ...runOptions.shape, ...shardOptions, ...ownOptions },
    { layers: (text) => (text === 'none' ? [] : layerList(text)), shard: numberOf },
  );
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme run --contexts 200 --out first.db\n  polyseme run --model openai-community/gpt2 --data books.jsonl.gz --column paragraphs --contexts 5000 --out gpt2.db\n  polyseme run --layers none --sae jb=hf:jbloom/GPT2-Small-SAEs-Reformatted:blocks.8.hook_resid_pre --model openai-community/gpt2 --out sae.db',
    )
    .action(act);
}

async function act(
  {
    json = false,
    serve = false,
    verbose: _,
    ...all
  }: Record<string, unknown> & { json?: boolean; serve?: boolean },
  command: Command,
): Promise<void> {
  const [{ runStudy }, { openStudy }] = await Promise.all([
    import('../run/run-study.ts'),
    import('../study/open-study.ts'),
  ]);
  // Options that were not typed have the library's defaults.
  const options: Record<string, unknown> = Object.fromEntries(
    Object.entries(all).filter(([name]) => command.getOptionValueSource(name) !== 'default'),
  );
  if (Object.keys(shardOptions).some((name) => name in options)) {
    await (await import('./run-shards.ts')).runDivided(options, json);
    return;
  }
  const started = performance.now();
  const progress = new Progress();
  const info = await untilInterrupted(RESUME, (signal) =>
    runStudy({
      ...options,
      signal,
      onNote: printNote,
      onProgress({ stage, done, total, what, at }) {
        if (stage === 'features') progress.show(`features of ${what}`, done, total, 'units');
        else if (stage === 'passages') progress.show('passages for search', done, total, 'units');
        else progress.show(what === '' ? 'harvest' : `harvest, ${what}`, done, total, 'contexts', at);
      },
    }),
  );
  progress.end();
  const out = String(all['out']);
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
  for (const line of leftOut(info)) print(line);
  const study = openStudy(out);
  try {
    for (const bank of info.banks) {
      if (bank.name.startsWith('sae/')) print(latentsLine(study, bank, info.tokens ?? 0));
    }
    (await import('./headline.ts')).printHeadline(study);
  } finally {
    study.close();
  }
  if (serve && process.stdout.isTTY)
    await (await import('./serve.ts')).serveStudy(out, { port: 7423, host: '127.0.0.1' });
  else
    print(
      `\nLook closer:  polyseme serve ${shellWord(out)}  (or: polyseme units ${shellWord(out)} --limit 20)`,
    );
}

function latentsLine(study: Study, bank: StudyInfo['banks'][number], tokens: number): string {
  const dead = deadUnits(study, bank.name);
  return `${colors.bold(visible(bank.name))}: ${number(bank.units)} latents at ${visible(bank.site)}, ${number(dead)} dead (none of ${number(tokens)} tokens activates them)`;
}
