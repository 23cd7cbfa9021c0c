import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PolysemeError } from '../../errors.ts';
import { type GgufHeader, type GgufTensor, type GgufValue, readGgufHeader } from '../../tensors/gguf.ts';

/** A model in GGUF: one file, or the shards of one. */
export interface Gguf {
  /** The path as it was given, for messages. */
  readonly label: string;
  /** In their order. */
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor & { readonly file: string }>;
}

/** Shards of one model. */
const MAX_SHARDS = 1000;

/** Reads the headers of a GGUF file, and of its other shards where its name ends with `-00001-of-00003.gguf`. */
export async function openGguf(path: string): Promise<Gguf> {
  const first = await readGgufHeader(path);
  const count = first.metadata.get('split.count') ?? 1;
  if (count === 1 || count === 0) return joined(path, [path], [first]);
  const files = shardNames(path, count);
  const headers: GgufHeader[] = [];
  for (const [i, file] of files.entries()) {
    const header = file === path ? first : await readGgufHeader(file);
    const number = header.metadata.get('split.no');
    if (number !== i || header.metadata.get('split.count') !== count) {
      throw new PolysemeError(
        `${file} says that it is shard ${Number(number) + 1} of ${header.metadata.get('split.count')}, not ${i + 1} of ${count}`,
        'damaged',
      );
    }
    headers.push(header);
  }
  return joined(path, files, headers);
}

function shardNames(path: string, count: unknown): string[] {
  const match = /^(.*-)\d{5}(-of-)(\d{5})\.gguf$/.exec(basename(path));
  if (match === null || typeof count !== 'number' || Number(match[3]) !== count || count > MAX_SHARDS) {
    throw new PolysemeError(
      `${path} is one of ${count} shards: give them the names NAME-00001-of-${String(count).padStart(5, '0')}.gguf and so on, or join them with llama-gguf-split --merge`,
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const name = `${match[1]}${String(i + 1).padStart(5, '0')}${match[2]}${match[3]}.gguf`;
    const file = join(dirname(path), name);
    if (!existsSync(file)) {
      throw new PolysemeError(`${path} is one of ${count} shards, and ${name} is not beside it`, 'not-found');
    }
    return file;
  });
}

function joined(label: string, files: readonly string[], headers: readonly GgufHeader[]): Gguf {
  const tensors = new Map<string, GgufTensor & { file: string }>();
  headers.forEach((header, i) => {
    for (const [name, tensor] of header.tensors) {
      if (tensors.has(name))
        throw new PolysemeError(`${label}: two shards have tensor ${JSON.stringify(name)}`, 'damaged');
      tensors.set(name, { ...tensor, file: files[i]! });
    }
  });
  return { label, files, metadata: headers[0]!.metadata, tensors };
}
