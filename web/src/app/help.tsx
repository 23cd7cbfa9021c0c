import { useEffect, useRef } from 'react';

const STUDY_KEYS: readonly (readonly [string[], string])[] = [
  [['←', '→'], 'previous and next unit of the bank'],
  [['r'], 'a random unit'],
  [['/'], 'search'],
];
const KEYS: readonly (readonly [string[], string])[] = [
  [['?'], 'this help'],
  [['Esc'], 'close, or leave a field'],
];

/** Keys, and how to read a unit's page and curves. */
export function HelpDialog({
  hasStudy,
  open,
  onClose,
}: {
  hasStudy: boolean;
  open: boolean;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open && !dialog.current!.open) dialog.current!.showModal();
    if (!open && dialog.current!.open) dialog.current!.close();
  }, [open]);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl className="keys">
        {[...(hasStudy ? STUDY_KEYS : []), ...KEYS].map(([keys, meaning]) => (
          <div key={meaning}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      {hasStudy ? <ReadingUnit /> : <ReadingCurves />}
      <p>
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </p>
    </dialog>
  );
}

function ReadingCurves() {
  return (
    <>
      <h2>Reading the curves</h2>
      <p className="muted">
        The pointer over one chart shows the values of all trainings there, in every chart. By keyboard: move
        to a chart with Tab, then ← → for the line before or after, Home and End for the first and last.
      </p>
    </>
  );
}

const MARKS: readonly (readonly [string, string])[] = [
  ['• before a number', 'the most typical example of its feature'],
  ['○ before a number', 'a stray example: unlike every feature, it stands with the nearest'],
  ['underlined', 'the token of the peak'],
  ['orange, blue', 'activation of the tokens, above and below zero'],
  ['↵ ⇥ ·', 'line break, tab, and a space that cannot be seen otherwise'],
  ['hatched', 'in the strip: stray and single examples'],
];

function ReadingUnit() {
  return (
    <>
      <h2>Reading a unit</h2>
      <p className="muted">
        Every example is a passage in which the unit responds strongly; the deeper a token’s colour, the
        stronger. The tree joins examples that the unit responds to for the same reason: move its threshold
        line (or focus it and use the arrow keys) and the features are cut anew. Focus a passage and use ← →
        to read the value of each token.
      </p>
      <h2>Marks</h2>
      <dl className="keys marks">
        {MARKS.map(([mark, meaning]) => (
          <div key={mark}>
            <dt>{mark}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
