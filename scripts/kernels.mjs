// Compiles each kernels/*.ts with AssemblyScript to SIMD WebAssembly, and writes it as
// src/wasm/generated/NAME.ts: a base64 string, so that Node and browsers load it the same way.
// Of each kernels/DIR/NAME.ts it writes the fields and constants that the host must know (kernel-fields.mjs),
// as src/wasm/generated/DIR/NAME.ts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fieldsModule } from './kernel-fields.mjs';

const FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd'];
/** Kernels whose memory is shared between worker threads. */
const SHARED = ['sae'];
const SHARED_FLAGS = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];
const OUT = 'src/wasm/generated';

/** The kernels: every kernels/NAME.ts. */
export function kernelSources() {
  const entries = readdirSync('kernels', { withFileTypes: true });
  return entries.filter((entry) => entry.name.endsWith('.ts')).map(({ name }) => `kernels/${name}`);
}

/** Every kernels/DIR/NAME.ts that has fields or constants for the host. */
export function fieldSources() {
  const entries = readdirSync('kernels', { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `kernels/${name}`);
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
  return files.filter((file) => fieldsModule(readFileSync(file, 'utf8'), file) !== null);
}

export async function buildKernels() {
  // What is left of sources that are gone must not be used.
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'polyseme-kernels-'));
  for (const file of kernelSources()) {
    const name = basename(file, '.ts');
    const wasm = join(scratch, `${name}.wasm`);
    const flags = SHARED.includes(name) ? [...FLAGS, ...SHARED_FLAGS] : FLAGS;
    execFileSync(process.execPath, ['node_modules/assemblyscript/bin/asc.js', file, '-o', wasm, ...flags], {
      stdio: 'inherit',
    });
    const text = readFileSync(wasm).toString('base64');
    writeFileSync(
      join(OUT, `${name}.ts`),
      `// Made by scripts/kernels.mjs from ${file}.\nexport const wasm = '${text}';\n`,
    );
  }
  rmSync(scratch, { recursive: true });
  for (const file of fieldSources()) {
    const to = file.replace('kernels', OUT);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, fieldsModule(readFileSync(file, 'utf8'), file));
  }
}
