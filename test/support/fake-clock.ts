import type { Clock } from '../../agent/system/clock.ts';

/** A clock that only moves when somebody sleeps, or when the test moves it. */
export class FakeClock implements Clock {
  wall: number;
  mono = 5000;
  /** Added to each sleep: a timer that fires late. */
  lateMs = 0;

  constructor(wall: number) {
    this.wall = wall;
  }

  wallMs = () => this.wall;
  monotonicMs = () => this.mono;

  sleep(ms: number): Promise<void> {
    this.pass(ms + this.lateMs);
    return Promise.resolve();
  }

  pass(ms: number): void {
    this.wall += ms;
    this.mono += ms;
  }
}
