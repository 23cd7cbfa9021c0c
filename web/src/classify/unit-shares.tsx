import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { largestOf } from '../images/signed-picture.tsx';
import { type Classified, classifyQuery, type Shown } from '../source/image-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { counted } from '../ui/metric-info.ts';
import { hinted } from '../ui/tips.tsx';
import type { ClassifySearch } from '../ui/url-state.ts';
import { readsPixels } from '../ui/use-images.ts';
import { chosenUnits } from './chosen-units.ts';
import { predictedClass } from './class-list.tsx';
import { UnitShare } from './unit-share.tsx';

/** Percent of the largest share from which units are listed. */
const ABOVE = 20;
/** Units listed at first; embeddings of more than 64 are not given. */
const FIRST = 12;
const MOST = 64;

/** The units that add most to a class's logit, each with its neuron embedding of this image and the feature it falls in. */
export function UnitShares({
  grid,
  classes,
  shown,
  found,
  search,
  onChange,
}: {
  grid: ImageGrid;
  classes: readonly string[];
  shown: Shown | null;
  found: Classified | undefined;
  search: ClassifySearch;
  onChange: (changes: Partial<ClassifySearch>) => void;
}) {
  const [isAll, setAll] = useState(false);
  const banks = useQuery(studyQuery).data?.banks ?? [];
  const units = found?.units ?? [];
  // The bank that adds to the logits directly, or the last.
  const usual = units.find(({ shares }) => shares !== null)?.bank ?? banks.at(-1)?.name ?? '';
  const bank = banks.find(({ name }) => name === search.bank)?.name ?? usual;
  const id =
    search.class !== undefined && search.class < classes.length ? search.class : predictedClass(found);
  const above = search.above ?? ABOVE;
  const hasShares = units.some((unit) => unit.bank === bank && unit.shares !== null);
  const listed = id === null ? [] : chosenUnits(units, { bank, id, above });
  const rows = listed.slice(0, isAll ? MOST : FIRST);
  const isOfPixels = readsPixels(
    grid,
    banks.find(({ name }) => name === bank),
  );
  const wanted = isOfPixels
    ? rows.map(({ unit }) => ({ bank, index: unit.index })).sort((a, b) => a.index - b.index)
    : [];
  const drawn = useQuery({ ...classifyQuery(shown, wanted), enabled: shown !== null && wanted.length > 0 });
  const embeddings = new Map(
    (drawn.data?.units ?? []).flatMap((unit) =>
      unit.bank === bank && unit.embedding !== null ? [[unit.index, unit.embedding] as const] : [],
    ),
  );
  const scale = Math.max(0, ...Array.from(embeddings.values(), largestOf));
  const most = Math.max(0, ...listed.map(({ value }) => Math.abs(value)));
  return (
    <section className="panel unit-shares" aria-labelledby="shares-title">
      <div className="panel-head">
        <h2 id="shares-title">
          {hasShares && id !== null ? (
            <>
              What makes the logit of <bdi>{classes[id]}</bdi>
            </>
          ) : (
            'Units that fire'
          )}
        </h2>
        <span className="muted small num" role="status">
          {found === undefined ? '' : counted(listed.length, 'unit')}
        </span>
        <span className="grow" />
        {banks.length < 2 ? null : (
          <label>
            Bank
            <select value={bank} onChange={({ target }) => onChange({ bank: target.value })}>
              {banks.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <label
          {...hinted(
            hasShares
              ? 'Units whose share of this logit is at least so much of the largest share'
              : 'Units whose activation, as a share of their maximum, is at least so much of the largest',
          )}
        >
          from
          <input
            type="range"
            min={0}
            max={100}
            step={5}
            value={above}
            aria-label={
              hasShares ? 'Least share, percent of the largest' : 'Least activation, percent of the largest'
            }
            onChange={({ target }) =>
              onChange({ above: Number(target.value) === ABOVE ? undefined : Number(target.value) })
            }
          />
          <span className="num percent">{above} % of the largest</span>
        </label>
      </div>
      <div className="panel-body">
        {found === undefined ? (
          <p className="muted">Draw something, and the units that answer are listed here.</p>
        ) : (
          <ol className="shares">
            {rows.map(({ unit, value }) => (
              <UnitShare
                key={`${unit.bank}/${unit.index}`}
                grid={grid}
                classes={classes}
                unit={unit}
                value={value}
                most={most}
                chosen={id}
                embedding={isOfPixels ? (embeddings.get(unit.index) ?? null) : undefined}
                scale={scale}
              />
            ))}
          </ol>
        )}
        {listed.length <= FIRST ? null : (
          <button type="button" className="button" onClick={() => setAll(!isAll)}>
            {isAll ? 'Show fewer' : `Show ${Math.min(MOST, listed.length) - FIRST} more`}
          </button>
        )}
      </div>
    </section>
  );
}
