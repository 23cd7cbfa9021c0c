// The tables of docs/models.md are made from the architectures and the fixtures; `npm run docs:options` writes them anew.
import { expect, test } from 'vitest';
import { KNOWN_MODELS, type KnownModel } from '../../src/model/architectures/known.ts';
import { type Fixture, fixtureNames, readFixture } from '../helpers/families.ts';
import { expectTables } from '../helpers/option-tables.ts';

const PAGE = new URL('../../docs/models.md', import.meta.url).pathname;
const known = Object.entries<KnownModel>(KNOWN_MODELS);
const fixtures = fixtureNames().map(readFixture);
const of = (modelType: string): Fixture[] =>
  fixtures.filter(({ config }) => config['model_type'] === modelType);

const TABLES: Record<string, () => string> = {
  models: () =>
    table(
      ['`model_type`', 'family', 'kind', 'typical checkpoints', 'checked against', 'variants'],
      known.map(([modelType, { family, kind, checkpoints, checkedAgainst }]) => [
        code(modelType),
        family,
        kind,
        checkpoints.map(code).join(', '),
        checkedAgainst,
        String(of(modelType).length),
      ]),
    ),
  variants: () =>
    table(
      ['`model_type`', 'variant', 'differs from the first in', 'sites'],
      known.flatMap(([modelType]) =>
        of(modelType).map((fixture, _, all) => [
          code(modelType),
          code(fixture.name),
          differences(fixture, firstOf(modelType, all)).join(', '),
          String(fixture.expected[0]!.size),
        ]),
      ),
    ),
  refused: () =>
    table(
      ['`model_type`', 'refused'],
      known.flatMap(([modelType]) => {
        const patches = of(modelType).flatMap(({ refused }) => refused);
        const keys = [...new Set(patches.map((patch) => settings(patch).slice(0, 1).join()))];
        return keys.length === 0 ? [] : [[code(modelType), keys.join(', ')]];
      }),
    ),
  places: () =>
    table(
      ['`model_type`', '`mlp.hook_in` (h)', '`mlp.hook_pre`', '`mlp.hook_post`', '`hook_mlp_out`'],
      known.flatMap(([modelType]) => {
        // A plain MLP is not transformers'.
        if (of(modelType).length === 0) return [];
        const { modules = {} } = firstOf(modelType, of(modelType));
        const sites = ['mlp.hook_in', 'mlp.hook_pre', 'mlp.hook_post', 'hook_mlp_out'];
        if (sites.some((site) => modules[site] === undefined)) return [];
        return [[code(modelType), ...sites.map((site) => place(modules[site]!))]];
      }),
    ),
};

test('docs/models.md has what can be run, and what it was checked against', async () => {
  await expectTables(PAGE, Object.keys(TABLES), (name) => TABLES[name]!(), 'table of');
});

test('every kind of model that is said to equal transformers has a fixture', () => {
  const missing = known.filter(
    ([modelType, { checkedAgainst }]) =>
      checkedAgainst.startsWith('transformers') && of(modelType).length === 0,
  );
  expect(missing.map(([modelType]) => modelType)).toEqual([]);
});

/** The plainest variant: the one of the shortest name. */
function firstOf(modelType: string, all: readonly Fixture[]): Fixture {
  return (
    all.toSorted((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1))[0] ?? fail(modelType)
  );
}

function fail(modelType: string): never {
  throw new Error(`no fixture of ${modelType}`);
}

/** Keys that are not sizes of a config, whose values differ. */
function differences({ config }: Fixture, first: Fixture): string[] {
  const other = Object.entries(config).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(first.config[key]),
  );
  return settings(Object.fromEntries(other.filter(([key]) => !SIZES.test(key))));
}

const SIZES =
  /^(architectures|transformers_version|.*(hidden|intermediate)_size|n_embd|n_inner|num_hidden_layers|layer_types)$/;

function settings(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).map(([key, value]) => code(`${key}: ${JSON.stringify(value)}`));
}

/** `output of transformer.h.0.ln_2` with the layer as L. */
function place(text: string): string {
  const [side, module] = text.split(' of ') as [string, string];
  return `${side} of ${code(module.replace(/\.0(?=\.|$)/, '.L'))}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
