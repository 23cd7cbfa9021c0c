import { MATCHED_BANKS } from '../../../src/contract/constants.ts';
import type { MatchedComparison } from '../source/answers.ts';
import { ApiError } from '../source/http.ts';
import { counted, formatWhole } from '../ui/metric-info.ts';
import { Failure } from '../ui/states.tsx';
import '../styles/matched.css';
import { BankCards } from './bank-cards.tsx';
import { headline } from './headline.ts';

/** Whether so many banks are compared at equal numbers of examples. */
export function canMatch(banks: number): boolean {
  return banks >= 2 && banks <= MATCHED_BANKS;
}

/** The answer of a comparison, in a sentence, and how far each bank is to be trusted. */
export function Answer({
  chosen,
  all,
  data,
  error,
  onRetry,
  colour,
}: {
  chosen: readonly string[];
  /** Banks that the study has. */
  all: number;
  data: MatchedComparison | undefined;
  error: Error | null;
  onRetry: () => void;
  colour: (bank: string) => string;
}) {
  if (!canMatch(chosen.length)) {
    return (
      <p className="matched-need muted" role="status">
        {all < 2 ? (
          <>
            A comparison needs two banks, and this study has one: <code>polyseme run</code> with more{' '}
            <code>--layers</code>, or with <code>--sae</code>, makes another.
          </>
        ) : chosen.length < 2 ? (
          'Choose two or more banks above to compare them.'
        ) : (
          `Choose at most ${MATCHED_BANKS} banks: their units are split again.`
        )}
      </p>
    );
  }
  return (
    <section className="panel matched" aria-labelledby="matched-title">
      <h2 id="matched-title" className="sr">
        The answer
      </h2>
      {error instanceof ApiError && error.status === 422 ? (
        <div className="state" role="alert">
          <p>These banks cannot be compared: {error.message}</p>
        </div>
      ) : error !== null ? (
        <Failure error={error} onRetry={onRetry} />
      ) : data === undefined ? (
        <div className="state" role="status">
          <div className="pulse" />
          <p>
            Units are split into features again, each from the same number of examples, and once more from
            unrelated ones. This takes some seconds.
          </p>
        </div>
      ) : (
        <Found comparison={data} colour={colour} />
      )}
    </section>
  );
}

function Found({ comparison, colour }: { comparison: MatchedComparison; colour: (bank: string) => string }) {
  const { banks, examples, mostUnits, threshold, linkage, unequalDepth } = comparison;
  const drawn = banks.some(({ compared, units, dead, tooFew }) => compared < units - dead - tooFew);
  const answer = headline(comparison);
  return (
    <>
      {answer === null ? null : <p className="headline wrap">{answer}</p>}
      <p className="muted small matched-note">
        {counted(examples, 'example')} of each unit
        {drawn && `, ${formatWhole(mostUnits)} units of a bank drawn by chance`}; {linkage} linkage cut at{' '}
        {threshold}. The null is the same unit with as many inputs of other units in place of its own.
        {unequalDepth.length === 0
          ? ''
          : ` No verdict, because depth is unequal: ${unequalDepth.join('; ')}. A unit that is active more often is then looked at nearer to its maximum. “polyseme compare --redraw” draws examples at random among all that activate a unit.`}
      </p>
      <BankCards banks={banks} colour={colour} />
    </>
  );
}
