/**
 * A module loader hook that returns altered source. It removes a defence without a switch in the shipped code.
 *
 * Registered before tsx, so that it gets the TypeScript source. Each edit's text must be in its file exactly once.
 */

/** File address → edits. */
let edits = new Map();
let applied;

export function initialize(data) {
  edits = new Map(data.edits);
  applied = data.applied;
}

export async function load(url, context, next) {
  const loaded = await next(url, context);
  const [address] = url.split('?');
  const wanted = edits.get(address);
  if (wanted === undefined) return loaded;
  let source = Buffer.from(loaded.source).toString('utf8');
  for (const { find, replace } of wanted) {
    const parts = source.split(find);
    if (parts.length !== 2)
      throw new Error(`${address} holds ${JSON.stringify(find)} ${parts.length - 1} times, not once`);
    source = parts.join(replace);
  }
  applied.postMessage(address);
  return { ...loaded, source };
}
