import sodium from 'libsodium-wrappers';

// The library is WebAssembly: nothing of it can be called before it is compiled.
await sodium.ready;

export { sodium };
