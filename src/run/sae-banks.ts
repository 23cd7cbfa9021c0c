import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Bank } from '../bank/bank.ts';
import { isBankName } from '../bank/bank-name.ts';
import { saeBank } from '../bank/sae-bank.ts';
import { PolysemeError, UsageError } from '../errors.ts';
import { beginsWithBos } from '../model/context-rules.ts';
import type { Model } from '../model/load-model.ts';
import { attachSae, type CenterWriting, type SaeAttachment } from '../sae/attach.ts';
import { fingerprint } from '../sae/fingerprint.ts';
import { loadSae } from '../sae/load-sae.ts';
import type { Sae } from '../sae/sae.ts';

/** An SAE of a run. */
export interface RunSae {
  readonly name: string;
  readonly sae: Sae;
  readonly attachment: SaeAttachment;
}

/** A name and what it stands for: `[NAME=]PATH`. */
export interface NamedSource {
  readonly name: string;
  readonly source: string;
}

/** Takes `[NAME=]PATH` apart; without a name it is the folder's. Two of one name are an error. */
export function nameSaes(sources: readonly string[]): NamedSource[] {
  const named = sources.map(nameSae);
  named.forEach(({ name, source }, i) => {
    const other = named.findIndex((sae) => sae.name === name);
    if (other !== i) {
      throw new UsageError(
        `two SAEs are named ${name} (${named[other]!.source}, ${source}): give one another name with option sae NAME=PATH`,
      );
    }
  });
  return named;
}

/** Loads SAEs and finds where they sit in the model; `note` gets what the user should know. */
export async function loadSaes(
  named: readonly NamedSource[],
  model: Model,
  centerWriting: CenterWriting,
  note: (line: string) => void,
): Promise<RunSae[]> {
  const saes: RunSae[] = [];
  for (const { name, source } of named) {
    const sae = await loadSae(source);
    const attachment = attachSae(model, sae, centerWriting);
    attachment.notes.forEach(note);
    saes.push({ name, sae, attachment });
  }
  return saes;
}

/**
 * Whether contexts begin with BOS: `auto` is what the SAEs were made with, or where they do not say, what the
 * tokenizer does by itself.
 */
export function settleBos(
  bos: 'auto' | 'yes' | 'no',
  saes: readonly { readonly name: string; readonly sae: Sae }[],
  tokenizer: Model['tokenizer'],
): boolean {
  const said = bos === 'auto' ? saes.filter(({ sae }) => sae.config.prependBos !== null) : [];
  const [first] = said;
  if (first === undefined || tokenizer.frame !== null) return beginsWithBos(bos, tokenizer);
  const other = said.find(({ sae }) => sae.config.prependBos !== first.sae.config.prependBos);
  if (other !== undefined) {
    const [yes, no] = first.sae.config.prependBos ? [first, other] : [other, first];
    throw new PolysemeError(
      `SAE ${yes.name} was made with BOS before each context (prepend_bos) and SAE ${no.name} without: choose option bos yes or no`,
    );
  }
  return first.sae.config.prependBos!;
}

/** The bank of each SAE. */
export function saeBanks(saes: readonly RunSae[]): Bank[] {
  return saes.map(({ name, sae, attachment }) => saeBank(name, sae, attachment));
}

/** What a study keeps of an SAE, so that another of the same name is told apart. */
export function describeSae({ name, sae, attachment }: RunSae): string {
  return `${name} at ${attachment.site}${attachment.centred ? ', centred' : ''}, sha256 ${fingerprint(sae)}`;
}

function nameSae(given: string): NamedSource {
  const match = /^([^=/\\:]+)=(.+)$/s.exec(given);
  if (match === null || existsSync(given))
    return { name: checkName(folderName(given), given), source: given };
  return { name: checkName(match[1]!, given), source: match[2]! };
}

/** The folder's name; of a file, the name of the folder that holds it. */
function folderName(source: string): string {
  const hub = /^hf:([^:]+)(?::(.*))?$/.exec(source);
  const path = hub === null ? resolve(source) : `${hub[1]!.replace(/@.*$/, '')}/${hub[2] ?? ''}`;
  const folder = /\.(safetensors|pt|npz|json)$/.test(path) ? dirname(path) : path;
  return folder
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!;
}

/** A name is part of BANK/INDEX, and of lists with commas; and it is read. */
function checkName(name: string, given: string): string {
  if (isBankName(`sae/${name}`) && !/[/\\]/.test(name)) return name;
  throw new UsageError(
    `option sae ${given}: ${JSON.stringify(name)} cannot be an SAE's name (no spaces, commas, slashes or invisible characters): give one with option sae NAME=PATH`,
  );
}
