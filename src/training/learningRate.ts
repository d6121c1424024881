/**
 * Linear warm-up, then constant (DDPM's recipe, arXiv 2006.11239). A function of the absolute update, so that a resumed run
 * goes on where it was.
 *
 * @param update 1-based count of optimizer updates
 * @param base learning rate after warm-up
 * @param warmup updates of warm-up; update `warmup` is the first at the full rate, update 1 is never at rate 0
 */
export function learningRateAt(update: number, base: number, warmup: number): number {
  return update >= warmup ? base : (base * update) / warmup;
}
