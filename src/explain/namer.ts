import { hashFraction, hashText } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import type { Ask } from './chat.ts';
import { detectPrompt, namePrompt, parseName, parseVerdicts, passage } from './prompts.ts';

/** A text position as a language model is shown it. */
export interface ShownPlace {
  /** Its tokens as they are shown. */
  readonly tokens: readonly string[];
  readonly position: number;
}

/** An example as it is shown, and where it lies. */
export interface ShownExample extends ShownPlace {
  readonly context: number;
}

/** A name that a language model gave a feature, and how well it tells the feature's examples. */
export interface ModelName {
  /** Null where the model's answer has none. */
  readonly text: string | null;
  /**
   * Balanced accuracy of telling examples that the naming did not see from the unit's other features' examples, and from random
   * text: the mean of the shares that are right of either kind; ½ is chance. Null where there are none to tell apart.
   */
  readonly siblings: number | null;
  readonly random: number | null;
  /** Passages of both tests, and those of them on which the answers say nothing: they count as wrong. */
  readonly asked: number;
  readonly unanswered: number;
}

/** Examples that a name is made from, and as many that it is tried on, of each kind. */
export const NAMED_FROM = 10;
export const TRIED_ON = 10;
/** Passages asked about at once. */
const AT_ONCE = 10;
const NAME_TOKENS = 400;
const SALT = hashText('halves of examples');

/**
 * Names each feature of a unit by a language model, and scores the name by detection: the model is asked, by the name alone,
 * which passages it fits. One half of the examples, by hash, makes the names, the other half tries them. A name of the whole
 * unit fits its other features too, and scores chance against them.
 *
 * @param features examples of each feature, strays left out
 * @param random random text positions
 * @param wanted ids of the features to be named; default all
 */
export async function nameByModel({
  ask,
  features,
  random,
  wanted = [...features.keys()],
}: {
  ask: Ask;
  features: readonly (readonly ShownExample[])[];
  random: readonly ShownPlace[];
  wanted?: readonly number[];
}): Promise<ModelName[]> {
  const halves = features.map(halved);
  const names: ModelName[] = [];
  for (const feature of wanted) names.push(await nameOne(ask, halves, random, feature));
  return names;
}

interface Halves {
  readonly seen: readonly ShownExample[];
  readonly unseen: readonly ShownExample[];
}

async function nameOne(
  ask: Ask,
  halves: readonly Halves[],
  random: readonly ShownPlace[],
  feature: number,
): Promise<ModelName> {
  const others = halves.filter((_, other) => other !== feature);
  const own = halves[feature]!;
  const contrast = dealt(others.map(({ seen }) => seen)).slice(0, NAMED_FROM);
  const answer = await ask(
    namePrompt(own.seen.slice(0, NAMED_FROM).map(shown), contrast.map(shown)),
    NAME_TOKENS,
  );
  const text = parseName(answer);
  if (text === null) return { text, siblings: null, random: null, asked: 0, unanswered: 0 };
  const positives = own.unseen.slice(0, TRIED_ON);
  const siblings = dealt(others.map(({ unseen }) => unseen)).slice(0, TRIED_ON);
  const strangers = createRandom(hashText(text))
    .shuffle([...random])
    .slice(0, TRIED_ON);
  const order = [
    ...positives.map((place) => ({ place, kind: 'own' })),
    ...siblings.map((place) => ({ place, kind: 'sibling' })),
    ...strangers.map((place) => ({ place, kind: 'random' })),
  ] as { place: ShownPlace; kind: Kind }[];
  const asked = createRandom(hashText(text), 1).shuffle(order);
  const verdicts: { kind: Kind; verdict: boolean | null }[] = [];
  if (positives.length > 0) {
    for (let first = 0; first < asked.length; first += AT_ONCE) {
      const group = asked.slice(first, first + AT_ONCE);
      const found = await ask(
        detectPrompt(
          text,
          group.map(({ place }) => shown(place)),
        ),
        NAME_TOKENS,
      );
      parseVerdicts(found, group.length).forEach((verdict, i) => {
        verdicts.push({ kind: group[i]!.kind, verdict });
      });
    }
  }
  const right = (kind: Kind, is: boolean): number | null => {
    const own = verdicts.filter((one) => one.kind === kind);
    return own.length === 0 ? null : own.filter(({ verdict }) => verdict === is).length / own.length;
  };
  const balanced = (kind: Kind): number | null => {
    const [found, refused] = [right('own', true), right(kind, false)];
    return found === null || refused === null ? null : (found + refused) / 2;
  };
  return {
    text,
    siblings: balanced('sibling'),
    random: balanced('random'),
    asked: verdicts.length,
    unanswered: verdicts.filter(({ verdict }) => verdict === null).length,
  };
}

type Kind = 'own' | 'sibling' | 'random';

/** The two halves of a feature's examples, by hash: a feature of one example is named from it and not tried. */
function halved(examples: readonly ShownExample[]): Halves {
  const hash = ({ context, position }: ShownExample): number => hashFraction(SALT, 0, context, position);
  const order = [...examples].sort((a, b) => hash(a) - hash(b));
  return {
    seen: order.filter((_, i) => i % 2 === 0),
    unseen: order.filter((_, i) => i % 2 === 1),
  };
}

/** One of each list in turn. */
function dealt<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) =>
    lists.flatMap((list) => (i < list.length ? [list[i]!] : [])),
  ).flat();
}

function shown({ tokens, position }: ShownPlace): string {
  return passage(tokens, position);
}
