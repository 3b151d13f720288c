import type { Reporter, TestModule } from 'vitest/node';

/**
 * The last lines of a run: what was skipped, one line for each reason (tests give it in `context.skip(reason)`), then each
 * failed test by its name with the first line of why, so that a log of which only the end is kept still tells.
 */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = new Map<string, string[]>();
    const failed: string[] = [];
    let passed = 0;
    for (const module of modules) {
      for (const { message } of module.errors()) failed.push(`  ${module.relativeModuleId}: ${firstLine(message)}`);
      for (const test of module.children.allTests()) {
        const result = test.result();
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        if (result.state === 'passed') passed++;
        else if (result.state === 'failed') failed.push(`  ${name}: ${firstLine(result.errors[0]?.message)}`);
        else if (result.state === 'skipped') {
          const reason = result.note ?? 'no reason given';
          skipped.set(reason, [...(skipped.get(reason) ?? []), name]);
        }
      }
    }
    const count = [...skipped.values()].reduce((sum, names) => sum + names.length, 0);
    const list = [...skipped].map(
      ([reason, names]) => `  ${reason}:\n${names.map((name) => `    ${name}\n`).join('')}`,
    );
    process.stdout.write(count > 0 ? `skipped:\n${list.join('')}` : 'skipped: nothing\n');
    if (failed.length > 0) process.stdout.write(`failed:\n${failed.join('\n')}\n`);
    process.stdout.write(`${passed} passed, ${failed.length} failed, ${count} skipped\n`);
  }
}

const firstLine = (message = 'no reason given') => message.split('\n', 1)[0];
