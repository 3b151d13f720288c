import { isExposed } from '../../system/private-file.ts';

/** What an item of the setup is like now. */
export type Finding =
  /** As it should be. */
  | { state: 'right'; said: string }
  /** Otherwise than planned, which is the person's right. */
  | { state: 'kept'; said: string }
  /** Needs a person. */
  | { state: 'wrong'; said: string }
  /** To be made; `change` tells what it did. */
  | { state: 'missing'; would: string; change: () => Promise<string> };

/** One item. It looks first, always: that makes a second run harmless, and a run that was broken off go on. */
export interface Step {
  name: string;
  look(): Promise<Finding>;
}

export interface Summary {
  changed: number;
  wrong: number;
}

/** Takes the steps in order, one line each. @throws what a step throws; the steps before it are done */
export async function takeSteps(
  steps: readonly Step[],
  dryRun: boolean,
  print: (line: string) => void,
): Promise<Summary> {
  const summary: Summary = { changed: 0, wrong: 0 };
  for (const step of steps) {
    const finding = await step.look();
    let said: string;
    if (finding.state === 'missing') {
      summary.changed++;
      said = dryRun ? finding.would : await finding.change();
    } else {
      said = finding.said;
      if (finding.state === 'wrong') summary.wrong++;
    }
    print(`${step.name}: ${said}`);
  }
  return summary;
}

export const right = (said = 'there already'): Finding => ({ state: 'right', said });

/** A secret that is as it should be, unless others than its file's owner may read it: their group may be a person's choice. */
export const secretIn = (file: string, said: string, more = ''): Finding =>
  isExposed(file)
    ? { state: 'kept', said: `${said}, which others may read: chmod 600 ${file}` }
    : right(`${said}${more}`);
