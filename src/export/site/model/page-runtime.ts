import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PolysemeError } from '../../../errors.ts';
import type { WebRuntime } from '../../../model/backends/onnxruntime-web.ts';

/** The runtime of a page: its script, and its WebAssembly. */
export interface PageRuntime {
  readonly library: WebRuntime;
  readonly script: Uint8Array;
  readonly wasm: Uint8Array<ArrayBuffer>;
}

const SCRIPT = 'ort.wasm.bundle.min.mjs';
const WASM = 'ort-wasm-simd-threaded.wasm';

/**
 * Reads the runtime that pages run models with out of its package, which is needed only here.
 * @throws PolysemeError (unsupported) where it is not installed, or another version than is known
 */
export async function readPageRuntime(require = createRequire(import.meta.url)): Promise<PageRuntime> {
  let folder: string;
  try {
    folder = dirname(require.resolve(`onnxruntime-web/${WASM}`));
  } catch {
    throw new PolysemeError(
      'onnxruntime-web, which runs a model in a page, is not installed: npm install onnxruntime-web',
      'unsupported',
    );
  }
  try {
    const [script, wasm] = await Promise.all([readFile(join(folder, SCRIPT)), readFile(join(folder, WASM))]);
    const library = (await import(/* @vite-ignore */ pathToFileURL(join(folder, SCRIPT)).href)) as WebRuntime;
    return { library, script, wasm: new Uint8Array(wasm) };
  } catch (error) {
    throw new PolysemeError(
      `onnxruntime-web in ${folder} cannot be used (${(error as Error).message.split('\n', 1)[0]}): npm install onnxruntime-web@1.30`,
      'unsupported',
    );
  }
}
