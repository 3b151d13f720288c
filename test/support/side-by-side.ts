import { AsyncLocalStorage } from 'node:async_hooks';
import { test as base, expect as globalExpect, onTestFinished, type TestContext } from 'vitest';

/**
 * Tests of one file that run side by side, because they wait more than they compute. Vitest knows only one current test: which
 * one a call belongs to is kept here, for `expect` and for what has to end with the test.
 */
const running = new AsyncLocalStorage<TestContext>();

export const expect: typeof globalExpect = new Proxy(globalExpect, {
  apply: (_, self: unknown, args: unknown[]) => Reflect.apply(current(), self, args) as unknown,
  get: (_, key) => Reflect.get(current(), key) as unknown,
});

const current = (): typeof globalExpect => running.getStore()?.expect ?? globalExpect;

/** Runs when the test has ended, side by side with others or not. */
export function afterTest(work: () => unknown): void {
  const context = running.getStore();
  if (context) context.onTestFinished(async () => void (await work()));
  else onTestFinished(async () => void (await work()));
}

type Body<Of extends unknown[]> = (...args: Of) => void | Promise<void>;

/** As Vitest's `test`, side by side with the others of the file. */
export function test(name: string, body: Body<[]>): void {
  base.concurrent(name, (context) => running.run(context, body));
}

test.for =
  <const T>(cases: readonly T[]) =>
  (name: string, body: Body<[T]>): void =>
    base.concurrent.for(cases)(name, (one, context) => running.run(context, body, one));
