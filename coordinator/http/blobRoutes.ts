import { HansaError } from '@hansa/shared/errors';
import { sha256HexSchema } from '@hansa/shared/protocol';
import type { FastifyInstance } from 'fastify';
import type { ByteLedger } from '../round/byteLedger.ts';
import type { BlobStore } from '../storage/blobStore.ts';
import type { StateStore } from '../storage/stateStore.ts';
import type { StrategyStates } from '../storage/strategyStates.ts';
import { type AuthPorts, nodeOf } from './authentication.ts';
import { sendBlob } from './blobContent.ts';

export interface BlobPorts extends AuthPorts {
  readonly blobs: BlobStore;
  readonly states: StrategyStates;
  readonly store: StateStore;
  readonly bytes: ByteLedger;
}

/** GET /v1/blobs/SHA256, signed by a node: the bytes of a model, or of what a task's members train with beside it; ranged. */
export function blobRoutes(app: FastifyInstance, ports: BlobPorts): void {
  app.get<{ Params: { sha256: string } }>('/v1/blobs/:sha256', async (request, reply) => {
    const clientId = await nodeOf(request, ports);
    const { sha256 } = request.params;
    const isName = sha256HexSchema.safeParse(sha256).success;
    const isModel = isName && (await ports.store.model(sha256)) !== undefined;
    const blobs = isModel ? ports.blobs : isName && ports.states.handedOut(sha256, await ports.store.tasks());
    if (!blobs) throw new HansaError('NotFound', 'This coordinator has no such model.');
    return sendBlob(request, reply, blobs, sha256, (count) => ports.bytes.addModel(clientId, sha256, count));
  });
}
