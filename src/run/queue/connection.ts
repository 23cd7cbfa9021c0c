import type { ConnectionOptions } from 'bullmq';
import { loadOptional } from '../../base/optional.ts';
import { PolysemeError } from '../../errors.ts';
import { VERSION } from '../shards/part-file.ts';

/** The name of the queue on its server, of all runs. */
export const QUEUE = 'polyseme';
/** Where the server keeps the version of Polyseme whose jobs it has. */
const VERSION_KEY = 'polyseme:version';
/** How long a server may take to answer at the start. */
const PATIENCE_MS = 5000;

/** BullMQ; it and its client are optional. */
export function loadBull(): Promise<typeof import('bullmq')> {
  const load = async () => {
    await import('ioredis');
    return import('bullmq');
  };
  return loadOptional(load, 'queue', ['bullmq', 'ioredis']);
}

/**
 * Checks that a queue's server answers, keeps what it is given, and has jobs of this version alone.
 * @returns how to connect to it
 */
export async function checkQueue(url: string): Promise<ConnectionOptions> {
  await loadBull();
  const { Redis } = await import('ioredis');
  const options = parse(url);
  const shown = `${options.host}:${options.port}`;
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  try {
    await redis.connect().catch((error: Error) => {
      throw new PolysemeError(`the queue at ${shown} does not answer (${error.message})`, 'unreachable');
    });
    // A server of others may keep its settings to itself.
    const [, policy] = (await redis.config('GET', 'maxmemory-policy').catch(() => [])) as string[];
    if (policy !== undefined && policy !== 'noeviction') {
      throw new PolysemeError(
        `the queue at ${shown} may forget jobs: its maxmemory-policy is ${policy}; set it to noeviction`,
      );
    }
    await redis.set(VERSION_KEY, VERSION, 'NX');
    const version = await redis.get(VERSION_KEY);
    if (version !== VERSION) {
      throw new PolysemeError(
        `the queue at ${shown} is of Polyseme ${version}, and this is ${VERSION}: use that one, or another server or database (redis://…/1)`,
        'unsupported',
      );
    }
    return options;
  } finally {
    redis.disconnect();
  }
}

/** How a queue is called: host, port and database, without a password. @throws PolysemeError where it is no address */
export function shownQueue(url: string): string {
  const { host, port, db } = parse(url);
  return `${host}:${port}${db === 0 ? '' : `/${db}`}`;
}

function parse(url: string) {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['redis:', 'rediss:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw new PolysemeError(
      `option queue is ${JSON.stringify(url)}: it must be redis://HOST[:PORT][/DATABASE], or rediss://`,
    );
  }
  const { hostname: host, port, username, password, pathname, protocol } = parsed;
  return {
    host,
    port: port === '' ? 6379 : Number(port),
    db: Number(pathname.slice(1)) || 0,
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
