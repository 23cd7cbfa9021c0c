import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { largestOf, SignedFigure, SignedPicture } from '../images/signed-picture.tsx';
import type { Example, Unit } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { patchImportanceQuery, vectorsQuery } from '../source/image-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { formatActivation } from '../ui/metric-info.ts';
import { Picture, placeOf } from '../ui/picture.tsx';
import { explained, hinted } from '../ui/tips.tsx';
import { readsPixels } from '../ui/use-images.ts';
import { STRAY } from './example.tsx';
import { getHovered, setHovered, subscribeHovered } from './hover.ts';
import { ImportanceMap } from './importance-map.tsx';
import type { Pictures } from './use-central-embeddings.ts';

const THUMBNAIL = 56;
const LARGE = 168;

/** A feature's examples as rows of images, the largest activation first; one of them opened below. */
export function ImageExamples({
  unit,
  pictures: { grid, embeddings, scale },
  examples,
  central,
  stray,
  openExample,
  onToggle,
}: {
  unit: Unit;
  pictures: Pictures;
  examples: readonly Example[];
  /** Id of the most typical one, if it is marked. */
  central: number | null;
  stray: ReadonlySet<number>;
  openExample: number | undefined;
  onToggle: (example: number, open: boolean) => void;
}) {
  const open = examples.find(({ id }) => id === openExample);
  return (
    <>
      <div className="image-feature">
        {embeddings === null || central === null ? null : (
          <span
            className="central-embedding"
            {...explained('Neuron embedding of the most typical image: h ⊙ w')}
          >
            <SignedPicture
              values={embeddings.get(central) ?? null}
              grid={grid}
              scale={scale}
              size={THUMBNAIL}
              label="Neuron embedding of the most typical image"
            />
            <span className="shows muted">
              <i className="central" /> h ⊙ w
            </span>
          </span>
        )}
        <ol className="image-row">
          {examples.map((example) => (
            <Thumbnail
              key={example.id}
              example={example}
              grid={grid}
              isCentral={example.id === central}
              isStray={stray.has(example.id)}
              isOpen={example === open}
              onToggle={onToggle}
            />
          ))}
        </ol>
      </div>
      {open === undefined ? null : <OpenExample unit={unit} grid={grid} example={open} onToggle={onToggle} />}
    </>
  );
}

function Thumbnail({
  example,
  grid,
  isCentral,
  isStray,
  isOpen,
  onToggle,
}: {
  example: Example;
  grid: ImageGrid;
  isCentral: boolean;
  isStray: boolean;
  isOpen: boolean;
  onToggle: (example: number, open: boolean) => void;
}) {
  const { id, context, image, activation } = example;
  const item = useRef<HTMLLIElement>(null);
  useEffect(
    () => subscribeHovered(() => item.current?.classList.toggle('hovered', getHovered() === id)),
    [id],
  );
  const place = placeOf(example, grid);
  const isWhole = grid.patch !== null && image?.box === null;
  const parts = [
    `Example ${id}`,
    image?.label == null ? '' : `shows ${visible(image.label)}`,
    `activation ${formatActivation(activation)}`,
    place,
    isCentral ? 'most typical' : '',
    isStray ? 'stray' : '',
  ];
  return (
    <li
      ref={item}
      className="example"
      onPointerEnter={() => setHovered(id)}
      onPointerLeave={() => setHovered(-1)}
      onFocus={() => setHovered(id)}
      onBlur={() => setHovered(-1)}
    >
      <button
        type="button"
        aria-expanded={isOpen}
        aria-label={parts.filter((part) => part !== '').join(', ')}
        {...(isStray ? hinted(STRAY) : {})}
        data-example={id}
        onClick={() => onToggle(id, !isOpen)}
      >
        <Picture context={context} grid={grid} size={THUMBNAIL} box={image?.box ?? null} />
        <span className="shows" aria-hidden="true">
          {isCentral ? <i className="central" /> : null}
          {isStray ? <i className="stray" /> : null}
          <bdi className="label">
            {visible(image?.label ?? (isWhole ? example.tokens[example.position]! : ''))}
          </bdi>
          <span className="num activation">{formatActivation(activation)}</span>
        </span>
        {isWhole ? (
          <span className="whole-image" aria-hidden="true">
            {example.tokens[example.position]}
          </span>
        ) : null}
      </button>
    </li>
  );
}

/** One example large: its image, its neuron embedding where the unit reads pixels, and how much each patch counts. */
function OpenExample({
  unit,
  grid,
  example,
  onToggle,
}: {
  unit: Unit;
  grid: ImageGrid;
  example: Example;
  onToggle: (example: number, open: boolean) => void;
}) {
  const { bank, index } = unit;
  const { id, context, document, image, activation } = example;
  const isOfPixels = readsPixels(
    grid,
    useQuery(studyQuery).data?.banks.find(({ name }) => name === bank),
  );
  const vectors = useQuery({ ...vectorsQuery(bank, index, [id]), enabled: isOfPixels });
  const embedding = vectors.data?.embeddings.get(id) ?? null;
  const importance = useQuery({ ...patchImportanceQuery(bank, index, id), enabled: !source().isSite });
  const place = placeOf(example, grid);
  const section = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another example comes into view too
  useEffect(() => {
    section.current?.scrollIntoView({ block: 'nearest' });
  }, [id]);
  return (
    <section ref={section} className="open-image" aria-label={`Example ${id}`}>
      <figure>
        <Picture context={context} grid={grid} size={LARGE} box={image?.box ?? null} alt={`Example ${id}`} />
        <figcaption className="muted small">what the model sees</figcaption>
      </figure>
      {isOfPixels ? (
        <figure>
          <SignedFigure
            values={embedding}
            grid={grid}
            scale={embedding === null ? 0 : largestOf(embedding)}
            size={LARGE}
            label={`Neuron embedding of example ${id}`}
          />
          <figcaption className="muted small">neuron embedding, h ⊙ w</figcaption>
        </figure>
      ) : null}
      {source().isSite ? null : (
        <figure>
          <ImportanceMap context={context} grid={grid} size={LARGE} found={importance.data} />
          <figcaption className="muted small">
            {importance.error === null
              ? 'patches by importance: what is lost without them'
              : importance.error.message}
          </figcaption>
        </figure>
      )}
      <dl className="small">
        <dt>activation</dt>
        <dd className="num">{formatActivation(activation)}</dd>
        {image?.label == null ? null : (
          <>
            <dt>shows</dt>
            <dd>
              <bdi>{visible(image.label)}</bdi>
            </dd>
          </>
        )}
        {place === '' ? null : (
          <>
            <dt>peak</dt>
            <dd>{place}</dd>
          </>
        )}
        <dt>image</dt>
        <dd className="wrap">
          <bdi>{visible(document)}</bdi>
        </dd>
        <dd>
          <button type="button" className="button link small" onClick={() => onToggle(id, false)}>
            Close
          </button>
        </dd>
      </dl>
    </section>
  );
}
