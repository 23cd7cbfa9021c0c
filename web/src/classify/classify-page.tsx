import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import type { ImageGrid } from '../../../src/contract/image-grid.ts';
import { source } from '../source/chosen.ts';
import { ApiError } from '../source/http.ts';
import { classifyQuery, imagesQuery, modelQuery, type Shown } from '../source/image-queries.ts';
import { studyQuery } from '../source/query-options.ts';
import { Segments } from '../ui/controls.tsx';
import { Empty, Failure, Loading } from '../ui/states.tsx';
import type { ClassifySearch } from '../ui/url-state.ts';
import { useImages } from '../ui/use-images.ts';
import { ClassList } from './class-list.tsx';
import { Drawing } from './drawing.tsx';
import { ImagePicker } from './image-picker.tsx';
import { UnitShares } from './unit-shares.tsx';
import '../styles/classify.css';

/** An image of the study, or one that is drawn: what the model makes of it, and which units make it so. */
export function ClassifyPage() {
  const study = useQuery(studyQuery);
  const images = useImages();
  const classifies = images !== null && images.classes !== null;
  const isSite = source().isSite;
  const model = useQuery({ ...modelQuery, enabled: classifies && !isSite });
  return (
    <main id="main" className="page classify-page">
      <title>Classify · Polyseme</title>
      <h1>Classify</h1>
      {study.error !== null ? (
        <Failure error={study.error} onRetry={() => void study.refetch()} />
      ) : study.data === undefined ? (
        <Loading what="the study" />
      ) : !classifies ? (
        <Empty title="Nothing to classify">
          {images === null
            ? 'The study is of text: try the page Probe.'
            : 'The model of the study has no classifier.'}
        </Empty>
      ) : isSite ? (
        <p role="status">This is an exported site: it has no model that could be run.</p>
      ) : model.error !== null ? (
        <Failure error={model.error} onRetry={() => void model.refetch()} />
      ) : model.data === undefined ? (
        <Loading what="the model" />
      ) : model.data.model === null ? (
        <p className="wrap" role="status">
          {model.data.missing}
        </p>
      ) : (
        <Classifier grid={images} classes={images.classes!} />
      )}
    </main>
  );
}

function Classifier({ grid, classes }: { grid: ImageGrid; classes: readonly string[] }) {
  const search = useSearch({ from: '/classify' });
  const navigate = useNavigate({ from: '/classify' });
  const change = (changes: Partial<ClassifySearch>) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true, resetScroll: false });
  const [way, setWay] = useState<'pick' | 'draw'>('pick');
  const [drawn, setDrawn] = useState<readonly number[] | null>(null);
  const first = useQuery(imagesQuery(search.label, 0)).data?.images[0]?.context;
  const context = search.context ?? first;
  const shown: Shown | null =
    way === 'draw' ? (drawn === null ? null : { pixels: drawn }) : context === undefined ? null : { context };
  const { data, error, isFetching, isPlaceholderData } = useQuery(classifyQuery(shown));
  const found = shown === null ? undefined : data;
  return (
    <div className="classify-grid">
      <section className="panel" aria-label="Image">
        <div className="panel-head">
          <Segments
            label="Image"
            options={[
              ['pick', 'Pick one'],
              ['draw', 'Draw one'],
            ]}
            value={way}
            onChange={setWay}
          />
        </div>
        <div className="panel-body">
          {way === 'pick' ? (
            <ImagePicker
              grid={grid}
              context={context}
              label={search.label}
              onPick={(picked) => change({ context: picked })}
              onLabel={(label) => change({ label, context: undefined })}
            />
          ) : (
            <Drawing grid={grid} onPixels={setDrawn} />
          )}
        </div>
      </section>
      {error === null ? null : (
        <p className="bad wrap" role="alert">
          {error instanceof ApiError && error.status === 429
            ? 'The model has too much to do: try again in a moment.'
            : error.message}
        </p>
      )}
      <ClassList
        classes={classes}
        found={found}
        chosen={search.class}
        isWaiting={isFetching && isPlaceholderData}
        onChoose={(id) => change({ class: id })}
      />
      <UnitShares
        grid={grid}
        classes={classes}
        shown={shown}
        found={found}
        search={search}
        onChange={change}
      />
    </div>
  );
}
