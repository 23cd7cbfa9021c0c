// A contestant's side of contest.mjs: says that it is ready, then does its work once for every line it is sent.
import { createInterface } from 'node:readline';
import { cpuSeconds } from '../timed-harvest.mjs';

/** @param run does the work, returns what of it is compared; `wall` and `cpu` in it stand for those measured here */
export async function answer(run) {
  say({ ready: true });
  for await (const _ of createInterface({ input: process.stdin })) {
    const [before, start] = [process.cpuUsage(), performance.now()];
    const result = await run();
    const wall = (performance.now() - start) / 1000;
    const peak = process.resourceUsage().maxRSS * 1024;
    say({ wall, cpu: cpuSeconds(before), peak, ...result });
  }
}

function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
