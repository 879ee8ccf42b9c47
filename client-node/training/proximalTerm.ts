/**
 * Adds the gradient of μ/2 · |w − w₀|², which keeps `weights` near `start`.
 *
 * Source: Li et al. 2020 (FedProx).
 */
export function addProximalTerm(gradient: Float32Array, weights: Float32Array, start: Float32Array, mu: number): void {
  for (let index = 0; index < gradient.length; index++) {
    gradient[index]! += mu * (weights[index]! - start[index]!);
  }
}
