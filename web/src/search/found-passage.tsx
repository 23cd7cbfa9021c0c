import { Fragment } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import type { Matches } from '../source/answers.ts';
import { Picture } from '../ui/picture.tsx';
import { passageText } from '../ui/shown-token.ts';
import { hinted } from '../ui/tips.tsx';

type Passage = NonNullable<Matches['units'][number]['passage']>;

/** The best passage of a unit that was found: its peak underlined, what was searched for marked; or the image. */
export function FoundPassage({ passage, grid }: { passage: Passage; grid: ImageGrid | null }) {
  const { image, context, document } = passage;
  if (image !== undefined && grid !== null) {
    return (
      <span className="result-passage">
        <Picture context={context} grid={grid} size={48} box={image.box} />
        <span>
          <bdi>{image.label === null ? 'no label' : visible(image.label)}</bdi>{' '}
          <span className="muted small">{visible(document)}</span>
        </span>
      </span>
    );
  }
  return (
    <span className="result-passage">
      <bdi className="passage-line">
        <Tokens passage={passage} />
      </bdi>
      <span className="muted small result-document" {...hinted(visible(document))}>
        {visible(document)}
      </span>
    </span>
  );
}

/** Tokens side by side that are marked are one mark. */
function Tokens({ passage: { tokens, position, marked } }: { passage: Passage }) {
  const isMarked = new Set(marked);
  const runs: { start: number; marked: boolean; tokens: string[] }[] = [];
  tokens.forEach((token, i) => {
    const last = runs.at(-1);
    if (last?.marked === isMarked.has(i)) last.tokens.push(token);
    else runs.push({ start: i, marked: isMarked.has(i), tokens: [token] });
  });
  return runs.map(({ start, marked: asMark, tokens: own }) => {
    const shown = own.map((token, k) => {
      const { space, text } = split(token);
      return (
        // biome-ignore lint/suspicious/noArrayIndexKey: a token is told by its place
        <Fragment key={start + k}>
          {k > 0 ? space : ''}
          {start + k === position ? <b className="found-peak">{text}</b> : text}
        </Fragment>
      );
    });
    return (
      <Fragment key={start}>
        {split(own[0]!).space}
        {asMark ? <mark>{shown}</mark> : shown}
      </Fragment>
    );
  });
}

/** A token as it is shown, and the space before it, which is no part of a mark. */
function split(token: string): { space: string; text: string } {
  const text = passageText(token);
  return text.startsWith(' ') ? { space: ' ', text: text.slice(1) } : { space: '', text };
}
