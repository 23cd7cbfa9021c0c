import { memo, useEffect, useRef } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { Feature } from '../../../src/features/describe.ts';
import { nameScores } from '../../../src/features/feature-title.ts';
import { wordList } from '../../../src/features/words.ts';
import { ModelName } from '../explain/model-name.tsx';
import { Note } from '../explain/note.tsx';
import type { Example, Unit } from '../source/answers.ts';
import { CopyMenu } from '../ui/copy-menu.tsx';
import { featureColour } from '../ui/feature-colours.ts';
import { linkTo } from '../ui/link-to.ts';
import { counted, formatActivation, formatShare, formatWhole } from '../ui/metric-info.ts';
import { explained, hinted } from '../ui/tips.tsx';
import { STRAY } from './example.tsx';
import { isSameFeature } from './feature-cut.ts';
import { FeatureExamples } from './feature-examples.tsx';
import { featureMarkdown, featureText } from './takeaway.ts';
import type { Pictures } from './use-central-embeddings.ts';

/** Examples shown of a feature that is not opened, by its id. */
const SHOWN = [5, 4, 4, 3, 3, 3, 3, 3];
const SHOWN_LATER = 2;
/** The same of images; later features have as many as the last of these. */
const SHOWN_IMAGES = [36, 24, 12];
/** Examples of an opened feature drawn at once. */
const MOST = 200;

/** How often the name holds where the feature does, and the other way round. */
function shortScores(precision: number | null, recall: number): string {
  return `name ${precision === null ? '' : `${precision.toFixed(2)} right, `}${recall.toFixed(2)} found`;
}

interface Props {
  unit: Unit;
  feature: Feature;
  /** Examples of the unit. */
  total: number;
  /** Whether the unit has no other. */
  isOnly: boolean;
  examples: readonly Example[];
  stray: ReadonlySet<number>;
  /** Whether it is a feature of the study: others have only a pattern's name. */
  isStored: boolean;
  scale: number;
  /** How its examples are drawn; null of text. */
  pictures: Pictures | null;
  selected: boolean;
  isBeside: boolean;
  /** Lays it beside others, or takes it away; undefined where there are none. */
  onBeside: ((feature: number) => void) | undefined;
  openExample: number | undefined;
  /** What a document is called beside a passage; null where there is but one. */
  documentName: ((name: string) => string) | null;
  onSelect: (feature: number | undefined) => void;
  onToggle: (example: number, open: boolean) => void;
}

/** One feature: name, words, size, mean activation, and its examples: passages, the most typical first, or images. */
export const FeatureSection = memo(function FeatureSection({
  unit,
  feature,
  total,
  isOnly,
  examples,
  stray,
  isStored,
  scale,
  pictures,
  selected,
  isBeside,
  onBeside,
  openExample,
  documentName,
  onSelect,
  onToggle,
}: Props) {
  const { id, size, name, words, members, central, meanActivation } = feature;
  const few =
    pictures !== null ? (SHOWN_IMAGES[id] ?? SHOWN_IMAGES.at(-1)!) : isOnly ? 25 : (SHOWN[id] ?? SHOWN_LATER);
  const ordered = [central, ...members.filter((example) => example !== central)];
  // Of images the order is that of their activations: the most typical one is marked, and drawn apart.
  const shown = (pictures === null ? ordered : members).slice(0, selected ? MOST : few);
  if (openExample !== undefined && members.includes(openExample) && !shown.includes(openExample)) {
    shown.push(openExample);
  }
  const strays = members.filter((example) => stray.has(example)).length;
  const own = () => ordered.map((example) => examples[example]!);
  const unitName = `${unit.bank}/${unit.index}`;
  const title = `feature-${id}-title`;
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!selected) return;
    // A frame later: the router, which begins a new page at its top, comes first.
    const frame = requestAnimationFrame(() => {
      const top = section.current?.getBoundingClientRect().top ?? 0;
      if (top < 0 || top > window.innerHeight / 2) section.current?.scrollIntoView();
    });
    return () => cancelAnimationFrame(frame);
  }, [selected]);
  return (
    <section
      ref={section}
      className={`feature${selected ? ' selected' : ''}`}
      id={`feature-${id}`}
      aria-labelledby={title}
      style={{ '--own': featureColour(feature, isOnly ? 1 : 2) } as object}
    >
      <header>
        <button
          type="button"
          className="badge num"
          aria-pressed={selected}
          aria-label={`Feature ${id}: ${selected ? 'show all features alike' : 'pick it out'}`}
          onClick={() => onSelect(selected ? undefined : id)}
        >
          {id}
        </button>
        <h3 id={title} className="wrap">
          <span className="sr">Feature {id}: </span>
          {name !== null && (
            <>
              <bdi className="feature-name" {...explained(nameScores(name))}>
                {visible(name.text)}
              </bdi>{' '}
            </>
          )}
          {words.length === 0 ? (
            <span className="muted">{pictures === null ? 'no words' : 'no labels'}</span>
          ) : (
            <bdi className={name === null ? undefined : 'muted feature-words'}>
              {visible(wordList(words))}
            </bdi>
          )}
        </h3>
        <span className="muted num size">
          <i className="bar-small" aria-hidden="true">
            <i style={{ width: `${(100 * size) / total}%` }} />
          </i>
          {counted(size, 'example')}
          {strays === 0 ? (
            ''
          ) : (
            <span {...explained(`${strays} of them ${STRAY}`)}> ({formatWhole(strays)} stray)</span>
          )}{' '}
          · {formatShare(size / total)} · mean {formatActivation(meanActivation)}
          {name === null || name.recall === null ? '' : ` · ${shortScores(name.precision, name.recall)}`}
        </span>
        <span className="feature-tools">
          {onBeside === undefined ? null : (
            <label className="small beside-box" {...hinted('Side by side with others')}>
              <input type="checkbox" checked={isBeside} onChange={() => onBeside(id)} />
              beside
            </label>
          )}
          <CopyMenu
            of={`feature ${id}`}
            copies={{
              text: () => featureText(feature, own(), unitName),
              link: () => linkTo({ feature: id }),
              markdown: () => featureMarkdown(feature, own(), unitName, linkTo({ feature: id })),
            }}
          />
          <Note
            key={`${unit.bank}/${unit.index}/${central}`}
            unit={unit}
            about={`feature ${id}`}
            examples={own()}
          />
        </span>
      </header>
      {isStored ? <ModelName unit={unit} feature={id} /> : null}
      <FeatureExamples
        unit={unit}
        pictures={pictures}
        examples={shown.map((example) => examples[example]!)}
        // One of two says nothing as the most typical.
        central={pictures !== null || size > 2 ? central : null}
        stray={stray}
        scale={scale}
        openExample={openExample}
        documentName={documentName}
        onToggle={onToggle}
      />
      {size > few ? (
        <button
          type="button"
          className="button link small"
          onClick={() => onSelect(selected ? undefined : id)}
        >
          {selected ? 'Show fewer' : `Show all ${size}`}
        </button>
      ) : null}
      {selected && size > MOST ? (
        <p className="muted small">
          The {MOST} strongest of {size}.
        </p>
      ) : null}
    </section>
  );
}, isSame);

/** Whether all is as it was: each cut describes all features anew, those too that it leaves as they are. */
function isSame(before: Props, after: Props): boolean {
  return (Object.keys(after) as (keyof Props)[]).every((name) =>
    name === 'feature' ? isSameFeature(before.feature, after.feature) : Object.is(before[name], after[name]),
  );
}
