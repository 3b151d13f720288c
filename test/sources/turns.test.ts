import { expect, test } from 'vitest';
import { nextTurn, type Sharer, type Waiting } from '../../agent/sources/turns.ts';

const NOW = 10_000;

interface Sketch {
  silent?: boolean;
  dead?: boolean;
  shaky?: boolean;
  overdueMs?: number;
  usedMs?: number;
  /** Begins in so many ms; before: under way. */
  dueIn?: number;
  intervalMs?: number;
  needMs?: number;
  leftMs?: number;
}

/** A meter with a point of its grid now, of which a sample takes 200 ms of the line. */
function sharer({ silent = false, dead = false, shaky = false, usedMs = 0, ...rest }: Sketch = {}): Sharer {
  const { overdueMs = 0, dueIn = 0, intervalMs = 1000, needMs = 200, leftMs = needMs } = rest;
  const [dueMs, deadlineMs] = [NOW + dueIn, NOW + dueIn + intervalMs - 30];
  return {
    living: !silent,
    dead,
    isShaky: () => shaky,
    answers: !silent,
    overdueMs: () => overdueMs,
    usageMs: usedMs,
    claim: () => ({ underWay: dueIn <= 0, dueMs, deadlineMs, sampleMs: needMs, needMs: leftMs }),
  };
}

function request(of: Sharer, { expectedMs = 60, fullMs = 280, tuned = true } = {}): Waiting {
  const deadlineMs = of.claim(NOW)?.deadlineMs ?? 0;
  return { sharer: of, deadlineMs, leastMs: 30, expectedMs, fullMs: () => fullMs, tuned: () => tuned };
}

const chosen = (waiting: Waiting[], sharers = waiting.map((one) => one.sharer)) => nextTurn(waiting, sharers, NOW);

test('a meter that answers goes before a silent one, however long that waits', () => {
  const [good, silent] = [request(sharer()), request(sharer({ silent: true, dead: true, overdueMs: 20_000 }))];
  expect(chosen([silent, good])?.waiting).toBe(good);
});

test('of those that answer the nearest deadline is first, then the reliable ones, the settings, the shorter sample', () => {
  const quick = request(sharer({ intervalMs: 200, needMs: 20 }));
  const tuned = request(sharer({ needMs: 210 }));
  const short = request(sharer({ needMs: 100 }), { tuned: false });
  const long = request(sharer({ needMs: 200 }), { tuned: false });
  const shaky = request(sharer({ needMs: 100, shaky: true }));
  const order: (Waiting | undefined)[] = [];
  const left = [shaky, long, short, tuned, quick];
  while (left.length > 0) {
    const next = chosen(left)?.waiting;
    order.push(next);
    left.splice(left.indexOf(next ?? long), 1);
  }
  expect(order).toEqual([quick, tuned, short, long, shaky]);
});

test('nobody waits for an answer longer than the others can spare', () => {
  const doubtful = request(sharer());
  const others = [sharer({ needMs: 300 }), sharer({ needMs: 350 })];
  // A fifth more than what the others took lately is theirs.
  expect(chosen([doubtful], [doubtful.sharer, ...others])).toEqual({ waiting: doubtful, limitMs: 190 });
});

test('of samples of about the same length the one that has begun goes on, then who has used the line least', () => {
  const [begun, frugal, lavish] = [
    request(sharer({ needMs: 215, leftMs: 60, usedMs: 500 })),
    request(sharer({ needMs: 210, usedMs: 300 })),
    request(sharer({ needMs: 205, usedMs: 400 })),
  ];
  expect(chosen([lavish, frugal, begun])?.waiting).toBe(begun);
  expect(chosen([lavish, frugal])?.waiting).toBe(frugal);
});

