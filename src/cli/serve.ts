import type { Command } from 'commander';
import { visible } from '../base/visible.ts';
import { startServer } from '../server/server.ts';
import { wholeNumber } from './parse.ts';
import { colors, print } from './terminal.ts';

export function define(command: Command): void {
  command
    .description(
      'Serves the explorer and its HTTP API over a study, finished or not, until it is stopped; with --trainings, also\n' +
        'over trainings of SAEs while they run. At least one of the two must be given.',
    )
    .argument('[STUDY]', 'the study')
    .option('--trainings <DIR>', 'what sae train writes to (--out), or a folder that holds several of these')
    .option('--port <N>', 'where to listen; 0: any that is free', wholeNumber(0), 7423)
    .option('--host <HOST>', 'address to listen on', '127.0.0.1')
    .addHelpText('after', '\nExamples:\n  polyseme serve study.db\n  polyseme serve --trainings sweep')
    .action((path: string | undefined, options: ServeOptions, self: Command) => {
      if (path === undefined && options.trainings === undefined) {
        self.error('error: nothing to serve: give a STUDY, or --trainings DIR, or both');
      }
      return serveStudy(path ?? null, options);
    });
}

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly trainings?: string;
}

/** Serves until SIGINT or SIGTERM. */
export async function serveStudy(
  path: string | null,
  { port, host, trainings }: ServeOptions,
): Promise<void> {
  const server = await startServer(path, { port, host, trainings });
  const what = [path === null ? [] : 'this study', trainings === undefined ? [] : 'these trainings'].flat();
  if (server.open) {
    process.stderr.write(`warning: everyone who can reach ${visible(host)} can read ${what.join(' and ')}\n`);
  }
  const names = [path, trainings].filter((name) => name != null).map((name) => colors.bold(visible(name)));
  const verb = names.length > 1 ? 'are' : 'is';
  print(`${names.join(' and ')} ${verb} at ${colors.cyan(server.url)}  (stop with Ctrl-C)`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
}
