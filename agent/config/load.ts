import { closest, distance } from 'fastest-levenshtein';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { messageOf } from '../system/errors.ts';
import { readNamedFile } from '../system/named-file.ts';
import { findClashes } from './clashes.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { type Config, configSchema, knownKeysAt } from './schema.ts';
import { shownText, shownValue } from './shown.ts';

/** Reads and checks a configuration file. @throws ConfigError with every mistake; AgentError when it cannot be read */
export function loadConfig(file: string): Config {
  return parseConfig(readConfig(file), file);
}

/** @throws AgentError when it cannot be read */
export function readConfig(file: string): string {
  return readNamedFile(file, 'configuration', 'begin with: energy-monitor config example > FILE');
}

/** @param file name for messages */
export function parseConfig(text: string, file: string): Config {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number) => lineCounter.linePos(offset).line;
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      path: '',
      line: lineAt(error.pos[0]),
      message: notYaml(error),
    }));
    throw new ConfigError(file, problems);
  }
  let content: unknown;
  try {
    content = document.toJS() ?? {};
  } catch (error) {
    throw new ConfigError(file, [{ path: '', line: undefined, message: notYaml(error) }]);
  }
  const result = configSchema.safeParse(content);
  const lineOfPath = (path: PropertyKey[]) => lineOf(document, path, lineAt);
  const problems = (result.error?.issues ?? []).flatMap((issue) => describe(issue, content, lineOfPath));
  for (const { path, message } of findClashes(content))
    problems.push({ path: pathText(path), line: lineOfPath(path), message });
  if (result.data === undefined || problems.length > 0) throw new ConfigError(file, problems);
  return result.data;
}

function describe(
  issue: z.core.$ZodIssue,
  content: unknown,
  lineOfPath: (path: PropertyKey[]) => number | undefined,
): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: pathText([...issue.path, key]),
      line: lineOfPath([...issue.path, key]),
      message: `unknown key; ${suggestion(key, knownKeysAt(issue.path))}`,
    }));
  }
  const shown = shownValue(issue.path, valueAt(content, issue.path));
  return [{ path: pathText(issue.path), line: lineOfPath(issue.path), message: `${shown}; ${issue.message}` }];
}

/** A value that begins with * is an alias to YAML, whose name the parser's message repeats. */
function notYaml(error: unknown): string {
  const message = messageOf(error).replace(/^Unresolved alias.*/s, 'a value that begins with * needs quotes');
  return `no valid YAML: ${shownText(message)}`;
}

function suggestion(key: string, known: string[]): string {
  if (known.length === 0) return 'remove it';
  const nearest = closest(key, known);
  return distance(key, nearest) <= Math.max(2, key.length / 3)
    ? `did you mean ${nearest}?`
    : `known here are ${known.join(', ')}`;
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

/** The line of the nearest node that exists: a missing key is shown where its parent stands. */
function lineOf(document: Document, path: PropertyKey[], lineAt: (offset: number) => number): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lineAt(node.range[0]);
  }
  return undefined;
}
