import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, useEffect, useRef, useState } from 'react';
import { visible } from '../../../src/base/visible.ts';
import type { Example } from '../source/answers.ts';
import { source } from '../source/chosen.ts';
import { documentQuery, studyQuery } from '../source/query-options.ts';
import { Segments } from '../ui/controls.tsx';
import { counted } from '../ui/metric-info.ts';
import { WholeContext } from '../ui/tokens.tsx';
import type { UnitSearch } from '../ui/url-state.ts';

/** Characters to each side of a context that are asked for at first, and how many times as many the next time. */
const AROUND = 2000;
const MORE = 8;

type Extent = 'snippet' | 'passage' | 'document';

/** An example that is opened: its context, or the document around that, with or without its line breaks. */
export function OpenExample({ example, scale }: { example: Example; scale: number }) {
  const search = useSearch({ from: '/unit/$bank/$index' });
  const lines = search.breaks !== 'off';
  const isWhole = useHasDocuments() && search.around === 'document';
  return isWhole ? (
    <InDocument example={example} scale={scale} lines={lines} />
  ) : (
    <WholeContext example={example} scale={scale} lines={lines} />
  );
}

/** How much is shown around an opened example, and whether its lines break. */
export function ExtentControls({ onClose }: { onClose: () => void }) {
  const search = useSearch({ from: '/unit/$bank/$index' });
  const navigate = useNavigate();
  const hasDocuments = useHasDocuments();
  const change = (changes: Partial<UnitSearch>) =>
    void navigate({
      to: '.',
      search: (before: UnitSearch) => ({ ...before, ...changes }),
      replace: true,
      resetScroll: false,
    });
  const options: readonly (readonly [Extent, string])[] = [
    ['snippet', 'Snippet'],
    ['passage', 'Passage'],
    ...(hasDocuments ? [['document', 'Document'] as const] : []),
  ];
  return (
    <div className="controls extent small">
      <Segments
        label="Text around the example"
        options={options}
        value={hasDocuments && search.around === 'document' ? 'document' : 'passage'}
        onChange={(to) =>
          to === 'snippet' ? onClose() : change({ around: to === 'document' ? to : undefined })
        }
      />
      <label>
        <input
          type="checkbox"
          checked={search.breaks !== 'off'}
          onChange={({ target }) => change({ breaks: target.checked ? undefined : 'off' })}
        />
        Line breaks
      </label>
    </div>
  );
}

function useHasDocuments(): boolean {
  return useQuery(studyQuery).data?.documentsKept === true && !source().isSite;
}

function InDocument({ example, scale, lines }: { example: Example; scale: number; lines: boolean }) {
  const [around, setAround] = useState(AROUND);
  const { data, error } = useQuery(documentQuery(example.context, around));
  const place = useRef<HTMLSpanElement>(null);
  const isThere = data !== undefined;
  useEffect(() => {
    // What was opened stays in view when text comes before it.
    if (isThere) place.current?.querySelector('.peak')?.scrollIntoView({ block: 'center' });
  }, [isThere]);
  const own = (
    <span ref={place}>
      <WholeContext example={example} scale={scale} lines={lines} />
    </span>
  );
  if (error !== null) {
    return (
      <>
        <p className="bad small" role="alert">
          {error.message}
        </p>
        {own}
      </>
    );
  }
  if (data === undefined) return own;
  const { before, after, from, to, characters } = data;
  const more = (hidden: number) =>
    hidden > 0 ? (
      <button type="button" className="button link small" onClick={() => setAround(around * MORE)}>
        … {counted(hidden, 'character')} more
      </button>
    ) : null;
  return (
    <>
      {more(from - before.length)}
      <bdi className="around muted" dir="ltr">
        <Lines text={before} lines={lines} />
      </bdi>
      {own}
      <bdi className="around muted" dir="ltr">
        <Lines text={after} lines={lines} />
      </bdi>
      {more(characters - to - after.length)}
    </>
  );
}

/** A text in which what is hidden is seen and does nothing. */
function Lines({ text, lines }: { text: string; lines: boolean }) {
  return text.split('\n').map((line, i, all) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
    <Fragment key={i}>
      {visible(line)}
      {i === all.length - 1 ? '' : '↵'}
      {i < all.length - 1 && lines ? <br /> : null}
    </Fragment>
  ));
}
