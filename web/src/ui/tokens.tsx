import { Fragment, memo } from 'react';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import type { Example } from '../source/answers.ts';
import { passageText } from './shown-token.ts';

/** Letters to each side of the peak in a line of the concordance, which fill the widest column, and tokens at most. */
const LETTERS = 84;
const MOST_TOKENS = 64;

/** The tokens of an example from `from` to `to`, coloured by activation against `scale`, the peak underlined. */
function Span({
  example,
  from,
  to,
  scale,
  lines,
}: {
  example: Example;
  from: number;
  to: number;
  scale: number;
  lines?: boolean;
}) {
  return example.tokens.slice(from, to).map((token, offset) => {
    // A token whose character stands at one before it.
    if (token === '') return null;
    const i = valueAt(example, from + offset);
    const text = passageText(token);
    const value = example.activations[i] ?? 0;
    // Below zero counts only where the example itself is: else it is the floor of the activation function.
    const strength = (example.activation < 0 ? value : Math.max(0, value)) / scale;
    return (
      <Fragment key={i}>
        <span
          data-i={i}
          className={className(strength, i === example.position, text)}
          style={
            Math.abs(strength) < 0.02
              ? undefined
              : ({ '--a': Math.min(1, Math.abs(strength)).toFixed(2) } as object)
          }
        >
          {text}
        </span>
        {lines && text.endsWith('↵') ? <br /> : null}
      </Fragment>
    );
  });
}

function className(strength: number, peak: boolean, text: string): string {
  let name = Math.abs(strength) < 0.02 ? 't' : strength < 0 ? 't cold' : 't hot';
  if (peak) name += ' peak';
  if (text.startsWith(' ')) name += ' lead';
  return name;
}

/** Of the tokens that spell what stands at `token`: the peak, or else the one of the largest activation. */
function valueAt({ tokens, position, activations }: Example, token: number): number {
  let best = token;
  for (let i = token; i === token || tokens[i] === ''; i++) {
    if (i === position) return i;
    if (Math.abs(activations[i] ?? 0) > Math.abs(activations[best] ?? 0)) best = i;
  }
  return best;
}

/** One line with the peak in a fixed column, so that passages can be compared down the page. */
export const Concordance = memo(function Concordance({
  example,
  scale,
}: {
  example: Example;
  scale: number;
}) {
  const { tokens } = example;
  const position = spelledAt(tokens, example.position);
  const [from, to] = reach(tokens, position);
  return (
    <>
      <span className="before">
        <bdi dir="ltr">
          <Span example={example} from={from} to={position} scale={scale} />
        </bdi>
      </span>
      <span className="after">
        <bdi dir="ltr">
          <Span example={example} from={position} to={to} scale={scale} />
        </bdi>
      </span>
    </>
  );
});

/** The tokens about a peak that have enough letters for a line: from, to. */
function reach(tokens: readonly string[], position: number): readonly [number, number] {
  let from = position;
  for (let letters = 0; from > 0 && position - from < MOST_TOKENS && letters < LETTERS; ) {
    letters += tokens[--from]!.length;
  }
  let to = position;
  for (let letters = 0; to < tokens.length && to - position < MOST_TOKENS && letters < LETTERS; ) {
    letters += tokens[to++]!.length;
  }
  return [from, to];
}

/** The whole context. */
export const WholeContext = memo(function WholeContext({
  example,
  scale,
  lines,
}: {
  example: Example;
  scale: number;
  /** Whether lines break as in the text. */
  lines: boolean;
}) {
  return (
    <bdi dir="ltr">
      <Span example={example} from={0} to={example.tokens.length} scale={scale} lines={lines} />
    </bdi>
  );
});
