import type { MatchedComparison } from '../source/answers.ts';
import { formatShare, formatWhole } from '../ui/metric-info.ts';

type MatchedBank = MatchedComparison['banks'][number];
type Colour = (bank: string) => string;

/** Of each bank how much was compared, and how its units stand to their null. */
export function BankCards({ banks, colour }: { banks: readonly MatchedBank[]; colour: Colour }) {
  return (
    <ul className="matched-banks">
      {banks.map((bank) => (
        <BankCard key={bank.name} bank={bank} colour={colour} />
      ))}
    </ul>
  );
}

function BankCard({ bank, colour }: { bank: MatchedBank; colour: Colour }) {
  const { name, compared, units, tooFew, dead, belowNull } = bank;
  return (
    <li>
      <h3>
        <i className="dot" style={{ background: colour(name) }} /> {name}
      </h3>
      <p className="facts small">
        <span>
          <b>{formatWhole(compared)}</b> of {formatWhole(units)} compared
        </span>
        <span>
          <b>{formatWhole(tooFew)}</b> with too few examples
        </span>
        <span>
          <b>{formatWhole(dead)}</b> dead
        </span>
      </p>
      {belowNull !== null && (
        <>
          <div className="below-null" aria-hidden="true">
            <i style={{ width: `${100 * belowNull}%`, background: colour(name) }} />
          </div>
          <p>
            <b className="num">{formatShare(belowNull)}</b> of them have fewer features than under the null
            (ties count half). <span className="muted">{reading(belowNull)}</span>
          </p>
        </>
      )}
    </li>
  );
}

/** How to read the share of units with fewer features than under the null. */
function reading(belowNull: number): string {
  if (belowNull >= 0.75) {
    return 'Unrelated examples would mostly split into more: those of its units belong together.';
  }
  if (belowNull >= 0.6) {
    return 'That is somewhat more than the 50 % that unrelated examples would give.';
  }
  if (belowNull > 0.4) {
    return 'Near 50 %, the number of features does not tell its examples from unrelated ones: do not read much into it.';
  }
  return 'Unrelated examples would mostly split into fewer: those of its units lie further apart.';
}
