// Latency of `polyseme serve` on a synthetic study of 36,864 units (12 banks × 3,072, 64 examples of 128 tokens): unit
// requests at a fixed rate over 32 connections, sent when they are due whether earlier ones were answered or not, and
// timed from when they were due; re-clusterings of 64 examples × 768; /healthz, and the end on SIGTERM, while others ask what
// takes long. The server is a process of its own.
// Usage: node bench/serve.mjs [seconds=10] [rate=500] [study=FILE to keep and use again] [units=3072 a bank]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report } from './report.mjs';
import { syntheticStudy } from './synthetic-study.mjs';

const CONNECTIONS = 32;
const BANKS = 12;
/** Milliseconds that requests under way have to end when the server stops (src/server/server.ts). */
const GRACE = 3000;

const seconds = Number(process.argv[2] ?? 10);
const rate = Number(process.argv[3] ?? 500);
const dir = process.argv[4] === undefined ? mkdtempSync(join(tmpdir(), 'polyseme-bench-')) : null;
const UNITS = Number(process.argv[5] ?? 3072);
const study = process.argv[4] ?? join(dir, 'study.db');
if (!existsSync(study)) syntheticStudy(study, { banks: BANKS, units: UNITS, examples: 64, length: 128 });

const cli = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const server = spawn(process.execPath, [cli, 'serve', study, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise((resolve, reject) => {
  server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  server.stdout.on('data', (text) => /http/.test(text) && resolve(/http:\/\/[\w.:]+/.exec(text)[0]));
});
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

try {
  const unit = (i) => `/api/units/mlp.${(i * 7) % BANKS}/${(i * 2_654_435_761) % UNITS}`;
  // One pass of a second: code is compiled and the table of units is read.
  await load(unit, rate, rate);
  const units = await load((i) => unit(i + rate), seconds * rate, rate);
  for (const share of [50, 95, 99]) {
    report(
      `unit requests at ${rate}/s for ${seconds} s, p${share}`,
      percentile(units, share),
      'ms',
      share === 95 ? 30 : undefined,
    );
  }
  const linkages = ['average', 'complete', 'single', 'weighted'];
  const clustering = (i) =>
    `/api/units/wide/${i % 64}/clustering?linkage=${linkages[i % 4]}&threshold=${(0.2 + (i % 97) / 200).toFixed(4)}`;
  const clusterings = await load(clustering, 200, 50);
  for (const share of [50, 95, 99]) {
    report(
      `re-clustering of 64 × 768 at 50/s, p${share}`,
      percentile(clusterings, share),
      'ms',
      share === 95 ? 50 : undefined,
    );
  }

  // As many questions that take long as connections: those beyond the server's bound are sent away (503).
  let busy = true;
  const heavy = Array.from({ length: CONNECTIONS }, async (_, i) => {
    for (let n = i; busy; n += CONNECTIONS) {
      await request(`${url}/api/units/mlp.1/${n % UNITS}/certainty`).catch(() => {});
    }
  });
  const health = await load(() => '/healthz', 200, 50, new Agent({ keepAlive: true, maxSockets: 4 }));
  for (const share of [50, 95, 99]) {
    const target = share === 50 ? undefined : 50;
    report(
      `/healthz while ${CONNECTIONS} ask what takes long, p${share}`,
      percentile(health, share),
      'ms',
      target,
    );
  }
  const told = performance.now();
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const [code, signal] = await ended;
  busy = false;
  report('SIGTERM under that load: until it has ended', performance.now() - told, 'ms', GRACE + 500);
  if (code !== 0) throw new Error(`the server ended with ${code ?? signal}`);
  await Promise.all(heavy);
} finally {
  agent.destroy();
  server.kill();
  if (dir !== null) rmSync(dir, { recursive: true });
}

/** Times of `count` requests, sent at `perSecond`, ascending; an answer that is not 200 ends the benchmark. */
async function load(path, count, perSecond, connections = agent) {
  const start = performance.now() + 10;
  const times = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const due = start + (1000 * i) / perSecond;
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      const { status } = await request(url + path(i), connections);
      if (status !== 200) throw new Error(`${path(i)} answered ${status}`);
      return performance.now() - due;
    }),
  );
  return times.sort((a, b) => a - b);
}

function request(address, connections = agent) {
  return new Promise((resolve, reject) => {
    get(address, { agent: connections }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk) => {
        bytes += chunk.length;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, bytes }));
    }).on('error', reject);
  });
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length))];
}
