import { signed } from '../images/signed-picture.tsx';
import type { Classified } from '../source/image-queries.ts';
import { hinted } from '../ui/tips.tsx';

/** Classes listed; of more, the most probable. */
const MOST = 12;

/** The classes with their probabilities and logits; a button each, which chooses whose logit is looked at. */
export function ClassList({
  classes,
  found,
  chosen,
  isWaiting,
  onChoose,
}: {
  classes: readonly string[];
  found: Classified | undefined;
  chosen: number | undefined;
  isWaiting: boolean;
  onChoose: (id: number | undefined) => void;
}) {
  const { logits, probabilities } = found ?? { logits: null, probabilities: null };
  const predicted = predictedClass(found);
  const at = chosen ?? predicted;
  const ids = [...classes.keys()];
  if (classes.length > MOST && probabilities !== null) {
    ids.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
    const rest = at !== null && ids.indexOf(at) >= MOST ? [at] : [];
    ids.splice(MOST, ids.length, ...rest);
  } else ids.splice(Math.max(MOST, 0));
  return (
    <section className="panel class-list" aria-labelledby="classes-title" aria-busy={isWaiting}>
      <div className="panel-head">
        <h2 id="classes-title">Classes</h2>
        <span className="muted small" role="status">
          {predicted === null
            ? ''
            : `predicted: ${classes[predicted]}, ${percent(probabilities![predicted]!)}`}
        </span>
      </div>
      <div className="panel-body">
        <ol>
          {ids.map((id) => (
            <li key={id}>
              <button
                type="button"
                aria-pressed={id === at}
                {...hinted(id === at ? 'Its logit is looked at' : 'Look at this logit')}
                onClick={() => onChoose(id === predicted ? undefined : id)}
              >
                <bdi className="class-name">{classes[id]}</bdi>
                <span className="probability" aria-hidden="true">
                  <i style={{ width: `${100 * (probabilities?.[id] ?? 0)}%` }} />
                </span>
                <span className="num">{probabilities === null ? '' : percent(probabilities[id]!)}</span>
                <span className="num muted">{logits === null ? '' : signed(logits[id]!)}</span>
              </button>
            </li>
          ))}
        </ol>
        <p className="muted small">Probability, and the logit that it comes of.</p>
      </div>
    </section>
  );
}

/** A probability in few characters. */
function percent(probability: number): string {
  return probability > 0 && probability < 0.001 ? '< 0.1 %' : `${(100 * probability).toFixed(1)} %`;
}

/** The class of the largest logit; null before there is one. */
export function predictedClass(found: Classified | undefined): number | null {
  if (found?.logits == null) return null;
  return found.logits.indexOf(Math.max(...found.logits));
}
