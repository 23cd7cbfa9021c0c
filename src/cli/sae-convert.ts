import { existsSync, realpathSync } from 'node:fs';
import type { Command } from 'commander';
import * as z from 'zod';
import { visible } from '../base/visible.ts';
import { checkVacant } from '../base/writable.ts';
import { PolysemeError } from '../errors.ts';
import { SAE_FORMATS, type SaeFormat } from '../sae/config.ts';
import { withFlags } from './flags.ts';
import { addOptions, saeArgument, siteOption } from './options.ts';
import { colors, number, print, printJson } from './terminal.ts';

const shape = {
  format: z
    .enum(SAE_FORMATS as readonly [SaeFormat, ...SaeFormat[]])
    .default('saelens')
    .meta({
      description: 'the file format of the copy',
      value: 'F',
    }),
  site: siteOption,
  json: z
    .boolean()
    .default(false)
    .meta({ description: 'print the config and the notes, as one JSON document' }),
};

export function define(command: Command): void {
  command
    .description(
      'Translates an SAE into another file format. What the format cannot express is an error that names it; what ' +
        'the format’s own package will do otherwise is printed as a note.',
    )
    .argument('<IN>', saeArgument)
    .argument('<OUT>', 'the folder to write, new or empty');
  addOptions(command, shape);
  command
    .addHelpText('after', '\nExample:\n  polyseme sae convert my-sae copy --format sparsify')
    .action(
      async (
        source: string,
        out: string,
        { format, site, json }: { format: SaeFormat; site?: string; json?: boolean },
      ) => {
        const { loadSae } = await import('../sae/load-sae.ts');
        const { saveSae } = await import('../sae/save.ts');
        if ([out, source].every((path) => existsSync(path)) && realpathSync(out) === realpathSync(source)) {
          throw new PolysemeError(
            `${out} holds the SAE that is read, whose files would be replaced: choose another folder`,
            'exists',
          );
        }
        checkVacant(out, { advice: 'choose another folder' });
        const sae = await loadSae(source, site === undefined ? {} : { hookName: site });
        const notes = [...sae.notes, ...(await saveSae(sae, out, { format }))];
        const { architecture, dIn, dSae, hookName } = sae.config;
        if (json) {
          printJson({ out, format, config: sae.config, notes });
          return;
        }
        print(
          `${colors.bold(visible(out))}: ${format}, ${architecture}, ${number(dIn)} → ${number(dSae)} latents, reads ${visible(hookName ?? 'a site that its files do not name')}`,
        );
        for (const note of notes) print(visible(`note: ${withFlags(note)}`));
      },
    );
}
