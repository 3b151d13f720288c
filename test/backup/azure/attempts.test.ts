import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AttemptOptions, attempt } from '../../../agent/backup/azure/attempts.ts';
import { AzureFailure } from '../../../agent/backup/azure/failure.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OPTIONS: AttemptOptions = {
  timeoutMs: 60_000,
  tries: 4,
  pauseMs: 1000,
  random: () => 0.5,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

test('what never answers is ended after its time, each try anew, also when it does not listen to the signal', async () => {
  const signals: AbortSignal[] = [];
  const failing = attempt(OPTIONS, ({ signal }) => {
    signals.push(signal);
    return new Promise(() => {});
  }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(4 * 60_000 + 7000 - 1);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, false]);
  await vi.advanceTimersByTimeAsync(1);
  expect(await failing).toMatchObject({ code: 'TIMEOUT', message: 'no answer within 60 s' });
  expect(vi.getTimerCount()).toBe(0);
});

test('while bytes move there is no deadline; when they stop it begins', async () => {
  let tell = () => {};
  const failing = attempt({ ...OPTIONS, tries: 1 }, ({ alive }) => {
    tell = alive;
    return new Promise(() => {});
  }).catch((error: unknown) => error);
  for (let minutes = 0; minutes < 30; minutes++) {
    await vi.advanceTimersByTimeAsync(59_000);
    tell();
  }
  await vi.advanceTimersByTimeAsync(59_999);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(await failing).toMatchObject({ code: 'TIMEOUT' });
  // A body of which the SDK still takes a piece starts nothing again.
  tell();
  expect(vi.getTimerCount()).toBe(0);
});

test('what cannot pass is tried once, and what succeeds leaves no timer', async () => {
  let tries = 0;
  const refused = new AzureFailure('no', { code: 'AuthenticationFailed', status: 403 });
  const failing = attempt(OPTIONS, async () => {
    tries++;
    throw refused;
  });
  await expect(failing).rejects.toBe(refused);
  expect(tries).toBe(1);
  expect(await attempt(OPTIONS, async () => 'done')).toBe('done');
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  ['ECONNRESET', undefined, true],
  ['ENOTFOUND', undefined, true],
  ['CERT_HAS_EXPIRED', undefined, false],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', undefined, false],
  ['EPROTO', undefined, false],
  ['NONSENSE', 200, true],
  ['Md5Mismatch', 400, true],
  ['InvalidHeaderValue', 400, false],
  ['AuthenticationFailed', 401, false],
  ['AuthenticationFailed', 403, false],
  ['ContainerNotFound', 404, false],
  ['OperationTimedOut', 408, true],
  ['ContainerBeingDeleted', 409, false],
  ['TooManyRequests', 429, true],
  ['InternalError', 500, true],
  ['HTTP 502', 502, true],
  ['ServerBusy', 503, true],
  ['HTTP 504', 504, true],
])('%s with status %s passes: %s', (code, status, passes) => {
  expect(new AzureFailure('', { code, status }).passes).toBe(passes);
});
