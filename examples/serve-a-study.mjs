// Serves a study to a browser and asks its HTTP API for the unit with the most features.
// node examples/serve-a-study.mjs
import { runStudy, startServer } from 'polyseme';

await runStudy({ layers: [0], contexts: 20, examples: 16, out: 'served.db' });

const server = await startServer('served.db', { port: 0 });
console.log(`the explorer is at ${server.url}`);
const answer = await fetch(`${server.url}/api/units?sort=clusters&order=desc&limit=1`);
const { units } = await answer.json();
console.log(`${units[0].bank}/${units[0].index} has the most features`);
await server.close();
