import { PolysemeError } from '../../../errors.ts';
import type { Metadata } from '../metadata.ts';
import { KIND, type TokenizerParts, type Vocabulary } from './vocabulary.ts';

/**
 * SentencePiece's BPE as transformers converts it: the merges follow from the tokens, those with the highest score first,
 * and characters without a token become bytes.
 */
export function sentencePieceModel(meta: Metadata, { tokens, kinds }: Vocabulary): TokenizerParts {
  const scores = meta.numbers('tokenizer.ggml.scores');
  if (scores?.length !== tokens.length) {
    throw new PolysemeError(
      `${meta.label}: its metadata has ${tokens.length} tokens and the scores of ${scores?.length ?? 0}`,
      'damaged',
    );
  }
  const isGemma = meta.architecture.startsWith('gemma');
  const prefix = meta.flag('tokenizer.ggml.add_space_prefix') ?? !isGemma;
  // The converter writes user-defined tokens of spaces with the spaces themselves.
  const spelled = tokens.map((token, id) =>
    kinds[id] === KIND.userDefined && /^ +$/.test(token) ? '▁'.repeat(token.length) : token,
  );
  const vocab = new Map(spelled.map((token, id) => [token, id]));
  // Gemma's scores do not follow the order of its merges; that of its tokens does.
  const rank = (id: number): number => (isGemma ? -id : scores[id]!);
  const unknown = kinds.indexOf(KIND.unknown);
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  return {
    normalizer: prefix
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, spaces] }
      : spaces,
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: tokens[meta.token('unknown') ?? unknown] ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: mergesOf(vocab, rank),
    },
    addsBos: true,
  };
}

/** Every way to make a token of two others, the best first: as transformers' generate_merges. */
function mergesOf(vocab: ReadonlyMap<string, number>, rank: (id: number) => number): [string, string][] {
  const found: { pair: [string, string]; ids: [number, number]; order: [number, number, number] }[] = [];
  for (const [token, id] of vocab) {
    const letters = [...token];
    const own: typeof found = [];
    for (let at = 1; at < letters.length; at++) {
      const left = letters.slice(0, at).join('');
      const right = letters.slice(at).join('');
      const [l, r] = [vocab.get(left), vocab.get(right)];
      if (l === undefined || r === undefined) continue;
      own.push({ pair: [left, right], ids: [l, r], order: [rank(id), at, letters.length - at] });
    }
    own.sort((a, b) => a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
    for (const merge of own) found.push(merge);
  }
  found.sort((a, b) => b.order[0] - a.order[0] || b.order[1] - a.order[1] || b.order[2] - a.order[2]);
  return found.map(({ pair }) => pair);
}
