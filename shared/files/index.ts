export { syncFolder } from './syncFolder.ts';
export { writeFileWhole } from './writeFileWhole.ts';
