import { useQuery } from '@tanstack/react-query';
import { visible } from '../../../src/base/visible.ts';
import type { Feature } from '../../../src/features/describe.ts';
import { featureTitle, nameScores } from '../../../src/features/feature-title.ts';
import { wordList } from '../../../src/features/words.ts';
import { FeatureEffectLines } from '../explain/feature-effect.tsx';
import { useModelReady } from '../explain/page-model.tsx';
import type { Example, Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { ablationQuery, type FeatureEffect, MEASURING } from '../source/effect-queries.ts';
import { featureColour } from '../ui/feature-colours.ts';
import { counted, formatActivation, formatThree } from '../ui/metric-info.ts';
import { ImageOf } from '../ui/picture.tsx';
import { hinted } from '../ui/tips.tsx';
import { Concordance } from '../ui/tokens.tsx';
import { useImages } from '../ui/use-images.ts';
import { meanBetween, mergeHeight, ownWords, splitHeight } from './beside.ts';
import type { UnitCut } from './unit-cut.ts';
import '../styles/beside.css';

/** Passages of a column. */
const PASSAGES = 12;

/** Features in equal columns, aligned at their peaks, with what tells them apart. */
export function FeaturesBeside({
  unit,
  unitCut,
  ids,
  examples,
  scale,
  onCut,
  onDrop,
}: {
  unit: Unit;
  unitCut: UnitCut;
  ids: readonly number[];
  examples: readonly Example[];
  scale: number;
  onCut: (threshold: number) => void;
  /** Takes one away; without an id all of them. */
  onDrop: (id?: number) => void;
}) {
  const { cut, tree, distances } = unitCut;
  const features = ids.map((id) => cut.features[id]!);
  const effects = useQuery(ablationQuery(unit.bank, unit.index));
  const images = useImages();
  // Effects are measured of the features that the study stores.
  const isReady = useModelReady();
  const canMeasure = unitCut.stored && images === null && isReady;
  const merge = mergeHeight(
    tree,
    features.flatMap(({ members }) => members),
  );
  return (
    <section className="beside panel" aria-labelledby="beside-title">
      <div className="panel-head">
        <h2 id="beside-title">Side by side</h2>
        <span className="grow" />
        {!canMeasure || effects.data !== undefined ? null : (
          <button
            type="button"
            className="button"
            disabled={effects.isFetching}
            {...hinted(MEASURING)}
            onClick={() => void effects.refetch()}
          >
            {effects.isFetching ? 'Measuring …' : 'Measure effects'}
          </button>
        )}
        {merge === null ? null : (
          <button type="button" className="button" onClick={() => onCut(merge)}>
            Merge them (cut at {formatThree(merge)})
          </button>
        )}
        <button type="button" className="button quiet" onClick={() => onDrop()}>
          Close
        </button>
      </div>
      {distances === null ? null : (
        <p className="muted small beside-says">
          Mean distance between their examples:{' '}
          {pairsOf(features)
            .map(
              ([a, b]) =>
                `features ${a.id} and ${b.id} ${formatThree(meanBetween(distances, tree.count, a.members, b.members))}`,
            )
            .join(' · ')}
        </p>
      )}
      {effects.error === null || !canMeasure ? null : (
        <p className="bad small beside-says" role="alert">
          {effects.error.message}
        </p>
      )}
      {canMeasure || images !== null ? null : (
        <p className="muted small beside-says">
          {isReady
            ? 'What each does to the predictions is measured of the study’s own features, and these are of another cut.'
            : source().pageModel === null
              ? 'What each does to the predictions needs the study and its model: this is a copy as files.'
              : 'What each does to the predictions can be measured once the model is loaded in this page.'}
        </p>
      )}
      <div className="beside-columns">
        {features.map((feature) => (
          <Column
            key={feature.id}
            feature={feature}
            others={features.filter((other) => other !== feature)}
            total={cut.features.length}
            split={splitHeight(tree, feature.members)}
            examples={examples}
            scale={scale}
            effect={canMeasure ? effects.data?.features.find((one) => one.feature === feature.id) : undefined}
            onCut={onCut}
            onDrop={() => onDrop(feature.id)}
          />
        ))}
      </div>
    </section>
  );
}

function Column({
  feature,
  others,
  total,
  split,
  examples,
  scale,
  effect,
  onCut,
  onDrop,
}: {
  feature: Feature;
  others: readonly Feature[];
  total: number;
  /** The threshold at which it falls in two. */
  split: number | null;
  examples: readonly Example[];
  scale: number;
  /** Where it was measured. */
  effect: FeatureEffect | undefined;
  onCut: (threshold: number) => void;
  onDrop: () => void;
}) {
  const { id, size, members, central, name, words, meanActivation } = feature;
  const images = useImages();
  const own = ownWords(
    words,
    others.map((other) => other.words),
  );
  const ordered = [central, ...members.filter((example) => example !== central)].slice(0, PASSAGES);
  return (
    <div className="beside-column" style={{ '--own': featureColour(feature, total) } as object}>
      <h3 className="wrap">
        <span className="badge num" aria-hidden="true">
          {id}
        </span>
        <bdi>{visible(featureTitle(feature)) || 'no words'}</bdi>
        <button
          type="button"
          className="button quiet"
          aria-label={`Take feature ${id} away`}
          onClick={onDrop}
        >
          ✕
        </button>
      </h3>
      <p className="muted small">
        {counted(size, 'example')}, mean activation {formatActivation(meanActivation)}
      </p>
      <p className="muted small">{name === null ? '' : `name: ${nameScores(name)}`}</p>
      <p className="small">
        {own.length === 0 ? (
          <span className="muted">no {images === null ? 'word' : 'label'} of its own beside the others</span>
        ) : (
          <>
            only here: <bdi>{visible(wordList(own))}</bdi>
          </>
        )}
      </p>
      {effect === undefined ? <p /> : <FeatureEffectLines effect={effect} />}
      {images === null ? (
        <ol>
          {ordered.map((example) => (
            <li key={example}>
              <div className="passage">
                <Concordance example={examples[example]!} scale={scale} />
              </div>
            </li>
          ))}
        </ol>
      ) : (
        <ol className="image-row">
          {members.slice(0, PASSAGES).map((example) => (
            <li key={example}>
              <ImageOf example={examples[example]!} grid={images} />
            </li>
          ))}
        </ol>
      )}
      {split === null ? null : (
        <button type="button" className="button link small" onClick={() => onCut(split)}>
          Split it here (cut below {formatThree(split)})
        </button>
      )}
    </div>
  );
}

function pairsOf<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((a, i) => items.slice(i + 1).map((b): [T, T] => [a, b]));
}
