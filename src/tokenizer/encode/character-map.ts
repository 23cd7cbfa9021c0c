import { PolysemeError } from '../../errors.ts';
import { graphemes } from './graphemes.ts';

/** Bytes of a map; SentencePiece's own have 240,000. */
const MAX_MAP = 16 << 20;
/** Longer graphemes (bytes of UTF-8) are mapped character by character. */
const MAX_GRAPHEME = 5;
/** Texts whose results are kept. */
const MAX_CACHED = 1 << 16;

/**
 * The normaliser of a *precompiled character map*, SentencePiece's: a trie of texts (a double array as Darts writes
 * it) and what each becomes. As in Python's tokenizers, a grapheme of at most five bytes becomes what its shortest
 * prefix in the trie becomes; other graphemes are mapped character by character.
 *
 * @param base64 the field `precompiled_charsmap`
 */
export function createCharacterMap(base64: string, where: string): (text: string) => string {
  const { units, results } = parse(base64, where);

  const find = (text: string): string | null => {
    let node = offsetOf(units[0] ?? 0);
    for (const byte of UTF8.encode(text)) {
      if (byte === 0) return null;
      node ^= byte;
      const unit = units[node] ?? 0;
      if ((unit & LABEL) >>> 0 !== byte) return null;
      node ^= offsetOf(unit);
      if ((unit >>> 8) & 1) return resultAt(results, (units[node] ?? 0) & VALUE);
    }
    return null;
  };
  const known = new Map<string, string | null>();
  const mapped = (text: string): string | null => {
    let done = known.get(text);
    if (done === undefined) {
      done = find(text);
      if (known.size >= MAX_CACHED) known.clear();
      known.set(text, done);
    }
    return done;
  };
  const mapCharacters = (text: string): string => {
    let done = '';
    for (const character of text) done += mapped(character) ?? character;
    return done;
  };
  const mapGraphemes = (run: string): string => {
    let done = '';
    for (const grapheme of graphemes(run)) {
      const whole = isShort(grapheme) ? mapped(grapheme) : null;
      done += whole ?? mapCharacters(grapheme);
    }
    return done;
  };

  let stays = '';
  for (let code = 0; code < 0x80; code++) {
    const changes = code === 0x0d || mapped(String.fromCharCode(code)) !== null;
    if (!changes) stays += `\\x${code.toString(16).padStart(2, '0')}`;
  }
  /** ASCII that the map leaves alone. */
  const unchanged = new RegExp(`^[${stays}]*$`);
  const map = (run: string): string => {
    if (unchanged.test(run)) return run;
    return JOINING.test(run) ? mapGraphemes(run) : mapCharacters(run);
  };
  return (text) => text.replace(RUNS, map);
}

/** Carriage return and line feed; ASCII; other characters with the ASCII that may belong to their graphemes. */
const RUNS =
  /(?:[\0-\x7f]?[^\0-\x7f]+)+(?:(?!\r\n)[\0-\x7f])?|\r\n|(?:(?!\r\n|[\0-\x7f][^\0-\x7f])[\0-\x7f])+/g;
/** What makes a grapheme of several characters, where those may have five bytes or fewer. */
const JOINING = new RegExp(
  '\\r\\n|\\p{M}|\\p{Grapheme_Extend}|\\p{Emoji_Modifier}|\\u200d|[\\u0e33\\u0eb3]|' +
    // Grapheme_Cluster_Break = Prepend
    '[\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u0d4e\\u{110bd}\\u{110cd}\\u{111c2}\\u{111c3}\\u{113d1}]|' +
    '[\\u{1193f}\\u{11941}\\u{11a3a}\\u{11a84}-\\u{11a89}\\u{11d46}\\u{11f02}]',
  'u',
);
const UTF8 = new TextEncoder();

function isShort(grapheme: string): boolean {
  return grapheme.length <= MAX_GRAPHEME && UTF8.encode(grapheme).length <= MAX_GRAPHEME;
}

interface Tables {
  readonly units: Uint32Array;
  readonly results: Uint8Array;
}

/** Four bytes with the size of the trie, the trie, and the results, each ended by a zero. */
function parse(base64: string, where: string): Tables {
  if (base64.length > MAX_MAP * 2)
    throw damaged(where, `${base64.length} characters, more than ${MAX_MAP * 2}`);
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw damaged(where, 'no base64');
  }
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (size < 4 || size % 4 !== 0 || size > bytes.length - 4) {
    throw damaged(where, `${bytes.length} bytes with a trie of ${size}`);
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  return { units, results: bytes.subarray(4 + size) };
}

function damaged(where: string, what: string): PolysemeError {
  return new PolysemeError(
    `${where} has a damaged precompiled_charsmap (${what}); download the file again`,
    'damaged',
  );
}

const LABEL = 0x800000ff;
const VALUE = 0x7fffffff;

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function resultAt(results: Uint8Array, start: number): string | null {
  if (start >= results.length) return null;
  const end = results.indexOf(0, start);
  return DECODER.decode(results.subarray(start, end === -1 ? results.length : end));
}

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
