import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { alertRules } from './alerts.ts';
import { home } from './home.ts';
import { machine } from './machine.ts';
import { preview } from './preview.ts';
import { quality } from './quality.ts';

/**
 * `npm run dashboards` writes the dashboards and alert rules that Grafana loads, and their drawings in the README; with `--check` it says which of them are not what
 * these sources make, and ends with 1.
 */
const GRAFANA = join(import.meta.dirname, '../grafana');

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const MADE = '# Made by `npm run dashboards` from docker/dashboards/alerts.ts, which is where to change it.\n';

/** The README with drawings of the dashboards between its marks. */
function readme(): string {
  const text = readFileSync(join(GRAFANA, '../README.md'), 'utf8');
  return [home(), quality(), machine()].reduce((drawn, dashboard) => {
    const marks = new RegExp(`(<!-- ${dashboard.uid} -->\n)[^]*?(<!-- end -->)`);
    if (!marks.test(drawn)) throw new Error(`docker/README.md has no marks for ${dashboard.uid}`);
    return drawn.replace(
      marks,
      (_, begin: string, end: string) => `${begin}\`\`\`text\n${preview(dashboard)}\n\`\`\`\n${end}`,
    );
  }, text);
}

const FILES: Readonly<Record<string, () => string>> = {
  'dashboards/home.json': () => json(home()),
  'dashboards/quality.json': () => json(quality()),
  'dashboards/machine.json': () => json(machine()),
  'provisioning/alerting/rules.yaml': () =>
    MADE + stringify(alertRules(), { lineWidth: 0, aliasDuplicateObjects: false }),
  '../README.md': readme,
};

const isCheck = process.argv.includes('--check');
const stale = Object.entries(FILES).filter(([name, make]) => {
  const path = join(GRAFANA, name);
  const text = make();
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  if (!isCheck) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return true;
});
if (isCheck && stale.length > 0) {
  const names = stale.map(([name]) => name).join(', ');
  process.stderr.write(`docker/grafana: ${names} is not what docker/dashboards makes: npm run dashboards\n`);
  process.exitCode = 1;
}
