import { createRequire } from 'node:module';
import { register } from 'tsx/cjs/api';

// Through require: for import, tsx would start one more thread for each thread.
register();
createRequire(import.meta.url)('./gradientWorker.ts');
