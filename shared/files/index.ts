export { strayFile } from './strayFile.ts';
export { syncFolder } from './syncFolder.ts';
export { writeFileWhole } from './writeFileWhole.ts';
