import { visible } from '../base/visible.ts';
import type { ClassEffect } from '../explain/class-effect.ts';
import type { PatchImportance } from '../explain/patch-importance.ts';
import type { Study } from '../study/study.ts';
import { cell, colors, print, table } from './terminal.ts';

/** Classes of a table: of more, the most raised and the most lowered. */
const MOST_CLASSES = 20;

/** What the images of the examples show, by context; null where that is not known. */
export function labelsOf(study: Study, { examples }: PatchImportance): Map<number, string | null> {
  const contexts = study.contexts([...new Set(examples.map(({ context }) => context))]);
  return new Map(Array.from(contexts, ([id, { label }]) => [id, label ?? null]));
}

/** The patches of each image as rows of shares in percent. */
export function printPatches(
  { bank, index, patch, columns, examples }: PatchImportance,
  labels: ReadonlyMap<number, string | null>,
): void {
  print(
    `${colors.bold(visible(`${bank}/${index}`))}  percent of the activation that is lost where each patch of ` +
      `${patch.width} × ${patch.height} pixels has the mean colour of its image; below 10 a dot`,
  );
  for (const { activation, feature, context, importance } of examples) {
    const label = labels.get(context) ?? null;
    const shows = label === null ? '' : `, shows ${visible(label)}`;
    print(`\n  ${cell(activation).padStart(8)}  feature ${feature}, image ${context}${shows}`);
    if (importance === null) {
      print('            no importance: the activation is 0');
      continue;
    }
    for (let first = 0; first < importance.length; first += columns) {
      print(
        `            ${importance
          .slice(first, first + columns)
          .map(share)
          .join('')}`,
      );
    }
  }
}

function share(importance: number): string {
  const text = importance < 0.095 ? '·' : String(Math.round(100 * importance));
  const padded = text.padStart(4);
  if (importance < 0.095) return colors.dim(padded);
  return importance > 0.5 ? colors.yellow(padded) : colors.green(padded);
}

/** By class, how much higher its logit is with the unit. */
export function printClassEffect({ bank, index, classes, images, effects, changed }: ClassEffect): void {
  print(colors.bold(visible(`${bank}/${index}`)));
  print(
    `Measured on ${images} image${images === 1 ? '' : 's'}: how much higher each logit is with the unit than with its activation set to 0.`,
  );
  const ids = [...classes.keys()].sort((a, b) => effects[b]! - effects[a]! || a - b);
  const shown =
    ids.length <= MOST_CLASSES ? ids : [...ids.slice(0, MOST_CLASSES / 2), ...ids.slice(-MOST_CLASSES / 2)];
  const rows = [['class', 'effect'], ...shown.map((id) => [visible(classes[id]!), cell(effects[id]!)])];
  for (const line of table(rows, [false, true])) print(line);
  if (shown.length < ids.length) print(`and ${ids.length - shown.length} classes between them`);
  print(`Without it the predicted class is another one in ${cell(100 * changed, 0)} % of the images.`);
}
