// The server under load, and an exported site from a plain host: bench/serve.mjs and bench/site.mjs. There is no peer.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { figure } from '../table.mjs';

const BENCH = join(import.meta.dirname, '..', '..');
/** Units of a bank of twelve. */
const UNITS = 3072;

export async function prepare({ dir, quick, progress }) {
  const units = quick ? UNITS / 8 : UNITS;
  const study = join(dir, 'study.db');
  progress('bench/serve.mjs');
  const served = lines('serve.mjs', [quick ? 5 : 10, 500, study, units]);
  progress('bench/site.mjs');
  const site = lines('site.mjs', [units, study]);
  const rows = [...served, ...site].map(({ name, value, unit }) => ({
    who: name,
    name,
    lap: '',
    kind: 'ours',
    rate: `${figure(value)} ${unit}`,
    cpu: null,
    wall: null,
    peak: null,
    ratio: null,
    agrees: null,
  }));
  return {
    title: 'Server and site',
    work: `A synthetic study of ${(12 * units).toLocaleString('en-US')} units × 64 examples of 128 tokens; requests are timed from when they were due; the site is opened in Chromium at 20 ms latency and 20 Mbit/s. By the clock. No peer.`,
    rounds: 1,
    contestants: [],
    rows,
    aims: () =>
      [...served, ...site]
        .filter(({ target }) => target !== null)
        .map(({ name, value, target }) => ({ text: name, value, most: target })),
  };
}

/** What a benchmark reports. */
function lines(script, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(BENCH, script), ...args.map(String)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${script}: ${stderr.trim().split('\n').at(-1)}`);
  return reported(stdout);
}

/** The figures in lines of bench/report.mjs. */
export function reported(text) {
  return [...text.matchAll(/^(.+?) +(-?[\d.]+) (\S*)(?: +\(target ≤ ([\d.]+):.*)?$/gm)].map(
    ([, name, value, unit, target]) => ({
      name,
      value: Number(value),
      unit,
      target: target === undefined ? null : Number(target),
    }),
  );
}
