// Compiles the AssemblyScript file that is named as the first argument and writes the module to standard output. A process of its own, since
// the compiler takes 200 MB.
import { main } from 'assemblyscript/asc';

const { error } = await main([process.argv[2], ...process.argv.slice(3), '--outFile', 'kernels.wasm', '--noColors'], {
  stderr: process.stderr,
  writeFile: (_name, module) => process.stdout.write(module),
});
if (error) process.exitCode = 1;
