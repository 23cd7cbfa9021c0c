import type { Command } from 'commander';
import { startServer } from '../server/server.ts';
import { wholeNumber } from './parse.ts';
import { colors, print } from './terminal.ts';

export function define(command: Command): void {
  command
    .description('Serves the explorer and its HTTP API over a study, finished or not, until it is stopped.')
    .argument('<STUDY>', 'the study')
    .option('--port <N>', 'where to listen; 0: any that is free', wholeNumber(0), 7423)
    .option('--host <HOST>', 'address to listen on', '127.0.0.1')
    .addHelpText('after', '\nExample:\n  polyseme serve study.db')
    .action(serveStudy);
}

/** Serves until SIGINT or SIGTERM. */
export async function serveStudy(
  path: string,
  { port, host }: { port: number; host: string },
): Promise<void> {
  const server = await startServer(path, { port, host });
  if (server.open) process.stderr.write(`warning: everyone who can reach ${host} can read this study\n`);
  print(`${colors.bold(path)} is at ${colors.cyan(server.url)}  (stop with Ctrl-C)`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
}
