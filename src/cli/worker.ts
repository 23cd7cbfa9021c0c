import { once } from 'node:events';
import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { PolysemeError } from '../errors.ts';
import { runOptions } from '../run/run-options.ts';
import { addOptions } from './options.ts';
import { progressLabel } from './run-shards.ts';
import { Progress, print, printNote } from './terminal.ts';

const { threads } = runOptions.shape;
const shape = {
  queue: z.string().min(1).meta({
    description: 'address of the queue: redis://HOST[:PORT][/DATABASE]',
    value: 'URL',
  }),
  artefacts: z.string().min(1).meta({
    description:
      'the folder that all workers see, or a bucket (s3://BUCKET[/PREFIX]): what they find goes through it',
    value: 'DIR',
  }),
  artefactsEndpoint: z.string().min(1).optional().meta({
    description: 'with --artefacts s3://…: the address of an S3-compatible store',
    value: 'URL',
    fallback: 'AWS_ENDPOINT_URL_S3, else Amazon’s',
  }),
  threads,
};

interface Options {
  readonly queue: string;
  readonly artefacts: string;
  readonly artefactsEndpoint?: string;
  readonly threads?: number;
}

export function define(command: Command): void {
  command.description(
    'Works on the runs that are handed out to a queue (run --queue), until Ctrl-C: then the job at hand goes to another ' +
      'worker. Start as many as you like, on any machines that see model, data and artefacts.',
  );
  addOptions(command, shape);
  command
    .addHelpText('after', '\nHow it goes together: docs/scaling.md')
    .action(async ({ queue, artefacts, artefactsEndpoint, threads }: Options) => {
      const { startWorker } = await import('../run/queue/worker.ts');
      const progress = new Progress();
      const worker = await startWorker({
        queue,
        artefacts,
        artefactsEndpoint,
        threads,
        onNote: printNote,
        onProgress: ({ stage, done, total, unit, what, at }) =>
          progress.show(progressLabel(stage, what), done, total, unit, at),
        onJob(job, failure) {
          progress.end();
          print(visible(failure === null ? `done: ${job}` : `failed: ${job}: ${failure}`));
        },
      });
      print(`working for ${visible(queue.replace(/\/\/.*@/, '//'))}; Ctrl-C ends it`);
      const why = await Promise.race([
        worker.ended,
        once(process, 'SIGINT').then(() => null),
        once(process, 'SIGTERM').then(() => null),
      ]);
      progress.end();
      if (why === null) printNote('stopping: a job at hand goes to another worker');
      await worker.leave();
      if (why !== null) throw new PolysemeError(`${why.message}; the job goes to another worker`, why.code);
      process.exit(0);
    });
}
