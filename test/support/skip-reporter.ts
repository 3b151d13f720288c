import type { Reporter, TestModule } from 'vitest/node';

/** Names what was skipped, and why, in the last lines of a run; tests give the reason in `context.skip(reason)`. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped: string[] = [];
    let passed = 0;
    let failed = 0;
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed++;
        else if (result.state === 'failed') failed++;
        else if (result.state === 'skipped') skipped.push(`  ${test.fullName}: ${result.note ?? 'no reason given'}`);
      }
      if (!module.ok() && module.children.size === 0) failed++;
    }
    const list = skipped.length > 0 ? `skipped:\n${skipped.join('\n')}\n` : 'skipped: nothing\n';
    process.stdout.write(`${list}${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  }
}
