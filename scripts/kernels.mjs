// Compiles each kernels/*.ts with AssemblyScript to SIMD WebAssembly, and writes it as
// src/wasm/generated/NAME.ts: a base64 string, so that Node and browsers load it the same way.
// Of each kernels/DIR/NAME.ts it writes the fields and constants that the host must know (kernel-fields.mjs),
// as src/wasm/generated/DIR/NAME.ts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fieldsModule } from './kernel-fields.mjs';

const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd'];
/** Kernels whose memory is shared between worker threads. */
const SHARED = ['sae'];
const SHARED_FLAGS = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];
const OUT = 'src/wasm/generated';

export async function buildKernels() {
  mkdirSync(OUT, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'polyseme-kernels-'));
  const entries = readdirSync('kernels', { withFileTypes: true });
  for (const file of entries.filter((entry) => entry.name.endsWith('.ts')).map(({ name }) => name)) {
    const name = basename(file, '.ts');
    const wasm = join(scratch, `${name}.wasm`);
    const flags = SHARED.includes(name) ? [...FLAGS, ...SHARED_FLAGS] : FLAGS;
    execFileSync(
      process.execPath,
      ['node_modules/assemblyscript/bin/asc.js', `kernels/${file}`, '-o', wasm, ...flags],
      { stdio: 'inherit' },
    );
    const text = readFileSync(wasm).toString('base64');
    writeFileSync(
      join(OUT, `${name}.ts`),
      `// Made by scripts/kernels.mjs from kernels/${file}.\nexport const wasm = '${text}';\n`,
    );
  }
  rmSync(scratch, { recursive: true });
  for (const { name: dir } of entries.filter((entry) => entry.isDirectory())) writeFields(dir);
}

/** @param {string} dir a folder of kernels */
function writeFields(dir) {
  rmSync(join(OUT, dir), { recursive: true, force: true });
  mkdirSync(join(OUT, dir));
  for (const name of readdirSync(join('kernels', dir))) {
    const file = `kernels/${dir}/${name}`;
    const text = fieldsModule(readFileSync(file, 'utf8'), file);
    if (text !== null) writeFileSync(join(OUT, dir, name), text);
  }
}
