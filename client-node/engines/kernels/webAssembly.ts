/** What is used of the engine's WebAssembly; Node's types have none of it. */
export const { WebAssembly: webAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    instantiate(...parameters: readonly unknown[]): Promise<Instantiated>;
    validate(bytes: Uint8Array): boolean;
    readonly Memory: new (limits: { initial: number }) => WasmMemory;
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
  };
};

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

interface Instantiated {
  readonly instance?: { readonly exports: Readonly<Record<string, unknown>> };
}

/**
 * Runs `work` and tells the memory of the WebAssembly module that it instantiates, the first with a memory of its own; undefined where there is none.
 *
 * TensorFlow.js keeps its memory to itself, and a module that computes on its tensors where they lie must import it.
 */
export async function memoryMadeBy<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; memory: WasmMemory | undefined }> {
  const original = webAssembly.instantiate;
  let memory: WasmMemory | undefined;
  webAssembly.instantiate = async (...parameters) => {
    const made = await original.apply(webAssembly, [...parameters]);
    memory ??= Object.values(made.instance?.exports ?? {}).find(
      (one): one is WasmMemory => one instanceof webAssembly.Memory,
    );
    return made;
  };
  try {
    return { result: await work(), memory };
  } finally {
    webAssembly.instantiate = original;
  }
}
