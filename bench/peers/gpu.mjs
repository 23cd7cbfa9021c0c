import { execFileSync } from 'node:child_process';

/** The name of the graphics card that the peers' CUDA has, too; null where there is none. */
export async function graphicsCard() {
  try {
    const query = ['--query-gpu=name', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', query, { encoding: 'utf8' }).trim().split('\n')[0];
  } catch {
    return null;
  }
}
