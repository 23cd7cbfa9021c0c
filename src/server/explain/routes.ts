import { modelAnswer } from '../../contract/explain-answers.ts';
import { PolysemeError } from '../../errors.ts';
import { type Route, route } from '../route.ts';
import { effectRoutes } from './effect-routes.ts';
import { imageRoutes } from './image-routes.ts';
import { importanceRoutes } from './importance-routes.ts';
import { notesRoutes } from './notes-routes.ts';
import { probeRoutes } from './probe-routes.ts';
import { similarRoute } from './similar-route.ts';

/** The routes that need the model behind the study. */
export const explainRoutes: readonly Route[] = [
  route({
    path: '/api/model',
    summary: 'Whether the model behind the study can be run here',
    of: 'explain',
    answer: modelAnswer,
    fresh: true,
    async handle({ explained }) {
      try {
        return { model: (await explained.model()).source, missing: null };
      } catch (error) {
        if (error instanceof PolysemeError) return { model: null, missing: error.message };
        throw error;
      }
    },
  }),
  ...imageRoutes,
  ...importanceRoutes,
  ...probeRoutes,
  similarRoute,
  ...effectRoutes,
  ...notesRoutes,
];
