import type { Batch } from '../../jobs/examples.ts';
import type { ModelShape } from '../gradient.ts';

/**
 * What a thread is told. A model stays with it until the next one comes, with everything that its shape holds; its weights and the thread's gradient
 * lie in memory that both sides see. Each part of a batch is answered by a {@link FromGradientThread}.
 */
export type ToGradientThread =
  | {
      readonly type: 'model';
      readonly shape: ModelShape;
      readonly weights: SharedArrayBuffer;
      readonly gradient: SharedArrayBuffer;
    }
  | { readonly type: 'part'; readonly batch: Batch };

/** A part's loss, which like the gradient is a mean over its examples; or why there is none. */
export type FromGradientThread =
  | { readonly type: 'done'; readonly loss: number }
  | { readonly type: 'failed'; readonly reason: string };
