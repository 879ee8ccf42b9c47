import { fingerprintOf } from '@hansa/shared/crypto';
import { readNodeConfig } from '../config/nodeConfig.ts';
import { enrolNode } from '../session/enrolNode.ts';
import type { CommandContext } from './context.ts';

/** `enrol`: joins this node to a federation with a one-time token. */
export async function enrol(options: { config: string; token: string }, context: CommandContext): Promise<number> {
  const { output } = context;
  const config = readNodeConfig(options.config);
  const enrolment = await enrolNode(config, options.token, context.random, context.signal);
  const { federation, clientId, approvals, identityFile } = enrolment;
  const coordinatorFingerprint = fingerprintOf(enrolment.coordinatorPublicKey);
  const fingerprint = fingerprintOf(enrolment.publicKey);
  output.line(`Enrolled as ${clientId} in federation ${federation}.`);
  output.line(`Coordinator's fingerprint: ${coordinatorFingerprint}`);
  if (approvals.by === 'consortium') {
    output.line(`Approver's fingerprint:    ${fingerprintOf(approvals.approverKey)}`);
    output.line(
      'Compare both with those that the admin reads to you: this node accepts only members that the approver approved.',
    );
  } else {
    output.line('Compare it with the one that the admin reads to you.');
    output.line(
      'Unless you are one of the founders, members must approve this node. Read this command to two of them by phone:',
    );
    output.line(`  hansa-client approve ${clientId} --fingerprint ${fingerprint} --config node.json`);
  }
  output.line(
    `This node's key is in ${identityFile}. It never leaves this machine; back it up with the folder or not at all.`,
  );
  output.line('');
  output.line('Next:');
  output.line(`  hansa-client doctor --config ${options.config}    check machine, data and connection`);
  output.line(`  hansa-client run --config ${options.config}       take part in rounds`);
  output.document({
    federation,
    clientId,
    fingerprint,
    coordinatorFingerprint,
    ...(approvals.by === 'consortium' && { approverFingerprint: fingerprintOf(approvals.approverKey) }),
    identityFile,
  });
  return 0;
}
