// `npm run test:real`: the artefacts of a queue in the bucket of moto, an S3-compatible server of another make than the tests':
// what one gives another reads, and a run by two workers has the content of the undivided run. It downloads moto; PYTHON names an
// interpreter that has moto[server].
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { end, freePort, hasRedis, startRedis } from '../helpers/queue-servers.mjs';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Any will do. */
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'someone', AWS_SECRET_ACCESS_KEY: 'something' };
const folder = mkdtempSync(join(tmpdir(), 'polyseme-real-'));
const started = [];

/** An interpreter with moto; null where the one that is named has none. */
function interpreter() {
  const given = process.env.PYTHON;
  if (given !== undefined) return spawnSync(given, ['-c', 'import moto.server']).status === 0 ? given : null;
  execFileSync('python3', ['-m', 'venv', join(folder, 'venv')]);
  const python = join(folder, 'venv/bin/python');
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', 'moto[server]']);
  return python;
}

/** Starts a server, and waits until it listens. */
async function listening(port, program, ...args) {
  const child = spawn(program, args, { stdio: 'ignore' });
  started.push(child);
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) break;
    const socket = connect(port, '127.0.0.1');
    const isThere = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await wait(100);
  }
  throw new Error(`${program} ${args.join(' ')} does not listen`);
}

function expectEqual(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
  console.log(`${what}: as it should be`);
}

async function roundTrip(place) {
  const { Artefacts } = await import('../../dist/run/queue/artefacts.js');
  const { writeSealed } = await import('../../dist/base/sealed-file.js');
  const [giver, reader] = [await Artefacts.open(place), await Artefacts.open(place)];
  // Two pieces of an upload.
  const numbers = new Float64Array(1_300_000).map((_, i) => i);
  const large = await giver.give('job-1', 'part', (path) =>
    writeSealed(path, { format: 1 }, [['numbers', numbers]]),
  );
  const study = await giver.give('job-2', 'study', async (path) => writeFileSync(path, 'a study'));
  const found = [];
  for (const [job, kind] of [
    ['job-1', 'part'],
    ['job-2', 'study'],
    ['job-3', 'part'],
  ])
    found.push(await reader.given(job, kind));
  expectEqual(found, [large, study, null], 'what was given, and what was not');
  const [path] = await reader.paths([large]);
  const [own] = await giver.paths([large]);
  expectEqual(readFileSync(path).equals(readFileSync(own)), true, 'the bytes of a large part');
  await reader.copyStudy(study, join(folder, 'copy'));
  expectEqual(readFileSync(join(folder, 'copy'), 'utf8'), 'a study', 'a study that is copied');
  await Promise.all([giver.close(), reader.close()]);
}

async function queuedRun({ artefacts, artefactsEndpoint }) {
  const port = await freePort();
  started.push(await startRedis(folder, port));
  const place = ['--queue', `redis://127.0.0.1:${port}`, '--artefacts', artefacts];
  place.push('--artefacts-endpoint', artefactsEndpoint);
  for (let i = 0; i < 2; i++) {
    const worker = [MAIN, 'worker', ...place, '--threads', '1'];
    started.push(spawn(process.execPath, worker, { stdio: ['ignore', 'ignore', 'inherit'] }));
  }
  const run = [MAIN, 'run', '--layers', '1', '--contexts', '60', '--examples', '8', '--json'];
  const hash = (...more) =>
    JSON.parse(execFileSync(process.execPath, [...run, ...more], { stdio: ['ignore', 'pipe', 'inherit'] }))
      .contentHash;
  const undivided = hash('--out', join(folder, 'undivided.db'));
  const queued = hash(...place, '--shards', '4', '--out', join(folder, 'queued.db'));
  expectEqual(queued, undivided, 'the contentHash of a run by two workers');
}

try {
  const python = interpreter();
  if (python === null) {
    console.log('skipped: the interpreter that PYTHON names has no moto[server]');
  } else {
    Object.assign(process.env, CREDENTIALS);
    const port = await freePort();
    await listening(port, python, '-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`);
    const place = { artefacts: 's3://things/runs', artefactsEndpoint: `http://127.0.0.1:${port}` };
    const client = new S3Client({
      endpoint: place.artefactsEndpoint,
      region: 'us-east-1',
      forcePathStyle: true,
    });
    await client.send(new CreateBucketCommand({ Bucket: 'things' }));
    client.destroy();
    await roundTrip(place);
    if (hasRedis) await queuedRun(place);
    else console.log('skipped: the queued run: redis-server is not installed');
  }
} finally {
  for (const child of started.reverse()) await end(child);
  rmSync(folder, { recursive: true, force: true });
}
