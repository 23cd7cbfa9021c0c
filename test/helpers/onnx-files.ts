import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { FAMILIES } from './families.ts';

/** The folder of ONNX files; `make.py` in it writes them. */
const FILES = new URL('../fixtures/onnx/', import.meta.url).pathname;

/** Puts a fixture into a folder, with the config.json of the family that it is of, and gives its path. */
export function writeOnnx(folder: string, name: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, bytesOf(`${name}.onnx`));
  if (name === 'external') {
    mkdirSync(join(folder, 'weights'));
    writeFileSync(join(folder, 'weights/external.bin'), bytesOf('external.bin'));
  }
  const config = join(FAMILIES, familyOf(name), 'config.json');
  if (existsSync(config)) copyFileSync(config, join(folder, 'config.json'));
  return path;
}

/** The tiny checkpoint that an export was made of. */
export function familyOf(name: string): string {
  return name.replace(/-(traced|dynamo).*$/, '');
}

export function bytesOf(file: string): Buffer {
  return gunzipSync(readFileSync(join(FILES, `${file}.gz`)));
}

/** As `numbers` of make.py: float32 of about one unit's size. */
export function numbers(seed: number, ...shape: number[]): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count }, (_, i) => Math.sin(1 + 7.3 * seed + 1.7 * i));
}
