// npm run test:long: runs by the workers of a queue that are killed at random moments, slow, full and cut off, while their
// server is started again: each must end with the content of the undivided run, and leave nothing behind.
// `tsx test/long/queue.ts [KILLS [SEED]]`: 40 kills unless said, over as many runs as it takes. Runs on dist.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CREDENTIALS, end, freePort, hasRedis, startBucket, startRedis } from '../helpers/queue-servers.mjs';
import { writeSmallFolio } from '../helpers/small-folio.ts';
import { torment } from '../helpers/torment-queue.mjs';
import { contentHash, drawn, filesOf, MAIN, whole } from './commands.ts';

const WORKER = new URL('queue-worker.mjs', import.meta.url).pathname;
/** Seconds after which a silent worker's job goes to another; less than the network is cut for. */
const PATIENCE = 4;
const CUT_MS = 10_000;
const SHARDS = 8;
/** At most: artefacts lie in a bucket and in a folder by turns, and the server starts again with nothing and with what it had. */
const KILLS_A_RUN = 10;

const [kills = '40', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const random = drawn(Number(seed));
if (!hasRedis) console.log('skipped: redis-server is not installed');
else await main();

async function main(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'polyseme-queue-'));
  // What workers leave in it would be found here.
  process.env['TMPDIR'] = join(root, 'tmp');
  Object.assign(process.env, CREDENTIALS);
  mkdirSync(process.env['TMPDIR']);
  try {
    const model = writeSmallFolio(join(root, 'model'), 64);
    console.log(`${kills} kills, seed ${seed}`);
    let [killed, faults] = [0, 0];
    for (let number = 0; killed < Number(kills); number++) {
      const select = number % 3 === 2 ? 'fraction' : 'top';
      const line = ['--model', model, '--layers', '1,2', '--contexts', '240', '--examples', '12'];
      const run = [MAIN, 'run', ...line, '--select', select];
      const out = join(root, `run-${number}`);
      mkdirSync(out);
      const undivided = join(out, 'undivided.db');
      await whole([...run, '--out', undivided]);
      const { happened, fault } = await tormented(run, out, await contentHash(undivided), {
        kills: Math.min(KILLS_A_RUN, Number(kills) - killed),
        isBucket: number % 2 === 0,
        keeps: number % 4 > 1,
      });
      killed += happened.kills;
      if (fault !== null) faults++;
      console.log(
        `run ${number + 1}, ${select}: ${Object.entries(happened)
          .map(([what, count]) => `${count} ${what}`)
          .join(', ')}: ${fault ?? 'the content of the undivided run'}`,
      );
      rmSync(out, { recursive: true });
    }
    console.log(`${killed} kills, ${faults} faults`);
    if (faults > 0) process.exitCode = 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** A run by workers in trouble; what is wrong with what it made. */
async function tormented(
  run: readonly string[],
  out: string,
  expected: string,
  { kills, isBucket, keeps }: { kills: number; isBucket: boolean; keeps: boolean },
) {
  const port = await freePort();
  let redis: ChildProcess = await startRedis(out, port, { keeps });
  const store = isBucket ? await startBucket(join(out, 'store')) : undefined;
  const artefacts = isBucket ? 's3://things' : join(out, 'artefacts');
  const queue = `redis://127.0.0.1:${port}`;
  const place = ['--queue', queue, '--artefacts', artefacts];
  if (store !== undefined) place.push('--artefacts-endpoint', `http://127.0.0.1:${store.port}`);
  const study = join(out, 'study.db');
  const command = [...run, ...place, '--shards', `${SHARDS}`, '--out', study];
  try {
    const { happened, lines } = await torment({
      worker: WORKER,
      options: {
        ...{ queue, artefacts, threads: 1, patience: PATIENCE },
        ...(store !== undefined && { artefactsEndpoint: `http://127.0.0.1:${store.port}` }),
      },
      redis: {
        port,
        async restart() {
          await end(redis);
          redis = await startRedis(out, port, { keeps });
        },
      },
      store,
      kills,
      cutFor: CUT_MS,
      random,
      work: () => whole(command),
    });
    const found = await contentHash(study);
    if (found !== expected) return { happened, fault: `contentHash ${found}, not ${expected}` };
    if (!lines.some((line) => /^ended: the disk of .* is full/.test(line)))
      return { happened, fault: `no worker ended with a full disk: ${lines.join(' | ')}` };
    // A second command finds what is done, and its start removes what killed workers left.
    await whole(command);
    return { happened, fault: leftBehind(out, isBucket) };
  } finally {
    await end(redis);
    await store?.close();
  }
}

/** What lies where it should not; null: nothing. */
function leftBehind(out: string, isBucket: boolean): string | null {
  const made = ['undivided.db', 'study.db', 'study.db.plan', 'store', 'artefacts', 'appendonlydir'];
  const artefacts = filesOf(join(out, isBucket ? 'store/things' : 'artefacts'));
  const left = [
    ...readdirSync(out).filter((name) => !made.includes(name)),
    ...readdirSync(process.env['TMPDIR']!),
    // A bucket's server keeps three files for each that it is given.
    ...artefacts.filter(
      (name) =>
        !/^([0-9a-f]{64}|[0-9a-f]{16}-[a-z]+-(\d+|all)\.done)(\._S3rver_(object(\.md5)?|metadata\.json))?$/.test(
          name,
        ),
    ),
  ];
  return left.length === 0 ? null : `left ${left.join(', ')}`;
}
