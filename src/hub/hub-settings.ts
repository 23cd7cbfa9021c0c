import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PolysemeError } from '../errors.ts';

/** How the hub is reached, from the environment variables that Python's huggingface_hub reads. */
export interface HubSettings {
  /** `HF_ENDPOINT`, without a slash at its end. */
  readonly endpoint: string;
  /** `HF_TOKEN`, else the file that `hf auth login` writes. */
  readonly token: string | undefined;
  /** `HF_HUB_OFFLINE`: only the cache is used. */
  readonly offline: boolean;
  /** `HF_HUB_CACHE`, else `HF_HOME`/hub. */
  readonly cacheDir: string;
  /** `HF_ASSETS_CACHE`, else `HF_HOME`/assets: what libraries make of downloads, each in a folder of its own. */
  readonly assetsDir: string;
}

export function readHubSettings(env: NodeJS.ProcessEnv = process.env): HubSettings {
  const home = expand(
    env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface'),
  );
  const endpoint = (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
  if (!/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw new PolysemeError(
      `HF_ENDPOINT is ${JSON.stringify(endpoint)}; it must be an http or https address`,
    );
  }
  return {
    endpoint,
    token: readToken(env, home),
    offline: /^(1|on|yes|true)$/i.test(env['HF_HUB_OFFLINE'] ?? ''),
    cacheDir: expand(env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(home, 'hub')),
    assetsDir: expand(env['HF_ASSETS_CACHE'] || env['HUGGINGFACE_ASSETS_CACHE'] || join(home, 'assets')),
  };
}

function readToken(env: NodeJS.ProcessEnv, home: string): string | undefined {
  const given = env['HF_TOKEN']?.trim();
  if (given) return given;
  try {
    return readFileSync(expand(env['HF_TOKEN_PATH'] || join(home, 'token')), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function expand(path: string): string {
  return path.replace(/^~(?=$|[/\\])/, homedir());
}
