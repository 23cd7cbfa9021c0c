import { passageText } from '../ui/shown-token.ts';

/** The tokens of a reader's text, each with how strongly something fires there; a token is chosen with a click. */
export function ProbedTokens({
  tokens,
  windows,
  strengths,
  marks,
  chosen,
  onChoose,
}: {
  tokens: readonly string[];
  /** Where each window begins. */
  windows: readonly number[];
  /** By position: −1 to 1, 0 where nothing fires. */
  strengths: readonly number[];
  /** By position, the CSS colour of the feature that fires. */
  marks?: ReadonlyMap<number, string>;
  chosen: number | undefined;
  onChoose: (position: number) => void;
}) {
  const begins = new Set(windows.slice(1));
  return (
    // biome-ignore lint/a11y/useSemanticElements: a passage whose tokens are buttons
    <div className="probed" role="group" aria-label="Tokens of the text">
      {tokens.map((token, position) => {
        // A token whose character stands at one before it.
        if (token === '') return null;
        const text = passageText(token);
        const strength = strengths[position] ?? 0;
        const mark = marks?.get(position);
        return (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is its position
            key={position}
            type="button"
            className={className(strength, text, begins.has(position))}
            style={
              {
                '--a': Math.min(1, Math.abs(strength)).toFixed(2),
                ...(mark === undefined ? {} : { '--mark': mark }),
              } as object
            }
            aria-pressed={position === chosen}
            data-position={position}
            onClick={() => onChoose(position)}
          >
            {text}
          </button>
        );
      })}
    </div>
  );
}

function className(strength: number, text: string, begins: boolean): string {
  let name = Math.abs(strength) < 0.02 ? 't' : strength < 0 ? 't cold' : 't hot';
  if (text.startsWith(' ')) name += ' lead';
  if (begins) name += ' begins';
  return name;
}
