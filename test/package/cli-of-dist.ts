import { cliOf } from '../helpers/cli.ts';

/** The published command line: dist/cli/main.js, as a user runs it. */
export const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;

export const { cli, shell } = cliOf([MAIN]);
