import type { Matches } from '../source/answers.ts';
import { formatWhole } from '../ui/metric-info.ts';
import type { FindSearch } from '../ui/url-state.ts';

type Chosen = Pick<FindSearch, 'bank' | 'min.separation'>;

/** What there would be of each bank, and with at least some separation; a press chooses one, another press all again. */
export function Facets({
  facets: { banks, separation },
  chosen,
  onChange,
}: {
  facets: Matches['facets'];
  chosen: Chosen;
  onChange: (changes: Chosen) => void;
}) {
  const least = chosen['min.separation'];
  return (
    <div className="facets">
      <fieldset className="facet">
        <legend>Bank</legend>
        {banks.map(({ bank, units }) => (
          <Choice
            key={bank}
            name={bank}
            units={units}
            chosen={bank === chosen.bank}
            onChange={(isChosen) => onChange({ bank: isChosen ? bank : undefined })}
          />
        ))}
      </fieldset>
      <fieldset className="facet">
        <legend>Separation</legend>
        {separation.map(({ min, units }) => (
          <Choice
            key={min}
            name={`≥ ${min}`}
            units={units}
            chosen={min === least}
            onChange={(isChosen) => onChange({ 'min.separation': isChosen ? min : undefined })}
          />
        ))}
      </fieldset>
    </div>
  );
}

function Choice({
  name,
  units,
  chosen,
  onChange,
}: {
  name: string;
  units: number;
  chosen: boolean;
  onChange: (chosen: boolean) => void;
}) {
  return (
    <button
      type="button"
      className="button facet-choice"
      aria-pressed={chosen}
      disabled={units === 0 && !chosen}
      onClick={() => onChange(!chosen)}
    >
      <bdi>{name}</bdi> <span className="muted num">{formatWhole(units)}</span>
    </button>
  );
}