test('one whose answers take longer than until the deadline of a quicker one waits until that was served', () => {
  const slow = request(sharer({ needMs: 300 }), { expectedMs: 300, fullMs: 550 });
  const quick = sharer({ dueIn: 50, intervalMs: 200, needMs: 20 });
  const other = request(sharer({ needMs: 400 }), { expectedMs: 60 });
  expect(chosen([slow, other], [slow.sharer, quick, other.sharer])?.waiting).toBe(other);
});

test('what a slow meter would need of the line, but cannot have, stands in the way of nobody', () => {
  const slow = request(sharer({ needMs: 900, usedMs: 700 }), { expectedMs: 300, fullMs: 350 });
  const [first, second] = [request(sharer({ needMs: 180, usedMs: 50 })), request(sharer({ needMs: 170, usedMs: 40 }))];
  expect(chosen([slow, first, second])?.waiting).toBe(second);
});

test('where not all fit, who has used the line least is first, and its sample is not broken off for another', () => {
  const meters = [500, 300, 400].map((usedMs) => request(sharer({ needMs: 900, usedMs }), { expectedMs: 300 }));
  expect(chosen(meters)?.waiting).toBe(meters[1]);
  const begun = request(sharer({ needMs: 900, leftMs: 500, usedMs: 300 }), { expectedMs: 300 });
  const later = request(sharer({ needMs: 900, usedMs: 310 }), { expectedMs: 300 });
  expect(chosen([later, begun])?.waiting).toBe(begun);
});

test('a sample that cannot be finished is not begun; after seconds it is tried, in what the others can spare', () => {
  const good = sharer({ dueIn: 500 });
  const slow = (overdueMs: number) => request(sharer({ needMs: 1100, usedMs: 400, overdueMs }), { expectedMs: 300 });
  const [lately, longAgo] = [slow(0), slow(3500)];
  expect(chosen([lately], [good, lately.sharer])).toBeUndefined();
  expect(chosen([longAgo], [good, longAgo.sharer])?.waiting).toBe(longAgo);
  const silent = request(sharer({ silent: true, usedMs: 50 }));
  expect(chosen([longAgo, silent], [good, longAgo.sharer, silent.sharer])?.waiting).toBe(silent);
});

test('a silent meter is asked in the pause before the next point of those that answer, and no longer', () => {
  const silent = request(sharer({ silent: true }));
  const served = sharer({ dueIn: 200 });
  expect(chosen([silent], [silent.sharer, served])).toEqual({ waiting: silent, limitMs: 195 });
  expect(chosen([silent], [silent.sharer, sharer({ dueIn: 50 })])).toBeUndefined();
  expect(chosen([silent], [silent.sharer, sharer()])).toBeUndefined();
});

test('without a pause for seconds a silent meter is asked where the others keep their deadlines', () => {
  const silent = request(sharer({ silent: true, dead: true, overdueMs: 3500 }));
  expect(chosen([silent], [silent.sharer, sharer({ dueIn: 20 })])).toEqual({ waiting: silent, limitMs: 280 });
  expect(chosen([silent], [silent.sharer, sharer({ dueIn: 20, needMs: 940 })])).toBeUndefined();
});

test('a meter that needs more than its whole interval takes nothing from a silent one', () => {
  const silent = request(sharer({ silent: true }));
  const hopeless = sharer({ dueIn: 1, needMs: 1200 });
  expect(chosen([silent], [silent.sharer, hopeless])?.waiting).toBe(silent);
});

test.for([
  ['silent', false, 3000],
  ['dead', true, 30_000],
] as const)('on a line that is full for ever a %s meter still has a turn', ([, dead, afterMs]) => {
  const full = request(sharer({ needMs: 965, usedMs: 900 }));
  const waiting = (overdueMs: number) => request(sharer({ silent: true, dead, overdueMs }));
  const [early, late] = [waiting(afterMs - 1), waiting(afterMs + 1)];
  expect(chosen([full, early])?.waiting).toBe(full);
  expect(chosen([full, late])?.waiting).toBe(late);
});
