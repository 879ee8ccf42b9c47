/**
 * How many neighbours a member needs, and how many of them rebuild its secrets: found from the cohort's size, the corrupt rate, the drop-out rate and
 * what the server may do. docs/threat-model: THREAT_MODEL.md, "The graph".
 */
export { hararyParameters, maxClients } from './harary.ts';
export { kOutParameters } from './kOut.ts';
export type { GraphParameters, GraphRequirements, ServerModel } from './requirements.ts';
