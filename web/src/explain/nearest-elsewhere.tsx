import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import { SIMILARITIES, SIMILARITY_MEANINGS, type Similarity } from '../../../src/explain/similarities.ts';
import { featureTitle } from '../../../src/features/feature-title.ts';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import type { Unit } from '../source/answers.ts';
import { type Similar, similarQuery } from '../source/probe-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { Picture } from '../ui/picture.tsx';
import { passageText } from '../ui/shown-token.ts';
import { Strip } from '../ui/strip.tsx';
import { hinted } from '../ui/tips.tsx';
import { useImages } from '../ui/use-images.ts';

/** Tokens to each side of a peak. */
const BEFORE = 6;
const AFTER = 3;

/** The features of other units that are most like one of this unit's. */
export function NearestElsewhere({ unit, selected }: { unit: Unit; selected: number | undefined }) {
  const { bank, index } = unit;
  const [by, setBy] = useState<Similarity>('embedding');
  // The page may have cut the unit anew; what is alike is known of the study's own features.
  const feature = selected !== undefined && selected < unit.features.length ? selected : 0;
  const isFinished = useQuery(studyQuery).data?.status === 'complete';
  const { data, error } = useQuery({
    ...similarQuery(bank, index, feature, by),
    enabled: isFinished && unit.examples > 0,
  });
  if (!isFinished || unit.examples === 0) return null;
  return (
    <section className="panel" aria-labelledby="nearest-title">
      <div className="panel-head">
        <h2 id="nearest-title">Nearest elsewhere</h2>
        <span className="grow" />
        <label>
          by
          <select
            value={by}
            onChange={(event) => setBy(event.target.value as Similarity)}
            {...hinted(SIMILARITY_MEANINGS[by])}
          >
            {SIMILARITIES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className="panel-body">
        <p className="muted small">
          To feature {feature}{' '}
          <bdi>{visible(featureTitle(unit.features[feature] ?? { name: null, words: [] }))}</bdi>
          {unit.features.length > 1 && selected === undefined
            ? '; choose another one in the list of features'
            : ''}
        </p>
        {error === null ? null : (
          <p className="bad" role="alert">
            {error.message}
          </p>
        )}
        {data === undefined && error === null ? (
          <p className="muted small" role="status">
            Comparing all features of the study: the first time this takes a while …
          </p>
        ) : null}
        {data?.length === 0 ? <p className="muted">Nothing is like it.</p> : null}
        <ol className="nearest">
          {data?.map((one) => (
            <SimilarRow key={`${one.bank}/${one.index}/${one.feature}`} similar={one} />
          ))}
        </ol>
      </div>
    </section>
  );
}

function SimilarRow({ similar }: { similar: Similar }) {
  const { bank, index, feature, similarity, passage, image } = similar;
  const title = featureTitle(similar);
  const position = spelledAt(passage.tokens, passage.position);
  const first = Math.max(0, position - BEFORE);
  const shown = passage.tokens.slice(first, position + AFTER + 1);
  const images = useImages();
  return (
    <li>
      <Link className="num" to="/unit/$bank/$index" params={{ bank, index }} search={{ feature }}>
        {bank}/{index}
      </Link>
      <span className="num muted">{(similarity ?? 0).toFixed(2)}</span>
      <Strip shares={similar} lit={new Set([feature])} />
      <bdi className="words">{title === '' ? 'no words' : visible(title)}</bdi>
      {images === null || image === undefined ? (
        <bdi className="near-passage" dir="ltr" {...hinted(visible(passage.document))}>
          {shown.map((token, i) =>
            token === '' ? null : first + i === position ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: a token is its position
              <b key={i}>{passageText(token)}</b>
            ) : (
              passageText(token)
            ),
          )}
        </bdi>
      ) : (
        <span className="near-passage" {...hinted(visible(passage.document))}>
          <Picture context={image} grid={images} size={40} alt="Its most typical image" />
        </span>
      )}
    </li>
  );
}
