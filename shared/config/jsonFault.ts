/** What people write into JSON that is none, and how it is written. */
interface JsonFault {
  /** From 1. */
  readonly line: number;
  readonly says: string;
}

const curly = /[\u2018\u2019\u201C\u201D\u201E\u00AB\u00BB]/;

/**
 * Finds the first thing in a text that JSON does not have and other formats do: comments, commas before a closing bracket, single or curly quotes,
 * backslashes that stand for themselves. Undefined where there is none of these.
 */
export function jsonFault(text: string): JsonFault | undefined {
  let inString = false;
  let line = 1;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    const rest = text.slice(at, at + 6);
    if (character === '\n') line += 1;
    if (inString) {
      if (character === '\n')
        return { line: line - 1, says: 'a text ends with the line: close it with a double quote' };
      if (character === '"') inString = false;
      if (character === '\\') {
        if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(rest)) return { line, says: backslash };
        at += 1;
      }
      continue;
    }
    if (character === '"') inString = true;
    else if (/^(?:\/\/|\/\*|#)/.test(rest)) return { line, says: 'JSON has no comments: remove it' };
    else if (/^,\s*[}\]]/.test(text.slice(at, at + 1000)))
      return { line, says: 'there is a comma before a closing bracket: remove it' };
    else if (curly.test(character)) return { line, says: 'it has curly quotes: write straight double quotes, "' };
    else if (character === "'") return { line, says: 'it has single quotes: write double quotes, "' };
  }
  return undefined;
}

const backslash = 'a backslash stands alone: write it twice (C:\\\\Data\\\\orders.csv), or write C:/Data/orders.csv';

/**
 * Finds a Windows path whose backslashes JSON takes for something else without a complaint: in "C:\new" it reads a line break.
 *
 * @param text JSON without a fault
 */
export function misreadPath(text: string): JsonFault | undefined {
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"/g)) {
    if (!/^"[A-Za-z]:\\[bfnrt]/.test(found[0])) continue;
    return { line: text.slice(0, found.index).split('\n').length, says: backslash };
  }
  return undefined;
}
