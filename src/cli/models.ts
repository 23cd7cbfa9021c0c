import type { Command } from 'commander';
import { KNOWN_MODELS, type KnownModel } from '../model/architectures/known.ts';
import { addOptions, jsonOption } from './options.ts';
import { colors, print, printJson, table } from './terminal.ts';

export function define(command: Command): void {
  command.description(
    'Lists the kinds of models that can be run, by the `model_type` of their config.json, with typical checkpoints. ' +
      'Each was checked at every site against the package that it names (docs/models.md).',
  );
  addOptions(command, { json: jsonOption });
  command
    .addHelpText('after', '\nExamples:\n  polyseme models\n  polyseme models inspect builtin:folio-5m')
    .action(({ json }: { json?: boolean }) => {
      const known = Object.entries<KnownModel>(KNOWN_MODELS);
      if (json) {
        printJson(known.map(([modelType, model]) => ({ modelType, ...model })));
        return;
      }
      const rows = known.map(([modelType, { family, kind, checkpoints, checkedAgainst }]) => [
        modelType,
        family,
        kind,
        checkedAgainst,
        checkpoints.join(', '),
      ]);
      const head = ['model_type', 'family', 'kind', 'checked against', 'typical checkpoints'];
      for (const line of table([head, ...rows], [false, false, false, false, false])) print(line);
      print();
      print(colors.dim('Whether a checkpoint of yours runs: polyseme models inspect FOLDER'));
    });
}
