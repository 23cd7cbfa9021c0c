import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { PolysemeError, UsageError } from '../errors.ts';
import { openStudy } from '../study/open-study.ts';
import { createServer, type ServerOptions } from './api.ts';
import { allowedHosts, isLoopback } from './http/headers.ts';

/** Connections at once: a browser opens six, a load test some dozens. More are closed at once. */
const CONNECTIONS = 512;
/** Characters of a token: what is shorter can be guessed. */
const TOKEN_LENGTH = 16;
/** Milliseconds that requests under way have to end when the server stops. */
const GRACE = 3000;

export interface ListenOptions extends Omit<ServerOptions, 'hosts'> {
  /** Default 7423; 0: any that is free. */
  readonly port?: number;
  /** Default 127.0.0.1: reachable from this machine only. Any other asks for a token. */
  readonly host?: string;
}

export interface RunningServer extends AsyncDisposable {
  /** Where to open the explorer: http://127.0.0.1:7423, with the token where there is one. */
  readonly url: string;
  readonly port: number;
  /** Whether other machines can reach it. */
  readonly open: boolean;
  /** Stops listening, lets requests under way end, and closes the study where there is one. */
  close(): Promise<void>;
}

/**
 * Opens a study and serves the explorer and its API; with `trainings`, also the trainings in a folder while they run, and
 * with `queue` the runs and workers of a queue. The study may be null where there is one of these. The model behind the study is loaded when it is first needed.
 *
 * @throws PolysemeError when the study cannot be opened, there is no folder of trainings, or the port is taken or not allowed
 * @example
 * const server = await startServer('study.db', { port: 0 });
 * console.log(server.url);
 * await server.close();
 */
export async function startServer(path: string | null, options: ListenOptions = {}): Promise<RunningServer> {
  const { port = 7423, host = '127.0.0.1', ...rest } = options;
  if (port > 65535) throw new UsageError(`port ${port} is too large: choose option port up to 65535`);
  checkToken(host, rest.token);
  const study = path === null ? null : openStudy(path);
  try {
    const { fetch, prepare, close } = createServer(study, { ...rest, hosts: allowedHosts(host) });
    const server = createAdaptorServer({ fetch });
    if ('maxConnections' in server) server.maxConnections = CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(refusal(error, host, port)));
      server.listen(port, host, resolve);
    });
    const { port: taken } = server.address() as AddressInfo;
    const ahead = setImmediate(prepare);
    const running: RunningServer = {
      url: `http://${shownHost(host)}:${taken}${rest.token === undefined ? '' : `/?token=${encodeURIComponent(rest.token)}`}`,
      port: taken,
      open: !isLoopback(host),
      close: () =>
        new Promise((resolve) => {
          clearImmediate(ahead);
          const force = setTimeout(
            () => 'closeAllConnections' in server && server.closeAllConnections(),
            GRACE,
          );
          server.close(async () => {
            clearTimeout(force);
            await close();
            study?.close();
            resolve();
          });
          if ('closeIdleConnections' in server) server.closeIdleConnections();
        }),
      [Symbol.asyncDispose]: () => running.close(),
    };
    return running;
  } catch (error) {
    study?.close();
    throw error;
  }
}

/** A server that others can reach is not left open. */
function checkToken(host: string, token: string | undefined): void {
  if (token === undefined && !isLoopback(host)) {
    throw new UsageError(
      `other machines can reach ${host}: give option token, ${TOKEN_LENGTH} characters or more that they have to send`,
    );
  }
  if (token !== undefined && token.length < TOKEN_LENGTH) {
    throw new UsageError(`option token has ${token.length} characters: give ${TOKEN_LENGTH} or more`);
  }
}

/** The host as a browser on this machine can open it. */
function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function refusal(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const at = `${host}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return new PolysemeError(
      `${at} is taken by another program: stop it, or choose another port (option port)`,
      'busy',
    );
  }
  if (error.code === 'EACCES')
    return new PolysemeError(`${at} is not allowed: choose option port above 1023`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new PolysemeError(`this machine has no address ${host}: choose another one (option host)`);
  }
  return error;
}
