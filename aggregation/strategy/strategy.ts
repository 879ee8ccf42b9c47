/** How a mean update becomes the next model, tile by tile over the flat vector. */
export interface Strategy {
  readonly name: string;
  /**
   * Writes the new parameters of one tile into `out`.
   *
   * `base`: the round's model; `mean`: the mean update; `start`: the tile's place in the flat vector.
   *
   * @throws RangeError (unless all three have one length)
   */
  apply(base: Float32Array, mean: Float64Array, out: Float32Array, start: number): void;
}
