import { expect, test } from 'vitest';
import { nextTurn, type Sharer, spareMs, type Waiting } from '../../agent/sources/turns.ts';

const NOW = 10_000;

interface Sketch {
  silent?: boolean;
  overdueMs?: number;
  usedMs?: number;
  /** Begins in so many ms; before: under way. */
  dueIn?: number;
  intervalMs?: number;
  needMs?: number;
  begun?: boolean;
}

/** A meter with a point of its grid now, of which a sample takes 200 ms of the line. */
function sharer({ silent = false, usedMs = 0, begun = false, ...rest }: Sketch = {}): Sharer {
  const { overdueMs = 0, dueIn = 0, intervalMs = 1000, needMs = 200 } = rest;
  const [dueMs, deadlineMs] = [NOW + dueIn, NOW + dueIn + intervalMs - 30];
  return {
    living: !silent,
    answers: !silent,
    overdueMs: () => overdueMs,
    usageMs: () => usedMs,
    claim: () => ({ underWay: dueIn <= 0, begun, dueMs, deadlineMs, needMs }),
  };
}

function request(of: Sharer, { expectedMs = 60, fullMs = 280, tuned = true } = {}): Waiting {
  const deadlineMs = of.claim(NOW)?.deadlineMs ?? 0;
  return { sharer: of, deadlineMs, wireMs: 30, expectedMs, fullMs: () => fullMs, tuned: () => tuned };
}

const chosen = (waiting: Waiting[], sharers = waiting.map((one) => one.sharer)) => nextTurn(waiting, sharers, NOW);

test('a meter that answers goes before a silent one, however long that waits', () => {
  const [good, silent] = [request(sharer()), request(sharer({ silent: true, overdueMs: 20_000 }))];
  expect(chosen([silent, good])?.waiting).toBe(good);
});

test('of those that answer the nearest deadline is first, then who has begun, then the settings, then who used least', () => {
  const quick = request(sharer({ intervalMs: 200, needMs: 20 }));
  const begun = request(sharer({ begun: true, usedMs: 900 }), { tuned: false });
  const tuned = request(sharer({ usedMs: 500 }));
  const frugal = request(sharer({ usedMs: 10 }), { tuned: false });
  const lavish = request(sharer({ usedMs: 400 }), { tuned: false });
  const order: (Waiting | undefined)[] = [];
  const left = [lavish, frugal, tuned, begun, quick];
  while (left.length > 0) {
    const next = chosen(left)?.waiting;
    order.push(next);
    left.splice(left.indexOf(next ?? lavish), 1);
  }
  expect(order).toEqual([quick, begun, tuned, frugal, lavish]);
});

test('nobody waits for an answer longer than the others can spare', () => {
  const doubtful = request(sharer());
  const others = [sharer({ needMs: 350 }), sharer({ needMs: 400 })];
  expect(spareMs(doubtful.sharer, [doubtful.sharer, ...others], NOW)).toBe(970 - 750);
  expect(chosen([doubtful], [doubtful.sharer, ...others])).toEqual({ waiting: doubtful, limitMs: 220 });
});

test('one that usually takes longer than the others can spare waits for them', () => {
  const slow = request(sharer({ begun: true }), { expectedMs: 450, fullMs: 550 });
  const [first, second] = [request(sharer({ needMs: 300 })), request(sharer({ needMs: 300 }))];
  expect([first, second]).toContain(chosen([slow, first, second])?.waiting);
});

test('where not all fit, who has used the line least is first', () => {
  const meters = [500, 300, 400].map((usedMs) => request(sharer({ needMs: 900, usedMs }), { expectedMs: 300 }));
  expect(chosen(meters)?.waiting).toBe(meters[1]);
});

test('a silent meter is asked in the pause before the next point of those that answer, and no longer', () => {
  const silent = request(sharer({ silent: true }));
  const served = sharer({ dueIn: 200 });
  expect(chosen([silent], [silent.sharer, served])).toEqual({ waiting: silent, limitMs: 195 });
  expect(chosen([silent], [silent.sharer, sharer({ dueIn: 50 })])).toBeUndefined();
  expect(chosen([silent], [silent.sharer, sharer()])).toBeUndefined();
});

test('without a pause for seconds a silent meter is asked where the others keep their deadlines', () => {
  const silent = request(sharer({ silent: true, overdueMs: 3500 }));
  expect(chosen([silent], [silent.sharer, sharer({ dueIn: 20 })])).toEqual({ waiting: silent, limitMs: 280 });
  expect(chosen([silent], [silent.sharer, sharer({ dueIn: 20, needMs: 965 })])).toBeUndefined();
});

test('a meter that needs more than its whole interval takes nothing from a silent one', () => {
  const silent = request(sharer({ silent: true }));
  const hopeless = sharer({ dueIn: 1, needMs: 1200 });
  expect(chosen([silent], [silent.sharer, hopeless])?.waiting).toBe(silent);
});

test('on a line that is full for ever a silent meter still has a turn each half minute', () => {
  const silent = request(sharer({ silent: true, overdueMs: 31_000 }));
  const full = request(sharer({ needMs: 965, usedMs: 900 }));
  expect(chosen([full, silent])?.waiting).toBe(silent);
});
