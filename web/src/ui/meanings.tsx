import { Fragment } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import type { FeatureName } from '../../../src/features/names.ts';
import { markText } from '../../../src/search/mark-text.ts';
import { parseQuery } from '../../../src/search/query.ts';
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
  parts,
}: {
  unit: Shares & { readonly features: readonly Named[] };
  q?: string;
  /** Whether parts of words were searched for. */
  parts?: boolean;
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
              <Marked text={textOf(feature, q, parts)} q={q} parts={parts} />
            </span>
          </bdi>
        </Fragment>
      ))}
      {more > 0 ? <span className="muted"> + {formatWhole(more)} more</span> : null}
    </>
  );
}

/** A feature's name; where that has nothing of what is searched for, with the words that have. */
function textOf(feature: Pick<Named, 'name' | 'words'>, q = '', parts = false): string {
  const title = visible(featureTitle(feature)) || 'no words';
  const { terms } = parseQuery(q, []);
  const has = (text: string): boolean => markText(text, terms, parts).length > 0;
  const found = has(title) ? [] : feature.words.map(visible).filter(has);
  return found.length === 0 ? title : `${title}: ${found.join(' · ')}`;
}

/** A text with the words that were searched for marked. */
export function Marked({ text, q = '', parts }: { text: string; q?: string | undefined; parts?: boolean }) {
  const marks = markText(text, parseQuery(q, []).terms, parts);
  if (marks.length === 0) return text;
  return (
    <>
      {marks.map(([start, end], i) => (
        <Fragment key={start}>
          {text.slice(marks[i - 1]?.[1] ?? 0, start)}
          <mark>{text.slice(start, end)}</mark>
        </Fragment>
      ))}
      {text.slice(marks.at(-1)![1])}
    </>
  );
}
