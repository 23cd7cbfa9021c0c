import { type ReactNode, useRef, useState } from 'react';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import type { Example } from '../source/answers.ts';
import { formatActivation } from '../ui/metric-info.ts';
import { spelledText } from '../ui/shown-token.ts';

interface Tip {
  readonly example: Example;
  readonly token: number;
  readonly left: number;
  readonly top: number;
}

/** The text of its token, or of the one that has the character which it spells with others. */
function tokenAt({ example, token }: Tip): string {
  return example.tokens[spelledAt(example.tokens, token)] ?? '';
}

/**
 * Tells the value of the token under the pointer, or, in a focused passage, of the one that ← and → move to. One listener
 * for all passages inside: an element with `data-example` holds tokens with `data-i`.
 */
export function TokenTips({ examples, children }: { examples: readonly Example[]; children: ReactNode }) {
  const [tip, setTip] = useState<Tip | null>(null);
  const keyboard = useRef<Element | null>(null);

  const show = (token: Element | null) => {
    const example = examples[Number(token?.closest('[data-example]')?.getAttribute('data-example') ?? -1)];
    keyboard.current?.classList.remove('cursor');
    if (token === null || example === undefined) {
      setTip(null);
      return;
    }
    const box = token.getBoundingClientRect();
    setTip({
      example,
      token: Number(token.getAttribute('data-i')),
      left: Math.min(window.innerWidth - 130, Math.max(8, box.left + box.width / 2 - 60)),
      top: box.top > 96 ? box.top - 52 : box.bottom + 6,
    });
  };
  const point = (token: Element | null) => {
    show(token);
    token?.classList.add('cursor');
    keyboard.current = token;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: listens for the passages inside, which can be focused
    <div
      onMouseOver={(event) => show((event.target as Element).closest('[data-i]'))}
      onMouseLeave={() => show(null)}
      onFocus={(event) => {
        if (event.target.matches('[data-example]:focus-visible')) point(event.target.querySelector('.peak'));
      }}
      onBlur={() => show(null)}
      onKeyDown={(event) => {
        const passage = event.target as Element;
        if (!passage.matches('[data-example]')) return;
        const tokens = [...passage.querySelectorAll('[data-i]')];
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (event.key === 'Escape') show(null);
        if (step === undefined) return;
        event.preventDefault();
        const at = tokens.indexOf(keyboard.current as Element);
        const to = tokens[Math.min(tokens.length - 1, Math.max(0, at + step))];
        if (to !== undefined) point(to);
      }}
    >
      {children}
      <div
        className="token-tip"
        role="status"
        hidden={tip === null}
        style={tip === null ? undefined : { left: tip.left, top: tip.top }}
      >
        {tip === null ? null : (
          <>
            <code>{spelledText(tokenAt(tip))}</code>
            <b className="num">{formatActivation(tip.example.activations[tip.token] ?? 0)}</b>
            <span className="sr">at token {tip.token}</span>
          </>
        )}
      </div>
    </div>
  );
}
