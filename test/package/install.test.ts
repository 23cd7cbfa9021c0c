// What a stranger gets: the packed tarball, installed into an empty folder with npm's registry as the only host that
// can be reached. onnxruntime-node's install script then fails, because it downloads from elsewhere.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSmallFolio } from '../helpers/small-folio.ts';
import { MAIN } from './cli-of-dist.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
/** npm's own settings, but none of this clone's, which `npm test` hands on. */
const env: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  // Nothing listens there. Only the install script heeds these, npm does not.
  GLOBAL_AGENT_HTTP_PROXY: 'http://127.0.0.1:9',
  GLOBAL_AGENT_HTTPS_PROXY: 'http://127.0.0.1:9',
};
const npm = (cwd: string, ...args: string[]) => spawnSync('npm', args, { cwd, env, encoding: 'utf8' });
const reachable = npm(tmpdir(), 'ping', '--fetch-retries=0').status === 0;

describe.skipIf(!reachable)('registry: the package installed where only npm can be reached', () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyseme-install-'));
  const home = join(folder, 'empty');
  const library = join(home, 'node_modules/onnxruntime-node');
  const polyseme = (...args: string[]) =>
    spawnSync(join(home, 'node_modules/.bin/polyseme'), args, { cwd: home, env, encoding: 'utf8' });
  let installed: ReturnType<typeof npm>;
  beforeAll(() => {
    mkdirSync(home);
    const [{ filename }] = JSON.parse(
      npm(ROOT, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder).stdout,
    );
    writeFileSync(join(home, 'package.json'), '{ "private": true }');
    installed = npm(home, 'install', join(folder, filename), '--prefer-offline', '--no-audit', '--no-fund');
    const small = [
      'run',
      '--model',
      writeSmallFolio(join(folder, 'model'), 40),
      '--contexts',
      '2',
      '--layers',
      '0',
      '--examples',
      '2',
      '--out',
      join(home, 'study.db'),
    ];
    execFileSync(process.execPath, [MAIN, ...small], { stdio: 'ignore' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('succeeds, without the library whose download failed', () => {
    expect(installed.status, installed.stderr).toBe(0);
    expect(existsSync(join(home, 'node_modules/polyseme/dist/index.js'))).toBe(true);
    if (process.platform === 'linux' && process.arch === 'x64') expect(existsSync(library)).toBe(false);
    // Elsewhere it needs no download.
    rmSync(library, { recursive: true, force: true });
  });

  test('polyseme/core works', () => {
    const script = `import { linkage } from 'polyseme/core';
      console.log(linkage({ distances: Float64Array.of(1), count: 2, method: 'average' }).count);`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: home,
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '2\n', stderr: '' });
  });

  test('the library snippet of README runs', () => {
    const readme = readFileSync(join(home, 'node_modules/polyseme/README.md'), 'utf8');
    const snippet = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    const given = `const n = 4;
      const inputs = Float32Array.of(1, 0, 2, 0.1, 0, 1, 0.1, 3);
      const weights = Float32Array.of(0.5, 2);\n`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', given + snippet],
      { cwd: home, encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/clusters: 2,/);
  });

  test('so do the help, tables and export', () => {
    expect(polyseme('--help').stdout).toMatch(/^Usage: polyseme/);
    expect(polyseme('units', 'study.db', '--sort', 'unit', '--limit', '1').stdout).toMatch(/mlp\.0\/0/);
    const { status, stderr } = polyseme('export', 'study.db', '--out', 'study.jsonl');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    // The study's line, one a unit, and the end.
    expect(readFileSync(join(home, 'study.jsonl'), 'utf8').split('\n').length).toBe(42);
  });

  test('and the explorer', async () => {
    const bin = join(home, 'node_modules/polyseme/dist/cli/main.js');
    const server = spawn(process.execPath, [bin, 'serve', 'study.db', '--port', '0'], { cwd: home, env });
    const ended = new Promise((resolve) => server.once('close', resolve));
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let said = '';
        server.stdout.setEncoding('utf8').on('data', (text) => {
          said += text;
          const found = /http:\/\/\S+/.exec(said);
          if (found !== null) resolve(found[0]);
        });
        server.once('close', () => reject(new Error(`serve ended: ${said}`)));
      });
      expect(await (await fetch(url)).text()).toMatch(/<div id="root">/);
      expect((await fetch(`${url}/api/study`)).status).toBe(200);
    } finally {
      server.kill();
      await ended;
    }
  });

  test('run says the one line that mends it', () => {
    const { status, stdout, stderr } = polyseme('run', '--out', 'other.db');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: onnxruntime-node, which runs models, is not installed: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node\n$/,
    );
    expect(existsSync(join(home, 'other.db'))).toBe(false);
  });

  test('that line mends it: a run on the bundled model and text ends in a study', () => {
    const mended = spawnSync(
      'npm',
      ['install', 'onnxruntime-node', '--prefer-offline', '--no-audit', '--no-fund'],
      { cwd: home, env: { ...env, ONNXRUNTIME_NODE_INSTALL: 'skip' }, encoding: 'utf8' },
    );
    expect(mended.status, mended.stderr).toBe(0);
    const args = ['run', '--contexts', '3', '--layers', '0', '--examples', '2', '--out', 'own.db'];
    const ran = spawnSync('npx', ['polyseme', ...args], { cwd: home, env, encoding: 'utf8' });
    expect(ran.status, ran.stderr).toBe(0);
    const info = JSON.parse(polyseme('info', 'own.db', '--json').stdout);
    expect(info).toMatchObject({ status: 'complete', contexts: 3, banks: [{ name: 'mlp.0', units: 1024 }] });
  });
});
