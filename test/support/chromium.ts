/** Debian's; tests that need it are skipped where it is not there. */
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Nothing that asks the internet by itself. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
