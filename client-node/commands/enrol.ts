import { createHash } from 'node:crypto';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { enrolNode } from '../session/enrolNode.ts';
import type { CommandContext } from './context.ts';

/** `enrol`: joins this node to a federation with a one-time token. */
export async function enrol(options: { config: string; token: string }, context: CommandContext): Promise<number> {
  const { output } = context;
  const config = readNodeConfig(options.config);
  const enrolment = await enrolNode(config, options.token, context.random, context.signal);
  const coordinatorFingerprint = createHash('sha256').update(enrolment.coordinatorPublicKey).digest('hex');
  const { federation, clientId, identityFile } = enrolment;
  output.line(`Enrolled as ${clientId} in federation ${federation}.`);
  output.line(`Coordinator's fingerprint: ${coordinatorFingerprint}`);
  output.line('Compare it with the one that the admin reads out to you.');
  output.line(
    `This node's key is in ${identityFile}. It never leaves this machine; back it up with the folder or not at all.`,
  );
  output.line('');
  output.line('Next:');
  output.line(`  hansa-client doctor --config ${options.config}    check machine, data and connection`);
  output.line(`  hansa-client run --config ${options.config}       take part in rounds`);
  output.document({ federation, clientId, coordinatorFingerprint, identityFile });
  return 0;
}
