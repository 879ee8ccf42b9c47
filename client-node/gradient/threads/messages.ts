import type { WindowBatch } from '../../jobs/demand/windows.ts';
import type { ModelShape } from '../gradient.ts';

/**
 * What a thread is told. A model stays with it until the next one comes, with everything that its shape holds; its weights and the thread's gradient
 * lie in memory that both sides see. Each part of a batch is answered by a {@link PartAnswer}.
 */
export type GradientJob =
  | {
      readonly type: 'model';
      readonly shape: ModelShape;
      readonly weights: SharedArrayBuffer;
      readonly gradient: SharedArrayBuffer;
    }
  | { readonly type: 'part'; readonly batch: WindowBatch };

/** A part's loss, which like the gradient is a mean over its windows; or why there is none. */
export type PartAnswer =
  | { readonly type: 'done'; readonly loss: number }
  | { readonly type: 'failed'; readonly reason: string };
