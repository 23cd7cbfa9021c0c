import type { Redis } from 'ioredis';
import { loadOptional } from '../../base/optional.ts';
import { PolysemeError, UsageError } from '../../errors.ts';
import { VERSION } from '../shards/part-file.ts';

/** The name of the queue on its server, of all runs. */
export const QUEUE = 'polyseme';
/** Where the server keeps the version of Polyseme whose jobs it has. */
const VERSION_KEY = 'polyseme:version';
/** How long a server may take to answer at the start. */
const PATIENCE_MS = 5000;

/** Where a queue's server is, as its clients take it. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: object;
}

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
export async function checkQueue(url: string): Promise<QueueAddress> {
  await loadBull();
  const { Redis } = await import('ioredis');
  const options = parse(url);
  const shown = shownAs(options);
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  // One that takes a connection and says nothing.
  const late = setTimeout(() => redis.disconnect(), PATIENCE_MS);
  try {
    await redis.connect();
    // Of a database that is not there, a client says so in passing and takes the first.
    if (options.db !== 0) {
      await redis.select(options.db).catch((error: Error) => {
        if (!/out of range|not allowed/.test(error.message)) throw error;
        throw new PolysemeError(
          `the queue at ${options.host}:${options.port} has no database ${options.db} (${error.message}): use a smaller number`,
        );
      });
    }
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
  } catch (error) {
    if (error instanceof PolysemeError) throw error;
    throw new PolysemeError(
      `the queue at ${shown} does not answer (${(error as Error).message})`,
      'unreachable',
    );
  } finally {
    clearTimeout(late);
    redis.disconnect();
  }
}

/** A client of a queue's server. */
export interface QueueClient {
  readonly redis: Redis;
  /** Milliseconds since the server came back; infinite where it was never away. */
  sinceBack(): number;
  /** Ends it at once, whether the server answers or not. */
  end(): void;
}

/** A client that says once when the server goes, and once when it is back. */
export async function connectTo(
  options: QueueAddress & { readonly retryStrategy?: () => null },
  onNote: (line: string) => void = () => {},
): Promise<QueueClient> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(options);
  let state: 'there' | 'away' | 'ended' = 'there';
  const turn = (to: typeof state, line: string): void => {
    if (state === to || state === 'ended') return;
    state = to;
    onNote(`the queue at ${shownAs(options)} ${line}`);
  };
  // That it is away is told of below, not at each try.
  redis.on('error', () => {});
  redis.on('close', () => turn('away', 'does not answer: waiting for it'));
  let back = -Infinity;
  redis.on('ready', () => {
    if (state === 'away') back = performance.now();
    turn('there', 'answers again');
  });
  return {
    redis,
    sinceBack: () => performance.now() - back,
    end() {
      state = 'ended';
      redis.disconnect();
    },
  };
}

/** How a queue is called: host, port and database, without a password. @throws PolysemeError where it is no address */
export function shownQueue(url: string): string {
  return shownAs(parse(url));
}

const shownAs = ({ host, port, db }: QueueAddress): string => `${host}:${port}${db === 0 ? '' : `/${db}`}`;

function parse(url: string): QueueAddress {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (
    parsed === null ||
    !['redis:', 'rediss:'].includes(parsed.protocol) ||
    parsed.hostname === '' ||
    !/^(\/\d{0,9})?$/.test(parsed.pathname)
  ) {
    throw new UsageError(
      `option queue is ${JSON.stringify(url)}: it must be redis://HOST[:PORT][/DATABASE], or rediss://`,
    );
  }
  const { hostname: host, port, username, password, pathname, protocol } = parsed;
  return {
    host,
    port: port === '' ? 6379 : Number(port),
    db: Number(pathname.slice(1)),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
