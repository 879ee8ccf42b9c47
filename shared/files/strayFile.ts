const texts: readonly { readonly begins: RegExp; readonly says: string }[] = [
  {
    begins: /^version (?:https?:\/\/git-lfs|$)/,
    says: 'it is a Git LFS pointer, not the file itself: run `git lfs pull` where it was cloned',
  },
  {
    begins: /^\s*<(?:!doctyp|html|head|\?xml|!--)/i,
    says: 'it is a web page, not the file: download the file itself, not the page that shows it',
  },
];

/** By their first bytes, hexadecimal. */
const formats: Readonly<Record<string, string>> = {
  '504b0304': 'it is a zip archive, as PyTorch writes too: unpack it, or save the model as safetensors',
  '1f8b': 'it is compressed with gzip: unpack it first',
  '0000000000000000': 'it begins with zeros, as a download that was cut off leaves it: download it again',
};

/**
 * Says what a file is that is not what its name promises, such as a pointer or a page of an error; undefined where it is none of these.
 *
 * @param start its first bytes: 8 are enough for most, 64 for all
 */
export function strayFile(start: Uint8Array): string | undefined {
  const beginning = Buffer.from(start.subarray(0, 64));
  const hex = beginning.toString('hex');
  const text = beginning.toString('utf8').replace(/^\uFEFF/, '');
  return (
    texts.find(({ begins }) => begins.test(text))?.says ??
    Object.entries(formats).find(([first]) => hex.startsWith(first))?.[1]
  );
}
