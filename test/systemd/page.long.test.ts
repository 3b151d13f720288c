import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import { installedPi, requireNspawn } from '../support/guests.ts';
import { COLLECTOR, CONFIG, type GuestPi } from '../support/nspawn-pi.ts';
import { SUITES } from '../support/nspawn-rootfs.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NODE = '/opt/energy-monitor/current/node_modules/.bin/node';
const FILE = '/etc/energy-monitor/config.yaml';

interface Health {
  problems: { id: string; severity: string }[];
  meters: { name: string; connected: boolean; good: number }[];
  units: { name: string; active: string }[] | null;
}

/** What somebody on the machine gets, as any user. */
async function asked(pi: GuestPi, url: string): Promise<string> {
  const text = await pi.guest.out(
    ...['env', 'NODE_TLS_REJECT_UNAUTHORIZED=0', 'NODE_NO_WARNINGS=1', NODE, '-e'],
    `fetch(${JSON.stringify(url)}).then((r) => r.text()).then(console.log, (e) => console.log(String(e.cause ?? e)))`,
  );
  return text.trim();
}

describe.for(SUITES)('on %s', (suite) => {
  test('under its unit the collector serves the page, which knows meters, journal and units', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.moreReadings(3);
    const text = await asked(pi, 'http://127.0.0.1:8515/api/v1/health');
    const health = JSON.parse(text) as Health;
    expect(health.meters).toMatchObject([{ name: 'house', connected: true }]);
    expect(health.meters[0]?.good).toBeGreaterThanOrEqual(1);
    expect(health.units).toContainEqual(expect.objectContaining({ name: COLLECTOR, active: 'active' }));
    expect(health.problems.filter(({ severity }) => severity === 'critical')).toEqual([]);
    expect(await asked(pi, 'http://127.0.0.1:8515/')).toContain('<title>');
    expect(await asked(pi, 'http://127.0.0.1:8515/readyz')).toBe('ready');
    expect(await pi.log(COLLECTOR, '--priority=warning')).not.toMatch(/page/);
  });

  test('a reload moves it, with a key that is a credential of root’s', async (context) => {
    await requireNspawn(context, suite);
    const { pi } = await installedPi(suite);
    await pi.moreReadings(1);
    const { cert, key } = selfSigned(temporaryDirectory());
    pi.guest.write('/etc/energy-monitor/page.pem', readFileSync(cert, 'utf8'));
    pi.guest.write('/etc/energy-monitor/credentials/page.key', readFileSync(key, 'utf8'));
    await pi.guest.out('chmod', '600', '/etc/energy-monitor/credentials/page.key');
    await pi.guest.out('chmod', '644', '/etc/energy-monitor/page.pem');
    const tls = 'tls: {certificateFile: /etc/energy-monitor/page.pem, keyFile: page.key}';
    pi.guest.write(FILE, `${CONFIG}web: {listen: "0.0.0.0:8600", ${tls}}\n`);
    // A unit has the credentials that were there when it started.
    await pi.guest.out('systemctl', 'restart', COLLECTOR);
    await pi.eventually(
      () => asked(pi, 'https://127.0.0.1:8600/healthz'),
      (text) => text === 'ok',
      'the page with TLS',
    );
    pi.guest.write(FILE, `${CONFIG}web: {listen: "127.0.0.1:8700"}\n`);
    await pi.guest.out('systemctl', 'reload', COLLECTOR);
    await pi.eventually(
      () => asked(pi, 'http://127.0.0.1:8700/healthz'),
      (text) => text === 'ok',
      'the page at its new place',
    );
    expect(await asked(pi, 'https://127.0.0.1:8600/healthz')).toContain('ECONNREFUSED');
    expect(await pi.property(COLLECTOR, 'NRestarts')).toBe('0');
  });
});
