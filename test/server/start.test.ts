import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '../../src/server/server.ts';
import { POLYSEME } from '../helpers/cli.ts';
import { writeStudy } from '../helpers/written-study.ts';

const TOKEN = 'sixteen or more / é';
let dir: string;
let path: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'polyseme-start-'));
  path = join(dir, 'study.db');
  const contexts = [[' a', ' b', ' c']];
  writeStudy({ path, banks: [{ name: 'sae/name', units: 3 }], examples: () => 5, contexts });
  writeFileSync(join(dir, 'secret.txt'), 'not for the web');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A request with its path as it is: `fetch` would resolve `..` first. */
function raw(
  port: number,
  at: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: at, headers }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => {
        body += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode!, body }));
    })
      .on('error', reject)
      .end();
  });
}

describe('startServer', () => {
  it('serves over HTTP until it is closed', async () => {
    const server = await startServer(path, { port: 0, webRoot: join(dir, 'none') });
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(server.open).toBe(false);
    const unit = await (await fetch(`${server.url}/api/units/sae%2Fname/2`)).json();
    expect(unit).toMatchObject({ bank: 'sae/name', index: 2, examples: 5 });
    const head = await fetch(`${server.url}/api/study`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
    expect((await raw(server.port, '/healthz', { host: 'evil.example' })).status).toBe(403);
    expect((await raw(server.port, '/healthz', { host: 'localhost:8000' })).status).toBe(200);
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });

  it('leads to no file outside the explorer', async () => {
    const web = join(dir, 'web');
    mkdirSync(join(web, 'assets'), { recursive: true });
    writeFileSync(join(web, 'index.html'), '<title>explorer</title>');
    writeFileSync(join(web, 'assets', 'app.js'), 'let app;');
    const server = await startServer(path, { port: 0, webRoot: web });
    try {
      for (const at of [
        '/../secret.txt',
        '/%2e%2e/secret.txt',
        '/..%2fsecret.txt',
        '/assets/../../secret.txt',
        '/assets/..%5c..%5csecret.txt',
        '//secret.txt',
        '/%00',
        '/secret.txt',
      ]) {
        const { status, body } = await raw(server.port, at);
        // Pages of the explorer's own router get its index.html; nothing gets the file beside it.
        expect([at, body === '<title>explorer</title>' || status === 404]).toEqual([at, true]);
      }
      expect((await raw(server.port, '/assets/app.js')).body).toBe('let app;');
    } finally {
      await server.close();
    }
  });

  it('says in one line why it cannot start', async () => {
    const taken = createTcpServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      await expect(startServer(path, { port })).rejects.toThrow(
        `127.0.0.1:${port} is taken by another program: stop it, or choose another port (option port)`,
      );
    } finally {
      taken.close();
    }
    await expect(startServer(path, { port: 70_000 })).rejects.toThrow('port 70000 is too large');
    await expect(startServer(path, { port: 0, host: '203.0.113.7', token: TOKEN })).rejects.toThrow(
      'no address 203.0.113.7',
    );
    await expect(startServer(join(dir, 'none.db'))).rejects.toThrow('no such study');
    await expect(startServer(join(dir, 'secret.txt'))).rejects.toThrow('not a study');
  });
});

describe('a server with a token', () => {
  it('is what others can reach', async () => {
    await expect(startServer(path, { port: 0, host: '0.0.0.0' })).rejects.toThrow(
      /^other machines can reach 0\.0\.0\.0: give option token, 16 characters or more/,
    );
    await expect(startServer(path, { port: 0, token: 'short' })).rejects.toThrow(
      /option token has 5 characters/,
    );
  });

  it('answers who has it: in a header, or in the cookie that the address sets', async () => {
    const server = await startServer(path, { port: 0, token: TOKEN, webRoot: join(dir, 'none') });
    try {
      const { origin } = new URL(server.url);
      const status = async (at: string, headers: Record<string, string> = {}) =>
        (await fetch(origin + at, { headers, redirect: 'manual' })).status;
      for (const at of ['/', '/api/study', '/openapi.json', '/none', '/api/units?limit=1']) {
        expect(await status(at), at).toBe(401);
      }
      expect(await status('/healthz')).toBe(200);
      const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
      const plain = 'sixteen characters or more';
      expect(await status('/api/study', bearer(plain))).toBe(401);
      expect(await status(`/api/study?token=${plain}`)).toBe(401);
      expect(await status('/api/study', { cookie: `polyseme-token=${plain}` })).toBe(401);
      const first = await fetch(`${origin}/unit/a?view=map&token=${encodeURIComponent(TOKEN)}`, {
        redirect: 'manual',
      });
      expect([first.status, first.headers.get('location')]).toEqual([303, '/unit/a?view=map']);
      const [cookie, ...rest] = first.headers.get('set-cookie')!.split('; ');
      expect(rest).toEqual(expect.arrayContaining(['HttpOnly', 'SameSite=Lax', 'Path=/']));
      expect(await status('/api/study', { cookie: cookie! })).toBe(200);
      // A header holds Latin-1.
      const other = await startServer(path, { port: 0, token: plain });
      const answer = await fetch(`${new URL(other.url).origin}/api/study`, { headers: bearer(plain) });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-security-policy')).toContain("form-action 'none'");
      await other.close();
    } finally {
      await server.close();
    }
  });
});

describe('polyseme serve', () => {
  async function serve(...options: string[]) {
    const child = spawn(process.execPath, [...POLYSEME, 'serve', path, '--port', '0', ...options]);
    const said = { out: '', err: '' };
    child.stdout.on('data', (text) => {
      said.out += text;
    });
    child.stderr.on('data', (text) => {
      said.err += text;
    });
    await expect.poll(() => said.out, { timeout: 60_000 }).toContain('http://');
    return { child, said, url: /http:\/\/[\w.:]+/.exec(said.out)![0] };
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('prints where it is, and ends well on %s', async (signal) => {
    const { child, said, url } = await serve();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await (await fetch(`${url}/api/study`)).json()).name).toBe('study.db');
    const ended = once(child, 'exit');
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(said.err).toBe('');
  });

  it('warns when other machines can reach it, and prints an address that opens it', async () => {
    const { child, said } = await serve('--host', '0.0.0.0', '--token', TOKEN);
    expect(said.err).toBe(
      'warning: everyone who can reach 0.0.0.0 and has the token can read this study; it goes there unencrypted\n',
    );
    const printed = /http:\S+/.exec(said.out)![0];
    const answer = await fetch(printed, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
});
