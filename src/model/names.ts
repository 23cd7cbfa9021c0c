/** Names whose last part is not the Hugging Face name's: TransformerLens's aliases, lower case. */
const ALIASES: Readonly<Record<string, string>> = {
  'gpt2-small': 'gpt2',
  distillgpt2: 'distilgpt2',
  'distilgpt2-small': 'distilgpt2',
  'gpt-neo-small': 'gpt-neo-125m',
  'gpt-neo-medium': 'gpt-neo-1.3b',
  'gpt-neo-large': 'gpt-neo-2.7b',
  'neo-small': 'gpt-neo-125m',
  'gpt-j': 'gpt-j-6b',
  'mistral-7b': 'mistral-7b-v0.1',
  'mistral-7b-instruct': 'mistral-7b-instruct-v0.1',
  'llama-7b': 'llama-7b-hf',
  'llama-13b': 'llama-13b-hf',
  'llama-2-7b': 'llama-2-7b-hf',
  'llama-2-13b': 'llama-2-13b-hf',
  'llama-2-7b-chat': 'llama-2-7b-chat-hf',
  'llama-2-13b-chat': 'llama-2-13b-chat-hf',
  codellama: 'codellama-7b-hf',
  'tiny-stories-1m': 'tinystories-1m',
  'tiny-stories-3m': 'tinystories-3m',
  'tiny-stories-8m': 'tinystories-8m',
  'tiny-stories-28m': 'tinystories-28m',
  'tiny-stories-33m': 'tinystories-33m',
  'tiny-stories-1l-21m': 'tinystories-1layer-21m',
  'tiny-stories-2l-33m': 'tinystories-2layers-33m',
  'tiny-stories-instruct-33m': 'tinystories-instruct-33m',
};

/** Whether two names mean the same model: `gpt2-small`, `gpt2` and `openai-community/gpt2` do. */
export function sameModelName(a: string, b: string): boolean {
  return plainName(a) === plainName(b);
}

/** The name without owner, revision, and path; aliases resolved. */
function plainName(name: string): string {
  const last = name
    .toLowerCase()
    .replace(/^builtin:/, '')
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!
    .replace(/@.*$/, '')
    .replace(/^meta-(?=llama)/, '');
  return Object.hasOwn(ALIASES, last) ? ALIASES[last]! : last;
}
