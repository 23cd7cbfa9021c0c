import { Fragment } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { type FeatureName, featureTitle } from '../../../src/features/names.ts';
import { source } from '../source/chosen.ts';
import { featureColour, featureMark } from './feature-colours.ts';
import { formatWhole } from './metric-info.ts';
import type { Shares } from './strip.tsx';
import '../styles/images.css';

interface Named {
  readonly id: number;
  readonly name: FeatureName | null;
  readonly words: readonly string[];
  /** Context of its central example, where that is an image. */
  readonly image?: number | undefined;
}

/** What the largest features of a unit are, each in its colour; what was searched for is marked. */
export function Meanings({
  unit: { sizes, features },
  q,
}: {
  unit: Shares & { readonly features: readonly Named[] };
  q?: string;
}) {
  if (features.length === 0) return <span className="muted">never active</span>;
  // Of many features, those of a single example say nothing.
  const shown = features.filter(({ id }, i) => i === 0 || sizes[id]! > 1);
  const more = q === undefined ? sizes.filter((size) => size > 1).length - shown.length : 0;
  return (
    <>
      {shown.map(({ id, image, ...feature }, i) => (
        <Fragment key={id}>
          {i > 0 ? ' ' : ''}
          <bdi
            className="meaning"
            data-mark={featureMark({ id, size: sizes[id]! })}
            style={{ '--own': featureColour({ id, size: sizes[id]! }, sizes.length) } as object}
          >
            {image === undefined ? null : (
              <img className="thumb" src={source().image(image)} alt="" loading="lazy" />
            )}
            <span>
              <Marked text={textOf(feature, q)} q={q} />
            </span>
          </bdi>
        </Fragment>
      ))}
      {more > 0 ? <span className="muted"> + {formatWhole(more)} more</span> : null}
    </>
  );
}

/** A feature's name; where that has nothing of what is searched for, with the words that have. */
function textOf(feature: Pick<Named, 'name' | 'words'>, q = ''): string {
  const title = visible(featureTitle(feature)) || 'no words';
  const terms = q.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text: string): boolean => terms.some((term) => text.toLowerCase().includes(term));
  const found = has(title) ? [] : feature.words.map(visible).filter(has);
  return found.length === 0 ? title : `${title}: ${found.join(' · ')}`;
}

/** A text with the words that were searched for marked. */
export function Marked({ text, q = '' }: { text: string; q?: string | undefined }) {
  const terms = q.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  // Letters whose lower case is longer or shorter would shift the marks.
  if (terms.length === 0 || lower.length !== text.length) return text;
  const parts = [];
  let from = 0;
  while (from < text.length) {
    const next = terms
      .map((term) => ({ at: lower.indexOf(term, from), term }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at || b.term.length - a.term.length)[0];
    if (next === undefined) break;
    parts.push(
      text.slice(from, next.at),
      <mark key={next.at}>{text.slice(next.at, next.at + next.term.length)}</mark>,
    );
    from = next.at + next.term.length;
  }
  return [...parts, text.slice(from)];
}
