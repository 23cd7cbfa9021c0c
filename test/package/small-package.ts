import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { NEURONS, writeSmallFolio } from '../helpers/small-folio.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/**
 * The built package in folder `to`, whose bundled model of text has few neurons: what is typed as a page of docs has it
 * takes a sixth of the time. Returns its command line's main file.
 */
export function smallPackage(to: string, neurons = NEURONS): string {
  mkdirSync(to, { recursive: true });
  for (const part of ['dist', 'models/digits', 'package.json']) {
    cpSync(join(ROOT, part), join(to, part), { recursive: true });
  }
  writeSmallFolio(join(to, 'models/folio-5m'), neurons);
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'));
  return join(to, 'dist/cli/main.js');
}
