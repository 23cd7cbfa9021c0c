import { imagesAnswer } from '../answers/images-answer.ts';
import { HttpProblem } from '../answers/problem.ts';
import * as schemas from '../contract/image-answers.ts';
import { contextParams, imagesQuery } from '../contract/queries.ts';
import { type Route, route } from './route.ts';

/** The routes of the images that a study keeps. */
export const imageStudyRoutes: readonly Route[] = [
  route({
    path: '/api/contexts/{context}/image',
    summary: 'The image that a context is: what the model sees of it, at most 224 pixels long',
    params: contextParams,
    answer: schemas.contextImage,
    png: true,
    handle(source, { context }) {
      const image = source.study.image(context);
      if (image === null) throw new HttpProblem(404, `the study has no image of context ${context}`);
      return image as unknown as string;
    },
  }),
  route({
    path: '/api/images',
    summary: 'The images that examples of the study lie in, by context, and what there is to be seen on them',
    query: imagesQuery,
    answer: schemas.imagesAnswer,
    handle: (source, _, query) => imagesAnswer(source, query),
  }),
];
