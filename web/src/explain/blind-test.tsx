import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { intruderTest } from '../../../src/explain/intruders.ts';
import { spelledAt } from '../../../src/tokenizer/byte-tokens.ts';
import type { Example, Unit } from '../source/answers.ts';
import { notesQuery, writeIntruder } from '../source/notes-queries.ts';
import { counted } from '../ui/metric-info.ts';
import { Picture } from '../ui/picture.tsx';
import { passageText } from '../ui/shown-token.ts';
import { useImages } from '../ui/use-images.ts';

/** Tokens to each side of a peak. */
const AROUND = 12;

interface BlindTestProps {
  readonly unit: Unit;
  readonly examples: readonly Example[];
  /** The members of each feature, without its stray examples. */
  readonly features: readonly (readonly number[])[];
}

/** Passages of one feature and one of a sibling, without colours or words: which is the intruder? */
export function BlindTest({ unit, examples, features }: BlindTestProps) {
  const [seed, setSeed] = useState<number | null>(null);
  const [picked, setPicked] = useState<number | null>(null);
  const { data } = useQuery(notesQuery(unit));
  const images = useImages();
  const saving = useMutation({
    mutationFn: (test: Parameters<typeof writeIntruder>[1]) => writeIntruder(unit, test),
  });
  const name = `${unit.bank}/${unit.index}`;
  const test = intruderTest({ unit: name, features, seed: seed ?? 0 });
  if (test === null) return null;
  const next = () => {
    setSeed(Math.floor(Math.random() * 2 ** 32));
    setPicked(null);
    saving.reset();
  };
  const choose = (answer: number) => {
    setPicked(answer);
    saving.mutate({ examples: [...test.examples], intruder: test.intruder, answer });
  };
  const score = data?.intruders;
  return (
    <section className="panel" aria-labelledby="blind-title">
      <div className="panel-head">
        <h2 id="blind-title">Blind test</h2>
        <span className="grow" />
        {score === undefined || score.accuracy === null ? null : (
          <span className="muted small num">
            {score.found} of {counted(score.tests, 'intruder')} found
            {score.interval === null
              ? ''
              : `, ${score.interval.map((end) => end.toFixed(2)).join('–')} (chance ${score.chance!.toFixed(2)})`}
          </span>
        )}
      </div>
      <div className="panel-body">
        {seed === null ? (
          <p className="small">
            One of some {images === null ? 'passages' : 'images'} is of another feature. Can you tell which?
            If not, the split says little.{' '}
            <button type="button" className="button small" onClick={next}>
              Begin
            </button>
          </p>
        ) : (
          <>
            <ol className={images === null ? 'blind' : 'blind of-images'}>
              {test.examples.map((id, place) => {
                const { tokens, position, context, image } = examples[id]!;
                const at = spelledAt(tokens, position);
                const part = (from: number, to: number) =>
                  tokens.slice(Math.max(0, from), Math.max(0, to)).map(passageText).join('');
                return (
                  <li key={id}>
                    <button
                      type="button"
                      className={`button quiet${picked !== null && place === test.intruder ? ' intruder' : ''}`}
                      aria-pressed={picked === place}
                      disabled={picked !== null}
                      onClick={() => choose(place)}
                    >
                      {images === null ? (
                        <bdi className="wrap">
                          {part(at - AROUND, at)}
                          <b>{part(at, at + 1)}</b>
                          {part(at + 1, at + AROUND + 1)}
                        </bdi>
                      ) : (
                        <Picture
                          context={context}
                          grid={images}
                          size={64}
                          box={image?.box ?? null}
                          alt={`Image ${place + 1}`}
                        />
                      )}
                    </button>
                  </li>
                );
              })}
            </ol>
            <p className="small" role="status">
              {picked === null
                ? 'Which one does not belong?'
                : picked === test.intruder
                  ? 'Right. '
                  : `No: it was number ${test.intruder + 1}. `}
              {picked === null ? null : (
                <button type="button" className="button small" onClick={next}>
                  Another
                </button>
              )}
            </p>
          </>
        )}
        {saving.error === null ? null : (
          <p className="bad small" role="alert">
            {saving.error.message}
          </p>
        )}
      </div>
    </section>
  );
}
