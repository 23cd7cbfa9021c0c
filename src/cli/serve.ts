import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { UsageError } from '../errors.ts';
import { whole } from '../model/text-options.ts';
import { type ModelOptions, modelShape } from './explained.ts';
import { addOptions, studyArgument } from './options.ts';
import { colors, print, printNote } from './terminal.ts';

const shape = {
  ...modelShape,
  trainings: z.string().min(1).optional().meta({
    description:
      'show trainings of SAEs: the folder that sae train writes (--out), or one that holds several',
    value: 'DIR',
  }),
  queue: z.string().min(1).optional().meta({
    description: 'show the runs and workers of this queue (see worker): redis://HOST[:PORT][/DATABASE]',
    value: 'URL',
  }),
  port: whole(0).default(7423).meta({ description: 'the port to listen on; 0: any free one' }),
  host: z.string().min(1).default('127.0.0.1').meta({
    description: 'the address to listen on; one that other machines can reach asks for --token',
    value: 'HOST',
  }),
  token: z.string().min(1).optional().meta({
    description:
      'what every request must bring, 16 characters or more; the address that is printed has it, and a browser keeps it',
    value: 'TOKEN',
  }),
};

export function define(command: Command): void {
  command
    .description(
      'Serves the explorer and its HTTP API over a study, finished or not, until it is stopped; with --trainings, also ' +
        'over trainings of SAEs while they run, and with --queue over the runs and workers of a queue. At least one of the three must be given. The model behind the study is ' +
        'loaded when a page first needs it; without it the rest works.',
    )
    .argument('[STUDY]', studyArgument);
  addOptions(command, shape);
  command
    .addHelpText(
      'after',
      '\nExamples:\n  polyseme serve study.db\n  polyseme serve --trainings sweep\n  polyseme serve --queue redis://localhost',
    )
    .action((path: string | undefined, options: ServeOptions) => {
      if (path === undefined && options.trainings === undefined && options.queue === undefined) {
        throw new UsageError('nothing to serve: give a STUDY, --trainings DIR or --queue URL');
      }
      return serveStudy(path ?? null, options);
    });
}

interface ServeOptions extends ModelOptions {
  readonly port: number;
  readonly host: string;
  readonly token?: string;
  readonly trainings?: string;
  readonly queue?: string;
}

/** Serves until SIGINT or SIGTERM. */
export async function serveStudy(
  path: string | null,
  { port, host, token, trainings, queue, ...model }: ServeOptions,
): Promise<void> {
  const { startServer } = await import('../server/server.ts');
  const server = await startServer(path, {
    ...{ port, host, token, trainings, queue, ...model },
    onNote: printNote,
  });
  const what = [
    path === null ? [] : 'this study',
    trainings === undefined ? [] : 'these trainings',
    queue === undefined ? [] : 'this queue',
  ].flat();
  if (server.open) {
    process.stderr.write(
      `warning: everyone who can reach ${visible(host)} and has the token can read ${what.join(' and ')}; it goes there unencrypted\n`,
    );
  }
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const shown =
    queue === undefined ? undefined : (await import('../run/queue/connection.ts')).shownQueue(queue);
  const names = [path, trainings, shown]
    .filter((name) => name != null)
    .map((name) => colors.bold(visible(name)));
  const verb = names.length > 1 ? 'are' : 'is';
  print(`${names.join(' and ')} ${verb} at ${colors.cyan(server.url)}  (stop with Ctrl-C)`);
  await stopped;
  await server.close();
}
