// Text that would do something wherever it is not taken as text, and a model, a corpus and a study full of it.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openImages } from '../../src/corpus/images/open-images.ts';
import { encodePng } from '../../src/corpus/images/png.ts';
import { saveSae } from '../../src/sae/save.ts';
import { randomSae } from './saes.ts';
import { writeSmallFolio } from './small-folio.ts';

/** Each is one token of the hostile tokenizer: of terminals, pages, tables, XML, Markdown, templates, JSON and layouts. */
export const HOSTILE_TOKENS: readonly string[] = [
  '\u001b[2J\u001b]0;owned\u0007\u009b31m',
  '</script><img src=x onerror=alert(1)>',
  '<script>document.title="broken"</script>',
  '=1+1+cmd|" /C calc"!A0',
  '@SUM(A1)',
  '"',
  "';--",
  ']]>&lt;&#0;<!--',
  '\r\n',
  '\u202egnp.exe\u2066',
  '\u0000',
  '\ud800',
  '[here](javascript:alert(2))',
  '![x](https://example.invalid/pixel.png)',
  '{{constructor.constructor("alert(3)")()}}',
  '\u0024{process.exit(9)}',
  '`rm`',
  '__proto__',
  '\u2028\u200b\ufeff\u{e0041}',
  'x'.repeat(3000),
];

/** What a name of a file may hold: all but NUL, a slash and halves of surrogate pairs. */
export const HOSTILE_NAME =
  '=1+1"\u001b[2J\u009b31m\u202e<img src=x onerror=alert(4)>[a](javascript:b){{c}}\n&';
/** A name of an SAE has no spaces, commas, slashes and invisible characters. */
const SAE = '"<b>[a](b){{c}}&';

export interface HostileWorld {
  /** Its own name is hostile, too. */
  readonly folder: string;
  readonly model: string;
  /** A folder of JSON lines whose rows have hostile titles. */
  readonly data: string;
  readonly sae: string;
  /** `[NAME=]PATH` of the SAE, and the name of its bank. */
  readonly named: string;
  readonly bank: string;
  /** Where its study is to be, which is not made yet. */
  readonly study: string;
}

/** Makes a folder in `parent` with all that a study is made from. */
export async function hostileWorld(parent: string): Promise<HostileWorld> {
  const folder = join(parent, HOSTILE_NAME);
  const at = (name: string) => join(folder, `${name}${HOSTILE_NAME}`);
  const [model, data, sae] = [at('model'), at('data'), at('sae')];
  writeSmallFolio(model, 12);
  const path = join(model, 'tokenizer.json');
  writeFileSync(path, JSON.stringify(withHostileTokens(JSON.parse(readFileSync(path, 'utf8')))));
  mkdirSync(data);
  for (let file = 0; file < 2; file++) {
    const rows = Array.from({ length: 8 }, (_, row) => documentOf(file * 8 + row));
    writeFileSync(
      join(data, `${file}${HOSTILE_NAME}.jsonl`),
      `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`,
    );
  }
  await saveSae(randomSae({ dIn: 256, dSae: 6, hookName: 'blocks.1.hook_resid_pre' }), sae);
  return { folder, model, data, sae, named: `${SAE}=${sae}`, bank: `sae/${SAE}`, study: at('study') };
}

/** Makes a folder in `parent` with a model of images, whose classes have hostile names, and pictures, whose files and labels have. */
export async function hostileImages(
  parent: string,
): Promise<Pick<HostileWorld, 'folder' | 'model' | 'data' | 'study'>> {
  const folder = join(parent, `images${HOSTILE_NAME}`);
  const at = (name: string) => join(folder, `${name}${HOSTILE_NAME}`);
  const [model, data] = [at('model'), at('data')];
  cpSync(new URL('../../models/digits/', import.meta.url), model, { recursive: true });
  const config = join(model, 'config.json');
  const classes = Object.fromEntries(HOSTILE_TOKENS.slice(0, 10).entries());
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), id2label: classes }));
  mkdirSync(data);
  const table = [['file_name', 'label']];
  for await (const { ordinal, load } of (await openImages('builtin:digits')).images(0)) {
    if (ordinal === 80) break;
    const name = `${ordinal}${HOSTILE_NAME}.png`;
    writeFileSync(join(data, name), encodePng(await load()));
    table.push([name, `${HOSTILE_TOKENS[ordinal % HOSTILE_TOKENS.length]} ${ordinal % 7}`]);
  }
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  writeFileSync(join(data, 'labels.csv'), table.map((row) => `${row.map(quoted).join(',')}\n`).join(''));
  return { folder, model, data, study: at('study') };
}

/** The rarest tokens of the vocabulary become hostile ones. */
function withHostileTokens(tokenizer: {
  added_tokens: { id: number; content: string }[];
  model: { vocab: Record<string, number>; merges: unknown[] };
}): object {
  const { model } = tokenizer;
  const vocab = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  const rarest = vocab.splice(vocab.length - HOSTILE_TOKENS.length);
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
  const added = rarest.map(([, id], i) => ({ id, content: HOSTILE_TOKENS[i]!, ...flags }));
  return {
    ...tokenizer,
    added_tokens: [...tokenizer.added_tokens, ...added],
    model: {
      ...model,
      vocab: Object.fromEntries(vocab),
      merges: model.merges.slice(0, -HOSTILE_TOKENS.length),
    },
  };
}

/** Plain words with hostile tokens between them, other ones in each document. */
function documentOf(number: number): object {
  const words = 'The war of the world and the peace of the people in the states of the union'.split(' ');
  const pieces = Array.from({ length: 90 }, (_, i) => {
    const token = HOSTILE_TOKENS[(i * 7 + number * 3) % HOSTILE_TOKENS.length]!;
    return i % 3 === 0 ? token : ` ${words[(i * (number + 1) + number) % words.length]}`;
  });
  return { title: `${HOSTILE_TOKENS[number % HOSTILE_TOKENS.length]} ${number}`, text: pieces.join('') };
}
