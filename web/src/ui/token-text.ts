/** Longest token shown whole; a longer one is cut. */
const LONGEST = 200;

/** Characters that cannot be seen or that would move others, and what stands for them. */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

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
  return text.replaceAll(' ', '·').replace(HIDDEN, visible);
}

function rest(token: string): string {
  return token.length > LONGEST ? `… (${token.length} characters)` : '';
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (code === 10) return '↵';
  if (code === 9) return '⇥';
  if (code === 13) return '␍';
  if (code < 32) return String.fromCharCode(0x2400 + code);
  if (code === 127) return '␡';
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  return `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
