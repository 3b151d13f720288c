import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../agent/config/load.ts';
import { missingFiles } from '../../agent/config/missing-files.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('files that a configuration names are told where they are not there; credentials of systemd are no files', () => {
  const directory = temporaryDirectory();
  const path = (name: string) => join(directory, name);
  writeFileSync(path('writer'), 'a token');
  const text = (drillKey: string) =>
    JSON.stringify({
      meters: [{ name: 'house', model: 'we-515', connection: { serial: '/dev/ttyUSB0' } }],
      influxdb: { url: 'http://127.0.0.1:8086', tokenFile: path('writer') },
      backup: {
        unencrypted: true,
        stores: [{ directory: path('place') }],
        databases: [{ operatorTokenFile: path('operator') }],
        drill: { identityFile: drillKey },
      },
    });
  const missing = (drillKey: string) => missingFiles(parseConfig(text(drillKey), 'config'), 'config');
  expect(missing(path('drill.key')).sort()).toEqual([path('drill.key'), path('operator')]);
  expect(missing('drill.key')).toEqual([path('operator')]);
});
