import { closeSync, openSync } from 'node:fs';

/** Requests to read the configuration again; those that come before anybody listens are kept. */
export interface ReloadRequests {
  /** At most one listener. */
  listen(listener: () => void): void;
  /** From here on SIGHUP ends the process again. */
  end(): void;
}

/**
 * SIGHUP asks for the configuration to be read again (daemon(7)). To a process in the foreground it also tells that its
 * terminal is gone: that ends it, as it would any other program.
 */
export function reloadRequests(): ReloadRequests {
  const inForeground = hasTerminal();
  let listener: (() => void) | undefined;
  let waiting = false;
  const asked = () => {
    if (inForeground && !hasTerminal()) {
      process.kill(process.pid, 'SIGTERM');
      return;
    }
    if (listener) listener();
    else waiting = true;
  };
  process.on('SIGHUP', asked);
  return {
    listen: (added) => {
      listener = added;
      if (waiting) added();
      waiting = false;
    },
    end: () => void process.off('SIGHUP', asked),
  };
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}
