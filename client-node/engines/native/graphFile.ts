/** A node of a TensorFlow graph. */
export interface GraphNode {
  readonly name: string;
  readonly operation: string;
  /** Outputs of other nodes: `name:0` and so on. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, GraphAttribute>>;
}

/** An attribute of a node. Types are TensorFlow's numbers of data types; `tensor` has its values as bytes, little-endian. */
export type GraphAttribute =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'whole' | 'float' | 'type'; readonly value: number | readonly number[] }
  | { readonly kind: 'flag'; readonly value: boolean | readonly boolean[] }
  | { readonly kind: 'shape'; readonly value: readonly number[] }
  | { readonly kind: 'tensor'; readonly type: number; readonly shape: readonly number[]; readonly bytes: Uint8Array };

/** The tag under which a graph is filed. */
export const graphTag = 'serve';

// From graph.proto's versions: late enough that no operation of ours counts as deprecated, and no later than the oldest TensorFlow that we load it into.
const PRODUCER = 1882;

/** A graph as the bytes of a SavedModel's `saved_model.pb`, with no variables and no signature. */
export function graphFile(nodes: readonly GraphNode[]): Uint8Array {
  const graph = [...nodes.map((node) => part(1, nodeBytes(node))), part(4, number(1, PRODUCER))];
  const metaGraph = [part(1, text(4, graphTag)), part(2, graph)];
  return Buffer.concat([number(1, 1), part(2, metaGraph)].flat());
}

function nodeBytes({ name, operation, inputs, attributes }: GraphNode): Bytes {
  return [
    text(1, name),
    text(2, operation),
    inputs.map((input) => text(3, input)),
    Object.entries(attributes).map(([key, value]) => part(5, [text(1, key), part(2, attributeBytes(value))])),
  ].flat(2);
}

function attributeBytes(attribute: GraphAttribute): Bytes {
  switch (attribute.kind) {
    case 'text':
      return text(2, attribute.value);
    case 'shape':
      return part(7, shapeBytes(attribute.value));
    case 'tensor': {
      const { type, shape, bytes } = attribute;
      return part(8, [number(1, type), part(2, shapeBytes(shape)), part(4, [bytes])].flat());
    }
    default: {
      const [field, write] = (
        {
          whole: [3, number],
          float: [4, float],
          flag: [5, number],
          type: [6, number],
        } as const
      )[attribute.kind];
      const { value } = attribute;
      return Array.isArray(value)
        ? part(
            1,
            value.flatMap((one) => write(field, Number(one))),
          )
        : write(field, Number(value));
    }
  }
}

const shapeBytes = (shape: readonly number[]): Bytes => shape.flatMap((size) => part(2, number(1, size)));

// Protocol Buffers, as much of them as a graph needs.

type Bytes = Uint8Array[];

/** A length-delimited field. */
function part(field: number, content: readonly (Uint8Array | Bytes)[]): Bytes {
  const pieces = content.flat();
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  return [varint((field << 3) | 2), varint(size), ...pieces];
}

const text = (field: number, value: string): Bytes => part(field, [Buffer.from(value)]);

const number = (field: number, value: number): Bytes => [varint(field << 3), varint(value)];

function float(field: number, value: number): Bytes {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return [varint((field << 3) | 5), bytes];
}

/** A whole number, seven bits a byte; a negative one as its two's complement of 64 bits. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
