import { spelledText } from '../ui/shown-token.ts';
import { explained } from '../ui/tips.tsx';

/** Tokens that something is said of. */
export function TokenChips({
  tokens,
}: {
  tokens: readonly { readonly id: number; readonly text: string; readonly title: string }[];
}) {
  return tokens.map(({ id, text, title }) => (
    <code key={id} className="token-chip" {...explained(title)}>
      <bdi>{spelledText(text)}</bdi>
    </code>
  ));
}
