// A queue's server, an S3-compatible store, and a network between them and others that can be cut. For tests of the sources,
// and for test/long, which runs on dist.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import S3rver from 's3rver';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** Starts a Redis that keeps nothing when it ends, or what it has, in the folder. */
export async function startRedis(folder, port, { keeps = false } = {}) {
  const kept = ['--save', '', '--appendonly', keeps ? 'yes' : 'no'];
  const server = spawn('redis-server', ['--port', `${port}`, '--dir', folder, ...kept], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const chunk of server.stdout) if (/Ready to accept/.test(String(chunk))) break;
  server.stdout.resume();
  return server;
}

/** The credentials that the store knows. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

/** Starts an S3-compatible store with the bucket `things`. */
export async function startBucket(folder) {
  mkdirSync(folder, { recursive: true });
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory: folder,
    configureBuckets: [{ name: 'things' }],
  });
  const { port } = await server.run();
  return { port, close: () => server.close() };
}

/** A way to a port of this machine that can be cut: bytes then go nowhere until it is mended, or connections are ended. */
export async function startCable(to) {
  const sockets = new Set();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      if (isCut) one.pause();
      one.on('data', (bytes) => other.write(bytes));
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    /** Ends all connections, as a router does that forgets them. */
    drop() {
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      isCut = false;
      for (const socket of sockets) socket.resume();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Ends a process, and waits until it has. */
export async function end(child, signal = 'SIGKILL') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}

/** The processes that a process has started, on Linux. */
export function childrenOf(pid) {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').map(Number).filter(Boolean);
}
