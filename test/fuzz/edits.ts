// Changes of a file as data, so that fast-check can shrink them to the few that matter, and a fault can be kept.
import fc from 'fast-check';

export type ByteEdit =
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'number'; readonly at: number; readonly value: bigint; readonly bytes: 2 | 4 | 8 }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number; readonly times: number };

const LARGE = [0n, 1n, 0x7fn, 0xffn, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n];

/** A place as a share of the file, the beginning (where headers are) as likely as all the rest. */
const place = fc.noBias(fc.oneof(fc.nat(1e6), fc.nat(2e4)).map((millionths) => millionths / 1e6));
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 5000 }));

const byteEdit: fc.Arbitrary<ByteEdit> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('set'), at: place, byte: fc.nat(255) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('number'),
      at: place,
      value: fc.constantFrom(...LARGE),
      bytes: fc.constantFrom(2, 4, 8),
    }),
  },
  fc.record({ kind: fc.constant('cut'), at: place }),
  fc.record({ kind: fc.constant('remove'), at: place, length }),
  fc.record({ kind: fc.constant('repeat'), at: place, length, times: fc.integer({ min: 1, max: 50 }) }),
) as fc.Arbitrary<ByteEdit>;

/** One change as often as several: a single one gets farthest. */
export const byteEdits = fc.noBias(
  fc.oneof(fc.tuple(byteEdit), fc.array(byteEdit, { minLength: 2, maxLength: 6 })),
);

export function editBytes(original: Uint8Array, edits: readonly ByteEdit[]): Buffer {
  let bytes = Buffer.from(original);
  for (const edit of edits) {
    const at = Math.min(Math.floor(edit.at * bytes.length), Math.max(0, bytes.length - 1));
    if (edit.kind === 'cut') bytes = bytes.subarray(0, at);
    else if (edit.kind === 'remove') {
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + edit.length)]);
    } else if (edit.kind === 'repeat') {
      const piece = bytes.subarray(at, at + edit.length);
      bytes = Buffer.concat([bytes.subarray(0, at), ...Array(edit.times).fill(piece), bytes.subarray(at)]);
    } else if (bytes.length > 0) {
      const value = edit.kind === 'set' ? BigInt(edit.byte) : edit.value;
      const width = edit.kind === 'set' ? 1 : edit.bytes;
      for (let i = 0; i < width && at + i < bytes.length; i++) {
        bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
      }
    }
  }
  return bytes;
}

export interface JsonEdit {
  /** Which value is changed: its number among all of the document, from the front. */
  readonly at: number;
  /** What it becomes; `undefined`: it is taken out. */
  readonly value: unknown;
}

const odd = fc.constantFrom<unknown>(
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  1e308,
  -1e308,
  2 ** 31,
  2 ** 53,
  1e15,
  '',
  'x',
  '0',
  '../../x',
  '\u0000',
  '\ud800',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  [null],
  undefined,
);

export const jsonEdits = fc.noBias(
  fc.array(
    fc.record({
      at: fc.nat(),
      value: fc.oneof({ weight: 3, arbitrary: odd }, fc.jsonValue({ maxDepth: 2 })),
    }),
    { minLength: 1, maxLength: 3 },
  ),
);

export function editJson(text: string, edits: readonly JsonEdit[]): string {
  const root: { document: unknown } = { document: JSON.parse(text) };
  for (const { at, value } of edits) {
    const places: [Record<string, unknown>, string][] = [];
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null || places.length > 5000) return;
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key]);
        walk((node as Record<string, unknown>)[key]);
      }
    };
    walk(root);
    const [node, key] = places[at % places.length] ?? [root, 'document'];
    if (value === undefined && !Array.isArray(node)) delete node[key];
    // A copy: one value may be put at several places, within itself too.
    else node[key] = structuredClone(value);
  }
  return JSON.stringify(root.document) ?? '';
}
