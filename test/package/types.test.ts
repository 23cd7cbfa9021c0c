// How the public types fit together, held by the type checker (`npm run typecheck`); the values are held elsewhere.
import {
  type Context,
  type Contexts,
  type Embedding,
  type ErrorCode,
  type GivenBank,
  loadModel,
  type Model,
  openStudy,
  PolysemeError,
  type Progress,
  type RunningServer,
  type Sae,
  type SaeTrainer,
  type SplitUnit,
  type Study,
  splitBank,
  type UnitDetail,
} from 'polyseme';
import * as core from 'polyseme/core';
import { expectTypeOf, test } from 'vitest';

test('what iterating gives', () => {
  expectTypeOf<Contexts>().toMatchTypeOf<AsyncIterable<Context>>();
  expectTypeOf(splitBank).parameter(0).toEqualTypeOf<GivenBank>();
  expectTypeOf(splitBank).returns.toMatchTypeOf<AsyncIterable<SplitUnit>>();
});

test('a study gives units in the shape of splitBank', () => {
  expectTypeOf<ReturnType<Study['unit']>>().toEqualTypeOf<SplitUnit>();
  expectTypeOf<ReturnType<Study['detail']>>().toEqualTypeOf<UnitDetail>();
  expectTypeOf<ReturnType<Study['inputs']>['embedding']>().toEqualTypeOf<Embedding>();
  expectTypeOf(openStudy).returns.toEqualTypeOf<Study>();
});

test('what must be closed can be disposed of', () => {
  expectTypeOf<Model>().toMatchTypeOf<AsyncDisposable>();
  expectTypeOf<Sae>().toMatchTypeOf<AsyncDisposable>();
  expectTypeOf<SaeTrainer>().toMatchTypeOf<AsyncDisposable>();
  expectTypeOf<RunningServer>().toMatchTypeOf<AsyncDisposable>();
  expectTypeOf<Study>().toMatchTypeOf<Disposable & AsyncDisposable>();
  expectTypeOf(loadModel).returns.resolves.toEqualTypeOf<Model>();
});

test('errors have codes, progress has one shape', () => {
  expectTypeOf<PolysemeError['code']>().toEqualTypeOf<ErrorCode>();
  expectTypeOf<Progress>().toEqualTypeOf<{
    readonly stage: string;
    readonly done: number;
    readonly total: number;
    readonly unit: string;
    readonly at?: string;
  }>();
});

test('core is the same functions', () => {
  expectTypeOf(core.splitBank).toEqualTypeOf(splitBank);
  expectTypeOf(core.PolysemeError).toEqualTypeOf(PolysemeError);
});
