import { type Command, Option } from 'commander';
import { visible } from '../base/visible.ts';
import { SAE_FORMATS, type SaeFormat } from '../sae/config.ts';
import { loadSae } from '../sae/load.ts';
import { saveSae } from '../sae/save.ts';
import { colors, number, print, printJson } from './terminal.ts';

export function define(command: Command): void {
  command
    .description(
      'Translates an SAE into another file format. What the format cannot express is an error that names it; what\n' +
        'its own package will do otherwise is printed.',
    )
    .argument('<IN>', 'a folder, a weights file or hf:owner/name[@revision][:path]')
    .argument('<OUT>', 'the folder to write, made where it is missing')
    .addOption(
      new Option('--format <F>', 'format of the copy')
        .choices([...SAE_FORMATS])
        .default('saelens' as SaeFormat),
    )
    .option('--site <SITE>', 'the site that it reads, where its files do not say or are wrong')
    .option('--json', 'as JSON: the config and the notes')
    .addHelpText(
      'after',
      '\nExample:\n  polyseme sae convert runs/1/ae.pt mine --site blocks.3.hook_resid_post',
    )
    .action(
      async (
        source: string,
        out: string,
        { format, site, json }: { format: SaeFormat; site?: string; json?: boolean },
      ) => {
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
        for (const note of notes) print(visible(`note: ${note}`));
      },
    );
}
