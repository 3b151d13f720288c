import { testHistory } from './fuzz.ts';

const AROUND = [
  ['Europe/Berlin', '2026-03-28T12:00Z'],
  ['Europe/Berlin', '2026-10-24T10:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T02:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T02:00Z'],
  ['Asia/Kathmandu', '2026-12-30T20:00Z'],
  ['America/St_Johns', '2026-03-07T10:00Z'],
  ['America/St_Johns', '2026-10-31T16:00Z'],
  ['Africa/Cairo', '2026-04-23T12:00Z'],
  ['Europe/London', '2028-02-28T12:00Z'],
  ['Pacific/Apia', '2025-12-30T22:00Z'],
] as const;

AROUND.forEach(([zone, from], i) => {
  testHistory({ zone, fromMs: Date.parse(from), hours: 40, seed: 100 + i });
});
