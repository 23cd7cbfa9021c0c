// Preloaded into a command (`node --import`): kills its process at the KILL_AT-th point at which it changes files, on whichever
// thread. Two points a call: before it, and when half of it is done. Without KILL_AT it says at its end how many there are.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

const at = Number(process.env.KILL_AT ?? 0);
if (isMainThread) setEnvironmentData('points', new SharedArrayBuffer(4));
const points = new Int32Array(getEnvironmentData('points'));
if (isMainThread && at === 0) process.on('exit', () => fs.writeSync(2, `\npoints: ${points[0]}\n`));

/** Counts a point; kills there, after `half`. */
function point(half) {
  if (Atomics.add(points, 0, 1) + 1 !== at) return;
  half?.();
  process.kill(process.pid, 'SIGKILL');
  // The signal comes when it comes.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const { appendFileSync, rmSync, writeFileSync, readdirSync, writeSync } = { ...fs };

/** Every other file of a folder is gone. */
function removeHalf(path, options) {
  if (options?.recursive !== true || !fs.existsSync(path) || !fs.statSync(path).isDirectory()) return;
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of files.filter((_, i) => i % 2 === 0)) rmSync(join(parentPath, name));
}

const firstHalf = (data) =>
  typeof data === 'string' || ArrayBuffer.isView(data) ? data.slice(0, data.length / 2) : '';

/** What a call does when it is half done; of most there is no half. */
const HALVES = {
  rm: removeHalf,
  writeFile: (path, data) => writeFileSync(path, firstHalf(data)),
  appendFile: (path, data) => appendFileSync(path, firstHalf(data)),
};
const CALLS = [
  'rename',
  'rm',
  'unlink',
  'rmdir',
  'mkdir',
  'link',
  'symlink',
  'copyFile',
  'cp',
  'truncate',
  'utimes',
  'writeFile',
  'appendFile',
  'mkdtemp',
];

function wrap(of, name, call) {
  const before = of[name];
  if (before === undefined) return;
  of[name] = function wrapped(...args) {
    point();
    const half = HALVES[call];
    if (half !== undefined) point(() => half(...args));
    return before.apply(this, args);
  };
}
for (const call of CALLS) {
  wrap(fs, `${call}Sync`, call);
  wrap(fs.promises, call, call);
}
for (const name of ['writeSync', 'writevSync', 'ftruncateSync', 'fsyncSync']) {
  const before = fs[name];
  fs[name] = (file, ...args) => {
    // Standard output and error are no files of the command's.
    if (file > 2) {
      point();
      if (name === 'writevSync') point(() => writeSync(file, args[0][0], 0, args[0][0].length >> 1));
    }
    return before(file, ...args);
  };
}
/** Opening for writing makes a file. */
const changes = (flags) => (typeof flags === 'string' ? /[wa+]/.test(flags) : ((flags ?? 0) & 3) !== 0);
for (const [of, name] of [
  [fs, 'openSync'],
  [fs.promises, 'open'],
]) {
  const before = of[name];
  of[name] = function wrapped(path, flags, ...rest) {
    if (changes(flags)) point();
    return before.call(this, path, flags, ...rest);
  };
}
const handle = await fs.promises.open(process.execPath);
const prototype = Object.getPrototypeOf(handle);
await handle.close();
for (const name of ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'sync', 'datasync']) {
  const before = prototype[name];
  prototype[name] = function wrapped(...args) {
    // A handle that is only read may be synced, too.
    point();
    const [data] = args;
    if (name === 'write' && ArrayBuffer.isView(data)) {
      point(() => writeSync(this.fd, data, args[1] ?? 0, Math.floor((args[2] ?? data.byteLength) / 2)));
    }
    return before.apply(this, args);
  };
}
syncBuiltinESMExports();
