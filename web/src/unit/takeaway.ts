import { featureTitle } from '../../../src/features/feature-title.ts';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import type { Example } from '../source/answers.ts';

// What a reader takes away of a unit: text with its true characters, and Markdown in which foreign text is only text.

interface Named {
  readonly id: number;
  readonly name: Parameters<typeof featureTitle>[0]['name'];
  readonly words: readonly string[];
}

/** A passage before, at and after its peak, or what an image shows; the space before a word is not part of the peak. */
function parts({ tokens, position, image, document }: Example): readonly [string, string, string] {
  if (image !== undefined) return ['', image.label ?? document, ''];
  const at = spelledAt(tokens, position);
  const peak = tokens[at] ?? '';
  const lead = /^\s*(?=\S)/.exec(peak)?.[0] ?? '';
  return [tokens.slice(0, at).join('') + lead, peak.slice(lead.length), tokens.slice(at + 1).join('')];
}

/** The example's context with its true characters, the peak in «». */
export function exampleText(example: Example): string {
  const [before, peak, after] = parts(example);
  return `${before}«${peak}»${after}`;
}

/** The example as a quotation in Markdown, its peak bold, with where it is from and a link. */
export function exampleMarkdown(example: Example, unit: string, url: string): string {
  const [before, peak, after] = parts(example);
  const text = `${inert(before)}**${inert(peak)}**${inert(after)}`;
  const from = `${inert(example.document)}, [${inert(unit)}](${url}), activation ${example.activation.toPrecision(3)}`;
  return `${quoted(text)}\n>\n> ${from}\n`;
}

/** A feature with its examples, one a line: line breaks within are spaces. */
export function featureText(feature: Named, examples: readonly Example[], unit: string): string {
  const lines = examples.map((example) => exampleText(example).replace(/\s+/g, ' ').trim());
  return `${unit}, feature ${feature.id}: ${featureTitle(feature)}\n${lines.join('\n')}\n`;
}

/** A feature in Markdown: its name as a link, and its examples as a list. */
export function featureMarkdown(
  feature: Named,
  examples: readonly Example[],
  unit: string,
  url: string,
): string {
  const lines = examples.map((example) => {
    const [before, peak, after] = parts(example);
    return `- ${flat(before)}**${flat(peak)}**${flat(after)}`;
  });
  const title = `[${inert(unit)}, feature ${feature.id}](${url}): ${inert(featureTitle(feature))}`;
  return `**${title}**\n\n${lines.join('\n')}\n`;
}

/** Foreign text for Markdown: nothing in it is a link, an image, HTML, code or a mark. */
export function inert(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~&!:@+=-]|(?<=^\s*\d+)[.)]/gm, '\\$&');
}

function flat(text: string): string {
  return inert(text.replace(/\s+/g, ' '));
}

function quoted(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `> ${line}`)
    .join('\n');
}
