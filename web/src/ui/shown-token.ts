import { visible } from '../../../src/base/visible.ts';

/** Longest token shown whole; a longer one is cut. */
const LONGEST = 200;

/** A token's text to be read in a passage: the space before a word stays, all other whitespace becomes visible. */
export function passageText(token: string): string {
  const text = token.slice(0, LONGEST);
  const lead = /^ (?=\S)/.test(text) ? ' ' : '';
  return lead + spelled(text.slice(lead.length)) + rest(token);
}

/** A token's text spelled out, every space too. */
export function spelledText(token: string): string {
  return spelled(token.slice(0, LONGEST)) + rest(token);
}

function spelled(text: string): string {
  return visible(text.replaceAll(' ', '·'));
}

function rest(token: string): string {
  return token.length > LONGEST ? `… (${token.length} characters)` : '';
}
