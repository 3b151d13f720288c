const EVERY_MS = 500;

/** Where progress is shown. */
export interface Screen {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

/** One line that stays in place on a terminal; nothing anywhere else. */
export interface ProgressLine {
  /** Not more often than an eye follows. */
  show(text: string): void;
  clear(): void;
}

export function progressLine(screen: Screen): ProgressLine {
  let [shownMs, isShown] = [performance.now(), false];
  return {
    show: (text) => {
      const nowMs = performance.now();
      if (screen.isTTY !== true || nowMs - shownMs < EVERY_MS) return;
      screen.write(`\r\u001b[K${text.slice(0, (screen.columns || 80) - 1)}`);
      [shownMs, isShown] = [nowMs, true];
    },
    clear: () => {
      if (isShown) screen.write('\r\u001b[K');
      isShown = false;
    },
  };
}
