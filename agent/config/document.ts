import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { messageOf } from '../system/errors.ts';
import type { ConfigProblem } from './config-error.ts';
import { shownText, shownValue } from './shown.ts';
import { keySuggestion } from './suggestion.ts';

/** YAML that was read, and where in its text each part of it stands. */
export class YamlDocument {
  readonly content: unknown;
  /** Why it is no YAML; the content is then undefined. */
  readonly problems: readonly ConfigProblem[];
  readonly #document: Document;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.problems = this.#document.errors.map((error) => ({
      path: '',
      line: this.#lineAt(error.pos[0]),
      message: notYaml(error),
    }));
    if (this.problems.length > 0) return;
    try {
      this.content = this.#document.toJS() ?? {};
    } catch (error) {
      this.problems = [{ path: '', line: undefined, message: notYaml(error) }];
    }
  }

  /** A mistake at a path. */
  problem(path: readonly PropertyKey[], message: string): ConfigProblem {
    return { path: pathText(path), line: this.#lineOf(path), message };
  }

  /** The value at a path as a message begins: `is 7`, `is missing`. */
  shownAt(path: readonly PropertyKey[]): string {
    return shownValue(path, valueAt(this.content, path));
  }

  /**
   * Mistakes that a schema has found.
   * @param knownKeysAt keys that may stand at a path
   */
  described(
    issues: readonly z.core.$ZodIssue[],
    knownKeysAt: (path: readonly PropertyKey[]) => readonly string[],
  ): ConfigProblem[] {
    return issues.flatMap((issue) => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) =>
          this.problem([...issue.path, key], `unknown key; ${keySuggestion(key, knownKeysAt(issue.path))}`),
        );
      }
      return this.problem(issue.path, `${this.shownAt(issue.path)}; ${issue.message}`);
    });
  }

  #lineAt(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  /** The line of the nearest node that exists: a missing key is shown where its parent stands. */
  #lineOf(path: readonly PropertyKey[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return this.#lineAt(node.range[0]);
    }
    return undefined;
  }
}

/** A value that begins with * is an alias to YAML, whose name the parser's message repeats. */
function notYaml(error: unknown): string {
  const message = messageOf(error).replace(/^Unresolved alias.*/s, 'a value that begins with * needs quotes');
  return `no valid YAML: ${shownText(message)}`;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : `${text}${text === '' ? '' : '.'}${shownText(String(key))}`,
    '',
  );
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    content,
  );
}
