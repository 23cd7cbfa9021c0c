import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { unitsQuery } from '../source/query-options.ts';
import { Meanings } from '../ui/meanings.tsx';
import { Strip } from '../ui/strip.tsx';

/** Units shown of a bank. */
const SHOWN = 5;
const PARAMS = { sort: 'verdict', order: 'asc' } as const;

/** The units of a bank that are most clearly several things, a line each. */
export function BankUnits({ bank, colour }: { bank: string; colour: string }) {
  const { data } = useQuery(unitsQuery({ ...PARAMS, bank }, 0));
  return (
    <section className="panel bank-units" aria-label={`Units of ${bank}`}>
      <div className="panel-head">
        <h2 className="wrap">
          <i className="dot" style={{ background: colour }} /> {bank}
        </h2>
        <span className="muted small">its units that are most clearly several things</span>
        <span className="grow" />
        <Link className="small" to="/" search={{ bank }}>
          all units
        </Link>
      </div>
      <ul className="panel-body">
        {data?.units.slice(0, SHOWN).map((unit) => (
          <li key={unit.index}>
            <Link
              className="num"
              to="/unit/$bank/$index"
              params={{ bank: unit.bank, index: unit.index }}
              search={{}}
            >
              {unit.index}
            </Link>
            <Strip shares={unit} />
            <span className="meanings-line">
              <Meanings unit={unit} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
